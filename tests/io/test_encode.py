import numpy as np
import pytest
from PIL import Image

from docbin_napari.io import encode
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


class Rows:
    """What gives rows and is no array; notes how many it was asked for."""

    def __init__(self, array):
        self.shape, self.dtype, self._array, self.most = array.shape, array.dtype, array, 0

    def __getitem__(self, rows):
        self.most = max(self.most, len(self._array[rows]))
        return self._array[rows]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", ["bilevel", "gray"])
def test_large_page_is_encoded_band_by_band(tmp_path, monkeypatch, kind, suffix):
    random = np.random.default_rng(3)
    gray = random.integers(0, 256, (101, 53), dtype=np.uint8)
    original = gray > 200 if kind == "bilevel" else gray
    rows = Rows(original)
    monkeypatch.setattr(encode, "_USUAL_PIXELS", 0)
    monkeypatch.setattr(encode, "_BAND_PIXELS", 53 * 20)
    path = write_pages(tmp_path / f"page{suffix}", [rows], (300, 200))
    assert rows.most == 20
    (page,) = read_pages(path)
    expected = original * np.uint8(255) if kind == "bilevel" else original
    np.testing.assert_array_equal(page.pixels, np.repeat(expected[..., None], 3, axis=-1))
    assert page.dpi == (300.0, 200.0)
    with Image.open(path) as image:
        assert image.mode == ("1" if kind == "bilevel" else "L")


def test_large_pages_beside_small_ones_in_one_file(tmp_path, monkeypatch, black_corner):
    monkeypatch.setattr(encode, "_USUAL_PIXELS", black_corner.size)
    monkeypatch.setattr(encode, "_BAND_PIXELS", 300)
    large = np.tile(black_corner, (3, 1))
    path = write_pages(tmp_path / "pages.tif", [black_corner, large, black_corner])
    for page, original in zip(read_pages(path), [black_corner, large, black_corner], strict=True):
        np.testing.assert_array_equal(page.pixels[..., 0], original * 255)


def test_rows_are_converted_band_by_band(tmp_path, monkeypatch, black_corner):
    monkeypatch.setattr(encode, "_USUAL_PIXELS", 0)
    monkeypatch.setattr(encode, "_BAND_PIXELS", 37 * 4)
    path = write_pages(tmp_path / "page.png", [black_corner], convert=np.logical_not)
    np.testing.assert_array_equal(next(read_pages(path)).pixels[..., 0], ~black_corner * 255)


def test_group4_is_white_is_zero_in_a_single_strip(tmp_path, black_corner):
    """As archive software expects it."""
    path = write_pages(tmp_path / "page.tif", [black_corner])
    with Image.open(path) as image:
        assert image.info["compression"] == "group4"
        assert image.tag_v2[262] == 0
        assert len(image.tag_v2[273]) == 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_large_page_of_colour_is_what_was_given(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(encode, "_USUAL_PIXELS", 0)
    monkeypatch.setattr(encode, "_BAND_PIXELS", 37 * 4)
    page = np.random.default_rng(0).integers(0, 256, (23, 37, 3), dtype=np.uint8)
    write_pages(tmp_path / f"page{suffix}", [page])
    with Image.open(tmp_path / f"page{suffix}") as read:
        assert np.array_equal(np.asarray(read), page)
