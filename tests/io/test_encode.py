import time

import numpy as np
import pytest

from docbin_napari.io.encode import write_pages
from docbin_napari.io.page import read_pages


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colour_page(tmp_path, ramp, suffix):
    path = write_pages(tmp_path / f"page{suffix}", [ramp], (300, 200))
    (page,) = read_pages(path)
    assert (page.pixels == ramp).all()
    assert page.dpi == (300.0, 200.0)


def test_kinds_may_differ_from_page_to_page(tmp_path, ramp, black_corner):
    path = write_pages(tmp_path / "pages.tif", [ramp, black_corner, ramp[..., 0]])
    first, second, third = read_pages(path)
    assert (first.pixels == ramp).all()
    assert (second.pixels[..., 0] == black_corner * 255).all()
    assert (third.pixels == ramp[..., :1]).all()
    assert first.dpi is second.dpi is third.dpi is None


def test_some_pages_without_resolution(tmp_path, ramp):
    path = write_pages(tmp_path / "pages.tif", [ramp, ramp], [None, (300.0, 300.0)])
    assert [page.dpi for page in read_pages(path)] == [None, (300.0, 300.0)]


def test_one_page_at_a_time_is_asked_for(tmp_path, ramp):
    alive = []

    def pages():
        for index in range(3):
            alive.append(index)
            yield ramp

    write_pages(tmp_path / "pages.tif", pages())
    assert alive == [0, 1, 2]


def test_existing_file_may_be_kept(tmp_path, ramp):
    path = write_pages(tmp_path / "page.png", [ramp], overwrite=False)
    with pytest.raises(FileExistsError):
        write_pages(path, [np.zeros_like(ramp)], overwrite=False)
    assert (next(read_pages(path)).pixels == ramp).all()


def test_large_page_is_not_touched_pixel_by_pixel(tmp_path):
    """Four million pixels took seconds where Python looked at each."""
    page = np.ones((2000, 2000), dtype=bool)
    page[::50] = False
    started = time.process_time()
    write_pages(tmp_path / "page.tif", [page])
    assert time.process_time() - started < 0.5
