import numpy as np
import pytest

import soft_pages
from docbin_napari.io.pairs import write_pair


def test_enlarged_pages_are_soft(table_of):
    size = ("--height", 300, "--width", 300)
    rows = table_of(soft_pages, "--pages", 1, "--scales", 1, 2, *size)
    assert [row[:3] for row in rows] == [
        ["the generator, × 1", "no", "1"],
        ["the generator, × 2", "yes", "1"],
    ]
    for row in rows:
        own, both, change = map(float, row[3:])
        assert change == pytest.approx(both - own, abs=0.011)


def test_pages_of_a_folder(tmp_path, table_of):
    ink = np.zeros((300, 300), bool)
    for top in range(20, 280, 20):
        ink[top : top + 5, 20:280] = True
    page = np.repeat(np.where(ink, np.uint8(30), np.uint8(230))[..., None], 3, 2)
    write_pair(tmp_path / "mine", "page", page, ink)
    ((kind, soft, count, own, *_),) = table_of(soft_pages, "--collections", tmp_path / "mine")
    assert (kind, soft, count) == ("mine", "no", "1")
    assert float(own) > 90
