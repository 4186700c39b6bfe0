import numpy as np
import pytest

import page_sizes
from docbin_napari.pairs.pair import write_pair


def test_the_resolution_decides_in_which_size_a_page_is_read(table_of):
    size = ("--height", 400, "--width", 400, "--seed", 3)
    rows = table_of(page_sizes, "--pages", 1, "--scales", 0.5, 1, 2, *size)
    assert [row[:3] for row in rows] == [
        ["× 0.5", "double", "1"],
        ["× 1", "own", "1"],
        ["× 2", "half", "1"],
    ]
    for row, column in zip(rows, (5, 3, 4), strict=True):
        assert float(row[6]) == pytest.approx(float(row[column]) - float(row[3]), abs=0.011)


def test_pages_of_a_folder(tmp_path, table_of):
    ink = np.zeros((300, 300), bool)
    for top in range(20, 280, 20):
        ink[top : top + 5, 20:280] = True
    page = np.repeat(np.where(ink, np.uint8(30), np.uint8(230))[..., None], 3, 2)
    write_pair(tmp_path / "mine", "page", page, ink)
    arguments = "--collections", tmp_path / "mine", "--scales", 1
    ((scale, chosen, count, own, *_),) = table_of(page_sizes, *arguments)
    assert (scale, chosen, count) == ("× 1", "own", "1")
    assert float(own) > 90
