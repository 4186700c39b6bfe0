"""A run from Run to the end, in a viewer model: no window, no thread, no torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docbin_napari.plugin.binarize.binarize_session import BinarizeSession, Request
from docbin_napari.plugin.layers import choosing
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.look import RESULT, Look
from docbin_napari.plugin.layers.page_record import reviewed_of
from docbin_napari.plugin.threads import run

pytestmark = pytest.mark.viewer
REQUEST = Request("fast", "any", "cpu", 0.5)
ALL = Request("fast", "any", "cpu", 0.5, all_pages=True)


def compute(session: BinarizeSession, image: Any, engine: Any, request: Request = REQUEST) -> str:
    """Run to the end."""
    for event in run(session.start(image, request), engine.load):
        session.receive(event)
    trouble = session.finish()
    while session.tick():
        pass
    return trouble


def test_the_ink_of_a_page_becomes_labels_over_it(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels, name="letter", scale=(0.5, 2), rgb=True)
    assert compute(BinarizeSession(viewer), image, fake_engine) == ""
    layer = viewer.layers["Ink of letter"]
    assert np.array_equal(layer.data, one_stroke.ink)
    assert layer.scale.tolist() == [0.5, 2]
    assert viewer.layers.index(layer) > viewer.layers.index(image)


def test_the_labels_fill_in_window_by_window(viewer, one_stroke, fake_engine) -> None:
    session = BinarizeSession(viewer)
    job = session.start(viewer.add_image(one_stroke.pixels), REQUEST)
    layer, filled, fractions = session.ink_layer(None), [], []
    for event in run(job, fake_engine.load):
        session.receive(event)
        filled.append(np.count_nonzero(layer.data))
        fractions.append(session.run.meter.fraction)
    assert len(set(filled)) > 3
    assert filled == sorted(filled)
    assert fractions[0] == 0
    assert fractions[-1] == 1


def test_a_stopped_run_keeps_what_is_done(viewer, one_stroke, fake_engine) -> None:
    session = BinarizeSession(viewer)
    image = viewer.add_image(one_stroke.pixels)
    events = run(session.start(image, REQUEST), fake_engine.load)
    for _ in range(7):  # ready, the start of the page, five windows: all of the first row
        session.receive(next(events))
    session.stop()
    assert session.run.stopping
    session.finish()
    layer = session.ink_layer(image)
    assert np.array_equal(layer.data[:16], one_stroke.ink[:16])
    assert not layer.data[16:, 16:].any()
    assert "5 of 12 windows" in session.status
    assert not session.running
    assert result_behind(layer).is_partial(0)
    assert not compute(session, image, fake_engine)
    assert not result_behind(layer).is_partial(0)


def test_a_run_that_is_stopped_at_once_leaves_the_result_before_it(
    viewer, one_stroke, fake_engine
) -> None:
    session, image = BinarizeSession(viewer), viewer.add_image(one_stroke.pixels, name="letter")
    compute(session, image, fake_engine)
    before = list(viewer.layers)
    session.start(image, replace(REQUEST, preset="best"))
    assert len(viewer.layers) == 3
    session.stop()
    session.finish()
    assert list(viewer.layers) == before
    assert session.ink_layer(image) is before[-1]
    assert before[-1].visible
    assert session.status == "Stopped before anything was computed."


def test_a_page_that_is_hidden_or_lies_under_another_comes_up_with_its_run(
    viewer, one_stroke, fake_engine
) -> None:
    session = BinarizeSession(viewer)
    below, hidden, above, beside = (
        viewer.add_image(one_stroke.pixels, name=name)
        for name in ("below", "hidden", "above", "beside")
    )
    beside.translate = (0, 5000)
    hidden.visible = False
    compute(session, above, fake_engine)
    compute(session, below, fake_engine)
    seen = {layer.name for layer in viewer.layers if layer.visible}
    assert seen == {"below", "Ink of below", "beside"}
    compute(session, hidden, fake_engine)
    seen = {layer.name for layer in viewer.layers if layer.visible}
    assert {"hidden", "Ink of hidden", "beside"} <= seen
    assert "above" not in seen


def test_a_run_whose_layer_was_removed_keeps_nothing_and_says_so(
    viewer, one_stroke, fake_engine
) -> None:
    session = BinarizeSession(viewer)
    session.start(viewer.add_image(one_stroke.pixels), REQUEST)
    layer = session.run.layer
    assert result_behind(layer).computing
    viewer.layers.remove(layer)
    session.stop()
    session.finish()
    assert session.status == "Stopped: the ink layer was removed."
    assert not result_behind(layer).computing


def test_this_page_of_a_stack_and_then_another_fill_one_layer(
    viewer, one_stroke, fake_engine
) -> None:
    stack = np.stack([one_stroke.pixels] * 3)
    image = viewer.add_image(stack)
    session = BinarizeSession(viewer)
    for page in (2, 0):
        viewer.dims.set_point(0, page)
        compute(session, image, fake_engine)
    (layer,) = [layer for layer in viewer.layers if layer is not image]
    assert [bool(plane.any()) for plane in layer.data] == [True, False, True]
    assert np.array_equal(layer.data[2], one_stroke.ink)


def test_all_pages_of_a_stack(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(np.stack([one_stroke.pixels] * 3))
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine, ALL)
    assert np.array_equal(session.ink_layer(image).data, np.stack([one_stroke.ink] * 3))


def test_a_second_run_fills_the_same_layer_again(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    first = session.ink_layer(image)
    compute(session, image, fake_engine, Request("fast", "any", "cpu", 0.7))
    assert session.ink_layer(image) is first
    assert len(viewer.layers) == 2
    assert session.threshold_of(image) == 0.7


def test_a_second_run_leaves_corrections_alone(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    first = session.ink_layer(image)
    first.data[0, 0] = 2
    corrected = first.data.copy()
    compute(session, image, fake_engine)
    second = session.ink_layer(image)
    assert second is not first
    assert np.array_equal(first.data, corrected)
    assert np.array_equal(second.data, one_stroke.ink)
    assert "corrections" in session.status
    viewer.layers.selection.active = first
    compute(session, image, fake_engine)
    assert choosing.results_of(viewer, image) == [second, first], (
        "one that is not corrected is used"
    )


def a_stack_with_a_result(viewer, one_stroke, fake_engine) -> tuple[BinarizeSession, Any, Any]:
    """Three pages that are all binarized and reviewed: session, image, layer."""
    image = viewer.add_image(np.stack([one_stroke.pixels] * 3))
    viewer.dims.set_point(0, 0)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine, ALL)
    layer = session.ink_layer(image)
    for page in range(3):
        reviewed_of(layer, page).grid[:] = True
    return session, image, layer


def test_a_page_keeps_its_result_until_it_is_computed_again(
    viewer, one_stroke, fake_engine
) -> None:
    session, image, layer = a_stack_with_a_result(viewer, one_stroke, fake_engine)
    every = np.stack([one_stroke.ink] * 3)

    def load(model: str, device: str) -> Any:
        raise RuntimeError("the model is gone")

    for event in run(session.start(image, ALL), load):
        session.receive(event)
    assert "the model is gone" in session.finish()
    assert np.array_equal(layer.data, every)
    events = run(session.start(image, ALL), fake_engine.load)
    for _ in range(2):  # ready, the first page begins: stopped there, nothing was written yet
        session.receive(next(events))
    session.stop()
    events.close()
    session.finish()
    assert session.ink_layer(image) is layer
    assert np.array_equal(layer.data, every)
    assert all(reviewed_of(layer, page).grid.all() for page in (1, 2))


def test_a_page_that_cannot_be_read_keeps_its_result(viewer, one_stroke, fake_engine) -> None:
    session, image, layer = a_stack_with_a_result(viewer, one_stroke, fake_engine)
    image.data[0] = 255
    computed = fake_engine.predict

    def predict(*job: Any) -> Any:
        if len(fake_engine.calls) == 4:
            raise OSError("the disk is gone")
        return computed(*job)

    fake_engine.predict = predict
    assert "the disk is gone" in compute(session, image, fake_engine, ALL)
    assert not layer.data[0].any()
    assert np.array_equal(layer.data[1:], np.stack([one_stroke.ink] * 2))
    assert [reviewed_of(layer, page).grid.any() for page in range(3)] == [False, True, True]


def test_a_page_that_is_corrected_before_its_turn_is_left_alone(
    viewer, one_stroke, fake_engine
) -> None:
    session, image, layer = a_stack_with_a_result(viewer, one_stroke, fake_engine)
    image.data[:] = 255
    job = session.start(image, ALL)
    layer.data[1, 14:18, 10:12] = 0
    corrected = layer.data[1].copy()
    for event in run(job, fake_engine.load):
        session.receive(event)
    session.finish()
    assert np.array_equal(layer.data[1], corrected)
    assert reviewed_of(layer, 1).grid.all()
    assert not layer.data[[0, 2]].any()
    assert "Page 2 was corrected meanwhile and was left alone." in session.status


def test_a_page_that_is_corrected_does_not_keep_other_pages_from_the_layer(
    viewer, one_stroke, fake_engine
) -> None:
    image = viewer.add_image(np.stack([one_stroke.pixels] * 2))
    session = BinarizeSession(viewer)
    viewer.dims.set_point(0, 0)
    compute(session, image, fake_engine)
    layer = session.ink_layer(image)
    layer.data[0, 0, 0] = 1
    viewer.dims.set_point(0, 1)
    compute(session, image, fake_engine)
    assert session.ink_layer(image) is layer
    assert layer.data[0, 0, 0] == 1
    assert np.array_equal(layer.data[1], one_stroke.ink)


def test_the_threshold_moves_the_labels_without_the_network(
    viewer, faint_stroke, fake_engine
) -> None:
    image = viewer.add_image(faint_stroke.pixels)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    layer = session.ink_layer(image)
    assert not layer.data.any()
    session.move_threshold(image, 0.2)
    while session.tick():
        pass
    assert np.array_equal(layer.data, faint_stroke.ink)
    assert len(fake_engine.calls) == 1


def test_a_later_session_moves_the_labels_of_an_earlier_one(
    viewer, faint_stroke, fake_engine
) -> None:
    image = viewer.add_image(faint_stroke.pixels)
    compute(BinarizeSession(viewer), image, fake_engine)
    later = BinarizeSession(viewer)
    assert later.threshold_of(image) == 0.5
    later.move_threshold(image, 0.2)
    while later.tick():
        pass
    assert np.array_equal(later.ink_layer(image).data, faint_stroke.ink)


def test_the_threshold_moves_while_the_run_goes_on(viewer, faint_stroke, fake_engine) -> None:
    image = viewer.add_image(faint_stroke.pixels)
    session = BinarizeSession(viewer)
    for number, event in enumerate(run(session.start(image, REQUEST), fake_engine.load)):
        session.receive(event)
        if number == 8:
            session.move_threshold(image, 0.2)
        session.tick()
    session.finish()
    while session.tick():
        pass
    assert np.array_equal(session.ink_layer(image).data, faint_stroke.ink)


def test_a_failure_is_told_and_the_session_is_idle(viewer, one_stroke, fake_engine) -> None:
    def fail(number: int) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered\nand a long tail")

    fake_engine.before = fail
    session = BinarizeSession(viewer)
    trouble = compute(session, viewer.add_image(one_stroke.pixels), fake_engine)
    assert trouble == "RuntimeError: CUDA error: device-side assert triggered"
    assert session.status == trouble
    assert not session.running


def test_a_failure_at_a_later_page_names_it_and_says_what_is_kept(
    viewer, one_stroke, fake_engine
) -> None:
    def fail(number: int) -> None:
        if len(fake_engine.calls) == 2:
            raise MemoryError

    fake_engine.before = fail
    session = BinarizeSession(viewer)
    image = viewer.add_image(np.stack([one_stroke.pixels] * 3), rgb=True)
    viewer.dims.set_point(0, 0)
    trouble = compute(session, image, fake_engine, ALL)
    assert trouble == "Page 2: There is not enough memory for this page."
    assert session.status.startswith("Stopped: page 2 of 3")
    assert session.status.endswith(f"What is done is kept. {trouble}")


def test_the_favourite_is_the_active_image_or_the_one_behind_the_active_labels(
    viewer, one_stroke, fake_engine
) -> None:
    assert choosing.favourite(viewer) is None
    first, second = (viewer.add_image(one_stroke.pixels, name=name) for name in "ab")
    compute(BinarizeSession(viewer), first, fake_engine)
    assert viewer.layers.selection.active.name == "Ink of a"
    assert choosing.favourite(viewer) is first
    viewer.layers.selection.active = second
    assert choosing.favourite(viewer) is second
    viewer.layers.selection.active = viewer.add_points([[0, 0]])
    assert choosing.favourite(viewer) is second
    assert choosing.images(viewer) == [second, first]
    assert choosing.favourite(viewer, first) is first, "points mean no page"
    viewer.layers.selection.clear()
    assert choosing.favourite(viewer, first) is first
    viewer.layers.selection.active = viewer.add_labels(np.zeros(one_stroke.ink.shape, np.uint8))
    assert choosing.favourite(viewer, first) is first, "labels that know of no page"
    second.metadata["source"] = viewer.layers.selection.active.metadata["source"] = "b.png"
    assert choosing.favourite(viewer, first) is second


def test_the_active_one_of_two_results_of_an_image_follows_the_threshold(
    viewer, one_stroke, fake_engine
) -> None:
    image, session = viewer.add_image(one_stroke.pixels), BinarizeSession(viewer)
    compute(session, image, fake_engine)
    first = session.ink_layer(image)
    first.data[0, 0] = 1
    compute(session, image, fake_engine)
    assert session.ink_layer(image) is not first
    viewer.layers.selection.active, first.visible = first, True
    assert session.ink_layer(image) is first


def test_the_result_of_another_image_does_not_follow(viewer, one_stroke, fake_engine) -> None:
    first, second = (viewer.add_image(one_stroke.pixels) for _ in range(2))
    session = BinarizeSession(viewer)
    compute(session, first, fake_engine)
    assert session.ink_layer(second) is None
    assert session.threshold_of(second) is None
    session.move_threshold(second, 0.1)
    assert result_behind(session.ink_layer(first)).threshold == 0.5


def test_labels_whose_image_is_gone_still_follow(viewer, faint_stroke, fake_engine) -> None:
    image, session = viewer.add_image(faint_stroke.pixels), BinarizeSession(viewer)
    compute(session, image, fake_engine)
    layer = session.ink_layer(image)
    viewer.layers.remove(image)
    del image
    session.move_threshold(None, 0.2)
    while session.tick():
        pass
    assert np.array_equal(layer.data, faint_stroke.ink)


def test_an_image_of_another_size_gets_labels_of_its_own(viewer, one_stroke, fake_engine) -> None:
    image, session = viewer.add_image(one_stroke.pixels), BinarizeSession(viewer)
    compute(session, image, fake_engine)
    image.data = one_stroke.pixels[:32]
    compute(session, image, fake_engine)
    assert session.ink_layer(image).data.shape == (32, 64)
    assert len(viewer.layers) == 3


def test_resolution_and_source_go_with_the_labels(viewer, one_stroke, fake_engine) -> None:
    known = {"dpi": (300.0, 300.0), "source": "scan.pdf", "page": 4, "else": 1}
    image, session = viewer.add_image(one_stroke.pixels, metadata=known), BinarizeSession(viewer)
    compute(session, image, fake_engine)
    expected = {
        "dpi": (300.0, 300.0),
        "source": "scan.pdf",
        "page": 4,
        "model": "any",
        "preset": "fast",
    }
    assert session.ink_layer(image).metadata == expected


def test_a_resolution_that_napari_dropped_is_looked_up_in_the_file(
    viewer, one_stroke, fake_engine, tmp_path
) -> None:
    from docbin_napari.io.mask import write_mask

    file = write_mask(tmp_path / "scan.png", one_stroke.ink, dpi=(600, 400))
    image = viewer.add_image(one_stroke.pixels, metadata={"source": str(file)})
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    assert np.allclose(session.ink_layer(image).metadata["dpi"], (600, 400), atol=0.05)


def test_the_preset_reaches_the_engine(viewer, one_stroke, fake_engine) -> None:
    from docbin_napari.inference.inference_config import PRESETS

    compute(BinarizeSession(viewer), viewer.add_image(one_stroke.pixels), fake_engine)
    assert fake_engine.calls == [((48, 64, 3), PRESETS["fast"])]


def test_another_model_or_preset_gives_a_layer_of_its_own(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    session = BinarizeSession(viewer)
    for request in (REQUEST, replace(REQUEST, model="faint"), REQUEST):
        compute(session, image, fake_engine, request)
    first, second = choosing.results_of(viewer, image)[::-1]
    assert (first.name, second.name) == ("Ink of letter", "Ink of letter (faint, fast)")
    assert (first.visible, second.visible) == (True, False)
    first.data[0, 0] = 1  # a person's
    compute(session, image, fake_engine)
    assert viewer.layers[-1].name == "Ink of letter (any, fast)", "not “Ink of letter [1]”"


def test_of_two_results_the_one_that_is_seen_is_meant(viewer, one_stroke, fake_engine) -> None:
    session, image = BinarizeSession(viewer), viewer.add_image(one_stroke.pixels, rgb=True)
    other = replace(REQUEST, model="another")
    for request in (REQUEST, other, REQUEST):
        compute(session, image, fake_engine, request)
    first, second = (layer for layer in viewer.layers if layer is not image)
    assert first.visible
    assert not second.visible
    assert viewer.layers.selection.active is session.ink_layer(image) is first
    first.visible, second.visible = False, True
    assert session.ink_layer(image) is second, "the other was hidden with its eye"


def test_a_result_that_is_run_again_stays_in_sight_when_a_look_ends(
    viewer, one_stroke, fake_engine
) -> None:
    session, image = BinarizeSession(viewer), viewer.add_image(one_stroke.pixels, rgb=True)
    other = replace(REQUEST, model="another")
    for request in (REQUEST, other, REQUEST):
        compute(session, image, fake_engine, request)
    look = Look(viewer, lambda: (image, session.ink_layer(image)))
    look.show(RESULT)
    compute(session, image, fake_engine, other)
    assert not look.shown
    look.show("")
    assert [one.visible for one in viewer.layers] == [True, False, True]


def test_two_results_are_compared(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    assert "second model" in choosing.compare(viewer, image)
    compute(session, image, fake_engine, replace(REQUEST, preset="best"))
    second = viewer.layers["Ink of letter (any, best)"]
    second.data[14:18, 10:12] = 0
    second.data[0, :5] = 1
    for _ in range(2):
        words = choosing.compare(viewer, image)
    assert "only in “Ink of letter” (8 pixels)" in words
    assert "only in “Ink of letter (any, best)” (5 pixels)" in words
    difference = viewer.layers[choosing.DIFFERENCE_NAME]
    assert (difference.data == 1).sum() == 8
    assert difference not in choosing.labels_layers(viewer)
    assert len(viewer.layers) == 4


@pytest.mark.parametrize("change", ["paint", "undo", "slider", "remove", "page"])
def test_a_comparison_goes_when_one_of_its_results_changes_or_goes(
    viewer, one_stroke, fake_engine, change
) -> None:
    image = viewer.add_image(np.stack([one_stroke.pixels] * 2), name="book", rgb=True)
    session = BinarizeSession(viewer)
    every = replace(REQUEST, all_pages=True)
    for request in (every, replace(every, preset="best")):
        compute(session, image, fake_engine, request)
    first, second = choosing.results_of(viewer, image)
    second.data_setitem((np.array([1]), np.array([2]), np.array([3])), np.array([1], np.uint8))
    choosing.compare(viewer, image)
    difference = viewer.layers[choosing.DIFFERENCE_NAME]
    first.visible, second.visible = False, True
    viewer.dims.set_point(0, 1)
    first.visible = True
    assert difference in viewer.layers, "nothing has changed"
    if change == "paint":
        first.data_setitem((np.array([1]), np.array([0]), np.array([0])), np.array([1], np.uint8))
    elif change == "undo":
        second.undo()
    elif change == "slider":
        first.data[1] = 0  # As `Upkeep` does.
        first.refresh()
    elif change == "remove":
        viewer.layers.remove(first)
    else:
        other = viewer.add_image(one_stroke.pixels, name="another", rgb=True)
        choosing.bring_up(viewer, image)
        assert difference.visible
        viewer.layers.move(viewer.layers.index(other), 0)
        choosing.bring_up(viewer, other)
        assert not difference.visible
        return
    assert difference not in viewer.layers


def test_only_pages_of_both_results_are_compared(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(np.stack([one_stroke.pixels] * 3), name="book", rgb=True)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine, replace(REQUEST, all_pages=True))
    viewer.dims.set_point(0, 1)
    compute(session, image, fake_engine, replace(REQUEST, preset="best"))
    viewer.layers["Ink of book (any, best)"].data[1, 14:18, 10:12] = 0
    assert "only in “Ink of book” (8 pixels)" in choosing.compare(viewer, image)
    assert not viewer.layers[choosing.DIFFERENCE_NAME].data[[0, 2]].any()


def test_a_page_whose_run_was_stopped_is_not_compared(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    events = run(session.start(image, replace(REQUEST, preset="best")), fake_engine.load)
    for _ in range(7):
        session.receive(next(events))
    events.close()
    session.stop()
    session.finish()
    assert "was stopped: press Run again" in choosing.compare(viewer, image)
    assert choosing.DIFFERENCE_NAME not in viewer.layers
    compute(session, image, fake_engine, replace(REQUEST, preset="best"))
    assert "only in" in choosing.compare(viewer, image)


def test_what_was_reviewed_is_not_reviewed_after_another_run(
    viewer, one_stroke, fake_engine
) -> None:
    image = viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    session = BinarizeSession(viewer)
    compute(session, image, fake_engine)
    (layer,) = choosing.results_of(viewer, image)
    reviewed_of(layer, 0).grid[:] = True
    compute(session, image, fake_engine, replace(REQUEST, edge_level=0.35))
    assert choosing.results_of(viewer, image) == [layer]
    assert not reviewed_of(layer, 0).grid.any()


def test_what_is_seen_is_computed_first(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True)
    image.corner_pixels = np.array([[8, 20], [17, 43]])
    compute(BinarizeSession(viewer), image, fake_engine)
    assert fake_engine.first == np.s_[8:18, 20:44]
    stack = viewer.add_image(np.stack([one_stroke.pixels] * 3), rgb=True)
    viewer.dims.set_point(0, 1)
    pages = []
    for event in run(BinarizeSession(viewer).start(stack, ALL), fake_engine.load):
        pages += [event.page] if hasattr(event, "page") else []
    assert pages[0] == 1, "all pages begin at the one that is shown"
    assert set(pages) == {0, 1, 2}
    assert fake_engine.first is None, "of other pages nothing is seen"


def test_the_engine_knows_from_which_file_a_page_is(viewer, one_stroke, fake_engine) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True, metadata={"source": "scans/1.png"})
    compute(BinarizeSession(viewer), image, fake_engine)
    assert fake_engine.file == Path("scans/1.png")


def test_a_small_page_is_seen_at_once_and_then_exactly(viewer, one_stroke, fake_engine) -> None:
    rough = one_stroke.ink.copy()
    rough[20:30, 5:60] = True
    fake_engine.seen_at_once = rough.astype(np.uint8) * 255
    session = BinarizeSession(viewer)
    image = viewer.add_image(one_stroke.pixels, rgb=True)
    events = run(session.start(image, REQUEST), fake_engine.load)
    layer = session.ink_layer(image)
    session.receive(next(events))
    session.receive(next(events))
    assert np.array_equal(layer.data, rough)
    assert "preview" in session.status
    layer.data[40, 40] = 1
    for event in events:
        session.receive(event)
    session.finish()
    expected = one_stroke.ink.copy()
    expected[40, 40] = True
    assert np.array_equal(layer.data, expected), "what was painted meanwhile stays"
    assert result_behind(layer).was_edited(0)


def test_a_first_look_is_taken_away_when_the_run_is_stopped(
    viewer, one_stroke, fake_engine
) -> None:
    fake_engine.seen_at_once = np.full(one_stroke.ink.shape, 255, np.uint8)
    session = BinarizeSession(viewer)
    image = viewer.add_image(one_stroke.pixels, rgb=True)
    events = run(session.start(image, REQUEST), fake_engine.load)
    for _ in range(7):
        session.receive(next(events))
    events.close()
    session.stop()
    layer = session.ink_layer(image)
    session.finish()
    assert np.array_equal(layer.data[:16], one_stroke.ink[:16])
    assert not layer.data[32:].any()
