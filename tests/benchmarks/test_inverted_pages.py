import numpy as np

import inverted_pages
from docbin_napari.pairs.pair import write_pair


def test_drawn_pages(table_of):
    rows = table_of(inverted_pages, "--pages", 3, "--height", 200, "--width", 300)
    assert [row[0] for row in rows] == ["letters", "faded", "through", "all"]
    assert rows[-1][1] == "3"
    assert rows[-1][2] == "0"


def test_pages_of_a_folder(tmp_path, table_of):
    ink = np.zeros((300, 300), bool)
    for top in range(20, 280, 20):
        for left in range(20, 280, 10):
            ink[top : top + 12, left : left + 3] = True
    page = np.repeat(np.where(ink, np.uint8(30), np.uint8(230))[..., None], 3, 2)
    write_pair(tmp_path / "mine", "page", page, ink)
    rows = table_of(inverted_pages, "--collections", tmp_path)
    assert rows == [["mine", "1", "0", "1", "1"], ["all", "1", "0", "1", "1"]]
