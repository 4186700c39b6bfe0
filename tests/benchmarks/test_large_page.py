import numpy as np
import pytest
import tifffile

from docbin_napari.io.page import read_pages
from large_page import write_large_page


@pytest.mark.parametrize("side", [40, 300, 512])
@pytest.mark.parametrize("layout", ["stripped", "tiled"])
def test_the_sheet_is_repeated_over_the_page(tmp_path, layout, side):
    sheet = np.random.default_rng(0).integers(0, 256, (96, 130, 3), np.uint8)
    path = tmp_path / "page.tif"
    write_large_page(path, sheet, side, layout)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].is_tiled == (layout == "tiled")
    (page,) = read_pages(path)
    np.testing.assert_array_equal(page.pixels, np.tile(sheet, (6, 6, 1))[:side, :side])
