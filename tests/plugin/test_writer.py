"""Labels become the files that archives keep, and come back the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import MaskError, read_ground_truth
from docbin_napari.io.page import read_pages
from docbin_napari.plugin.writer import write_ink

if TYPE_CHECKING:
    from pathlib import Path


def meta(dpi: Any = None, **others: Any) -> dict[str, Any]:
    """Attributes of a layer."""
    return {"name": "Ink of letter", "metadata": {"dpi": dpi}, **others}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".TIF"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_ink_becomes_black_in_one_bit_and_the_resolution_stays(
    tmp_path: Path, one_stroke: Any, suffix: str, dtype: Any
) -> None:
    path = tmp_path / f"letter{suffix}"
    assert write_ink(str(path), one_stroke.ink.astype(dtype), meta((300, 150))) == [str(path)]
    with Image.open(path) as image:
        assert image.mode == "1"
        if suffix != ".png":
            assert image.info["compression"] == "group4"
        assert np.array_equal(~np.asarray(image), one_stroke.ink)
        assert np.allclose(image.info["dpi"], (300, 150), atol=0.05)


def test_a_stack_becomes_one_tiff_of_many_pages(tmp_path, one_stroke, no_ink) -> None:
    stack = np.stack([one_stroke.ink, no_ink.ink]).astype(np.uint8)
    path = tmp_path / "book.tif"
    write_ink(str(path), stack, meta([(300, 300), (150, 150)]))
    pages = list(read_pages(path))
    assert [page.dpi for page in pages] == [(300, 300), (150, 150)]
    assert [bool((page.pixels == 0).any()) for page in pages] == [True, False]


def test_a_stack_becomes_numbered_png_files(tmp_path, one_stroke) -> None:
    stack = np.repeat(one_stroke.ink[np.newaxis], 10, axis=0).astype(np.uint8)
    written = write_ink(str(tmp_path / "book.png"), stack, meta((300, 300)))
    assert [name[-6:] for name in (written[0], written[-1])] == ["01.png", "10.png"]
    assert sorted(str(path) for path in tmp_path.iterdir()) == written
    assert next(read_pages(written[4])).dpi == pytest.approx((300, 300), abs=0.05)


def test_unlabelled_pixels_are_kept_in_png_and_refused_in_tiff(tmp_path, one_stroke) -> None:
    labels = one_stroke.ink.astype(np.uint8)
    labels[:5] = 2
    write_ink(str(tmp_path / "a.png"), labels, meta())
    truth = read_ground_truth(tmp_path / "a.png")
    assert np.array_equal(truth.ink, labels == 1)
    assert np.array_equal(truth.labelled, labels != 2)
    with pytest.raises(MaskError, match=r"unlabelled.*save as PNG"):
        write_ink(str(tmp_path / "a.tif"), labels, meta())
    assert not (tmp_path / "a.tif").exists()


@pytest.mark.parametrize("value", [3, 1000, -1])
def test_labels_that_are_no_ink_are_refused(tmp_path, value) -> None:
    cells = np.zeros((4, 4), np.int32)
    cells[0, 0] = value
    with pytest.raises(MaskError, match="only ink can be saved"):
        write_ink(str(tmp_path / "a.png"), cells, meta())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(2, 2, 2, 2), (4,), (0, 3)])
def test_labels_that_are_no_page_are_refused(tmp_path, shape) -> None:
    with pytest.raises(MaskError, match="neither a page nor a stack"):
        write_ink(str(tmp_path / "a.png"), np.zeros(shape, np.uint8), meta())


def test_full_resolution_of_multiscale_labels_is_saved(tmp_path, one_stroke) -> None:
    labels = one_stroke.ink.astype(np.uint8)
    write_ink(str(tmp_path / "a.png"), [labels, labels[::2, ::2]], meta(multiscale=True))
    assert np.array_equal(read_ground_truth(tmp_path / "a.png").ink, one_stroke.ink)


@pytest.mark.parametrize("dpi", [None, "300", [(300, 300)] * 5])
def test_a_resolution_that_makes_no_sense_is_left_out(tmp_path, one_stroke, dpi) -> None:
    write_ink(str(tmp_path / "a.png"), one_stroke.ink.astype(np.uint8), meta(dpi))
    assert next(read_pages(tmp_path / "a.png")).dpi is None
