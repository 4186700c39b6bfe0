"""Large PNG files come out as Pillow reads them, which decodes the small ones."""

import zlib

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io import raster
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.raster import QUICK_PAGE, decode_png

RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.integers(0, 256, (40, 30, 3), dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(pixels, name="page.png", **options):
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return write


def as_pillow_reads(path, monkeypatch):
    monkeypatch.setattr(raster, "decode_png", lambda *_: None)
    return next(read_pages(path))


KINDS = {
    mode: Image.fromarray(COLOURS).convert(mode) for mode in ("L", "RGB", "1", "LA", "P", "RGBA")
} | {"sixteen bits": Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_out_as_pillow_reads_it(save, monkeypatch, kind):
    monkeypatch.setattr(raster, "QUICK_PAGE", 1)
    path = save(KINDS[kind], dpi=(300, 200))
    page = next(read_pages(path))
    expected = as_pillow_reads(path, monkeypatch)
    assert np.array_equal(page.pixels, expected.pixels)
    assert (page.dpi, page.remarks) == (expected.dpi, expected.remarks)


@pytest.mark.parametrize("kind", ["L", "RGB", "1", "LA", "RGBA", "sixteen bits"])
def test_large_pages_are_decoded_by_the_other_library(save, monkeypatch, kind):
    monkeypatch.setattr(raster, "QUICK_PAGE", 1)
    assert decode_png(save(KINDS[kind]).read_bytes(), (30, 40)) is not None


def test_the_resolution_is_kept(save):
    large = np.tile(COLOURS, (30, 30, 1))
    assert large[..., 0].size >= QUICK_PAGE
    (page,) = read_pages(save(large, dpi=(300, 200)))
    assert page.dpi == pytest.approx((300, 200), abs=0.1)
    assert np.array_equal(page.pixels, large)


def test_palettes_clear_and_turned_pictures_are_left_to_pillow(save, monkeypatch):
    monkeypatch.setattr(raster, "QUICK_PAGE", 1)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(COLOURS, "turned.png", exif=exif)
    (page,) = read_pages(turned)
    assert np.array_equal(page.pixels, np.rot90(COLOURS, -1))
    clear = save(COLOURS, "clear.png", transparency=(1, 2, 3))
    palette = save(KINDS["P"], "palette.png")
    assert all(decode_png(path.read_bytes(), (30, 40)) is None for path in (turned, clear, palette))


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
    assert decode_png(path.read_bytes(), (1000, 1000)) is None
    with pytest.raises(PageError, match=r"page\.png"):
        list(read_pages(path))
