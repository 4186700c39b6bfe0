"""Pages of a layer and of a folder become black-and-white files; nothing is overwritten."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import MaskError
from docbin_napari.pairs.work_list import open_list
from docbin_napari.plugin.layers.choosing import labels_over
from docbin_napari.plugin.layers.ink_result import InkResult, bind
from docbin_napari.plugin.pages.prepare import PageOrder
from docbin_napari.plugin.saving.export import (
    Exported,
    ExportEnd,
    export_folder,
    export_stack,
    offered_path,
    origin_of,
    with_suffix,
)
from docbin_napari.plugin.writer import take_over_saving, take_pages

pytestmark = pytest.mark.viewer


def taken(layer: Any, image: Any = None) -> Any:
    """The pages of a layer, as `ExportRow` takes them."""
    return take_pages(Path("page.png"), layer, origin_of(layer, image).get("dpi"))[0]


def end_of(steps: Any) -> Any:
    """Go through an export to its last event."""
    return list(steps)[-1]


@pytest.mark.parametrize(("suffix", "compression"), [(".png", None), (".tif", "group4")])
def test_a_page_is_one_bit_and_keeps_its_resolution(
    tmp_path, viewer, one_stroke, suffix, compression
) -> None:
    metadata = {"dpi": (300.0, 150.0), "source": str(tmp_path / "letter.jpg"), "page": 1}
    layer = viewer.add_labels(one_stroke.ink.astype(np.uint8), metadata=metadata)
    path = offered_path(layer, suffix)
    assert path == tmp_path / f"letter-bw{suffix}"
    end = end_of(export_stack(taken(layer), path, 1))
    assert end.files == (path,)
    assert end.sentence == f"Saved letter-bw{suffix} in {tmp_path.name}."
    with Image.open(path) as image:
        assert (image.mode, image.info.get("compression")) == ("1", compression)
        assert np.array_equal(~np.asarray(image), one_stroke.ink)
        assert np.allclose(image.info["dpi"], (300, 150), atol=0.05)
    assert offered_path(layer, suffix) == tmp_path / f"letter-bw-2{suffix}"


def test_a_name_without_a_suffix_gets_one_and_overwrites_nothing(tmp_path) -> None:
    (tmp_path / "page.png").touch()
    assert with_suffix(tmp_path / "page", ".png") == tmp_path / "page-2.png"
    assert with_suffix(tmp_path / "page.png", ".tif") == tmp_path / "page.png"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_all_pages_of_a_stack(tmp_path, viewer, one_stroke, suffix) -> None:
    stack = np.stack([one_stroke.ink, ~one_stroke.ink]).astype(np.uint8)
    dpi = [(300.0, 300.0), (150.0, 150.0)]
    layer = viewer.add_labels(stack, metadata={"dpi": dpi})
    end = end_of(export_stack(taken(layer), tmp_path / f"book{suffix}", 2))
    names = ["book.tif"] if suffix == ".tif" else ["book_1.png", "book_2.png"]
    assert [path.name for path in end.files] == names
    with Image.open(end.files[-1]) as image:
        image.seek(image.n_frames - 1 if suffix == ".tif" else 0)
        assert np.array_equal(np.asarray(image), one_stroke.ink)
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.05)


def test_ink_that_no_run_made_has_name_and_resolution_of_its_page(
    tmp_path, viewer, one_stroke
) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True, metadata={"dpi": (300.0, 300.0)})
    image.metadata["source"] = str(tmp_path / "letter.jpg")
    own = viewer.add_labels(one_stroke.ink.astype(np.uint8), name="Labels")
    assert offered_path(own, ".png", image) == tmp_path / "letter-bw.png"
    assert taken(own, image)[0][1] == (300, 300)
    own.metadata["source"] = str(tmp_path / "other.jpg")
    assert offered_path(own, ".png", image) == tmp_path / "other-bw.png"
    assert taken(own, image)[0][1] is None, "that of another page"


def test_a_resolution_that_napari_dropped_is_read_from_the_file(
    tmp_path, viewer, one_stroke
) -> None:
    scan = tmp_path / "letter.png"
    Image.fromarray(one_stroke.pixels).save(scan, dpi=(300, 150))
    image = viewer.add_image(one_stroke.pixels, rgb=True, metadata={"source": str(scan)})
    labels = labels_over(image, one_stroke.ink.astype(np.uint8), "Corrected letter")
    end = end_of(export_stack(taken(labels), tmp_path / "bw.png", 1, scan=str(scan)))
    with contextlib.chdir(tmp_path):
        take_over_saving()
        viewer.layers.append(labels)
        files = [*end.files, *labels.save("saved.tif")]
    for file in files:
        with Image.open(tmp_path / file) as page:
            assert page.info["dpi"] == pytest.approx((300, 150), abs=0.05)


def test_a_page_of_a_stack_is_offered_with_its_number(tmp_path, viewer, one_stroke) -> None:
    stack, metadata = np.zeros((5, 8, 8), np.uint8), {"source": str(tmp_path / "book.tif")}
    layer = viewer.add_labels(stack, metadata=metadata)
    assert offered_path(layer, ".png", None, 4) == tmp_path / "book-p5-bw.png"
    assert offered_path(layer, ".png") == tmp_path / "book-bw.png"


@pytest.mark.parametrize("source", ["letters/page.png", "letters"])
def test_nothing_is_offered_among_training_pairs(tmp_path, viewer, source) -> None:
    (tmp_path / "letters" / "fg_mask").mkdir(parents=True)
    layer = viewer.add_labels(
        np.zeros((8, 8), np.uint8), metadata={"source": str(tmp_path / source)}
    )
    assert offered_path(layer, ".png").parent == Path.home()


def test_unlabelled_is_white_and_said(tmp_path, viewer, one_stroke) -> None:
    labels = one_stroke.ink.astype(np.uint8)
    labels[:5] = 2
    end = end_of(export_stack(taken(viewer.add_labels(labels)), tmp_path / "a.png", 1))
    assert "Unlabelled places are white" in end.sentence
    with Image.open(end.files[0]) as image:
        assert np.asarray(image)[:5].all()


def test_a_page_whose_run_was_stopped_is_said(tmp_path, viewer, one_stroke) -> None:
    result = InkResult(one_stroke.ink.shape, 0.5)
    layer = viewer.add_labels(result.labels)
    bind(layer, result, viewer.add_image(one_stroke.pixels, rgb=True))
    result.write(0, slice(0, 16), slice(0, 64))
    pages, missing = take_pages(tmp_path / "a.png", layer, None)
    assert "the rest" in end_of(export_stack(pages, tmp_path / "a.png", 1, missing)).sentence
    result.write(0, slice(16, 48), slice(0, 64))
    assert take_pages(tmp_path / "b.png", layer, None)[1] == ""


def test_what_is_no_ink_is_refused_and_writes_nothing(tmp_path, viewer) -> None:
    layer = viewer.add_labels(np.full((4, 4), 9), name="cells")
    with pytest.raises(MaskError, match=r"only ink can be saved.*from 9 to 9"):
        taken(layer)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def orders(tmp_path, one_stroke) -> list[PageOrder]:
    """Orders for a folder of two pages with a damaged one between them."""
    folder = tmp_path / "scans"
    folder.mkdir()
    Image.fromarray(one_stroke.pixels).save(folder / "f1.png", dpi=(300, 300))
    (folder / "f2.png").write_bytes(b"no page")
    Image.fromarray(one_stroke.pixels[::-1]).save(folder / "f3.png")
    entries = open_list(folder, tmp_path).entries
    return [
        PageOrder(number, entry, "fast", "any", "cpu", 0.5) for number, entry in enumerate(entries)
    ]


def test_all_pages_of_a_folder(tmp_path, orders, one_stroke, fake_engine) -> None:
    shown = {2: np.zeros(one_stroke.ink.shape, np.uint8)}
    out = tmp_path / "out"
    (tmp_path / "out").mkdir()
    (out / "f1-bw.tif").write_text("older")
    end = end_of(export_folder(orders, out, ".tif", fake_engine.load, shown))
    assert [path.name for path in end.files] == ["f1-bw-2.tif", "f3-bw.tif"]
    assert "f2.png" in end.troubles[0]
    assert "Saved 2 pages in out." in end.sentence
    assert "1 could not be saved" in end.sentence
    assert (out / "f1-bw.tif").read_text() == "older"
    with Image.open(end.files[0]) as image:
        assert np.array_equal(~np.asarray(image), one_stroke.ink)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.05)
    with Image.open(end.files[1]) as image:
        assert np.asarray(image).all(), "what is shown is saved, not what the model finds"


def test_the_reason_that_stopped_an_export_comes_first(
    tmp_path, orders, fake_engine, monkeypatch, caplog
) -> None:
    from docbin_napari.plugin.saving import export

    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise MaskError(path, "the disk is full")

    caplog.clear()
    monkeypatch.setattr(export, "write_mask", refuse)
    order = [orders[1], orders[0]]
    end = end_of(export_folder(order, tmp_path, ".png", fake_engine.load, {}))
    assert "the disk is full" in end.sentence.split("; ")[0]
    assert "f2.png: " in end.sentence, "no reason is left out"
    assert not caplog.records, "what was foreseen needs no traceback"


def test_an_export_that_is_stopped_keeps_what_is_written(tmp_path, orders, fake_engine) -> None:
    out = tmp_path / "out"
    steps = export_folder(orders, out, ".png", fake_engine.load, {})
    for event in steps:
        assert not isinstance(event, ExportEnd)
        if isinstance(event, Exported) and event.done:
            break
    steps.close()
    assert [path.name for path in Path(out).iterdir()] == ["f1-bw.png"]


def test_pages_of_a_stack_that_hold_no_ink_yet_are_left_out_and_said(
    tmp_path, viewer, one_stroke
) -> None:
    result = InkResult((5, *one_stroke.ink.shape), 0.5)
    image = viewer.add_image(np.stack([one_stroke.pixels] * 5), rgb=True)
    layer = viewer.add_labels(result.labels)
    bind(layer, result, image)
    for page in (1, 4):
        result.probability[page][one_stroke.ink] = 255
        result.write(page, *(slice(0, side) for side in one_stroke.ink.shape))
    pages, missing = take_pages(tmp_path / "s-bw.png", layer, None)
    end = end_of(export_stack(pages, tmp_path / "s-bw.png", 5, missing))
    assert [path.name for path in end.files] == ["s-bw_2.png", "s-bw_5.png"]
    assert end.sentence.endswith("3 pages that were not binarized: left out.")
