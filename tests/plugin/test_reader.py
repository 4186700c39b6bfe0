"""Documents and training folders become layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from docbin_napari.io.errors import PageError, PairError
from docbin_napari.io.mask import write_mask
from docbin_napari.io.raster import FIRST_ONLY
from docbin_napari.io.rgb import STRETCHED
from docbin_napari.pairs.pair import write_pair
from docbin_napari.plugin import reader
from docbin_napari.plugin.reader import get_reader, read_document, read_layers, side_by_side

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mixed(tmp_path: Path, one_stroke: Any) -> Path:
    """Three pages, the second one smaller and of another resolution."""
    pages = [one_stroke.ink, one_stroke.ink[:20], one_stroke.ink]
    return write_mask(tmp_path / "mixed.tif", pages, dpi=[(300, 300), (150, 150), (300, 300)])


def test_a_page_of_a_g4_file_keeps_its_resolution(tmp_path, one_stroke) -> None:
    path = write_mask(tmp_path / "letter.tif", one_stroke.ink, dpi=(400, 200))
    ((data, meta, kind),) = read_document(path)
    assert np.array_equal(data[..., 0] == 0, one_stroke.ink)
    assert (meta["name"], kind) == ("letter", "image")
    assert meta["metadata"] == {"dpi": (400.0, 200.0), "source": str(path), "page": 1}


def test_a_file_is_known_by_its_whole_path(tmp_path, one_stroke, monkeypatch) -> None:
    write_mask(tmp_path / "letter.tif", one_stroke.ink)
    monkeypatch.chdir(tmp_path)
    ((_, meta, _),) = read_document("letter.tif")
    assert meta["metadata"]["source"] == str(tmp_path / "letter.tif")


def test_pages_of_one_size_become_a_stack(tmp_path, one_stroke, no_ink) -> None:
    pages = [one_stroke.ink, no_ink.ink, one_stroke.ink]
    path = write_mask(tmp_path / "book.tif", pages, dpi=(300, 300))
    ((data, meta, _),) = read_document(path)
    assert np.array_equal(data[..., 1] == 0, np.stack(pages))
    assert meta["metadata"] == {"dpi": (300.0, 300.0), "source": str(path), "page": None}


def test_a_stack_of_several_resolutions_keeps_each(tmp_path, one_stroke) -> None:
    path = write_mask(tmp_path / "b.tif", [one_stroke.ink] * 2, dpi=[(300, 300), (150, 150)])
    ((_, meta, _),) = read_document(path)
    assert meta["metadata"]["dpi"] == [(300.0, 300.0), (150.0, 150.0)]


def test_remarks_on_pages_are_shown_once(tmp_path, one_stroke) -> None:
    animation, letter = tmp_path / "page.webp", tmp_path / "letter.tif"
    first = Image.fromarray(one_stroke.pixels)
    first.save(animation, save_all=True, append_images=[Image.new("RGB", first.size)])
    with pytest.warns(UserWarning, match=f"page.webp: {FIRST_ONLY}"):
        read_layers([str(animation)])
    deep = np.stack([one_stroke.pixels[..., 0].astype(np.uint16) * 4] * 3)
    tifffile.imwrite(letter, deep, photometric="minisblack", metadata=None)
    with pytest.warns(UserWarning) as shown:
        ((data, _, _),) = read_document(letter)
    assert len(data) == 3
    assert [str(warning.message) for warning in shown] == [f"{letter}: {STRETCHED}"]


def test_a_remark_on_pages_of_pairs_is_shown_once(tmp_path, one_stroke) -> None:
    for name in ("1", "2"):
        pair = write_pair(tmp_path / "letters", name, one_stroke.pixels, one_stroke.ink)
        Image.fromarray(one_stroke.pixels[..., 0].astype(np.uint16) * 4).save(pair.page)
    with pytest.warns(UserWarning) as shown:
        read_layers(str(tmp_path / "letters"))
    first = tmp_path / "letters" / "1.png"
    assert [str(warning.message) for warning in shown] == [f"{first}: {STRETCHED}"]


def test_pages_of_mixed_size_become_layers_beside_each_other(mixed) -> None:
    layers = read_document(mixed)
    assert [meta["name"] for _, meta, _ in layers] == [f"mixed, page {n}" for n in (1, 2, 3)]
    assert [data.shape for data, _, _ in layers] == [(48, 64, 3), (20, 64, 3), (48, 64, 3)]
    assert [meta["metadata"]["page"] for _, meta, _ in layers] == [1, 2, 3]
    assert layers[1][1]["metadata"]["dpi"] == (150.0, 150.0)
    assert layers[0][1]["translate"] == (0, 0)
    assert layers[1][1]["translate"][1] > 64


def test_a_pdf_is_drawn_at_the_resolution_of_the_preferences(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.pdf"
    Image.new("RGB", (144, 72), "white").save(path, resolution=72)
    monkeypatch.setattr(reader, "read_preferences", lambda: reader_preferences(150))
    ((data, meta, _),) = read_document(path)
    assert data.shape == (150, 300, 3)
    assert meta["metadata"]["dpi"] == (150.0, 150.0)


def reader_preferences(pdf_dpi: int) -> Any:
    from docbin_napari.plugin.settings import Preferences

    return Preferences(pdf_dpi=pdf_dpi)


def test_a_document_over_the_memory_limit_is_refused_in_words(mixed, monkeypatch) -> None:
    monkeypatch.setattr(reader, "DOCUMENT_PIXEL_LIMIT", 48 * 64 + 20 * 64)
    with pytest.raises(PageError, match=r"3 pages are too many.*after page 2"):
        read_document(mixed)


@pytest.mark.parametrize("same_size", [True, False])
def test_a_training_folder_becomes_images_and_labels(
    tmp_path, one_stroke, no_ink, same_size
) -> None:
    labelled = np.ones_like(one_stroke.ink)
    labelled[:5] = False
    other = no_ink.pixels if same_size else no_ink.pixels[:30]
    write_pair(tmp_path / "letters", "first", one_stroke.pixels, one_stroke.ink, labelled)
    write_pair(tmp_path / "letters", "second", other, other[..., 0] < 100)
    layers = read_layers(str(tmp_path / "letters"))
    kinds = [kind for _, _, kind in layers]
    assert kinds == ["image", "labels"] * (1 if same_size else 2)
    page, labels = layers[0][0], layers[1][0]
    if same_size:
        page, labels = page[0], labels[0]
    assert np.array_equal(page, one_stroke.pixels)
    assert (labels[:5] == 2).all()
    assert np.array_equal(labels[5:] == 1, one_stroke.ink[5:])
    assert layers[0][1].get("translate") == layers[1][1].get("translate")


def test_a_mask_without_a_page_is_named(tmp_path, one_stroke) -> None:
    write_pair(tmp_path, "first", one_stroke.pixels, one_stroke.ink)
    (tmp_path / "first.png").unlink()
    with pytest.raises(PairError, match=r"first\.png"):
        read_layers(str(tmp_path))


@pytest.mark.parametrize("sizes", ["one", "two"])
def test_pairs_keep_the_resolution_of_their_pages(tmp_path, one_stroke, sizes) -> None:
    for number, dpi in enumerate([(300, 300), (150, 150)]):
        cut = number if sizes == "two" else 0
        pair = write_pair(
            tmp_path, f"page{number}", one_stroke.pixels[cut:].copy(), one_stroke.ink[cut:].copy()
        )
        Image.fromarray(one_stroke.pixels[cut:]).save(pair.page, dpi=dpi)
    found = [meta["metadata"]["dpi"] for _, meta, _ in read_layers(str(tmp_path))]
    if sizes == "one":
        assert np.allclose(found, [[(300, 300), (150, 150)]] * 2, atol=0.05)
    else:
        assert np.allclose(found, [(300, 300)] * 2 + [(150, 150)] * 2, atol=0.05)


def test_a_training_folder_without_a_pair_says_so(tmp_path) -> None:
    (tmp_path / "fg_mask").mkdir()
    with pytest.raises(PairError, match="no pair yet: put masks into fg_mask/"):
        read_layers(str(tmp_path))


def test_only_pages_and_training_folders_are_taken(tmp_path, mixed, one_stroke) -> None:
    write_pair(tmp_path / "train" / "letters", "a", one_stroke.pixels, one_stroke.ink)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert get_reader(str(mixed)) is read_layers
    assert get_reader([str(mixed), str(mixed)]) is read_layers
    assert get_reader(str(tmp_path / "train" / "letters")) is read_layers
    assert get_reader(str(tmp_path / "train")) is read_layers
    assert get_reader(str(empty)) is None
    assert get_reader(str(tmp_path / "cells.czi")) is None
    assert get_reader([str(mixed), str(empty)]) is None
    assert get_reader([]) is None


def test_several_files_are_opened_one_after_the_other(mixed) -> None:
    assert len(read_layers([str(mixed), str(mixed)])) == 6


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=9))
def test_no_page_covers_another(shapes: list[tuple[int, int]]) -> None:
    covered = np.zeros((700, 700), int)
    for (height, width), (top, left) in zip(shapes, side_by_side(shapes), strict=True):
        covered[int(top) : int(top) + height, int(left) : int(left) + width] += 1
    assert covered.max() == 1
    assert covered.sum() == sum(height * width for height, width in shapes)


@pytest.mark.viewer
def test_napari_adds_the_layers_as_they_are(mixed) -> None:
    napari_layers = pytest.importorskip("napari.layers")
    from napari.components import ViewerModel

    viewer = ViewerModel()
    for data in read_document(mixed):
        viewer.add_layer(napari_layers.Layer.create(*data))
    assert [layer.rgb for layer in viewer.layers] == [True] * 3


@pytest.mark.viewer
def test_pages_that_napari_leaves_out_are_counted(mixed, tmp_path, one_stroke) -> None:
    from types import SimpleNamespace

    from docbin_napari.plugin.layers.page_record import hidden_pages

    def as_napari_shows(path: Path, shape: tuple[int, ...], by: str = "napari") -> Any:
        source = SimpleNamespace(path=str(path), reader_plugin=by)
        data = np.zeros(shape, bool)
        return SimpleNamespace(source=source, data=data, rgb=False, multiscale=False)

    assert hidden_pages(as_napari_shows(mixed, (2, 48, 64))) == 1
    assert hidden_pages(as_napari_shows(mixed, (2, 48, 64), by="other")) == 0
    even = write_mask(tmp_path / "even.tif", [one_stroke.ink] * 2)
    assert hidden_pages(as_napari_shows(even, (2, 48, 64))) == 0
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0garbage")
    assert hidden_pages(as_napari_shows(broken, (48, 64))) == 0
    assert hidden_pages(as_napari_shows(tmp_path / "gone.tif", (48, 64))) == 0
