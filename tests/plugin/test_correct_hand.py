"""Tools in the hand, on real layers: brush, eraser, pieces; keys; no window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docbin_napari.plugin.correct.correct_session import CorrectSession
from docbin_napari.plugin.correct.overlays import Overlays
from docbin_napari.plugin.correct.tools import ToolController

pytestmark = pytest.mark.viewer


# ---- brush and eraser


def test_the_ink_brush_labels_ink_alone_and_is_one_step(bench, one_stroke) -> None:
    bench.hand.take("ink")
    bench.drag((16, 12), (15, 20), (17, 40))
    labelled = bench.labels.data == 1
    assert labelled.sum() > 100
    assert not (labelled & ~one_stroke.ink).any()
    bench.labels.undo()
    assert not bench.labels.data.any()
    bench.labels.redo()
    assert np.array_equal(bench.labels.data == 1, labelled)


def test_the_eraser_takes_paper_and_leaves_ink(bench, one_stroke) -> None:
    bench.labels.data[10:30, 5:50] = 1
    bench.hand.take("paper")
    bench.drag((20, 5), (20, 50))
    erased = bench.labels.data == 0
    assert not erased[one_stroke.ink].any()
    assert erased[21:25, 5:50].all()
    bench.labels.undo()
    assert bench.labels.data.sum() == 20 * 45


def test_the_eraser_labels_unlabelled_paper(bench) -> None:
    bench.labels.data[:] = 2
    bench.hand.take("paper")
    bench.drag((16, 5), (16, 60))
    assert set(np.unique(bench.labels.data[12:20, 5:60])) == {0, 2}
    assert (bench.labels.data[14:18, 12:40] == 2).all()


@pytest.mark.parametrize(
    "placing",
    [{}, {"scale": (0.5, 2.0)}, {"rotate": 30}, {"translate": (100, -7), "scale": (3, 3)}],
)
def test_tools_work_where_the_layers_lie(viewer, bench_of, one_stroke, placing) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True, **placing)
    bench = bench_of(image, CorrectSession(viewer).new_labels(image, 0))
    bench.hand.take("ink")
    bench.drag((16, 12), (16, 40))
    assert bench.labels.data[14:18, 12:40].all()
    assert not (bench.labels.data.astype(bool) & ~one_stroke.ink).any()


@pytest.mark.parametrize("kind", ["uint16", "float32", "gray", "multiscale", "dask"])
def test_every_kind_of_image_can_be_brushed(viewer, bench_of, one_stroke, kind) -> None:
    gray = one_stroke.pixels[..., 0]
    data: Any = {"uint16": gray.astype(np.uint16) * 9, "float32": gray / 255.0}.get(kind, gray)
    if kind == "multiscale":
        data = [gray, gray[::2, ::2]]
    if kind == "dask":
        data = pytest.importorskip("dask.array").from_array(gray, chunks=20)
    image = viewer.add_image(data, rgb=False)
    bench = bench_of(image, CorrectSession(viewer).new_labels(image, 0))
    bench.hand.take("ink")
    bench.drag((16, 8), (16, 44))
    assert np.array_equal(bench.labels.data == 1, one_stroke.ink)


@pytest.mark.parametrize("kind", ["rgb", "gray", "dask"])
def test_light_writing_on_dark_ground_is_the_ink(viewer, bench_of, kind) -> None:
    ink = np.tile(np.pad(np.ones((12, 3), bool), ((4, 4), (3, 4))), (15, 30))
    data: Any = np.where(ink, 225, 25).astype(np.uint8)
    if kind == "rgb":
        data = np.repeat(data[..., None], 3, axis=2)
    if kind == "dask":
        data = pytest.importorskip("dask.array").from_array(data, chunks=100)
    image = viewer.add_image(data, rgb=kind == "rgb")
    bench = bench_of(image, CorrectSession(viewer).new_labels(image, 0))
    bench.labels.brush_size = 30
    bench.hand.take("ink")
    bench.drag((30, 100), (30, 200))
    assert np.array_equal(bench.labels.data[20:40, 100:200], ink[20:40, 100:200])
    bench.labels.data[:] = 1
    bench.hand.take("paper")
    bench.drag((30, 100), (30, 200))
    assert np.array_equal(bench.labels.data[20:40, 100:200], ink[20:40, 100:200])


def test_a_stack_is_corrected_on_the_page_that_is_shown(
    viewer, bench_of, one_stroke, no_ink
) -> None:
    stack = np.stack([no_ink.pixels, one_stroke.pixels, no_ink.pixels])
    image = viewer.add_image(stack, rgb=True)
    bench = bench_of(image, CorrectSession(viewer).new_labels(image, 0))
    viewer.dims.set_point(0, 1)
    bench.hand.take("ink")
    bench.drag((16, 8), (16, 44))
    assert np.array_equal(bench.labels.data[1] == 1, one_stroke.ink)
    assert not bench.labels.data[[0, 2]].any()
    bench.labels.undo()
    assert not bench.labels.data.any()


def test_labels_removed_in_the_middle_of_a_stroke_end_it(bench) -> None:
    bench.hand.take("ink")

    def remove(number: int) -> None:
        if number == 2:
            bench.viewer.layers.remove(bench.labels)

    bench.drag((16, 12), (16, 20), (16, 40), (16, 41), hook=remove)
    assert not bench.labels.data[:, 30:].any()
    assert "ends there" in bench.session.status


def test_renaming_reordering_and_hiding_the_image_in_a_stroke_harm_nothing(bench, one_stroke):
    bench.hand.take("ink")

    def meddle(number: int) -> None:
        bench.image.name = f"name {number}"
        bench.viewer.layers.move(0, 2)
        bench.image.visible = False

    bench.drag((16, 8), (16, 20), (16, 44), hook=meddle)
    assert np.array_equal(bench.labels.data == 1, one_stroke.ink)


def test_napari_paints_again_when_its_own_tool_is_chosen(bench) -> None:
    bench.hand.take("ink")
    assert not bench.labels.mouse_pan
    bench.labels.mode = "paint"
    assert bench.session.tool == ""
    bench.labels.mode = "pan_zoom"
    assert bench.labels.mouse_pan


def test_another_layer_puts_the_tool_down(bench) -> None:
    bench.hand.take("ink")
    bench.viewer.layers.selection.active = bench.image
    bench.hand.check()
    assert bench.session.tool == ""
    assert bench.labels.mouse_pan


def test_space_moves_the_page_as_long_as_it_is_held(bench) -> None:
    from napari.utils.key_bindings import KeymapHandler

    keys = KeymapHandler()
    keys.keymap_providers = [bench.labels, bench.viewer]
    bench.hand.take("ink")
    keys.press_key("Space")
    assert bench.labels.mouse_pan
    bench.drag((16, 12), (16, 40))
    assert not bench.labels.data.any()
    keys.release_key("Space")
    assert not bench.labels.mouse_pan
    keys.press_key("Escape")
    assert bench.session.tool == ""
    assert bench.labels.mouse_pan


# ---- pieces


def test_a_click_removes_a_piece_and_undo_brings_it_back(bench) -> None:
    bench.draw_two_pieces()
    bench.hand.take("piece")
    bench.drag((33, 51))  # one pixel beside it
    assert not bench.labels.data[30:].any()
    assert bench.labels.data[14:18, 10:42].all()
    bench.labels.undo()
    assert bench.labels.data[31, 51] == 1


def test_shift_keeps_only_the_piece(bench) -> None:
    bench.draw_two_pieces()
    bench.hand.take("piece")
    bench.drag((31, 51), modifiers=("Shift",))
    assert bench.labels.data.sum() == 9


def test_shift_removes_nothing_outside_of_the_region(bench) -> None:
    bench.draw_two_pieces()
    bench.labels.data[0, 0] = 1
    bench.hand.take("region")
    bench.drag((5, 5), (40, 60))
    bench.hand.take("piece")
    bench.drag((31, 51), modifiers=("Shift",))
    assert bench.labels.data.sum() == 10


def test_a_click_on_paper_says_so(bench) -> None:
    bench.hand.take("piece")
    bench.drag((40, 10))
    assert "no ink here" in bench.session.status
    assert not bench.labels._undo_history


# ---- keys


def test_keys_come_back_when_the_hand_leaves(viewer) -> None:
    calls: list[str] = []
    viewer.bind_key("I", lambda _: calls.append("mine"), overwrite=True)
    hand = ToolController(CorrectSession(viewer), Overlays(viewer), lambda: None)
    hand.attach({"I": lambda: calls.append("ours")})
    (key,) = viewer.keymap
    viewer.keymap[key](viewer)
    hand.detach()
    viewer.keymap[key](viewer)
    assert calls == ["ours", "mine"]
    assert not viewer.mouse_drag_callbacks or hand._on_drag not in viewer.mouse_drag_callbacks


def test_no_key_belongs_to_napari() -> None:
    from napari.layers import Labels

    from docbin_napari.plugin.correct.tools import ACTIONS

    taken = {str(key) for key in Labels.class_keymap}
    assert not {action.key for action in ACTIONS} & taken
    assert len({action.key for action in ACTIONS}) == len(ACTIONS)
    assert all(f"Key: {action.key}" in action.tooltip for action in ACTIONS)


# ---- other panels


def test_two_hands_hold_one_tool(bench, one_stroke) -> None:
    told: list[str] = []
    session = CorrectSession(bench.viewer)
    session.image, session.labels = bench.image, bench.labels
    other = ToolController(session, bench.overlays, lambda: told.append(session.tool))
    other.attach({})
    other.take("ink")
    bench.hand.take("paper")
    assert (session.tool, told[-1], bench.session.tool) == ("", "", "paper")
    bench.labels.data[:] = 1
    bench.drag((16, 5), (16, 60))
    assert not (bench.labels.data == 0)[one_stroke.ink].any()
    assert (bench.labels.data == 0).any()
    bench.hand.detach()
    other.take("ink")
    assert (session.tool, bench.session.tool) == ("ink", "")
    other.detach()
    assert bench.labels.mouse_pan
