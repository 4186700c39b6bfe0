"""TIFF files of several pages: sizes, order, damage."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from docbin_napari.io import tiff
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.raster import image_rows, open_image


def mixed_pages(path):
    """Three pages: G4 of 37 x 21, gray LZW of 50 x 10, RGB of 20 x 30 pixels."""
    sizes = [(37, 21), (50, 10), (20, 30)]
    modes = ["1", "L", "RGB"]
    compressions = ["group4", "tiff_lzw", "tiff_adobe_deflate"]
    pages = [
        Image.new(mode, size, 1 if mode == "1" else "white")
        for mode, size in zip(modes, sizes, strict=True)
    ]
    for page, compression, dpi in zip(pages, compressions, (100, 200, 300), strict=True):
        page.encoderinfo = {"compression": compression, "dpi": (dpi, dpi)}
    pages[0].save(
        path, save_all=True, append_images=pages[1:], compression="group4", dpi=(100, 100)
    )
    return [(height, width, 3) for width, height in sizes]


def test_pages_of_different_size_and_kind(tmp_path):
    path = tmp_path / "pages.tif"
    shapes = mixed_pages(path)
    pages = list(read_pages(path))
    assert [page.pixels.shape for page in pages] == shapes
    assert [page.index for page in pages] == [0, 1, 2]
    assert {page.count for page in pages} == {3}
    assert [page.dpi for page in pages] == [(100.0, 100.0), (200.0, 200.0), (300.0, 300.0)]


def test_pages_are_decoded_when_asked_for(tmp_path, monkeypatch):
    decoded = []

    def note(image):
        decoded.append(image.size)
        return image_rows(image)

    monkeypatch.setattr(tiff, "image_rows", note)
    path = tmp_path / "pages.tif"
    mixed_pages(path)
    pages = read_pages(path)
    assert decoded == []
    next(pages)
    assert len(decoded) == 1
    pages.close()
    path.unlink()


@pytest.mark.parametrize("large", [0, 10**9])
def test_file_is_the_same_kept_open_or_not(tmp_path, monkeypatch, large):
    opened = []

    def note(path):
        opened.append(path)
        return open_image(path)

    monkeypatch.setattr(tiff, "open_image", note)
    monkeypatch.setattr(tiff, "LARGE_PAGE", large)
    path = tmp_path / "pages.tif"
    shapes = mixed_pages(path)
    assert [page.pixels.shape for page in read_pages(path)] == shapes
    assert len(opened) == (1 if large else 3)


def test_bad_page_in_the_middle_is_named(tmp_path, ramp):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(4):
            writer.write(ramp, photometric="rgb", compression="deflate", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[2].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = bytes(40)
    path.write_bytes(content)
    pages = read_pages(path)
    assert [next(pages).index, next(pages).index] == [0, 1]
    with pytest.raises(PageError, match=r"page 3: .*damaged"):
        next(pages)


def test_page_over_the_limit_is_named(tmp_path):
    path = tmp_path / "pages.tif"
    mixed_pages(path)
    with pytest.raises(PageError, match=r"page 1: 37 × 21 .* limit of 700"):
        list(read_pages(path, pixel_limit=700))


def test_thumbnail_is_no_page(tmp_path, ramp):
    path = tmp_path / "page.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(ramp[::4, ::4], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(ramp, photometric="rgb", metadata=None)
    (page,) = read_pages(path)
    assert (page.pixels == ramp).all()
    assert page.count == 1


def test_pages_that_are_all_called_thumbnails_are_pages(tmp_path, ramp):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for subfile in (1, 3, 1):
            writer.write(ramp, photometric="rgb", subfiletype=subfile, metadata=None)
    pages = list(read_pages(path))
    assert [page.count for page in pages] == [3, 3, 3]
    assert all((page.pixels == ramp).all() for page in pages)


def test_cut_in_the_last_of_several_pages(tmp_path, ramp):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(3):
            writer.write(ramp, photometric="rgb", metadata=None)
    path.write_bytes(path.read_bytes()[:-100])
    pages = read_pages(path)
    next(pages)
    next(pages)
    with pytest.raises(PageError, match=r"page 3: .*truncated"):
        next(pages)


def test_a_preview_is_not_taken_for_its_picture(tmp_path):
    """As in the raw files of cameras, some of which are named .tif, too."""
    path = tmp_path / "page.tif"
    picture = np.zeros((42, 30), np.uint8)
    with tifffile.TiffWriter(path) as file:
        file.write(picture[::4, ::4], subfiletype=1, subifds=1, metadata=None)
        file.write(picture, metadata=None)
    with pytest.raises(PageError, match=r"only a preview of its picture.*: save the picture"):
        list(read_pages(path))
    with tifffile.TiffWriter(path) as file:
        file.write(picture, subifds=1, metadata=None)
        file.write(picture[::4, ::4], subfiletype=1, metadata=None)
    assert [page.pixels.shape for page in read_pages(path)] == [(42, 30, 3)]


def test_thumbnails_of_old_programs_are_left_out(tmp_path):
    path = tmp_path / "page.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(np.zeros((42, 30), np.uint8), metadata=None, extratags=[(255, 3, 1, 1)])
        file.write(np.zeros((11, 8), np.uint8), metadata=None, extratags=[(255, 3, 1, 2)])
    assert [page.pixels.shape for page in read_pages(path)] == [(42, 30, 3)]
