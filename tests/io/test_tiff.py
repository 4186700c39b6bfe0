import logging
import struct
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from docbin_napari.io import tiff
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.rgb import STRETCHED, RgbRows
from docbin_napari.io.tiff_header import read_tiff_header


def read(path, **options):
    (page,) = read_pages(path, **options)
    return page


def wide(pixels):
    """The same page in 16 bits."""
    return pixels.astype(np.uint16) * 257


@pytest.mark.parametrize(
    "compression",
    [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma"],
)
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "P"])
def test_lossless_compressions_of_pillow(tmp_path, ramp, compression, mode):
    path = tmp_path / "page.tif"
    image = Image.fromarray(ramp).convert(mode)
    image.save(path, compression=compression, dpi=(300, 150))
    page = read(path)
    assert (page.pixels == np.asarray(image.convert("RGB"))).all()
    assert page.dpi == (300.0, 150.0)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_ccitt_has_the_right_polarity(tmp_path, black_corner, compression, photometric):
    path = tmp_path / "page.tif"
    image = Image.fromarray(black_corner)
    image.save(path, compression=compression, tiffinfo={262: photometric})
    assert (read(path).pixels[..., 0] == black_corner * 255).all()


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_ccitt_in_bigtiff(tmp_path, black_corner, compression):
    """No library at hand writes this: the strip of a classic file under a new directory."""
    path = tmp_path / "page.tif"
    height, width = black_corner.shape
    image = Image.fromarray(black_corner)
    image.save(path, compression=compression, tiffinfo={262: 0, 278: height})
    (page,) = read_tiff_header(path).pages
    ((offset, length),) = page.extents
    strip = path.read_bytes()[offset : offset + length]
    entries = [(256, width), (257, height), (258, 1), (259, page.compression), (262, 0)]
    entries += [(273, 16), (277, 1), (278, height), (279, length)]
    body = b"".join(struct.pack("<HHQQ", tag, 16, 1, value) for tag, value in entries)
    start = b"II+\0" + struct.pack("<HHQ", 8, 0, 16 + length)
    path.write_bytes(start + strip + struct.pack("<Q", len(entries)) + body + bytes(8))
    assert (read(path).pixels[..., 0] == black_corner * 255).all()


@pytest.mark.parametrize("compression", ["group4", "tiff_ccitt"])
def test_a_damaged_fax_page_is_refused(tmp_path, compression, capfd):
    """The library says so only in the words that it prints, and goes on with what comes."""
    path = tmp_path / "page.tif"
    pixels = np.random.default_rng(1).random((90, 200)).repeat(6, axis=1) < 0.5
    image = Image.fromarray(pixels)
    image.save(path, compression=compression, tiffinfo={262: 0, 278: 90})
    assert (read(path).pixels[..., 0] == pixels * 255).all()
    content = bytearray(path.read_bytes())
    ((offset, length),) = read_tiff_header(path).pages[0].extents
    for place in range(offset + length // 3, offset + length // 2, 7):
        content[place] |= 36
    path.write_bytes(content)
    with pytest.raises(PageError, match="fax codes: copy the file, or scan the page, again"):
        read(path)
    image.save(path, compression=compression)
    assert (read(path).pixels[..., 0] == pixels * 255).all()
    assert capfd.readouterr() == ("", "")


def test_jpeg_in_tiff(tmp_path, ramp):
    path = tmp_path / "page.tif"
    Image.fromarray(ramp).save(path, compression="jpeg", quality=95)
    assert np.abs(read(path).pixels.astype(int) - ramp).mean() < 3


KINDS = {
    "16-bit RGB": (wide, {"photometric": "rgb"}),
    "16-bit RGB, LZW": (wide, {"photometric": "rgb", "compression": "lzw"}),
    "16-bit RGB, predictor": (
        wide,
        {"photometric": "rgb", "compression": "deflate", "predictor": True},
    ),
    "16-bit RGB, big endian": (wide, {"photometric": "rgb", "byteorder": ">"}),
    "16-bit gray": (lambda p: wide(p)[..., 0], {}),
    "16-bit WhiteIsZero": (lambda p: 65535 - wide(p)[..., 0], {"photometric": "miniswhite"}),
    "8-bit WhiteIsZero": (lambda p: 255 - p[..., 0], {"photometric": "miniswhite"}),
    "BigTIFF": (lambda p: p, {"photometric": "rgb", "bigtiff": True}),
    "BigTIFF, big endian": (
        lambda p: p,
        {"photometric": "rgb", "bigtiff": True, "byteorder": ">"},
    ),
    "BigTIFF, 16-bit": (wide, {"photometric": "rgb", "bigtiff": True}),
    "tiled": (lambda p: p, {"photometric": "rgb", "tile": (16, 16)}),
    "tiled, LZW": (lambda p: p, {"photometric": "rgb", "tile": (16, 32), "compression": "lzw"}),
    "tiled, 16-bit": (wide, {"photometric": "rgb", "tile": (16, 16)}),
    "planes": (
        lambda p: p.transpose(2, 0, 1),
        {"photometric": "rgb", "planarconfig": "separate"},
    ),
    "planes, 16-bit": (
        lambda p: wide(p).transpose(2, 0, 1),
        {"photometric": "rgb", "planarconfig": "separate"},
    ),
    "float 16": (lambda p: (p[..., 0] / 255).astype(np.float16), {}),
    "float 32": (lambda p: (p[..., 0] / 255).astype(np.float32), {}),
    "float 64": (lambda p: p[..., 0] / 255, {}),
    "float RGB": (lambda p: (p / 255).astype(np.float32), {"photometric": "rgb"}),
    "16-bit alpha": (
        lambda p: np.dstack([wide(p), np.full(p.shape[:2], 65535, np.uint16)]),
        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    ),
    "16-bit unspecified channel": (
        lambda p: np.dstack([wide(p), np.zeros(p.shape[:2], np.uint16)]),
        {"photometric": "rgb", "extrasamples": ["unspecified"]},
    ),
    "16-bit CMYK": (
        lambda p: np.dstack([65535 - wide(p), np.zeros(p.shape[:2], np.uint16)]),
        {"photometric": "separated"},
    ),
    "JPEG 2000 in TIFF": (lambda p: p, {"photometric": "rgb", "compression": "jpeg2000"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_tifffile(tmp_path, ramp, kind):
    make, options = KINDS[kind]
    path = tmp_path / "page.tif"
    data = np.ascontiguousarray(make(ramp))
    tifffile.imwrite(path, data, metadata=None, **options)
    gray = data.ndim == 2
    assert (read(path).pixels == (ramp[..., :1] if gray else ramp)).all()


@pytest.mark.parametrize("alpha", ["assocalpha", "unassalpha"])
def test_sixteen_bit_alpha_is_blended_over_white(tmp_path, alpha):
    """Black and mid gray at alpha 1/5; associated colours are stored multiplied."""
    gray = 32896 // 5 if alpha == "assocalpha" else 32896
    pixels = [[0, 0, 0, 13107], [gray, gray, gray, 13107], [0, 0, 0, 0], [0, 0, 0, 65535]]
    data = np.array([pixels], np.uint16)
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, data, photometric="rgb", extrasamples=[alpha], metadata=None)
    assert read(path).pixels[0, :, 0].tolist() == [204, 230, 255, 0]


@pytest.mark.parametrize("alpha", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("in_bands", [False, True])
def test_alpha_of_fewer_bits_is_opaque_at_its_end(tmp_path, monkeypatch, alpha, bits, in_bands):
    monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    top = 2**bits - 1
    page = np.zeros((600, 500, 4), np.uint16)
    page[..., :3] = np.linspace(0, top, 500, dtype=np.uint16)[:, None]
    page[..., 3] = top
    page[:300] = 0
    path = tmp_path / "page.tif"
    options = {"extrasamples": [alpha], "metadata": None, "rowsperstrip": 100}
    tifffile.imwrite(path, page, photometric="rgb", **options)
    read_page = read(path, in_bands=in_bands)
    rows = read_page.pixels[290:310]
    assert (rows[:10] == 255).all()
    assert np.abs(rows[10:, :, 0].astype(int) - np.linspace(0, 255, 500)).max() < 2
    assert read_page.remarks == (() if bits == 16 else (STRETCHED,))


def test_twelve_bits_fill_the_range(tmp_path):
    """No library at hand writes 12 bits: two samples in three bytes, in a directory by hand."""
    entries = [(256, 3, 1, 2), (257, 3, 1, 2), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (278, 3, 1, 2), (279, 4, 1, 6)]
    data = bytes([0x00, 0x08, 0x00, 0xFF, 0xFF, 0xFF])
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries)
    path = tmp_path / "page.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 14) + data + body + bytes(4))
    assert read(path).pixels[..., 0].tolist() == [[0, 128], [255, 255]]


def test_sixteen_bit_palette(tmp_path):
    path = tmp_path / "page.tif"
    colours = np.zeros((3, 65536), np.uint16)
    colours[:, 300] = [25700, 51400, 65535]
    tifffile.imwrite(
        path,
        np.array([[0, 300]], np.uint16),
        photometric="palette",
        colormap=colours,
        metadata=None,
    )
    assert read(path).pixels[0].tolist() == [[0, 0, 0], [100, 200, 255]]


@pytest.mark.parametrize("in_bands", [False, True])
def test_palette_of_eight_bit_colours(tmp_path, monkeypatch, in_bands):
    """As some programs write them into the 16 bits of a palette."""
    monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path = tmp_path / "page.tif"
    colours = np.stack([np.arange(256, dtype=np.uint16)] * 3)
    page = np.tile(np.array([[0, 100, 255]], np.uint8), (6, 1))
    options = {"colormap": colours, "rowsperstrip": 2, "metadata": None}
    tifffile.imwrite(path, page, photometric="palette", **options)
    row = read(path, in_bands=in_bands).pixels[0:1]
    assert row.tolist() == [[[0] * 3, [100] * 3, [255] * 3]]


@pytest.mark.parametrize("in_bands", [False, True])
@pytest.mark.parametrize("top", [255, 65535])
def test_palette_of_one_bit(tmp_path, monkeypatch, black_corner, top, in_bands):
    monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path = tmp_path / "page.tif"
    image = Image.fromarray(black_corner)
    image.save(path, tiffinfo={262: 3, 278: 5, 320: (0, top) * 3})
    (header,) = read_tiff_header(path).pages
    assert (header.photometric, len(header.extents)) == (3, 5)
    page = read(path, in_bands=in_bands)
    assert isinstance(page.pixels, RgbRows) == in_bands
    assert (page.pixels[0:21] == black_corner[..., np.newaxis] * 255).all()


RED_INK = np.full((20, 30, 3), 60_000, np.uint16)
RED_INK[5:9, 3:20] = 60_000, 5000, 5000


@pytest.mark.parametrize("in_bands", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", [[], ["unspecified"], ["unassalpha"]])
@pytest.mark.parametrize("layout", ["contig", "separate"])
def test_colours_of_programs_that_do_not_say_so(
    tmp_path, monkeypatch, dtype, extra, layout, in_bands
):
    """GDAL, libvips and others write them as channels of gray."""
    monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path, page = tmp_path / "page.tif", RED_INK // (257 if dtype == np.uint8 else 1)
    page = page.astype(dtype)
    samples = np.dstack([page, np.full((20, 30), np.iinfo(dtype).max, dtype)][: 1 + len(extra)])
    samples = np.moveaxis(samples, -1, 0) if layout == "separate" else samples
    options = {"planarconfig": layout, "extrasamples": ["unspecified"] * 2 + extra}
    tifffile.imwrite(
        path, samples, photometric="minisblack", rowsperstrip=5, **options, metadata=None
    )
    found = read(path, in_bands=in_bands)
    assert np.abs(found.pixels[0:20] - np.rint(RED_INK / 257)).max() <= 1
    assert found.remarks == ()


@pytest.mark.parametrize("in_bands", [False, True])
@pytest.mark.parametrize("kind", ["minisblack", "miniswhite"])
def test_channels_that_are_left_out_are_named(tmp_path, monkeypatch, kind, in_bands):
    monkeypatch.setattr(tiff, "LARGE_PAGE", 1)
    path = tmp_path / "page.tif"
    bands = np.random.default_rng(0).integers(0, 255, (20, 30, 8), np.uint8)
    options = {"planarconfig": "contig", "rowsperstrip": 5, "metadata": None}
    tifffile.imwrite(path, bands, photometric=kind, **options)
    page = read(path, in_bands=in_bands)
    first = bands[..., 0] if kind == "minisblack" else 255 - bands[..., 0]
    assert (page.pixels[0:20][..., 0] == first).all()
    assert page.remarks == ("it has 8 channels, of which only the first is read",)


@pytest.mark.parametrize(
    ("kind", "expected"), [("minisblack", [0, 255, 255, 0]), ("miniswhite", [255, 255, 0, 255])]
)
def test_float_with_nan(tmp_path, kind, expected):
    path = tmp_path / "page.tif"
    values = np.array([[-50, np.nan, 50, -np.inf]], np.float32)
    tifffile.imwrite(path, values, photometric=kind, metadata=None)
    assert read(path).pixels[0, :, 0].tolist() == expected


def test_lab_of_sixteen_bits_is_refused_by_name(tmp_path):
    path = tmp_path / "page.tif"
    tifffile.imwrite(
        path,
        np.zeros((4, 4, 3), np.uint16),
        photometric="cielab",
        planarconfig="contig",
        metadata=None,
    )
    with pytest.raises(PageError, match="unknown kind"):
        read(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_the_same_with_both_libraries(tmp_path, ramp, orientation):
    pages = []
    for name, data in (("pillow.tif", ramp), ("tifffile.tif", wide(ramp))):
        path = tmp_path / name
        tag = (274, 3, 1, orientation, False)
        tifffile.imwrite(
            path, data, photometric="rgb", extratags=[tag], resolution=(300, 200), metadata=None
        )
        pages.append(read(path))
    assert (pages[0].pixels == pages[1].pixels).all()
    expected = (200.0, 300.0) if orientation > 4 else (300.0, 200.0)
    assert pages[0].dpi == pages[1].dpi == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["gray", "palette", "rgba", "cmyk"])
def test_uncompressed_pages_of_one_strip_are_turned(tmp_path, orientation, kind):
    """Pillow maps such files into memory, and took width for height then."""
    gray = np.arange(35 * 50, dtype=np.uint32).reshape(35, 50).astype(np.uint8)
    full = np.full_like(gray, 255)
    colours = np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)
    data, kinds = {
        "gray": (gray, {"photometric": "minisblack"}),
        "palette": (gray, {"photometric": "palette", "colormap": colours}),
        "rgba": (np.dstack([gray] * 3 + [full]), {"photometric": "rgb", "extrasamples": [2]}),
        "cmyk": (np.dstack([full - full] * 3 + [255 - gray]), {"photometric": "separated"}),
    }[kind]
    path = tmp_path / "page.tif"
    tag = (274, 3, 1, orientation, False)
    tifffile.imwrite(path, data, extratags=[tag], metadata=None, **kinds)
    turns = [gray, gray[:, ::-1], gray[::-1, ::-1], gray[::-1]]
    turns += [gray.T, np.rot90(gray, -1), gray[::-1, ::-1].T, np.rot90(gray)]
    np.testing.assert_array_equal(read(path).pixels[..., 0], turns[orientation - 1])


@pytest.mark.parametrize(
    ("unit", "dpi"),
    [("INCH", (118.11, 118.11)), ("CENTIMETER", (300.0, 300.0)), ("NONE", None)],
)
@pytest.mark.parametrize("bigtiff", [False, True])
def test_unit_of_resolution(tmp_path, ramp, unit, dpi, bigtiff):
    path = tmp_path / "page.tif"
    tifffile.imwrite(
        path,
        ramp,
        photometric="rgb",
        resolution=(118.11, 118.11),
        resolutionunit=unit,
        bigtiff=bigtiff,
        metadata=None,
    )
    assert read(path).dpi == dpi


def test_second_library_is_silent(tmp_path, capfd):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, np.zeros((20, 20), np.uint16), compression="deflate", metadata=None)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(PageError, match="truncated"):
        list(read_pages(path))
    assert capfd.readouterr().err == ""
    assert logging.getLogger("tifffile").level == logging.NOTSET


def test_libraries_print_nothing(tmp_path, ramp, capfd):
    webp, damaged = tmp_path / "webp.tif", tmp_path / "damaged.tif"
    tifffile.imwrite(webp, ramp, photometric="rgb", compression="webp", metadata=None)
    assert read(webp).pixels.shape == ramp.shape
    Image.fromarray(ramp).save(damaged, compression="tiff_lzw")
    content = bytearray(damaged.read_bytes())
    content[20:60] = b"\xff" * 40
    damaged.write_bytes(content)
    with pytest.raises(PageError):
        read(damaged)
    many, big = tmp_path / "many.tif", tmp_path / "big.tif"
    tifffile.imwrite(many, np.zeros((20, 30, 8), np.uint8), planarconfig="contig", metadata=None)
    assert read(many).pixels.shape == (20, 30, 3)
    tifffile.imwrite(big, ramp, photometric="rgb", bigtiff=True, byteorder=">", metadata=None)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert read(big).pixels.shape == ramp.shape
        assert warnings.filters[0][0] == "always"
    assert warned == []
    assert capfd.readouterr() == ("", "")
