"""Large pages in strips or tiles, decoded as their rows are asked for."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from docbin_napari.io import page as page_file
from docbin_napari.io import tiff
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.rgb import RgbRows


@pytest.fixture(autouse=True)
def every_page_is_large(monkeypatch):
    monkeypatch.setattr(tiff, "LARGE_PAGE", 0)
    monkeypatch.setattr(page_file, "LARGE_PAGE", 0)


@pytest.fixture
def noise():
    """RGB page of 150 rows and 83 columns."""
    return np.random.default_rng(5).integers(0, 256, (150, 83, 3), dtype=np.uint8)


def read_both_ways(path):
    (whole,) = read_pages(path)
    (banded,) = read_pages(path, in_bands=True)
    assert banded.dpi == whole.dpi
    return whole.pixels, banded.pixels


KINDS = {
    "RGB": (lambda p: p, {"photometric": "rgb"}),
    "gray": (lambda p: p[..., 0], {}),
    "white is zero": (lambda p: p[..., 0], {"photometric": "miniswhite"}),
    "16-bit RGB": (lambda p: p.astype(np.uint16) * 257, {"photometric": "rgb"}),
    "float": (lambda p: p[..., 0] / np.float32(17), {}),
    "RGBA": (
        lambda p: np.dstack([p, p[..., 0]]),
        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    ),
}
LAYOUTS = {"strips": {"rowsperstrip": 16}, "tiles": {"tile": (32, 48)}}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_whole_page(tmp_path, noise, kind, compression, layout):
    convert, options = KINDS[kind]
    path = tmp_path / "page.tif"
    tifffile.imwrite(
        path, convert(noise), compression=compression, **LAYOUTS[layout], **options, metadata=None
    )
    whole, banded = read_both_ways(path)
    assert isinstance(banded, RgbRows)
    assert banded.shape == whole.shape
    for rows in (
        slice(0, 5),
        slice(3, 70),
        slice(140, 999),
        slice(60, 61),
        slice(None),
        slice(9, 9),
    ):
        np.testing.assert_array_equal(banded[rows], whole[rows])


@pytest.mark.parametrize("layout", ["tiles of RGB", "strips of YCbCr"])
def test_jpeg(tmp_path, layout):
    y, x = np.mgrid[:160, :96]
    smooth = np.stack([x * 2, y, 255 - x], axis=-1).astype(np.uint8)
    path = tmp_path / "page.tif"
    if layout == "tiles of RGB":
        kind = {"photometric": "rgb", "compression": "jpeg", "tile": (32, 32)}
        tifffile.imwrite(path, smooth, **kind, metadata=None)
    else:
        strips = {278: 32}
        Image.fromarray(smooth).save(path, compression="jpeg", quality=95, tiffinfo=strips)
    whole, banded = read_both_ways(path)
    assert isinstance(banded, RgbRows)
    assert np.abs(banded[:].astype(int) - whole).mean() < 1
    assert np.abs(banded[:].astype(int) - smooth).mean() < 4


def test_only_what_is_asked_for_is_decoded(tmp_path, noise, monkeypatch):
    decoded = []
    original = tiff._decode_segment
    monkeypatch.setattr(
        tiff,
        "_decode_segment",
        lambda file, directory, index, band: (
            decoded.append(index) or original(file, directory, index, band)
        ),
    )
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, noise, rowsperstrip=10, metadata=None)
    (page,) = read_pages(path, in_bands=True)
    decoded.clear()
    page.pixels[20:60]
    page.pixels[50:80]
    assert decoded == [2, 3, 4, 5, 6, 7]


def test_damage_further_down_is_named_when_it_is_reached(tmp_path, noise):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, noise, rowsperstrip=10, compression="lzw", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].dataoffsets[9]
    content = bytearray(path.read_bytes())
    content[offset : offset + 30] = b"\xff" * 30
    path.write_bytes(content)
    (page,) = read_pages(path, in_bands=True)
    np.testing.assert_array_equal(page.pixels[:90], noise[:90])
    with pytest.raises(PageError, match=r"page\.tif: .*damaged"):
        page.pixels[85:95]


def test_pages_on_their_side_and_fax_pages_are_decoded_whole(tmp_path, noise):
    turned = tmp_path / "turned.tif"
    tifffile.imwrite(turned, noise, rowsperstrip=10, metadata=None, extratags=[(274, 3, 1, 6)])
    fax = tmp_path / "fax.tif"
    Image.fromarray(noise[..., 0] > 128).save(fax, compression="group4", tiffinfo={278: 20})
    for path in (turned, fax):
        whole, banded = read_both_ways(path)
        np.testing.assert_array_equal(np.asarray(banded), whole)


def test_the_page_outlives_the_iterator_over_the_file(tmp_path, noise):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, noise, rowsperstrip=10, metadata=None)
    page = next(read_pages(path, in_bands=True))
    np.testing.assert_array_equal(page.pixels[100:], noise[100:])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_other_formats_are_not_held_twice(tmp_path, noise, mode):
    path = tmp_path / "page.png"
    Image.fromarray(noise).convert(mode).save(path, dpi=(300, 300))
    whole, banded = read_both_ways(path)
    assert isinstance(banded, RgbRows)
    np.testing.assert_array_equal(banded[20:], whole[20:])
    np.testing.assert_array_equal(banded[:7], whole[:7])


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("bits", [2, 4])
def test_grays_of_few_bits_reach_from_black_to_white(tmp_path, bits, photometric):
    """They lie several in a byte, and come out of the decoder as 0 to 3 or 0 to 15."""
    top = 2**bits - 1
    values = np.random.default_rng(2).integers(0, top + 1, (60, 64), dtype=np.uint8)
    shifts = np.arange(8 - bits, -1, -bits)
    packed = (values.reshape(60, -1, 8 // bits) << shifts).sum(2).astype(np.uint8)
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, packed, photometric=photometric, rowsperstrip=16, metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["ImageWidth"].overwrite(64)
        file.pages[0].tags["BitsPerSample"].overwrite(bits)
    whole, banded = read_both_ways(path)
    assert isinstance(banded, RgbRows)
    gray = values * (255 // top)
    expected = 255 - gray if photometric == "miniswhite" else gray
    np.testing.assert_array_equal(whole[..., 0], expected)
    np.testing.assert_array_equal(banded[:][..., 0], expected)
    assert banded.remarks == ()
