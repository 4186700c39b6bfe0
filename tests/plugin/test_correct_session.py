"""The correction tools on real layers, in a viewer model: no window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docbin_napari.plugin import correct_session, sight
from docbin_napari.plugin.correct_hand import Hand
from docbin_napari.plugin.correct_regions import Specks, ThresholdHere
from docbin_napari.plugin.correct_session import PAGE, REGION, CorrectSession
from docbin_napari.plugin.ink import InkResult, bind
from docbin_napari.plugin.overlays import OUTLINE_NAME, SPECKS_NAME, Overlays

if TYPE_CHECKING:
    from napari.components import ViewerModel

pytestmark = pytest.mark.viewer


class Bench:
    """A page with labels, a hand with tools, and a mouse."""

    def __init__(self, viewer: ViewerModel, image: Any, labels: Any) -> None:
        self.viewer, self.image, self.labels = viewer, image, labels
        self.session = CorrectSession(viewer)
        self.session.image, self.session.labels = image, labels
        self.overlays = Overlays(viewer)
        self.hand = Hand(self.session, self.overlays, lambda: None)
        self.hand.attach({})
        labels.brush_size = 12

    def drag(self, *points: tuple[float, float], modifiers: tuple[str, ...] = (), hook=None):
        """Press at the first point of the labels, move over the others, release."""
        from napari.utils._proxies import ReadOnlyWrapper
        from napari.utils.interactions import (
            mouse_move_callbacks,
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        page = sight_page(self)
        call = {"mouse_press": mouse_press_callbacks, "mouse_move": mouse_move_callbacks}
        call["mouse_release"] = mouse_release_callbacks
        steps = [("mouse_press", points[0]), *(("mouse_move", point) for point in points[1:])]
        for number, (kind, point) in enumerate([*steps, ("mouse_release", points[-1])]):
            if hook is not None:
                hook(number)
            event = SimpleNamespace(
                type=kind,
                position=self.labels.data_to_world((*page, *point)),
                button=1,
                modifiers=modifiers,
                is_dragging=True,
            )
            call[kind](self.viewer, ReadOnlyWrapper(event))


def sight_page(bench: Bench) -> tuple[int, ...]:
    """The page of the stack that is shown, as data coordinates."""
    return (int(bench.viewer.dims.current_step[0]),) if bench.labels.ndim == 3 else ()


@pytest.fixture
def viewer() -> ViewerModel:
    """A viewer without a window."""
    return pytest.importorskip("napari.components").ViewerModel()


@pytest.fixture
def bench(viewer, one_stroke) -> Bench:
    """A page with one stroke, all of it background."""
    image = viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    session = CorrectSession(viewer)
    return Bench(viewer, image, session.new_labels(image, 0))


def with_result(bench: Bench, probability: np.ndarray, threshold: float = 0.5) -> InkResult:
    """Put labels of a run in the place of the labels."""
    result = InkResult(probability.shape, threshold)
    result.probability[:] = probability
    result.write(0, slice(0, probability.shape[0]), slice(0, probability.shape[1]))
    layer = bench.viewer.add_labels(result.labels, name="run")
    bind(layer, result, bench.image)
    bench.labels = bench.session.labels = layer
    return result


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
def test_tools_work_where_the_layers_lie(viewer, one_stroke, placing) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True, **placing)
    bench = Bench(viewer, image, CorrectSession(viewer).new_labels(image, 0))
    bench.hand.take("ink")
    bench.drag((16, 12), (16, 40))
    assert bench.labels.data[14:18, 12:40].all()
    assert not (bench.labels.data.astype(bool) & ~one_stroke.ink).any()


@pytest.mark.parametrize("kind", ["uint16", "float32", "gray", "multiscale", "dask"])
def test_every_kind_of_image_can_be_brushed(viewer, one_stroke, kind) -> None:
    gray = one_stroke.pixels[..., 0]
    data: Any = {"uint16": gray.astype(np.uint16) * 9, "float32": gray / 255.0}.get(kind, gray)
    if kind == "multiscale":
        data = [gray, gray[::2, ::2]]
    if kind == "dask":
        data = pytest.importorskip("dask.array").from_array(gray, chunks=20)
    image = viewer.add_image(data, rgb=False)
    bench = Bench(viewer, image, CorrectSession(viewer).new_labels(image, 0))
    bench.hand.take("ink")
    bench.drag((16, 8), (16, 44))
    assert np.array_equal(bench.labels.data == 1, one_stroke.ink)


def test_a_stack_is_corrected_on_the_page_that_is_shown(viewer, one_stroke, no_ink) -> None:
    stack = np.stack([no_ink.pixels, one_stroke.pixels, no_ink.pixels])
    image = viewer.add_image(stack, rgb=True)
    bench = Bench(viewer, image, CorrectSession(viewer).new_labels(image, 0))
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


def two_pieces(bench: Bench) -> None:
    bench.labels.data[14:18, 10:42] = 1
    bench.labels.data[30:33, 50:53] = 1


def test_a_click_removes_a_piece_and_undo_brings_it_back(bench) -> None:
    two_pieces(bench)
    bench.hand.take("piece")
    bench.drag((33, 51))  # one pixel beside it
    assert not bench.labels.data[30:].any()
    assert bench.labels.data[14:18, 10:42].all()
    bench.labels.undo()
    assert bench.labels.data[31, 51] == 1


def test_shift_keeps_only_the_piece(bench) -> None:
    two_pieces(bench)
    bench.hand.take("piece")
    bench.drag((31, 51), modifiers=("Shift",))
    assert bench.labels.data.sum() == 9


def test_shift_removes_nothing_outside_of_the_region(bench) -> None:
    two_pieces(bench)
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


# ---- region and threshold here


def faint(shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    probability = np.zeros(shape, np.uint8)
    probability[14:18, 10:42] = 100
    return probability


def test_the_region_alone_follows_and_it_is_one_step(bench) -> None:
    with_result(bench, faint())
    here = ThresholdHere(bench.session)
    bench.hand.take("region")
    bench.drag((10, 5), (12, 9), (25, 20))
    for threshold in (0.45, 0.2, 0.3):
        here.move(threshold)
    assert bench.labels.data[14:18, 10:21].all()
    assert not bench.labels.data[:, 21:].any()
    assert len(bench.labels._undo_history) == 1
    bench.labels.undo()
    assert not bench.labels.data.any()


def test_the_region_keeps_its_threshold_when_the_page_gets_another(bench) -> None:
    result = with_result(bench, faint())
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    here = ThresholdHere(bench.session)
    here.move(0.2)
    for threshold in (0.9, 0.1, 0.6):
        list(result.follow(threshold))
        assert bench.labels.data[14:18, 10:21].all()
        assert bench.labels.data[15, 30] == (threshold < 0.3)
    here.move(0.9)
    assert not bench.labels.data[:, :21].any()


def test_after_undo_the_region_follows_the_page_again(bench) -> None:
    result = with_result(bench, faint())
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    ThresholdHere(bench.session).move(0.2)
    bench.labels.undo()
    list(result.follow(0.1))
    assert np.array_equal(bench.labels.data, faint() > 0)


def test_a_lasso_is_no_rectangle(bench) -> None:
    with_result(bench, np.full((48, 64), 100, np.uint8))
    bench.hand.take("region")
    bench.drag((5, 5), (5, 40), (40, 5), modifiers=("Shift",))
    ThresholdHere(bench.session).move(0.2)
    assert bench.labels.data[8, 8] == 1
    assert bench.labels.data[35, 35] == 0
    assert OUTLINE_NAME in bench.viewer.layers
    assert bench.viewer.layers.selection.active is bench.labels


def test_threshold_here_says_what_it_needs(bench) -> None:
    here = ThresholdHere(bench.session)
    here.move(0.3)
    assert "run Binarize document" in bench.session.status
    with_result(bench, faint())
    here.move(0.3)
    assert "Draw a region" in bench.session.status
    assert not bench.labels.data.any()


def test_an_outline_that_was_removed_is_drawn_again(bench) -> None:
    bench.hand.take("region")
    bench.drag((5, 5), (20, 20), (25, 25))
    bench.viewer.layers.remove(OUTLINE_NAME)
    bench.viewer.layers.selection.active = bench.labels
    bench.drag((5, 5), (30, 30), (35, 35))
    assert bench.session.region.rows == slice(5, 36)
    assert OUTLINE_NAME in bench.viewer.layers


# ---- specks


def test_specks_are_shown_before_they_are_removed(bench) -> None:
    two_pieces(bench)
    bench.session.area = PAGE
    specks = Specks(bench.session, bench.overlays)
    specks.size = 10
    specks.take(specks.ask().measure())
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 9
    assert bench.labels.data.sum() == 32 * 4 + 9
    assert "1 specks of fewer than 10" in bench.session.status
    specks.remove()
    assert bench.labels.data.sum() == 32 * 4
    assert not bench.viewer.layers[SPECKS_NAME].visible
    bench.labels.undo()
    assert bench.labels.data.sum() == 32 * 4 + 9


def test_the_highlight_lies_over_the_specks_of_a_region(viewer, one_stroke) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True, scale=(2, 2), translate=(10, 20))
    bench = Bench(viewer, image, CorrectSession(viewer).new_labels(image, 0))
    bench.labels.data[30, 50] = 1
    bench.hand.take("region")
    bench.drag((25, 45), (35, 55))
    specks = Specks(bench.session, bench.overlays)
    specks.size = 5
    specks.take(specks.ask().measure())
    layer = viewer.layers[SPECKS_NAME]
    ((row, column),) = np.argwhere(layer.data)
    assert np.allclose(layer.data_to_world((row, column)), bench.labels.data_to_world((30, 50)))


def test_specks_of_a_layer_that_is_gone_are_not_removed(bench) -> None:
    two_pieces(bench)
    bench.session.area = PAGE
    specks = Specks(bench.session, bench.overlays)
    specks.size = 10
    specks.take(specks.ask().measure())
    bench.viewer.layers.remove(bench.labels)
    specks.remove()
    assert bench.labels.data.sum() == 32 * 4 + 9
    assert "changed" in bench.session.status


# ---- marks and places


def test_the_page_becomes_unlabelled_in_one_step(bench) -> None:
    two_pieces(bench)
    before = bench.labels.data.copy()
    bench.session.area = PAGE
    bench.session.mark_unlabelled()
    assert (bench.labels.data == 2).all()
    bench.labels.undo()
    assert np.array_equal(bench.labels.data, before)


def test_a_region_has_to_be_drawn_before_it_is_marked(bench) -> None:
    bench.session.area = REGION
    bench.session.mark_unlabelled()
    assert "Draw a region" in bench.session.status
    assert not bench.labels.data.any()


def test_reviewed_is_set_and_taken_away(bench) -> None:
    bench.session.area = PAGE
    bench.session.mark_reviewed()
    assert bench.session.reviewed(bench.session.subject()).share == 1
    bench.session.mark_reviewed()
    assert bench.session.reviewed(bench.session.subject()).share == 0


def test_places_come_by_doubt_and_those_that_are_left_are_reviewed(viewer) -> None:
    page = np.full((600, 600), 230, np.uint8)
    bench = Bench(viewer, viewer.add_image(page), viewer.add_labels(np.zeros_like(page)))
    probability = np.zeros_like(page)
    probability[300:400, 300:400] = 128
    probability[0:50, 0:50] = 128
    with_result(bench, probability, 0.9)
    session = bench.session
    centres = []
    for _ in range(2):
        session.go_to_next()
        centres.append(sight.camera_of(viewer).center[-2:])
    assert np.allclose(centres, [(383.5, 383.5), (127.5, 127.5)])
    reviewed = session.reviewed(session.subject())
    assert reviewed.grid.sum() == 1
    assert reviewed.grid[1, 1]
    for _ in range(8):
        session.go_to_next()
    assert "All of this page is reviewed" in session.status
    assert reviewed.share == 1


def test_without_probability_the_places_come_in_reading_order(bench) -> None:
    bench.session.go_to_next()
    assert "reading order" in bench.session.status


def test_a_second_opinion_decides_where_the_doubt_is(bench) -> None:
    first = np.full((48, 64), 128, np.uint8)
    with_result(bench, first)
    subject = bench.session.subject()
    assert bench.session.doubt(subject)[0, 0] == pytest.approx(1, abs=0.01)
    mine = bench.labels
    with_result(bench, first)
    bench.labels = bench.session.labels = mine
    assert bench.session.doubt(subject)[0, 0] == 0


# ---- what cannot be corrected


def test_what_is_missing_is_said(viewer, one_stroke) -> None:
    session = CorrectSession(viewer)
    assert "Open a page" in session.refusal(None, None)
    image = viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    assert "new ones" in session.refusal(image, None)
    small = viewer.add_labels(np.zeros((5, 7), np.uint8), name="small")
    assert "“small” has 7 × 5 pixels, but “letter” 64 × 48" in session.refusal(image, small)
    fixed = np.zeros((48, 64), np.uint8)
    fixed.setflags(write=False)
    assert "written" in session.refusal(image, viewer.add_labels(fixed))
    lazy = pytest.importorskip("dask.array").zeros((48, 64), dtype=np.uint8)
    assert "not in memory" in session.refusal(image, viewer.add_labels(lazy))
    many = viewer.add_labels([np.zeros((48, 64), np.uint8), np.zeros((24, 32), np.uint8)])
    assert "multiscale" in session.refusal(image, many)
    good = viewer.add_labels(np.zeros((48, 64), np.uint8))
    assert session.refusal(image, good) == ""
    viewer.dims.ndisplay = 3
    assert "2D" in session.refusal(image, good)
    viewer.layers.remove(good)
    assert "no longer" in session.refusal(image, good)


def test_no_action_without_a_page_raises(viewer) -> None:
    session = CorrectSession(viewer)
    hand = Hand(session, Overlays(viewer), lambda: None)
    for work in (session.go_to_next, session.mark_reviewed, session.mark_unlabelled):
        session.status = ""
        work()
        assert "Open a page" in session.status
    hand.take("ink")
    assert session.tool == ""
    ThresholdHere(session).move(0.5)
    assert Specks(session, Overlays(viewer)).ask() is None


def test_keys_come_back_when_the_hand_leaves(viewer) -> None:
    calls: list[str] = []
    viewer.bind_key("I", lambda _: calls.append("mine"), overwrite=True)
    hand = Hand(CorrectSession(viewer), Overlays(viewer), lambda: None)
    hand.attach({"I": lambda: calls.append("ours")})
    (key,) = viewer.keymap
    viewer.keymap[key](viewer)
    hand.detach()
    viewer.keymap[key](viewer)
    assert calls == ["ours", "mine"]
    assert not viewer.mouse_drag_callbacks or hand._on_drag not in viewer.mouse_drag_callbacks


def test_no_key_belongs_to_napari() -> None:
    from napari.layers import Labels

    from docbin_napari.plugin.correct_keys import ACTIONS

    taken = {str(key) for key in Labels.class_keymap}
    assert not {action.key for action in ACTIONS} & taken
    assert len({action.key for action in ACTIONS}) == len(ACTIONS)
    assert all(f"Key: {action.key}" in action.tooltip for action in ACTIONS)


def test_areas_are_told_apart() -> None:
    assert len(set(correct_session.AREAS)) == 3
