"""A page is whole or a PageError: files that hold less than their headers say."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageDraw

from docbin_napari.io import page as page_file
from docbin_napari.io import raster, tiff
from docbin_napari.io.complete import gif_holds_all_rows, how_it_ends
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.raster import NO_END_MARK
from docbin_napari.io.rgb import STRETCHED


@pytest.fixture(scope="module")
def letter():
    """A page of writing that ends above its lower edge."""
    page = Image.new("RGB", (301, 420), (235, 230, 220))
    draw = ImageDraw.Draw(page)
    for top in range(20, 380, 25):
        draw.text((20, top), "Words of a letter that is long " * 2, fill=(40, 30, 30))
    return page


def saved(page, kind, **options):
    buffer = io.BytesIO()
    page.save(buffer, kind, **options)
    return buffer.getvalue()


def is_read(path, **options):
    """Whether a page comes out, with all of its rows asked for."""
    try:
        return all(
            page.pixels[0 : page.pixels.shape[0]].size for page in read_pages(path, **options)
        )
    except PageError:
        return False


def quarter_png(page, depth=8):
    """A PNG whose stream of pixels ends, properly, after a quarter of the rows."""
    pixels = np.asarray(page)
    rows = pixels[: len(pixels) // 4]
    rows = rows.astype(">u2") * 257 if depth == 16 else rows
    colours = 0 if pixels.ndim == 2 else 2
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", page.width, page.height, depth, colours, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("way", ["slow", "quick", "in bands"])
def test_png_with_a_short_stream(tmp_path, letter, monkeypatch, mode, depth, way):
    monkeypatch.setattr(raster, "QUICK_PAGE", 1 if way == "quick" else 1 << 40)
    monkeypatch.setattr(page_file, "LARGE_PAGE", 1 if way == "in bands" else 1 << 40)
    in_bands = way == "in bands"
    path = tmp_path / "page.png"
    path.write_bytes(quarter_png(letter.convert(mode), depth))
    assert not is_read(path, in_bands=in_bands)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA"])
def test_whole_png_of_every_kind_is_read(tmp_path, letter, mode):
    path = tmp_path / "page.png"
    path.write_bytes(saved(letter.convert(mode), "PNG"))
    assert is_read(path)


def test_whole_interlaced_png_is_read_and_a_short_one_is_not(tmp_path, letter):
    whole = interlaced(np.asarray(letter.convert("L")))
    path = tmp_path / "page.png"
    path.write_bytes(whole)
    assert np.array_equal(next(read_pages(path)).pixels[..., 0], np.asarray(letter.convert("L")))
    path.write_bytes(interlaced(np.asarray(letter.convert("L")), passes=6))
    assert not is_read(path)


def interlaced(gray, passes=7):
    """Gray PNG in the seven passes of Adam7, or in some of them."""
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
    starts += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for left, top, across, down in starts[:passes]:
        raw += b"".join(b"\0" + row.tobytes() for row in gray[top::down, left::across])
    content = zlib.compress(raw)
    png = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", gray.shape[1], gray.shape[0], 8, 0, 0, 0, 1)
    for kind, body in ((b"IHDR", head), (b"IDAT", content), (b"IEND", b"")):
        png += struct.pack(">I", len(body)) + kind + body
        png += struct.pack(">I", zlib.crc32(kind + body))
    return png


JPEGS = {
    "usual": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "restarts, progressive": {"restart_marker_blocks": 5, "progressive": True},
    "fine": {"quality": 100, "subsampling": 0},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("in_bands", [False, True])
def test_jpeg_that_is_cut_and_closed(tmp_path, letter, monkeypatch, mode, options, in_bands):
    if in_bands:
        monkeypatch.setattr(page_file, "LARGE_PAGE", 1)
    whole = saved(letter.convert(mode), "JPEG", **options)
    path = tmp_path / "page.jpg"
    path.write_bytes(whole)
    assert is_read(path, in_bands=in_bands)
    for share in (0.5, 0.63, 0.8, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)] + b"\xff\xd9")
        assert not is_read(path, in_bands=in_bands)


def test_jpeg_whose_header_promises_more_rows(tmp_path, letter):
    content = bytearray(saved(letter, "JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 2] = (840).to_bytes(2, "big")
    path = tmp_path / "page.jpg"
    path.write_bytes(content)
    assert not is_read(path)


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_jpeg_without_its_end_mark_is_a_page_with_a_remark(tmp_path, letter, options, missing):
    path = tmp_path / "page.jpg"
    path.write_bytes(saved(letter, "JPEG", **options))
    whole = next(read_pages(path)).pixels
    path.write_bytes(path.read_bytes()[:-missing])
    page = next(read_pages(path))
    assert np.array_equal(page.pixels, whole)
    assert page.remarks == (NO_END_MARK,)
    path.write_bytes(path.read_bytes()[:-40])
    assert not is_read(path)


def test_jpeg_with_words_behind_its_end_is_read(tmp_path, letter):
    path = tmp_path / "page.jpg"
    path.write_bytes(saved(letter, "JPEG") + b"some words of a camera" * 20)
    assert next(read_pages(path)).remarks == ()


def test_jpeg_of_endless_scans_is_refused_before_it_is_decoded(tmp_path, letter):
    """Each scan of a few bytes takes the time of a whole page."""
    stream = saved(letter.convert("L"), "JPEG", progressive=True)
    scan = b"\xff\xda\0\x08\1\1\0\0\0\1\0"
    stream = stream[:-2] + scan * 500 + b"\xff\xda"
    assert how_it_ends(stream) == "too many scans"
    path = tmp_path / "page.jpg"
    path.write_bytes(stream)
    with pytest.raises(PageError, match="too many scans: save it again"):
        next(read_pages(path))


DEEP = {
    "12 bits": {"bitspersample": 12},
    "lossless 12 bits": {"bitspersample": 12, "lossless": True},
    "lossless 16 bits": {"bitspersample": 16, "lossless": True},
    "lossless 8 bits": {"bitspersample": 8, "lossless": True},
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_of_more_bits_is_read_whole_or_not(tmp_path, letter, kind, mode):
    pixels = np.asarray(letter.convert(mode))
    bits = DEEP[kind]["bitspersample"]
    values = pixels if bits == 8 else (pixels.astype(np.uint16) << (bits - 8)) + (1 << bits - 9)
    stream = imagecodecs.jpeg8_encode(values, level=100, **DEEP[kind])
    path = tmp_path / "page.jpg"
    path.write_bytes(stream)
    page = next(read_pages(path))
    gray = pixels[..., :1] if mode == "RGB" else pixels[..., None]
    assert np.abs(page.pixels[..., :1].astype(int) - gray).mean() < 2
    assert page.remarks == ((STRETCHED,) if bits == 12 else ())
    path.write_bytes(stream[:-2])
    assert NO_END_MARK in next(read_pages(path)).remarks
    for share in (0.4, 0.7, 0.9):
        path.write_bytes(stream[: int(len(stream) * share)] + b"\xff\xd9")
        assert not is_read(path)


def test_the_size_of_a_jpeg_is_that_of_its_first_frame(tmp_path):
    large = imagecodecs.jpeg8_encode(np.zeros((16, 16), np.uint16), bitspersample=12)
    at = large.index(b"\xff\xc1")
    frame = large[at : at + 13]
    huge = frame[:5] + b"\xf0\0\xf0\0" + frame[9:]
    path = tmp_path / "page.jpg"
    path.write_bytes(large.replace(frame, huge)[:-2] + frame + b"\xff\xd9")
    with pytest.raises(PageError, match="limit"):
        next(read_pages(path))


def test_jpeg_ls_is_refused_by_name(tmp_path, letter):
    path = tmp_path / "page.jpg"
    path.write_bytes(imagecodecs.jpegls_encode(np.asarray(letter)))
    with pytest.raises(PageError, match="JPEG-LS is not read here: save"):
        next(read_pages(path))


def test_jpeg_of_a_scan_before_its_frame_is_left_to_the_decoder():
    assert how_it_ends(b"\xff\xd8\xff\xdd\0\4\0\1\xff\xda\0\x08\1\1\0\0\0\1x") == "whole"


OTHERS = {
    "webp": lambda page: saved(page, "WEBP"),
    "lossless webp": lambda page: saved(page, "WEBP", lossless=True),
    "jp2": lambda page: saved(page, "JPEG2000"),
    "j2c": lambda page: imagecodecs.jpeg2k_encode(np.asarray(page), codecformat="j2k"),
    "bmp": lambda page: saved(page, "BMP"),
    "dib": lambda page: saved(page, "DIB"),
    "gif": lambda page: saved(page.convert("P"), "GIF"),
    "interlaced gif": lambda page: saved(page.convert("P"), "GIF", interlace=1),
    "ppm": lambda page: saved(page, "PPM"),
    "pbm": lambda page: saved(page.convert("1"), "PPM"),
    "avif": lambda page: saved(page, "AVIF"),
    "heic": lambda page: saved(page, "HEIF"),
    "jxl": lambda page: imagecodecs.jpegxl_encode(np.asarray(page)),
}


def needs(kind):
    if kind == "avif":
        pytest.importorskip("PIL.AvifImagePlugin")
    if kind == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener(thumbnails=False)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_read_whole_and_refused_cut(tmp_path, letter, kind):
    needs(kind)
    whole = OTHERS[kind](letter)
    path = tmp_path / "page.xyz"
    path.write_bytes(whole)
    assert next(read_pages(path)).pixels.shape == (420, 301, 3)
    for share in (0.4, 0.7, 0.93):
        for tail in (b"", whole[-2:], whole[-12:]):
            path.write_bytes(whole[: int(len(whole) * share)] + tail)
            assert not is_read(path), (share, len(tail))


@pytest.mark.parametrize("kind", ["webp", "lossless webp", "avif", "heic", "jp2", "jxl", "gif"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_download_that_left_zeros_is_refused(tmp_path, letter, kind, share):
    needs(kind)
    # Noise, so that a tenth of each file is more than a few zeros that may stand in any file.
    noise = np.random.default_rng(1).integers(0, 60, (420, 301, 3), dtype=np.uint8)
    whole = OTHERS[kind](Image.fromarray(np.asarray(letter.convert("RGB")) // 2 + noise))
    left = int(len(whole) * share)
    path = tmp_path / "page.xyz"
    path.write_bytes(whole[:left] + b"\0" * (len(whole) - left))
    assert not is_read(path)


@pytest.mark.parametrize("kind", ["webp", "lossless webp", "avif", "heic"])
def test_padding_behind_the_container_is_no_gap_but_some_zeros_in_it_are(tmp_path, letter, kind):
    needs(kind)
    whole = OTHERS[kind](letter)
    path = tmp_path / "page.xyz"
    path.write_bytes(whole + bytes(30_000))
    assert next(read_pages(path)).pixels.shape == (420, 301, 3)
    path.write_bytes(whole[:-200] + bytes(200))
    assert not is_read(path)


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_empty_paper_is_whole_although_it_is_packed_to_zeros(tmp_path, kind):
    needs(kind)
    path = tmp_path / "page.xyz"
    for size in ((600, 800), (2000, 2500)):
        path.write_bytes(OTHERS[kind](Image.new("RGB", size, "white")))
        assert next(read_pages(path)).pixels.min() > 250


def test_gif_whose_codes_end_early(tmp_path, letter):
    tall, low = letter.convert("P"), letter.convert("P").crop((0, 0, 301, 200))
    content = bytearray(saved(low, "GIF"))
    content[8:10] = tall.height.to_bytes(2, "little")
    at = content.index(b"\x2c\0\0\0\0")
    content[at + 7 : at + 9] = tall.height.to_bytes(2, "little")
    path = tmp_path / "page.gif"
    path.write_bytes(content)
    with Image.open(path) as image:
        assert not gif_holds_all_rows(path.read_bytes(), image.tile[0][2])
    assert not is_read(path)


TIFFS = [
    ("1", "group3"),
    ("1", "group4"),
    ("1", "tiff_ccitt"),
    *[(mode, kind) for mode in ("1", "L", "RGB", "CMYK") for kind in ("raw", "tiff_lzw")],
    *[(mode, kind) for mode in ("L", "RGB") for kind in ("tiff_deflate", "packbits", "jpeg")],
]


@pytest.mark.parametrize("kind", TIFFS, ids=" ".join)
@pytest.mark.parametrize("rows", [32, 10_000])
@pytest.mark.parametrize("in_bands", [False, True])
def test_tiff_that_is_whole_or_has_a_short_strip(
    tmp_path, letter, monkeypatch, kind, rows, in_bands
):
    mode, compression = kind
    if in_bands:
        monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path = tmp_path / "page.tif"
    page = letter.convert(mode)
    rows = 424 if rows > 420 and compression == "jpeg" else rows
    page.save(path, compression=compression, tiffinfo={278: rows})
    assert is_read(path, in_bands=in_bands)
    counts, values = read_tag(path, 279)
    middle = len(values) // 2
    write_value(path, counts, middle, values[middle] // 3, len(values))
    assert not is_read(path, in_bands=in_bands)


@pytest.mark.parametrize("compression", ["group3", "group4", "raw", "tiff_lzw", "packbits"])
@pytest.mark.parametrize("rows", [32, 420])
def test_tiff_whose_header_promises_more_rows(tmp_path, letter, compression, rows):
    path = tmp_path / "page.tif"
    letter.convert("1").save(path, compression=compression, tiffinfo={278: rows})
    write_value(path, read_tag(path, 257)[0], 0, 840, 1)
    assert not is_read(path)


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize("rows", [32, 420])
@pytest.mark.parametrize("in_bands", [False, True])
def test_deflate_whose_checksum_is_wrong(tmp_path, letter, monkeypatch, mode, rows, in_bands):
    """Decoders stop when the rows are full, before the checksum."""
    if in_bands:
        monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path = tmp_path / "page.tif"
    letter.convert(mode).save(path, compression="tiff_adobe_deflate", tiffinfo={278: rows})
    whole = path.read_bytes()
    offsets, counts = read_tag(path, 273)[1], read_tag(path, 279)[1]
    last = len(counts) - 1
    for place in (offsets[-1] + counts[-1] // 2, offsets[-1] + counts[-1] - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(PageError, match=rf"damaged \(strip {last + 1}\): copy it again"):
            next(read_pages(path, in_bands=in_bands))
    path.write_bytes(whole)
    write_value(path, read_tag(path, 279)[0], last, counts[-1] - 4, last + 1)
    assert is_read(path)


def test_zeros_within_a_fax_page_are_not_its_end(tmp_path, letter):
    """As a bad sector leaves them; a page without end mark, or with words behind it, is whole."""
    path = tmp_path / "page.tif"
    letter.convert("1").save(path, compression="group4", tiffinfo={278: 420})
    whole = path.read_bytes()
    counts, (length,) = read_tag(path, 279)
    for more in (-3, 0, 7):
        write_value(path, counts, 0, length + more, 1)
        assert is_read(path)
    for place in range(300, length - 100, 333):
        path.write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
        assert not is_read(path), place


@pytest.mark.parametrize("compression", ["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_tiff_whose_bits_are_turned(tmp_path, letter, compression):
    """As fax servers write it, FillOrder 2: the strip is last bit first."""
    path = tmp_path / "page.tif"
    page = letter.convert("1")
    page.save(path, compression=compression, tiffinfo={278: 420, 266: 1})
    write_value(path, read_tag(path, 266)[0], 0, 2, 1)
    (start,), (length,) = read_tag(path, 273)[1], read_tag(path, 279)[1]
    whole = path.read_bytes()
    strip = np.frombuffer(whole[start : start + length], np.uint8)
    turned = np.packbits(np.unpackbits(strip), bitorder="little").tobytes()
    path.write_bytes(whole[:start] + turned + whole[start + length :])
    assert np.array_equal(next(read_pages(path)).pixels[..., 0] > 0, np.asarray(page))
    write_value(path, read_tag(path, 279)[0], 0, length // 3, 1)
    with pytest.raises(PageError, match="too short"):
        next(read_pages(path))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_tiff_whose_only_strip_has_no_length(tmp_path, letter, mode):
    """Some programs write 0 bytes, which readers work out if nothing is compressed."""
    path = tmp_path / "page.tif"
    letter.convert(mode.replace("I;16", "L")).convert(mode).save(path, tiffinfo={278: 420})
    whole = next(read_pages(path)).pixels
    write_value(path, read_tag(path, 279)[0], 0, 0, 1)
    assert np.array_equal(next(read_pages(path)).pixels, whole)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PageError, match="too short"):
        next(read_pages(path))


def test_tiff_whose_only_strip_is_said_to_hold_more_rows(tmp_path, letter):
    path = tmp_path / "page.tif"
    letter.convert("L").save(path, compression="tiff_lzw", tiffinfo={278: 420})
    for tag in (257, 278):
        write_value(path, read_tag(path, tag)[0], 0, 840, 1)
    assert not is_read(path)


def read_tag(path, tag):
    """Place of an entry in a little-endian TIFF, and its values."""
    content = path.read_bytes()
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        found, kind, number = struct.unpack_from("<HHI", content, place)
        if found == tag:
            code = {3: "H", 4: "I"}[kind]
            inline = number * struct.calcsize(code) <= 4
            where = place + 8 if inline else struct.unpack_from("<I", content, place + 8)[0]
            return (where, code), struct.unpack_from(f"<{number}{code}", content, where)
    raise AssertionError(f"no tag {tag}")


def write_value(path, entry, index, value, number):
    where, code = entry
    assert index < number
    content = bytearray(path.read_bytes())
    struct.pack_into(f"<{code}", content, where + index * struct.calcsize(code), value)
    path.write_bytes(content)
