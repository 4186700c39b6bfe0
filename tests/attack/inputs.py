"""Small whole files of every kind that the program reads, to be damaged."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageDraw

from docbin_napari.io.mask import write_mask
from docbin_napari.pairs.drafts import Draft, PageKey, keep_ink, write_draft
from docbin_napari.pairs.work_list import STATE_FILE, open_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = (150, 110)
KEY = PageKey("0" * 24, "/pages/letter.png", 1)
HOW = "general-1 fast"


def letter() -> Image.Image:
    """A page of writing, RGB."""
    page = Image.new("RGB", SIZE, (230, 225, 210))
    draw = ImageDraw.Draw(page)
    for top in range(8, 100, 14):
        draw.text((6, top), "Words of a letter", fill=(40, 30, 30))
    return page


def whole_files(kind: str, model: Path, folder: Path) -> dict[str, bytes]:
    """Make the whole files of a kind.

    Parameters
    ----------
    kind : {"page", "mask", "zip", "model", "state"}
        What they are read as.
    model : Path
        A small model file.
    folder : Path
        An empty folder to work in.

    Returns
    -------
    dict of str to bytes
        By name, with the suffix of each.
    """
    if kind == "model":
        return {"model.safetensors": model.read_bytes()}
    return dict(_MAKERS[kind](folder))


def _pages(_: Path) -> Iterator[tuple[str, bytes]]:
    page = letter()
    gray = np.asarray(page.convert("L"))
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA"):
        yield f"{mode}.png", _saved(page.convert(mode), "PNG")
    yield "sixteen.png", _saved(Image.fromarray(gray.astype(np.uint16) * 200), "PNG")
    yield "plain.jpg", _saved(page, "JPEG")
    yield "progressive.jpg", _saved(page, "JPEG", progressive=True)
    yield "cmyk.jpg", _saved(page.convert("CMYK"), "JPEG")
    yield "restarts.jpg", _saved(page, "JPEG", restart_marker_rows=1)
    for kind in ("WEBP", "GIF", "BMP", "JPEG2000", "PPM", "AVIF", "PDF"):
        yield f"page.{kind.lower()}", _saved(page, kind)
    yield "page.jxl", imagecodecs.jpegxl_encode(np.asarray(page))
    yield "page.j2c", imagecodecs.jpeg2k_encode(gray, codecformat="j2k")
    yield from _tiffs(page, gray)


def _tiffs(page: Image.Image, gray: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
    for packing in ("group3", "group4"):
        yield f"{packing}.tif", _saved(page.convert("1"), "TIFF", compression=packing)
    for packing in ("raw", "tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits"):
        yield f"{packing}.tif", _saved(page, "TIFF", compression=packing)
    yield "cmyk.tif", _saved(page.convert("CMYK"), "TIFF")
    yield "lab.tif", _saved(page.convert("LAB"), "TIFF")
    more = [page.convert("L")] * 3
    yield "pages.tif", _saved(page.convert("L"), "TIFF", save_all=True, append_images=more)
    options: dict[str, dict[str, Any]] = {
        "tiles": {"tile": (32, 32), "compression": "zlib", "predictor": True},
        "big": {"bigtiff": True, "rowsperstrip": 16},
        "webp": {"compression": "webp"},
        "zstd": {"compression": "zstd"},
    }
    colours = np.asarray(page)
    for name, kind in options.items():
        yield f"{name}.tif", _tiff(colours, photometric="rgb", **kind)
    planes = {"planarconfig": "separate", "photometric": "rgb"}
    yield "planes.tif", _tiff(np.moveaxis(colours, 2, 0), **planes)
    yield "sixteen.tif", _tiff(gray.astype(np.uint16) * 16)
    yield "float.tif", _tiff(gray.astype(np.float32) / 255)


def _masks(folder: Path) -> Iterator[tuple[str, bytes]]:
    ink = np.asarray(letter().convert("L")) < 128
    for suffix in (".png", ".tif"):
        yield f"own{suffix}", write_mask(folder / f"own{suffix}", ink).read_bytes()
    gray = Image.fromarray(np.where(ink, np.uint8(0), np.uint8(255)))
    yield "unlabelled.png", _saved(gray.point(lambda value: value or 128), "PNG")
    yield "palette.png", _saved(gray.convert("P"), "PNG")
    yield "gray.bmp", _saved(gray, "BMP")


def _zips(folder: Path) -> Iterator[tuple[str, bytes]]:
    page = _saved(letter().convert("L"), "PNG")
    mask = next(_masks(folder))[1]
    layouts = {
        "gt.zip": {"set/a.png": page, "set/a_gt.png": mask, "set/b.png": page},
        "folders.zip": {"images/a.png": page, "masks/a.png": mask, "readme.txt": b"words"},
    }
    for name, entries in layouts.items():
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for entry, content in entries.items():
                packed.writestr(entry, content)
        yield name, buffer.getvalue()


def _states(folder: Path) -> Iterator[tuple[str, bytes]]:
    labels = (np.asarray(letter().convert("L")) < 128).astype(np.uint8)
    draft = Draft(labels, reviewed=b"some windows", model="general-1")
    yield "page.draft", write_draft(folder, KEY, draft).read_bytes()
    kept = keep_ink(folder, KEY, labels * np.uint8(255), HOW)
    yield kept.name, kept.read_bytes()
    yield (
        "panels.json",
        b'{"datasets_used": "/data\\n/more", "model": "general-1", "preset": "fast"}',
    )
    letter().save(folder / "page.png")
    listed = open_list(folder, folder)
    listed.set_state(0, "saved", "letter")
    yield STATE_FILE, (folder / STATE_FILE).read_bytes()


_MAKERS: dict[str, Callable[[Path], Iterator[tuple[str, bytes]]]] = {
    "page": _pages,
    "mask": _masks,
    "zip": _zips,
    "state": _states,
}
KINDS = (*_MAKERS, "model")


def _saved(page: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, kind, **options)
    return buffer.getvalue()


def _tiff(values: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()
