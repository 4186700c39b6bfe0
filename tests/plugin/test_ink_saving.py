"""What napari saves by itself: ink of this package as pages, labels of others as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import MaskError
from docbin_napari.plugin.layers.ink_result import InkResult, bind

pytestmark = pytest.mark.viewer
KNOWN = {"dpi": (300.0, 150.0), "source": "letter.jpg", "page": 1}


@pytest.fixture(autouse=True)
def saving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving as it is with the plugin in use; napari's own comes back after each test."""
    io = pytest.importorskip("napari.plugins.io")
    from napari.plugins import _initialize_plugins

    from docbin_napari.plugin.writer import take_over_saving

    _initialize_plugins()  # As a viewer with a window does.
    monkeypatch.setattr(io, "save_layers", io.save_layers)
    take_over_saving()


@pytest.fixture
def ink(viewer: Any, one_stroke: Any) -> Any:
    return viewer.add_labels(one_stroke.ink.astype(np.uint8), name="Ink of a/b", metadata=KNOWN)


def check_page(path: str | Path, ink: np.ndarray) -> None:
    """A file that every viewer shows as black ink on white paper."""
    with Image.open(path) as image:
        assert image.mode == "1"
        assert np.array_equal(~np.asarray(image), ink)
        assert np.allclose(image.info["dpi"], (300, 150), atol=0.05)


@pytest.mark.parametrize(
    "named",
    [
        ("page.png", "page.png"),
        ("page.tif", "page.tif"),
        ("page.TIFF", "page.TIFF"),
        ("page", "page.png"),
        ("MS 12.3r", "MS 12.3r.png"),
        ("page.jpg", "page.jpg.png"),
        ("page.pgm", "page.pgm.png"),
    ],
)
@pytest.mark.parametrize("way", ["layers", "selected", "layer", "typed"])
def test_every_name_gives_a_page(tmp_path, viewer, ink, named, way) -> None:
    name, file = named
    path = str(tmp_path / name)
    if way == "layer":
        written = ink.save(path)
    elif way == "typed":  # The dialog gives napari's own writer unless another type is chosen.
        from napari.plugins._npe2 import file_extensions_string_for_layers

        _, writers = file_extensions_string_for_layers([ink])
        own = next(writer for writer in writers if writer.plugin_name == "napari")
        written = viewer.layers.save(path, selected=True, _writer=own)
    else:
        written = viewer.layers.save(path, selected=way == "selected")
    assert written == [str(tmp_path / file)]
    assert [found.name for found in tmp_path.iterdir()] == [file]
    check_page(written[0], ink.data == 1)


def test_a_suffix_that_was_added_overwrites_nothing(tmp_path, viewer, ink) -> None:
    (tmp_path / "page.png").write_text("a file that nobody was asked about")
    assert viewer.layers.save(str(tmp_path / "page")) == [str(tmp_path / "page-2.png")]
    assert (tmp_path / "page.png").read_text().startswith("a file")


def test_a_stack_becomes_one_tiff(tmp_path, viewer, one_stroke) -> None:
    stack = np.stack([one_stroke.ink, ~one_stroke.ink]).astype(np.uint8)
    viewer.add_labels(stack, metadata=KNOWN)
    (path,) = viewer.layers.save(str(tmp_path / "book"))
    with Image.open(path) as image:
        assert (image.n_frames, image.mode, image.info["compression"]) == (2, "1", "group4")


def test_all_layers_go_to_a_folder_and_the_ink_is_a_page(tmp_path, viewer, ink, one_stroke) -> None:
    viewer.add_image(one_stroke.pixels, name="a", rgb=True)
    written = viewer.layers.save(str(tmp_path / "all"))
    assert sorted(written) == [str(tmp_path / "all" / name) for name in ("Ink of a_b.png", "a.tif")]
    check_page(tmp_path / "all" / "Ink of a_b.png", one_stroke.ink)
    with pytest.raises(MaskError, match="select the ink alone"):
        viewer.layers.save(str(tmp_path / "all.tif"))
    assert not (tmp_path / "all.tif").exists()


def test_a_refusal_in_napari_s_dialog_is_a_notification_and_no_traceback(
    tmp_path, viewer, ink
) -> None:
    from napari.utils.notifications import ErrorNotification, notification_manager

    def _save_layers_dialog(name: str) -> list[str]:
        return viewer.layers.save(str(tmp_path / name))

    ink.data[0, 0] = 7
    notification_manager.records.clear()
    assert _save_layers_dialog("page.png"), "napari reports an empty list with a traceback"
    (said,) = notification_manager.records
    assert "page.png: only ink can be saved" in said.message
    assert not isinstance(said, ErrorNotification)
    assert not list(tmp_path.glob("*.png"))
    with pytest.raises(MaskError, match="only ink can be saved"):
        viewer.layers.save(str(tmp_path / "page.png"))


@pytest.mark.parametrize("name", ["letter.pdf, page 3", "MS 12.3r", "IMG_1.JPG", "letter"])
def test_the_page_beside_the_ink_is_saved_and_nothing_is_overwritten(
    tmp_path, viewer, ink, one_stroke, name
) -> None:
    viewer.add_image(one_stroke.pixels, name=name, rgb=True)
    viewer.add_points([[1, 2]], name=f"places on {name}")
    (tmp_path / f"{name}.tif").write_text("the scan")
    written = viewer.layers.save(str(tmp_path))
    assert [Path(path).name for path in written] == [
        "Ink of a_b.png",
        f"{name}-2.tif",
        f"places on {name}.csv",
    ]
    assert (tmp_path / f"{name}.tif").read_text() == "the scan"
    with Image.open(written[1]) as image:
        assert np.array_equal(np.asarray(image), one_stroke.pixels)


def test_a_layer_that_napari_cannot_save_is_named(tmp_path, viewer, ink) -> None:
    from napari.utils.notifications import notification_manager

    viewer.add_vectors(np.zeros((1, 2, 2)), name="arrows")
    notification_manager.records.clear()
    with pytest.warns(UserWarning, match="not a valid writer"):  # napari's, which no window shows
        written = viewer.layers.save(str(tmp_path / "all"))
    assert [Path(path).name for path in written] == ["Ink of a_b.png"]
    assert "“arrows” was not saved" in notification_manager.records[-1].message


def test_a_format_for_several_layers_of_another_plugin_is_left_to_it(
    tmp_path, viewer, ink, one_stroke
) -> None:
    from npe2 import DynamicPlugin

    viewer.add_image(one_stroke.pixels, name="a", rgb=True)
    with DynamicPlugin("other-plugin") as other:

        @other.contribute.writer(filename_extensions=[".zzz"], layer_types=["image*", "labels*"])
        def write(path: str, layers: Any) -> list[str]:
            Path(path).write_text(f"theirs {len(layers)}")
            return [path]

        (path,) = viewer.layers.save(str(tmp_path / "figure.zzz"))
    assert Path(path).read_text() == "theirs 2"


def test_a_copy_of_the_layer_is_ink_too(tmp_path, viewer, ink, one_stroke) -> None:
    from napari.layers import Layer

    copy = Layer.create(*ink.as_layer_data_tuple())
    check_page(copy.save(str(tmp_path / "copy"))[0], one_stroke.ink)


def test_labels_of_others_are_saved_as_before(tmp_path, viewer) -> None:
    cells = np.arange(600, dtype=np.int32).reshape(20, 30)
    (path,) = viewer.add_labels(cells).save(str(tmp_path / "cells.tif"))
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), cells)
    assert viewer.layers.save(str(tmp_path / "other")) == [str(tmp_path / "other.tif")]


def test_an_array_format_keeps_the_values(tmp_path, viewer, ink) -> None:
    from napari.plugins import io

    (path,) = viewer.layers.save(str(tmp_path / "ink.npz"))
    assert path.endswith("ink.npz")
    assert io.save_layers.saves_ink


def test_the_writer_of_another_plugin_that_was_chosen_is_left_alone(
    tmp_path, viewer, ink, one_stroke
) -> None:
    from npe2 import DynamicPlugin

    with DynamicPlugin("other-plugin") as other:

        @other.contribute.writer(filename_extensions=[".zzz"], layer_types=["labels"])
        def write(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
            Path(path).write_text(f"theirs {data.sum()}")
            return [path]

        (path,) = viewer.layers.save(str(tmp_path / "page.zzz"))
        assert Path(path).read_text() == f"theirs {one_stroke.ink.sum()}"
        (path,) = viewer.layers.save(str(tmp_path / "b.zzz"), plugin="other-plugin")
        assert path.endswith("b.zzz")


def test_what_is_no_ink_leaves_no_file(tmp_path, viewer, ink) -> None:
    ink.data[0, 0] = 7
    with pytest.raises(MaskError, match="0 to 7"):
        viewer.layers.save(str(tmp_path / "page.png"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("named", ["letter.png", "sub/../letter.png"])
def test_a_scan_is_not_replaced_by_its_ink(tmp_path, viewer, ink, named) -> None:
    (tmp_path / "sub").mkdir()
    scan = tmp_path / "letter.png"
    scan.write_bytes(b"the only scan")
    ink.metadata["source"] = str(scan)
    with pytest.raises(MaskError, match="this is a scan"):
        viewer.layers.save(str(tmp_path / named))
    assert scan.read_bytes() == b"the only scan"
    viewer.layers.save(str(tmp_path / "sub" / "letter.png"))
    assert (tmp_path / "sub" / "letter.png").exists()


def test_ink_that_is_being_computed_is_not_saved(tmp_path, viewer, one_stroke) -> None:
    result = InkResult(one_stroke.ink.shape, 0.5)
    layer = viewer.add_labels(result.labels, metadata=KNOWN)
    bind(layer, result, viewer.add_image(one_stroke.pixels))
    result.computing = True
    with pytest.raises(MaskError, match="still being binarized"):
        layer.save(str(tmp_path / "page.png"))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def book(viewer, one_stroke) -> tuple[Any, InkResult]:
    """A stack of four pages: one is binarized, one half, one painted by hand, one new."""
    ink = one_stroke.ink
    result = InkResult((4, *ink.shape), 0.5)
    result.probability[:2] = 255 * ink
    result.write(0, slice(0, 48), slice(0, 64))
    result.write(1, slice(0, 16), slice(0, 64))
    result.labels[3, ink] = 1
    layer = viewer.add_labels(result.labels, metadata=KNOWN, name="book")
    bind(layer, result, viewer.add_image(np.zeros((4, *ink.shape))))
    return layer, result


@pytest.mark.parametrize("name", ["book.tif", "book.png"])
def test_pages_that_were_not_binarized_are_left_out_and_that_is_said(
    tmp_path, book, one_stroke, name
) -> None:
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    written = [Path(path).name for path in book[0].save(str(tmp_path / name))]
    if name == "book.png":
        assert written == ["book_1.png", "book_2.png", "book_4.png"], "the numbers of the pages"
        check_page(tmp_path / written[-1], one_stroke.ink)
    else:
        with Image.open(tmp_path / name) as image:
            assert image.n_frames == 3
            image.seek(2)
            assert np.array_equal(~np.asarray(image), one_stroke.ink)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)
    (said,) = [note.message for note in notification_manager.records]
    assert "1 page that was not binarized: left out" in said
    assert "Its run was stopped: the rest of the page is white" in said
    book[1].write(1, slice(16, 48), slice(0, 64))
    book[1].write(2, slice(0, 48), slice(0, 64))
    assert len(book[0].save(str(tmp_path / f"whole-{name}"))) == (4 if name == "book.png" else 1)
    assert len(notification_manager.records) == 1, "nothing is missing"


def test_a_stack_of_which_nothing_was_binarized_is_no_file(tmp_path, book) -> None:
    for page in range(4):
        book[1].reset(page)
    with pytest.raises(MaskError, match="press Run first"):
        book[0].save(str(tmp_path / "book.tif"))
    assert not list(tmp_path.iterdir())


def test_twice_is_once(viewer) -> None:
    from napari.plugins import io

    from docbin_napari.plugin.writer import take_over_saving

    before = io.save_layers
    take_over_saving()
    assert io.save_layers is before
