"""A threshold for a region and specks below a size, on real layers; no window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docbin_napari.correction.region import rectangle
from docbin_napari.plugin.correct.correct_session import PAGE, REGION, CorrectSession, Specks
from docbin_napari.plugin.correct.overlays import OUTLINE_NAME, SPECKS_NAME

pytestmark = pytest.mark.viewer


# ---- region and threshold here


def faint(shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    probability = np.zeros(shape, np.uint8)
    probability[14:18, 10:42] = 100
    return probability


def test_the_region_alone_follows_and_it_is_one_step(bench) -> None:
    bench.put_result(faint())
    bench.hand.take("region")
    bench.drag((10, 5), (12, 9), (25, 20))
    for threshold in (0.45, 0.2, 0.3):
        bench.session.move_threshold(threshold)
    assert bench.labels.data[14:18, 10:21].all()
    assert not bench.labels.data[:, 21:].any()
    assert len(bench.labels._undo_history) == 1
    bench.labels.undo()
    assert not bench.labels.data.any()


def test_the_region_keeps_its_threshold_when_the_page_gets_another(bench) -> None:
    result = bench.put_result(faint())
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    bench.session.move_threshold(0.2)
    for threshold in (0.9, 0.1, 0.6):
        list(result.follow(threshold))
        assert bench.labels.data[14:18, 10:21].all()
        assert bench.labels.data[15, 30] == (threshold < 0.3)
    bench.session.move_threshold(0.9)
    assert not bench.labels.data[:, :21].any()


def test_at_one_the_region_has_no_ink_however_sure_the_model_is(bench) -> None:
    result = bench.put_result(np.where(faint() > 0, 255, 0).astype(np.uint8))
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    bench.session.move_threshold(1.0)
    assert not bench.labels.data[:, :21].any()
    list(result.follow(0.2))
    assert not bench.labels.data[:, :21].any()
    assert bench.labels.data[15, 30]


def test_after_undo_the_region_follows_the_page_again(bench) -> None:
    result = bench.put_result(faint())
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    bench.session.move_threshold(0.2)
    bench.labels.undo()
    list(result.follow(0.1))
    assert np.array_equal(bench.labels.data, faint() > 0)


def test_a_lasso_is_no_rectangle(bench) -> None:
    bench.put_result(np.full((48, 64), 100, np.uint8))
    bench.hand.take("region")
    bench.drag((5, 5), (5, 40), (40, 5), modifiers=("Shift",))
    bench.session.move_threshold(0.2)
    assert bench.labels.data[8, 8] == 1
    assert bench.labels.data[35, 35] == 0
    assert OUTLINE_NAME in bench.viewer.layers
    assert bench.viewer.layers.selection.active is bench.labels


def test_threshold_here_says_what_it_needs(bench) -> None:
    bench.session.move_threshold(0.3)
    assert "run Binarize document" in bench.session.status
    bench.put_result(faint())
    bench.session.move_threshold(0.3)
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


def specks_of(bench: Any) -> Specks:
    return Specks(bench.session, bench.overlays, lambda work: work(), pytest.fail)


def test_specks_are_shown_before_they_are_removed(bench) -> None:
    bench.draw_two_pieces()
    bench.session.area = PAGE
    specks = specks_of(bench)
    specks.size = 10
    specks.search()
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 9
    assert bench.labels.data.sum() == 32 * 4 + 9
    assert "1 specks of fewer than 10" in bench.session.status
    specks.remove()
    assert bench.labels.data.sum() == 32 * 4
    assert not bench.viewer.layers[SPECKS_NAME].visible
    bench.labels.undo()
    assert bench.labels.data.sum() == 32 * 4 + 9


def test_specks_are_measured_anew_where_the_area_or_the_ink_has_changed(viewer, bench_of) -> None:
    page = np.full((600, 600), 230, np.uint8)
    bench = bench_of(viewer.add_image(page), viewer.add_labels(np.zeros_like(page)))
    labels, session = bench.labels.data, bench.session
    labels[100:103, 100:103] = labels[500:503, 500:503] = 1
    specks = specks_of(bench)
    specks.size = 20
    session.area, session.region = REGION, rectangle((50, 50), (200, 200), page.shape)
    specks.search()
    session.region = rectangle((400, 400), (590, 590), page.shape)
    specks.show()
    assert not specks.shown, "another area was drawn"
    specks.search()
    labels[503:510, 500] = 1  # The speck has become part of a stroke.
    specks.remove()
    assert "The page changed" in session.status
    assert labels[500:503, 500:503].all()
    assert labels[100:103, 100:103].all()


def test_the_highlight_lies_over_the_specks_of_a_region(viewer, bench_of, one_stroke) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True, scale=(2, 2), translate=(10, 20))
    bench = bench_of(image, CorrectSession(viewer).new_labels(image, 0))
    bench.labels.data[30, 50] = 1
    bench.hand.take("region")
    bench.drag((25, 45), (35, 55))
    specks = specks_of(bench)
    specks.size = 5
    specks.search()
    layer = viewer.layers[SPECKS_NAME]
    ((row, column),) = np.argwhere(layer.data)
    assert np.allclose(layer.data_to_world((row, column)), bench.labels.data_to_world((30, 50)))


def test_specks_of_a_layer_that_is_gone_are_not_removed(bench) -> None:
    bench.draw_two_pieces()
    bench.session.area = PAGE
    specks = specks_of(bench)
    specks.size = 10
    specks.search()
    bench.viewer.layers.remove(bench.labels)
    specks.remove()
    assert bench.labels.data.sum() == 32 * 4 + 9
    assert "changed" in bench.session.status


# ---- layers that come, go and change their names


def shown_specks(bench: Any) -> Specks:
    bench.draw_two_pieces()
    bench.session.area = PAGE
    specks = specks_of(bench)
    specks.size = 10
    specks.search()
    return specks


def test_specks_of_a_layer_that_is_gone_are_shown_no_more(bench) -> None:
    specks = shown_specks(bench)
    bench.viewer.layers.remove(bench.labels)
    specks.size = 20
    specks.show()
    assert not specks.shown
    assert not bench.viewer.layers[SPECKS_NAME].visible


def test_specks_are_removed_though_every_layer_got_another_name(bench) -> None:
    specks = shown_specks(bench)
    highlight = bench.viewer.layers[SPECKS_NAME]
    for number, layer in enumerate(bench.viewer.layers):
        layer.name = f"name {number}"
    specks.remove()
    assert bench.labels.data.sum() == 32 * 4
    assert not highlight.visible
    assert len(bench.viewer.layers) == 3


def test_a_highlight_that_was_removed_is_shown_again(bench) -> None:
    specks = shown_specks(bench)
    bench.viewer.layers.remove(SPECKS_NAME)
    specks.show()
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 9
    bench.viewer.layers.remove(SPECKS_NAME)
    specks.remove()
    assert bench.labels.data.sum() == 32 * 4


def test_the_slider_of_a_region_stops_with_its_labels(bench) -> None:
    bench.put_result(faint())
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    bench.session.move_threshold(0.2)
    gone = bench.labels
    before = gone.data.copy()
    bench.viewer.layers.remove(gone)
    bench.session.move_threshold(0.9)
    assert np.array_equal(gone.data, before)
    assert "no longer in the viewer" in bench.session.status
    bench.session.upkeep.tick()
    # Labels of another run take its place: the step of the first is none of theirs.
    bench.put_result(faint())
    bench.session.move_threshold(0.2)
    bench.session.move_threshold(0.9)
    assert np.array_equal(gone.data, before)
    assert not bench.labels.data.any()
    bench.labels.undo()
    assert not bench.labels.data.any()


def test_the_slider_of_a_region_does_not_mind_names(bench) -> None:
    bench.put_result(faint())
    bench.hand.take("region")
    bench.drag((10, 5), (25, 20))
    for number, threshold in enumerate((0.9, 0.2)):
        for layer in bench.viewer.layers:
            layer.name = f"{number}"
        bench.session.move_threshold(threshold)
    assert bench.labels.data[14:18, 10:21].all()
    assert len(bench.labels._undo_history) == 1
