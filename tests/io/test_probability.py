import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import write_probability
from docbin_napari.io.page import read_pages


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_probability(tmp_path, suffix):
    values = np.array([[0, 51, 255]], np.uint8)
    path = write_probability(tmp_path / f"page{suffix}", values, dpi=(300, 300))
    (page,) = read_pages(path)
    assert page.pixels[0, :, 0].tolist() == [0, 51, 255]
    assert page.dpi == (300.0, 300.0)
    with Image.open(path) as image:
        assert image.mode == "L"


def test_probability_of_many_pages(tmp_path):
    pages = [np.full((3, 4), 51, np.uint8), np.full((5, 2), 255, np.uint8)]
    path = write_probability(tmp_path / "pages.tif", pages)
    assert [page.pixels.shape[:2] for page in read_pages(path)] == [(3, 4), (5, 2)]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_probabilities_from_0_to_1_are_refused(tmp_path, suffix):
    with pytest.raises(ValueError, match=r"uint8 \(H, W\), not float32"):
        write_probability(tmp_path / f"page{suffix}", np.ones((3, 4), np.float32))
    assert not list(tmp_path.iterdir())
