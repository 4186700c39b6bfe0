import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import write_probability
from docbin_napari.io.page import read_pages


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_probability(tmp_path, suffix, dtype):
    values = np.array([[0, 0.2, 1]])
    if dtype == np.uint8:
        values = np.rint(values * 255)
    path = write_probability(tmp_path / f"page{suffix}", values.astype(dtype), dpi=(300, 300))
    (page,) = read_pages(path)
    assert page.pixels[0, :, 0].tolist() == [0, 51, 255]
    assert page.dpi == (300.0, 300.0)
    with Image.open(path) as image:
        assert image.mode == "L"


def test_probability_of_many_pages(tmp_path):
    pages = [np.full((3, 4), 0.2, np.float32), np.full((5, 2), 255, np.uint8)]
    path = write_probability(tmp_path / "pages.tif", pages)
    assert [page.pixels.shape[:2] for page in read_pages(path)] == [(3, 4), (5, 2)]


@pytest.mark.parametrize(
    "array", [np.full((2, 2), 1.5), np.full((2, 2), np.nan), np.zeros((2, 2), int), np.zeros(0)]
)
def test_what_is_no_probability(tmp_path, array):
    with pytest.raises(ValueError, match="probability"):
        write_probability(tmp_path / "page.png", array)
    assert list(tmp_path.iterdir()) == []
