import os
import pickle
import re
import subprocess
import sys
import warnings

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from docbin_napari.io import page as page_file
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import PAGE_SUFFIXES, find_pages, read_pages


def only_page(path, **options):
    (page,) = read_pages(path, **options)
    return page


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", {}),
        (".bmp", {}),
        (".webp", {"lossless": True}),
        (".jp2", {}),
        (".j2k", {}),
        (".ppm", {}),
        (".tif", {}),
    ],
)
def test_lossless_formats_come_back_exactly(tmp_path, ramp, suffix, options):
    path = tmp_path / f"page{suffix}"
    Image.fromarray(ramp).save(path, **options)
    page = only_page(path)
    assert (page.pixels == ramp).all()
    assert (page.source, page.index, page.count) == (path, 0, 1)
    assert suffix in PAGE_SUFFIXES


@pytest.mark.parametrize(
    ("suffix", "options"), [(".jpg", {"quality": 95}), (".webp", {"quality": 95})]
)
def test_lossy_formats_come_back_nearly(tmp_path, ramp, suffix, options):
    path = tmp_path / f"page{suffix}"
    Image.fromarray(ramp).save(path, **options)
    assert np.abs(only_page(path).pixels.astype(int) - ramp).mean() < 4


def test_content_and_not_the_name_tells_the_format(tmp_path, ramp):
    path = tmp_path / "page.jpg"
    Image.fromarray(ramp).save(path, "PNG")
    assert (only_page(path).pixels == ramp).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_image_that_speaks_of_pdf_is_an_image(tmp_path, ramp, suffix):
    path = tmp_path / f"page{suffix}"
    exif = Image.Exif()
    exif[0x010E] = "drawn from %PDF-1.4"
    Image.fromarray(ramp).save(path, exif=exif)
    assert b"%PDF-" in path.read_bytes()[:1024]
    assert only_page(path).pixels.shape == ramp.shape


def test_pixels_can_be_written_to(tmp_path, ramp):
    path = tmp_path / "page.png"
    Image.fromarray(ramp).save(path)
    pixels = only_page(path).pixels
    pixels[:] = 0
    assert pixels.flags.c_contiguous


def bad_files():
    """Name, content and what the message must say."""
    png = (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0\x08\0\0\0\0"
        b"\x93\xf5\xaa\xa8\0\0\0\0IEND\xaeB`\x82"
    )
    return [
        ("empty.png", b"", "empty"),
        ("text.png", b"dear sir or madam\n" * 100, "not an image.*save it as PNG or TIFF"),
        ("one_byte.tif", b"I", "not an image"),
        ("zeros.jpg", bytes(5000), "not an image"),
        ("zero_sized.png", png, "no pixels|damaged"),
        ("header.tif", b"II*\0", "truncated"),
        ("nowhere.tif", b"II*\0\xff\xff\0\0", "truncated"),
        ("no_page.tif", b"II*\0\0\0\0\0", "no page"),
        ("header.pdf", b"%PDF-1.4\n", "truncated"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    bad_files(),
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_bad_file_is_named(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PageError, match=says) as caught:
        list(read_pages(path))
    assert caught.value.path == path
    assert str(caught.value).startswith(str(path))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(PageError, match="no such file"):
        list(read_pages(tmp_path / "nothing.png"))
    with pytest.raises(PageError, match="is a folder"):
        list(read_pages(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "page.png")
    with pytest.raises(PageError, match="pipe"):
        list(read_pages(tmp_path / "page.png"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file(tmp_path, ramp):
    path = tmp_path / "page.png"
    Image.fromarray(ramp).save(path)
    path.chmod(0)
    with pytest.raises(PageError, match="cannot be opened"):
        list(read_pages(path))


FORMATS = {
    "gray.png": ("L", {}),
    "page.jpg": ("RGB", {}),
    "progressive.jpg": ("RGB", {"progressive": True}),
    "page.webp": ("RGB", {"lossless": True}),
    "page.jp2": ("RGB", {}),
    "page.bmp": ("RGB", {}),
    "page.gif": ("P", {}),
    "page.ppm": ("RGB", {}),
    "plain.tif": ("RGB", {}),
    "lzw.tif": ("RGB", {"compression": "tiff_lzw"}),
    "deflate.tif": ("RGB", {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": ("RGB", {"compression": "jpeg"}),
    "group3.tif": ("1", {"compression": "group3"}),
    "group4.tif": ("1", {"compression": "group4"}),
    "page.pdf": ("RGB", {}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_no_half_page_is_accepted(tmp_path, name):
    mode, options = FORMATS[name]
    noise = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    path = tmp_path / name
    Image.fromarray(noise).convert(mode).save(path, **options)
    whole = path.read_bytes()
    for share in (0.03, 0.3, 0.6, 0.9, 0.97):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(PageError):
            list(read_pages(path))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".jp2", ".pdf"])
def test_pixel_limit_is_stated(tmp_path, ramp, suffix):
    path = tmp_path / f"page{suffix}"
    Image.fromarray(ramp).save(path)
    options = {"dpi": 72.0} if suffix == ".pdf" else {}
    page = only_page(path, pixel_limit=30 * 47, **options)
    assert page.pixels.shape == ramp.shape
    with pytest.raises(PageError, match=r"47 × 30 pixels .* limit of 1,409 .*pixel_limit"):
        list(read_pages(path, pixel_limit=30 * 47 - 1, **options))


@pytest.mark.parametrize(("pixel_limit", "small"), [(30 * 47 - 1, 1 << 40), (100_000, 900)])
@pytest.mark.parametrize("suffix", [".png", ".jxl"])
def test_the_limit_that_is_named_is_enough(tmp_path, ramp, monkeypatch, pixel_limit, small, suffix):
    monkeypatch.setattr(page_file, "DEFAULT_PIXEL_LIMIT", 100_000)
    monkeypatch.setattr(page_file, "_BYTES_OF_SMALL_FILES", small)
    monkeypatch.setattr(page_file, "_LARGEST_RATIO", 0)
    monkeypatch.setattr(page_file, "_ALWAYS_ALLOWED", 0)
    path = tmp_path / f"page{suffix}"
    encode = imagecodecs.png_encode if suffix == ".png" else imagecodecs.jpegxl_encode
    path.write_bytes(encode(ramp))
    with pytest.raises(PageError, match="docbin binarize reads it with --pixel-limit") as error:
        next(read_pages(path, pixel_limit=pixel_limit))
    (limit,) = re.findall(r"pixel_limit=(\d+)", str(error.value))
    assert next(read_pages(path, pixel_limit=int(limit))).pixels.shape == ramp.shape
    with pytest.raises(PageError):
        next(read_pages(path, pixel_limit=int(limit) - 1))


def test_limit_is_checked_before_decoding(tmp_path):
    path = tmp_path / "page.png"
    Image.new("L", (1000, 1000)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"IDAT") + 8])
    with pytest.raises(PageError, match="limit"):
        list(read_pages(path, pixel_limit=999_999))
    with pytest.raises(PageError, match="truncated"):
        list(read_pages(path))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_bomb_limit_of_pillow_is_lifted_and_put_back(tmp_path, ramp, monkeypatch, suffix):
    path = tmp_path / f"page{suffix}"
    Image.fromarray(ramp).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert only_page(path).pixels.shape == ramp.shape
    assert Image.MAX_IMAGE_PIXELS == 10


def test_bomb_limit_is_put_back_after_an_error(tmp_path, monkeypatch):
    path = tmp_path / "page.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(PageError):
        list(read_pages(path))
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("options", [{"dpi": 0}, {"dpi": float("nan")}, {"pixel_limit": 0}])
def test_impossible_settings_are_refused_at_once(options):
    with pytest.raises(ValueError, match="positive"):
        read_pages("page.png", **options)


def test_error_survives_a_process_border(tmp_path):
    error = PageError(tmp_path / "page.png", "the file is empty")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.path, copy.reason, str(copy)) == (error.path, error.reason, str(error))


def test_reading_a_png_loads_no_heavy_library(tmp_path, ramp):
    path = tmp_path / "page.png"
    Image.fromarray(ramp).save(path)
    code = (
        "import sys; from docbin_napari.io.page import read_pages; next(read_pages(sys.argv[1]));"
        "heavy = {'torch', 'napari', 'skimage', 'tifffile', 'imagecodecs', 'pypdfium2'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_find_pages_in_natural_order(tmp_path):
    for name in ("p10.png", "p9.TIF", "p1.jpg", "notes.txt", ".hidden.png", "p2.pdf"):
        (tmp_path / name).touch()
    for folder in ("auto_bin", "fg_mask", "box2", "box10", ".cache"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "inside.png").touch()
    names = [path.name for path in find_pages(tmp_path)]
    assert names == ["p1.jpg", "p2.pdf", "p9.TIF", "p10.png"]
    below = [path.relative_to(tmp_path).as_posix() for path in find_pages(tmp_path, recursive=True)]
    assert [name for name in below if "/" in name] == ["box2/inside.png", "box10/inside.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_to_folders_are_named(tmp_path):
    (tmp_path / "here" / "box").mkdir(parents=True)
    (tmp_path / "here" / "box" / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "here" / "pipe")
    passed_over = []
    assert find_pages(tmp_path / "here", recursive=True, passed_over=passed_over) == []
    assert passed_over == [tmp_path / "here" / "box" / "link"]
    passed_over = []
    assert find_pages(tmp_path / "here", passed_over=passed_over) == passed_over == []


def test_find_pages_looks_into_the_folder_it_was_given(tmp_path):
    folder = tmp_path / "auto_bin"
    folder.mkdir()
    (folder / "page.png").touch()
    assert find_pages(folder) == [folder / "page.png"]


def test_find_pages_needs_a_folder(tmp_path):
    with pytest.raises(PageError, match="no such folder"):
        find_pages(tmp_path / "nothing")
