"""Each row of the tables of docs/formats.md is tried, and there is no row without a test."""

import io
import re
import struct
import sys
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import PAGE_SUFFIXES, find_pages, read_pages
from docbin_napari.io.rgb import STRETCHED

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the sdist holds no docs")


def letter():
    page = Image.new("RGB", (301, 420), (235, 230, 220))
    draw = ImageDraw.Draw(page)
    for top in range(20, 380, 25):
        draw.text((20, top), "Words of a letter that is long " * 2, fill=(40, 30, 30))
    return page


LETTER = letter()
GRAY = np.asarray(LETTER.convert("L"))
COLOURS = np.asarray(LETTER)
BITS = Image.fromarray(GRAY > 128)


def saved(kind, page=LETTER, **options):
    buffer = io.BytesIO()
    page.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def heic():
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(LETTER).save(buffer, quality=95)
    return buffer.getvalue()


def rows_of(title):
    """First cell and the others of each row of the table below a heading."""
    text = DOCS.read_text("utf-8").split(f"# {title}\n")[1].split("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


FORMATS = {
    "PNG": [
        *(partial(saved, "PNG", LETTER.convert(mode)) for mode in ("L", "P", "RGB", "RGBA")),
        partial(saved, "PNG", BITS),
        lambda: imagecodecs.png_encode(GRAY.astype(np.uint16) * 257),
    ],
    "JPEG": [
        *(partial(saved, "JPEG", LETTER.convert(mode), quality=95) for mode in ("L", "CMYK")),
        partial(saved, "JPEG", progressive=True, quality=95),
    ],
    "TIFF, BigTIFF": [
        *(partial(saved, "TIFF", compression=c) for c in ("raw", "tiff_lzw", "jpeg", "packbits")),
        partial(saved, "TIFF", BITS, compression="group4"),
        partial(saved, "TIFF", save_all=True, append_images=[LETTER]),
        partial(tiff, GRAY, tile=(64, 64), compression="zlib"),
        partial(tiff, np.moveaxis(COLOURS, 2, 0), planarconfig="separate", photometric="rgb"),
        partial(tiff, GRAY, bigtiff=True, compression="zstd"),
    ],
    "PDF": [partial(saved, "PDF", resolution=100, quality=95)],
    "JPEG 2000": [
        partial(saved, "JPEG2000"),
        lambda: imagecodecs.jpeg2k_encode(COLOURS, codecformat="j2k"),
    ],
    "JPEG XL": [lambda: imagecodecs.jpegxl_encode(COLOURS)],
    "WebP, GIF": [partial(saved, "WEBP", quality=95), partial(saved, "GIF", LETTER.convert("L"))],
    "AVIF": [partial(saved, "AVIF", quality=95)],
    "HEIC": [heic],
    "BMP": [partial(saved, "BMP"), partial(saved, "DIB")],
    "PNM": [partial(saved, "PPM"), partial(saved, "PPM", BITS)],
}
NOT_READ = (
    "others (PSD, DjVu, camera raw, SVG, Word …), and files that begin as pages do, but have "
    "another suffix or none"
)


def test_every_format_of_the_table_is_tried():
    assert [row[0] for row in rows_of("What is read")] == [*FORMATS, NOT_READ]


def test_the_suffixes_of_the_table_are_those_of_a_folder():
    named = [suffix for row in rows_of("What is read") for suffix in re.findall(r"\.\w+", row[1])]
    assert sorted(named) == sorted(PAGE_SUFFIXES)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read(tmp_path, name):
    (cell,) = (row[1] for row in rows_of("What is read") if row[0] == name)
    suffixes = re.findall(r"\.\w+", cell)
    for number, make in enumerate(FORMATS[name]):
        path = tmp_path / f"{number}{suffixes[-1]}"
        path.write_bytes(make())
        page = next(read_pages(path, dpi=100)).pixels[0:420][:, :301, 1]
        # Of black and white less is left than of gray.
        assert np.corrcoef(page.ravel(), GRAY.ravel())[0, 1] > 0.7
    assert len(find_pages(tmp_path)) == len(FORMATS[name])


def test_files_of_other_kinds_are_refused_and_named(tmp_path):
    for suffix in (".psd", ".djvu", ".cr2", ".svg", ".docx"):
        path = tmp_path / f"page{suffix}"
        path.write_bytes(b"8BPS" + bytes(40))
        with pytest.raises(PageError):
            next(read_pages(path))
    passed_over: list[Path] = []
    assert find_pages(tmp_path, passed_over=passed_over) == []
    assert len(passed_over) == 5


@pytest.mark.parametrize("name", FORMATS)
def test_a_page_of_another_suffix_is_named(tmp_path, name):
    for number, suffix in enumerate(["", ".part", ".png ", ".jpg_large"]):
        (tmp_path / f"{number}{suffix}").write_bytes(FORMATS[name][0]())
    (tmp_path / "notes").write_bytes(b"words of P6")
    passed_over: list[Path] = []
    assert find_pages(tmp_path, passed_over=passed_over) == []
    assert len(passed_over) == 4


def writing(low, high, dtype=np.uint16):
    return (low + GRAY / 255 * (high - low)).astype(dtype)


def hot():
    values = writing(2000, 4095)
    values[::40, ::40] = 65_535
    return values


def framed():
    values = writing(100, 1000)
    values[:12] = 65_535
    return values


def with_nan():
    values = GRAY.astype(np.float32) / 255
    values[:50] = np.nan
    return values


def noise():
    return np.random.default_rng(1).normal(3000, 12, (200, 300)).astype(np.uint16)


VALUES = {
    "1 and 8 bits": (lambda: GRAY, lambda page: np.array_equal(page, GRAY)),
    "more bits, whole numbers or float, signed or not": (
        lambda: writing(100, 900),
        lambda page: np.ptp(page.astype(int)) > 120,
    ),
    "a few hot or dead pixels": (hot, lambda page: np.ptp(np.sort(page.ravel())[50:-500]) > 90),
    "a frame or a block of one value, with which all the rest lies in less than half of the "
    "range": (framed, lambda page: np.ptp(np.sort(page.ravel())[50:-8000]) > 90),
    "noise from end to end": (noise, lambda page: np.ptp(page.astype(int)) < 12),
    "NaN": (with_nan, lambda page: (page[:50] == 255).all()),
    "CMYK, palettes": (
        lambda: np.dstack([0 * GRAY, 0 * GRAY, 0 * GRAY, 255 - GRAY]),
        lambda page: np.ptp(page.astype(int)) > 150,
    ),
    "TIFF of several channels that are called gray": (
        lambda: COLOURS,
        lambda page: np.array_equal(page, COLOURS),
    ),
}


def test_every_row_of_values_is_tried():
    assert [row[0] for row in rows_of("Values")] == list(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_values(tmp_path, name):
    make, is_right = VALUES[name]
    values = make()
    kind = "separated" if name.startswith("CMYK") else "minisblack"
    layout = None if values.ndim == 2 else "contig"
    (tmp_path / "page.tif").write_bytes(tiff(values, photometric=kind, planarconfig=layout))
    page = next(read_pages(tmp_path / "page.tif"))
    assert is_right(page.pixels if name.startswith("TIFF") else page.pixels[..., 0])
    assert (page.remarks == (STRETCHED,)) == (name.startswith(("more", "a f", "noise")))


def cut(content, share=0.6):
    return content[: int(len(content) * share)]


def higher(content):
    """A JPEG file whose header promises twice the rows."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + (840).to_bytes(2, "big") + content[at + 2 :]


def fax():
    """A TIFF file whose only strip has half of its bytes."""
    content = bytearray(saved("TIFF", BITS, compression="group4"))
    (at,) = struct.unpack_from("<I", content, 4)
    for entry in range(at + 2, len(content) - 12, 12):
        if content[entry : entry + 2] == b"\x17\x01":
            (length,) = struct.unpack_from("<I", content, entry + 8)
            struct.pack_into("<I", content, entry + 8, length // 2)
            break
    return bytes(content)


def spoiled(compression):
    """A TIFF file of bits with some zeros in the middle of its first strip."""
    content = bytearray(saved("TIFF", BITS, compression=compression))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        at = file.pages[0].dataoffsets[0] + file.pages[0].databytecounts[0] // 2
    content[at : at + 40] = bytes(40)
    return bytes(content)


def in_a_circle():
    entries = struct.pack("<HHIIHHII", 256, 3, 1, 5, 257, 3, 1, 5)
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 8)


def last_scan_gone():
    content = saved("JPEG", progressive=True)
    return content[: content.rindex(b"\xff\xda")] + b"\xff\xd9"


def behind(kind, rest):
    return saved(kind, quality=95) + rest * 999


def bad_words():
    content = saved("PNG")
    return content[:33] + struct.pack(">I4s5sI", 5, b"tEXt", b"a\0 me", 0) + content[33:]


def bad_exif(kind):
    """An orientation in words."""
    entry = struct.pack("<HHI4s", 0x0112, 2, 3, b"up")
    return saved(kind, exif=b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4))


def preview():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(GRAY[::4, ::4], subfiletype=1, subifds=1)
        file.write(GRAY)
    return buffer.getvalue()


def bad_picture():
    content = bytearray(saved("PDF", resolution=100))
    at = content.index(b"\xff\xda") + 400
    content[at : at + 50] = bytes(50)
    return bytes(content)


def larger():
    return saved("PDF", resolution=100).replace(b"/Type /Page\n", b"/Type /Page /UserUnit 2\n")


JPEG, PDF_FILE = saved("JPEG"), saved("PDF", resolution=100)
REFUSED, READ = "refused", "read"
ODD = [
    (
        ("fewer rows than the header says", REFUSED),
        [
            lambda: higher(JPEG),
            lambda: cut(JPEG) + b"\xff\xd9",
            lambda: cut(saved("PNG")),
            lambda: cut(saved("GIF", LETTER.convert("L"))),
            lambda: cut(saved("TIFF", compression="tiff_lzw"), 0.9),
        ],
    ),
    (("fax data (CCITT) that end early", REFUSED), [fax]),
    (
        ("TIFF whose data are damaged", REFUSED),
        [partial(spoiled, kind) for kind in ("group4", "tiff_adobe_deflate")],
    ),
    (("progressive JPEG without its last scans", REFUSED), [last_scan_gone]),
    (("JPEG without an end mark, all rows there", READ), [lambda: JPEG[:-2], lambda: JPEG[:-1]]),
    (
        ("JPEG, WebP, AVIF or HEIC with other data or padding behind its end", READ),
        [
            lambda: JPEG + b"words" * 99,
            *(
                partial(behind, kind, rest)
                for kind in ("WEBP", "AVIF")
                for rest in (b"words", b"\0")
            ),
        ],
    ),
    (("PNG with words or a colour profile that are damaged", READ), [bad_words]),
    (
        ("EXIF data that are damaged", READ),
        [partial(bad_exif, kind) for kind in ("JPEG", "PNG", "WEBP")],
    ),
    (
        ("JPEG of more than 200 scans", REFUSED),
        [lambda: JPEG[:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0" * 201],
    ),
    (
        ("PDF with padding or the words of a mail program", READ),
        [
            lambda: PDF_FILE + bytes(9000),
            lambda: PDF_FILE + b"\r\n--boundary--\r\n" * 50,
            lambda: PDF_FILE.replace(b"startxref\n", b"startxref\n9"),
        ],
    ),
    (("PDF that is cut", REFUSED), [lambda: cut(PDF_FILE)]),
    (("PDF whose pages have a `UserUnit`", READ), [larger]),
    (("encrypted PDF", REFUSED), []),
    (("PDF with a damaged picture inside", READ), [bad_picture]),
    (("PDF or TIFF of many pages, of which one", REFUSED), []),
    (("TIFF whose directories run in a circle", REFUSED), [in_a_circle]),
    (("TIFF whose only page is a preview", REFUSED), [preview]),
    (("an empty file, a folder, a device, text", REFUSED), [lambda: b"", lambda: b"some words"]),
]
ELSEWHERE = {
    "encrypted PDF": "io/test_pdf.py",
    "damaged page of several": "batch/test_trouble.py",
    "an empty file, a folder": "io/test_page.py",
}


def test_every_odd_file_of_the_table_is_tried():
    rows = rows_of("Odd and damaged files")
    assert len(rows) == len(ODD)
    for (cell, happens), ((name, outcome), _) in zip(rows, ODD, strict=True):
        assert cell.startswith(name)
        stated = READ if happens.startswith(("read", "drawn")) else REFUSED
        assert stated == outcome
    for name, file in ELSEWHERE.items():
        assert name.split()[0] in (DOCS.parents[1] / "tests" / file).read_text("utf-8")


@pytest.mark.parametrize(("row", "makers"), ODD, ids=[row[0][:30] for row, _ in ODD])
def test_an_odd_file(tmp_path, row, makers):
    for number, make in enumerate(makers):
        path = tmp_path / f"page{number}"
        path.write_bytes(make())
        if row[1] == READ:
            assert next(read_pages(path, dpi=100)).pixels.shape[0] in (420, 421, 840, 841)
        else:
            with pytest.raises(PageError):
                [page.pixels[0:420] for page in read_pages(path)]


@pytest.mark.skipif(sys.platform == "win32", reason="devices of POSIX")
@pytest.mark.parametrize("path", ["/dev/null", "/"])
def test_a_device_and_a_folder_are_refused(path):
    with pytest.raises(PageError):
        next(read_pages(path))
