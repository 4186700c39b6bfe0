import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from docbin_napari.io import sniff
from docbin_napari.io.sniff import napari_can_read


@pytest.mark.parametrize(
    ("compression", "expected"),
    [
        (None, True),
        ("packbits", True),
        ("tiff_adobe_deflate", True),
        ("tiff_lzw", False),
        ("group3", False),
        ("group4", False),
        ("zstd", False),
    ],
)
def test_compressions(tmp_path, compression, expected):
    path = tmp_path / "page.tif"
    Image.new("1", (40, 30)).save(path, compression=compression)
    assert napari_can_read(path) is expected


@pytest.mark.parametrize(("second", "expected"), [((30, 40), True), ((30, 41), False)])
def test_pages_of_unequal_size(tmp_path, second, expected):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for shape in ((30, 40), second):
            writer.write(np.zeros(shape, np.uint8), metadata=None)
    assert napari_can_read(path) is expected


def test_pages_of_unequal_kind(tmp_path):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for dtype in (np.uint8, np.uint16):
            writer.write(np.zeros((30, 40), dtype), metadata=None)
    assert not napari_can_read(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".jp2"])
def test_other_images(tmp_path, suffix):
    path = tmp_path / f"page{suffix}"
    Image.new("RGB", (40, 30)).save(path)
    assert napari_can_read(path)


def test_pdf(tmp_path):
    path = tmp_path / "page.pdf"
    Image.new("RGB", (40, 30)).save(path)
    assert not napari_can_read(path)


def test_image_over_the_limit_of_pillow(tmp_path, monkeypatch):
    path = tmp_path / "page.png"
    Image.new("1", (400, 300)).save(path)
    assert napari_can_read(path)
    monkeypatch.setattr(sniff, "_PILLOW_REFUSES", 400 * 300 - 1)
    assert not napari_can_read(path)


def test_cut_tiff(tmp_path):
    path = tmp_path / "page.tif"
    path.write_bytes(b"II*\0\xff\xff\0\0")
    assert not napari_can_read(path)


def test_what_is_no_image_is_left_to_others(tmp_path):
    path = tmp_path / "page.txt"
    path.write_text("dear sir or madam")
    assert napari_can_read(path)
    assert napari_can_read(tmp_path)
    assert napari_can_read(tmp_path / "nothing.tif")


COMPRESSIONS = ["deflate", "adobe_deflate", "packbits", "lzma", "lzw", "zstd", "jpeg", "jpeg2000"]


def test_answers_are_those_of_tifffile_alone(tmp_path):
    """What is said to be readable is read where there is no imagecodecs, and only that."""
    paths = []
    for dtype in (np.uint8, np.uint16, np.float32):
        for compression in [None, *COMPRESSIONS]:
            if dtype == np.float32 and compression in ("jpeg", "jpeg2000"):
                continue
            if dtype == np.uint16 and compression == "jpeg":
                continue
            paths.append(tmp_path / f"{np.dtype(dtype)}-{compression}.tif")
            data = np.arange(1600, dtype=dtype).reshape(40, 40)
            predictor = compression in ("deflate", "lzw", "zstd")
            tifffile.imwrite(
                paths[-1], data, compression=compression, predictor=predictor, metadata=None
            )
    expected = {path.name: napari_can_read(path) for path in paths}
    assert len(set(expected.values())) == 2
    assert json.loads(read_by_tifffile_alone(paths)) == expected


def read_by_tifffile_alone(paths):
    code = """if True:
        import json, sys
        from pathlib import Path
        sys.modules["imagecodecs"] = None
        import tifffile
        answers = {}
        for name in sys.argv[1:]:
            try:
                answers[Path(name).name] = tifffile.imread(name).shape == (40, 40)
            except Exception:
                answers[Path(name).name] = False
        print(json.dumps(answers))
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=True
    )
    return done.stdout
