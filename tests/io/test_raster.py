import struct
import threading
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from docbin_napari.io import raster
from docbin_napari.io.page import clean_dpi, read_pages
from docbin_napari.io.raster import FIRST_ONLY, image_rows, without_pillow_limit
from docbin_napari.io.rgb import STRETCHED, upright

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x0112, 0x011A, 0x011B, 0x0128


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
PASSES += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data, check=None):
    checked = kind + data
    crc = struct.pack(">I", zlib.crc32(checked) if check is None else check)
    return struct.pack(">I", len(data)) + checked + crc


def png(width, bits, row, transparent=None):
    """A gray PNG file of one row by hand, for kinds that Pillow does not write."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, 0, 0, 0, 0))
    key = b"" if transparent is None else chunk(b"tRNS", struct.pack(">H", transparent))
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + header + key + data + chunk(b"IEND", b"")


def deep_png(values, *, interlaced=False, transparent=None, turned=False):
    """A PNG file of 16-bit colours by hand, uint16 (H, W, 2 to 4)."""
    height, width, samples = values.shape
    kind = {2: 4, 3: 2, 4: 6}[samples]
    parts = PASSES if interlaced else [(0, 0, 1, 1)]
    rows = [row for x, y, dx, dy in parts for row in values[y::dy, x::dx] if row.size]
    pixels = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    content = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, interlaced))
    if transparent is not None:
        content += chunk(b"tRNS", np.array(transparent, ">u2").tobytes())
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    content += chunk(b"eXIf", exif.tobytes()[6:]) if turned else b""
    return (
        b"\x89PNG\r\n\x1a\n" + content + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    )


def rgb_pixels(image):
    return upright(image_rows(image))


def read(path):
    (page,) = read_pages(path)
    return page


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_gray_png_of_few_bits(tmp_path, bits):
    step = 255 // (2**bits - 1)
    values = np.arange(2**bits, dtype=np.uint8)
    wide = np.unpackbits(values[:, np.newaxis], axis=1)[:, -bits:].reshape(-1)
    path = tmp_path / "page.png"
    path.write_bytes(png(values.size, bits, np.packbits(wide).tobytes()))
    assert read(path).pixels[0, :, 0].tolist() == (values * step).tolist()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_png_of_few_bits(tmp_path, bits):
    path = tmp_path / "page.png"
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(path, bits=bits)
    assert read(path).pixels[0].tolist() == [[10, 20, 30], [40, 50, 60]]


def test_sixteen_bit_gray_png(tmp_path):
    path = tmp_path / "page.png"
    values = np.array([[0, 257, 1000, 65535]], np.uint16)
    Image.fromarray(values).save(path)
    assert read(path).pixels[0, :, 1].tolist() == [0, 1, 4, 255]


def test_transparent_gray_of_sixteen_bits_is_white(tmp_path):
    path = tmp_path / "page.png"
    rows = np.array([1000, 40000, 50000], ">u2").tobytes()
    path.write_bytes(png(3, 16, rows, transparent=40000))
    assert read(path).pixels[0, :, 0].tolist() == [4, 255, 195]


LONG = zlib.compress(bytes(2 << 20))
WORDS = {
    "a long profile": chunk(b"iCCP", b"name\0\0" + LONG),
    "a long packed text": chunk(b"zTXt", b"name\0\0" + LONG),
    "a long text of other letters": chunk(b"iTXt", b"name\0\1\0en\0Name\0" + LONG),
    "a text that is longer than allowed for all": chunk(b"tEXt", b"name\0" + b"a" * (65 << 20)),
    "many texts": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 19))) * 150,
    "a damaged text": chunk(b"tEXt", b"Author\0me", check=5),
    "a profile that is no stream": chunk(b"iCCP", b"name\0\0no stream"),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("behind", [False, True])
def test_words_of_a_png_do_not_matter(tmp_path, gray_ramp, words, behind):
    path = tmp_path / "page.png"
    Image.fromarray(gray_ramp).save(path, dpi=(300, 300))
    content = path.read_bytes()
    place = content.index(b"IEND" if behind else b"pHYs") - 4
    path.write_bytes(content[:place] + words + content[place:])
    page = read(path)
    assert (page.pixels[..., 0] == gray_ramp).all()
    assert page.dpi == (300.0, 300.0)


def test_a_turned_png_keeps_its_words(tmp_path, gray_ramp):
    """Its orientation may stand in them."""
    path = tmp_path / "page.png"
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
    Image.fromarray(gray_ramp).save(path, pnginfo=info)
    assert (read(path).pixels[..., 0] == np.rot90(gray_ramp, -1)).all()


def test_sixteen_bit_rgb_png(tmp_path, ramp):
    path = tmp_path / "page.png"
    path.write_bytes(imagecodecs.png_encode(ramp.astype(np.uint16) * 257))
    assert (read(path).pixels == ramp).all()


TEN_BITS = np.random.default_rng(0).integers(0, 1024, (30, 40, 3)).astype(np.uint16)
OPAQUE = np.dstack([TEN_BITS, np.full((30, 40), 65535, np.uint16)])
ABSENT = (5000, 5000, 5000)
DEEP = {
    "turned.png": lambda: deep_png(TEN_BITS[::-1, ::-1], turned=True),
    "transparent.png": lambda: deep_png(TEN_BITS, transparent=ABSENT),
    "interlaced.png": lambda: deep_png(TEN_BITS, interlaced=True),
    "interlaced, transparent.png": lambda: deep_png(TEN_BITS, interlaced=True, transparent=ABSENT),
    "interlaced, alpha.png": lambda: deep_png(OPAQUE, interlaced=True),
    "raw.ppm": lambda: b"P6\n# 9 9 9\n40 30\n65535\n" + TEN_BITS.astype(">u2").tobytes(),
    "plain.ppm": lambda: b"P3 40 30 65535 " + " ".join(map(str, TEN_BITS.ravel())).encode(),
    "its own.ppm": lambda: b"P6 40 30 1023 " + TEN_BITS.astype(">u2").tobytes(),
    "box.jp2": lambda: imagecodecs.jpeg2k_encode(TEN_BITS, codecformat="jp2"),
    "stream.j2k": lambda: imagecodecs.jpeg2k_encode(TEN_BITS, codecformat="j2k"),
    "alpha.jp2": lambda: imagecodecs.jpeg2k_encode(OPAQUE, codecformat="jp2"),
    "its own.jp2": lambda: imagecodecs.jpeg2k_encode(TEN_BITS, bitspersample=10),
}


@pytest.mark.parametrize("name", DEEP)
def test_colours_of_ten_bits_are_no_black_page(tmp_path, capfd, name):
    (tmp_path / name).write_bytes(DEEP[name]())
    page = read(tmp_path / name)
    assert np.abs(page.pixels - TEN_BITS / 1023 * 255).max() <= 1
    assert page.remarks == (() if "own" in name else (STRETCHED,))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_transparent_colour_of_sixteen_bits_is_white(tmp_path, interlaced):
    values = TEN_BITS * 64
    content = deep_png(values, interlaced=interlaced, transparent=values[3, 5])
    (tmp_path / "page.png").write_bytes(content)
    expected = np.rint(values / 257)
    expected[3, 5] = 255
    assert np.abs(read(tmp_path / "page.png").pixels - expected).max() <= 1


def test_transparent_paper_of_ten_bits_does_not_decide_the_range(tmp_path):
    path = tmp_path / "page.png"
    rows = np.array([100, 500, 1000], ">u2").tobytes()
    path.write_bytes(png(3, 16, rows, transparent=1000))
    assert read(path).pixels[0, :, 0].tolist() == [25, 125, 255]


def test_sixteen_bit_pgm_is_not_stretched(tmp_path):
    path = tmp_path / "page.pgm"
    path.write_bytes(b"P5 2 1 65535\n" + np.array([25700, 51400], ">u2").tobytes())
    assert read(path).pixels[0, :, 0].tolist() == [100, 200]


def test_palette_with_transparency_is_laid_over_white(tmp_path):
    path = tmp_path / "page.png"
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 0, 0, 0])
    image.save(path, transparency=bytes([255, 0, 51]))
    assert read(path).pixels[0].tolist() == [[10, 20, 30], [255] * 3, [204] * 3]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_transparent_colour_is_white(tmp_path, mode):
    path = tmp_path / "page.png"
    image = Image.new(mode, (2, 1), 0 if mode == "L" else (0, 0, 0))
    image.putpixel((1, 0), 80 if mode == "L" else (80, 80, 80))
    image.save(path, transparency=0 if mode == "L" else (0, 0, 0))
    assert read(path).pixels[0, :, 0].tolist() == [255, 80]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_png(tmp_path, mode):
    path = tmp_path / "page.png"
    Image.merge(
        mode, [Image.new("L", (2, 2), value) for value in (0,) * (len(mode) - 1) + (51,)]
    ).save(path)
    assert (read(path).pixels == 204).all()


def test_cmyk_jpeg(tmp_path):
    path = tmp_path / "page.jpg"
    Image.new("CMYK", (16, 16), (0, 0, 0, 255)).save(path, quality=95)
    assert read(path).pixels.max() < 5
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(path, quality=95)
    assert read(path).pixels.min() > 250


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"]
)
def test_every_mode_shows_what_pillow_shows(gray_ramp, mode):
    image = Image.fromarray(gray_ramp).convert("RGB").convert(mode)
    expected = np.asarray(image.convert("RGB"))
    assert (rgb_pixels(image) == expected).all()


@pytest.mark.parametrize("mode", ["RGBa", "La"])
def test_alpha_multiplied_into_the_colour(mode):
    image = Image.new(mode.upper(), (2, 1), (0,) * (len(mode) - 1) + (51,)).convert(mode)
    assert (rgb_pixels(image) == 204).all()


def test_palette_with_alpha():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30])
    image = image.convert("PA")
    image.putalpha(0)
    assert (rgb_pixels(image) == 255).all()


def test_lab_shows_gray_as_gray(gray_ramp):
    rgb = Image.fromarray(gray_ramp).convert("RGB")
    lab = ImageCms.profileToProfile(
        rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert np.abs(rgb_pixels(lab).astype(int) - np.asarray(rgb)).max() <= 3


@pytest.mark.parametrize("mode", ["I", "F"])
def test_wide_values_are_stretched_over_the_whole_page(mode):
    ramp = np.linspace(-1000, 3000, 800 * 700).reshape(800, 700)
    pixels = rgb_pixels(Image.fromarray(ramp.astype(np.int32 if mode == "I" else np.float32)))
    assert (pixels[0, 0, 0], pixels[-1, -1, 0]) == (0, 255)
    assert np.diff(pixels[:, 0, 0].astype(int)).min() >= 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".jpg"])
def test_orientation_is_applied_and_dpi_turned_with_it(tmp_path, ramp, orientation, suffix):
    path = tmp_path / f"page{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[X_RESOLUTION], exif[Y_RESOLUTION], exif[UNIT] = 300.0, 200.0, 2
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100, "subsampling": 0}}
    dpi = {} if suffix == ".webp" else {"dpi": (300, 200)}
    Image.fromarray(ramp).save(path, exif=exif, **dpi, **options.get(suffix, {}))
    page = read(path)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert (page.pixels == upright).all()
    assert page.dpi == ((200.0, 300.0) if orientation > 4 else (300.0, 200.0))


@pytest.mark.parametrize("dpi", [(300, 300), (72, 72), (96, 96), (600, 200), (1200, 1200)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_dpi_comes_back_as_written(tmp_path, ramp, dpi, suffix):
    path = tmp_path / f"page{suffix}"
    Image.fromarray(ramp).save(path, dpi=dpi)
    assert read(path).dpi == dpi


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".jp2", ".tif", ".ppm"])
def test_no_dpi_is_made_up(tmp_path, ramp, suffix):
    path = tmp_path / f"page{suffix}"
    Image.fromarray(ramp).save(path)
    assert read(path).dpi is None


def test_jpeg_with_exif_but_no_resolution_has_no_dpi(tmp_path, ramp):
    path = tmp_path / "page.jpg"
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(ramp).save(path, exif=exif)
    assert read(path).dpi is None


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
@pytest.mark.parametrize(
    ("tag", "kind", "value"),
    [
        *[(ORIENTATION, 1, b"\6"), (ORIENTATION, 7, b"\6"), (ORIENTATION, 2, b"6\0")],
        *[(ORIENTATION, 2, b"up\0"), (ORIENTATION, 7, b"abcd"), (ORIENTATION, 1, b"")],
        *[(X_RESOLUTION, 2, b"dpi\0"), (X_RESOLUTION, 7, b"abcd"), (UNIT, 2, b"in\0")],
    ],
)
def test_exif_of_the_wrong_type_does_not_matter(tmp_path, ramp, suffix, tag, kind, value):
    path = tmp_path / f"page{suffix}"
    entries = [(tag, kind, len(value), value)]
    entries += [(UNIT, 3, 1, b"\2")] if tag == X_RESOLUTION else []
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries))
    exif += b"".join(struct.pack("<HHI4s", *entry) for entry in entries) + bytes(4)
    Image.fromarray(ramp).save(path, exif=exif, lossless=True)
    page = read(path)
    is_turned = b"6" in value or b"\6" in value
    assert page.pixels.shape == (ramp.transpose(1, 0, 2) if is_turned else ramp).shape
    assert page.dpi is None


@pytest.mark.parametrize("words", ["\nexif\n  20\nzz not hex\n", "\nexif\n   4\n00000000\n"])
def test_a_damaged_profile_of_exif_does_not_matter(tmp_path, gray_ramp, words):
    path = tmp_path / "page.png"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", words, zip=True)
    Image.fromarray(gray_ramp).save(path, pnginfo=info)
    assert (read(path).pixels[..., 0] == gray_ramp).all()


def test_jpeg_resolution_in_centimetres(tmp_path, ramp):
    path = tmp_path / "page.jpg"
    Image.fromarray(ramp).save(path, dpi=(100, 100))
    jpeg = bytearray(path.read_bytes())
    unit = jpeg.index(b"JFIF\0") + 7
    assert jpeg[unit] == 1
    jpeg[unit] = 2
    path.write_bytes(jpeg)
    assert read(path).dpi == (254.0, 254.0)


@pytest.mark.parametrize(
    "dpi",
    [
        *(None, (0, 300), (float("nan"), 1), (float("inf"), 1), (-1, 1), (1,), "ab"),
        *((0.001, 300), (4e9, 300)),
    ],
)
def test_nonsense_is_no_resolution(dpi):
    assert clean_dpi(dpi) is None


def test_only_the_first_picture_of_an_animation_counts(tmp_path, ramp):
    path = tmp_path / "page.webp"
    first = Image.fromarray(ramp)
    first.save(path, save_all=True, append_images=[Image.new("RGB", first.size)], lossless=True)
    page = read(path)
    assert page.count == 1
    assert (page.pixels == ramp).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "HEIF", "MPO"])
@pytest.mark.parametrize("large", [False, True])
def test_further_pictures_are_not_passed_over_in_silence(tmp_path, ramp, monkeypatch, kind, large):
    monkeypatch.setattr(raster, "QUICK_PAGE", 1 if large else 1 << 40)
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener(thumbnails=False)
    if kind == "AVIF":
        pytest.importorskip("PIL.AvifImagePlugin")
    path = tmp_path / "page.xyz"
    first = Image.fromarray(ramp)
    first.save(path, kind)
    alone = read(path)
    assert alone.remarks == ()
    first.save(path, kind, save_all=True, append_images=[Image.new("RGB", first.size, "red")])
    page = read(path)
    # What telephones put behind a JPEG is a preview of it.
    assert page.remarks == (() if kind == "MPO" else (FIRST_ONLY,))
    assert page.pixels.shape == alone.pixels.shape


@pytest.mark.parametrize("between", [b"", b"\n"])
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        *[(b"P4 11 3\n", 6), (b"P5 11 3 255\n", 33), (b"P5 11 3 99\n", 33)],
        *[(b"P5 11 3 999\n", 66), (b"P5 11 3 65535\n", 66)],
        *[(b"P6 11 3 255\n", 99), (b"P6 11 3 99\n", 99), (b"P6 11 3 999\n", 198)],
    ],
)
def test_several_pictures_of_pnm_are_not_passed_over_in_silence(tmp_path, kind, size, between):
    path = tmp_path / "book.pnm"
    # What looks like a header may lie in the pixels.
    path.write_bytes(kind + bytes(size - 4) + b"\0P4\n" + between)
    assert FIRST_ONLY not in read(path).remarks
    path.write_bytes(path.read_bytes() * 3)
    page = read(path)
    assert FIRST_ONLY in page.remarks
    assert page.pixels.shape == (3, 11, 3)


@pytest.mark.parametrize("container", [False, True])
def test_an_animation_of_jpeg_xl_is_not_passed_over_in_silence(tmp_path, ramp, container):
    path = tmp_path / "page.jxl"
    path.write_bytes(imagecodecs.jpegxl_encode(ramp, usecontainer=container))
    assert read(path).remarks == ()
    frames = np.stack([ramp, ramp[::-1]])
    path.write_bytes(imagecodecs.jpegxl_encode(frames, lossless=True, usecontainer=container))
    page = read(path)
    assert page.remarks == (FIRST_ONLY,)
    assert (page.pixels == ramp).all()


def test_lift_of_two_threads_ends_with_the_last(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with without_pillow_limit():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(5)
    with without_pillow_limit():
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    thread.join()
    assert Image.MAX_IMAGE_PIXELS == 10


def test_an_alpha_channel_of_a_bmp_that_nobody_filled_in_hides_nothing(tmp_path):
    path = tmp_path / "page.bmp"
    page = np.full((20, 30, 4), 230, np.uint8)
    page[5:9, 5:25, :3] = 40
    page[..., 3] = 0
    # Pillow writes no alpha masks: the header of Photoshop and others, BITMAPV4HEADER.
    masks = struct.pack("<4L", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<LllHHLLllLL", 108, 30, -20, 1, 32, 3, page.nbytes, 0, 0, 0, 0)
    header = info + masks + bytes(108 - 40 - 16)
    start = 14 + len(header)
    path.write_bytes(
        struct.pack("<2sLLL", b"BM", start + page.nbytes, 0, start) + header + page.tobytes()
    )
    assert next(read_pages(path)).pixels[:].tolist() == page[..., :3].tolist()
    page[5:9, 5:25, 3] = 255
    path.write_bytes(
        struct.pack("<2sLLL", b"BM", start + page.nbytes, 0, start) + header + page.tobytes()
    )
    assert next(read_pages(path)).pixels[0, 0].tolist() == [255, 255, 255]
