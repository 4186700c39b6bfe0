"""Plain PNG files come out as Pillow reads them; everything else is left to Pillow."""

import zlib

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.png import decode_plain_png
from docbin_napari.io.raster import QUICK_PAGE

RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.integers(0, 256, (40, 30, 3), dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(pixels, name="page.png", **options):
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.mark.parametrize("pixels", [COLOURS, COLOURS[..., 0]])
def test_gray_and_rgb_are_decoded(save, pixels):
    decoded = decode_plain_png(save(pixels))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, np.asarray(Image.fromarray(pixels).convert("RGB")))


def test_the_resolution_is_kept(save):
    large = np.tile(COLOURS, (30, 30, 1))
    assert large[..., 0].size >= QUICK_PAGE
    (page,) = read_pages(save(large, dpi=(300, 200)))
    assert page.dpi == pytest.approx((300, 200), abs=0.1)
    assert np.array_equal(page.pixels, large)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(COLOURS).convert("P"),
        Image.fromarray(COLOURS).convert("RGBA"),
        Image.fromarray(COLOURS).convert("1"),
        Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257),
    ],
    ids=["palette", "alpha", "bilevel", "sixteen bits"],
)
def test_other_kinds_are_left_alone(save, image):
    assert decode_plain_png(save(image)) is None


def test_a_transparent_colour_and_a_turned_picture_are_left_alone(save):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(COLOURS, "turned.png", exif=exif)
    assert decode_plain_png(turned) is None
    (page,) = read_pages(turned)
    assert np.array_equal(page.pixels, np.rot90(COLOURS, -1))
    assert decode_plain_png(save(COLOURS, "clear.png", transparency=(1, 2, 3))) is None


def test_files_of_another_format_are_left_alone(tmp_path, save):
    assert decode_plain_png(save(COLOURS, "page.bmp")) is None
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    assert decode_plain_png(empty) is None


@pytest.mark.parametrize("harm", ["cut", "wrong sum"])
def test_damaged_files_are_refused_with_their_name(save, harm):
    path = save(RANDOM.integers(0, 256, (1000, 1000, 3), dtype=np.uint8))
    content = bytearray(path.read_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    else:
        at = content.index(b"IDAT") + 2000
        content[at] ^= 255
        assert zlib.crc32(bytes(content))
    path.write_bytes(bytes(content))
    assert decode_plain_png(path) is None
    with pytest.raises(PageError, match=r"page\.png"):
        list(read_pages(path))
