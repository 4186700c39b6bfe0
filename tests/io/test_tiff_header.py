import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from docbin_napari.io import tiff
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.tiff_header import read_tiff_header

STRIP = [(256, 4, 1, 5), (257, 4, 1, 5), (259, 3, 1, 8), (273, 4, 1, 8), (279, 4, 1, 20)]


def by_hand(entries, following=0, order="<"):
    """A classic TIFF with one directory, right after the header."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return (
        start + struct.pack(order + "H", len(entries)) + body + struct.pack(order + "I", following)
    )


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_header_says_what_tifffile_says(tmp_path, byteorder, bigtiff, tile):
    path = tmp_path / "page.tif"
    page = np.zeros((40, 70, 3), np.uint16)
    tifffile.imwrite(
        path,
        page,
        photometric="rgb",
        compression="deflate",
        predictor=True,
        tile=tile,
        byteorder=byteorder,
        bigtiff=bigtiff,
        resolution=(300, 200),
        metadata=None,
    )
    (ours,) = read_tiff_header(path).pages
    with tifffile.TiffFile(path) as file:
        theirs = file.pages[0]
        compression = int(theirs.compression)
        extents = tuple(zip(theirs.dataoffsets, theirs.databytecounts, strict=True))
    assert (ours.width, ours.height, ours.bits) == (70, 40, (16, 16, 16))
    assert (ours.compression, ours.photometric) == (compression, 2)
    assert ours.dpi == (300.0, 200.0)
    assert ours.extents == extents
    assert read_tiff_header(path).damage == ""


def test_directories_in_a_circle(tmp_path):
    path = tmp_path / "page.tif"
    path.write_bytes(by_hand([(256, 3, 1, 5), (257, 3, 1, 5)], following=8))
    header = read_tiff_header(path)
    assert len(header.pages) == 1
    assert "circle" in header.damage


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([(256, 4, 1, 0), (257, 4, 1, 5)], "no pixels"),
        ([(257, 4, 1, 5)], "no pixels"),
        ([(256, 4, 1, 4_000_000_000), (257, 4, 1, 4_000_000_000)], "limit"),
        ([(256, 4, 4_000_000_000, 50)], "truncated"),
        ([(256, 12, 1, 5), (257, 99, 1, 5)], "no pixels"),
        ([(256, 4, 1, 5), (257, 4, 1, 5), (282, 5, 1, 8)], "damaged|kind|truncated"),
        # Pillow takes memory for the first height, which this header would not show.
        ([(256, 4, 1, 5), (257, 4, 1, 1 << 28), (257, 4, 1, 5)], "tag 257 twice"),
        # Signed numbers, below 0: bits, and samples.
        ([*STRIP, (258, 8, 1, 65454)], "how many bits"),
        ([*STRIP, (258, 3, 1, 8), (277, 8, 1, 65535)], "how many bits"),
    ],
)
def test_strange_directories_end_in_a_page_error(tmp_path, entries, says):
    path = tmp_path / "page.tif"
    path.write_bytes(by_hand(entries))
    with pytest.raises(PageError, match=says):
        list(read_pages(path))


@pytest.mark.parametrize("in_bands", [False, True])
def test_a_tile_that_is_far_larger_than_its_page(tmp_path, in_bands):
    path = tmp_path / "page.tif"
    tile = zlib.compress(bytes(1000))
    entries = [(256, 4, 1, 100), (257, 4, 1, 100), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
    entries += [(322, 4, 1, 32768), (323, 4, 1, 32768), (324, 4, 1, 200), (325, 4, 1, len(tile))]
    path.write_bytes(by_hand(entries).ljust(200, b"\0") + tile)
    with pytest.raises(PageError, match="GB of memory"):
        list(read_pages(path, in_bands=in_bands))


@pytest.mark.parametrize(("across", "shares"), [(1, 3.0), (2, 2.0), (0, 1.5)])
@pytest.mark.parametrize("in_bands", [False, True])
def test_uncompressed_ycbcr_is_read_if_each_pixel_has_its_colour(
    tmp_path, monkeypatch, across, shares, in_bands
):
    """Without the tag, two by two pixels share one, unless there are bytes for all."""
    monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path = tmp_path / "page.tif"
    pixels = bytes([128]) * int(40 * 30 * shares)
    entries = [(256, 4, 1, 40), (257, 4, 1, 30), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 6)]
    entries += [(273, 4, 1, 400), (277, 3, 1, 3), (278, 4, 1, 30), (279, 4, 1, len(pixels))]
    entries += [(530, 3, 2, across | 1 << 16)] * bool(across)
    path.write_bytes(by_hand(entries).ljust(400, b"\0") + pixels + bytes(9000))
    if shares == 3:
        assert (next(read_pages(path, in_bands=in_bands)).pixels[0:30] == 128).all()
    else:
        with pytest.raises(PageError, match=r"share their colours .*: save the picture"):
            next(read_pages(path, in_bands=in_bands))


def test_resolution_over_zero_is_none(tmp_path):
    path = tmp_path / "page.tif"
    Image.new("L", (5, 5)).save(path, dpi=(300, 300))
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<II", 300, 1), struct.pack("<II", 300, 0)))
    (page,) = read_pages(path)
    assert page.dpi is None
