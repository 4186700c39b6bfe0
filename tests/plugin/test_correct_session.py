"""What the correction widget knows, on real layers: marks, places, refusals; no window."""

from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.correction.region import lasso
from docbin_napari.plugin.correct import correct_session
from docbin_napari.plugin.correct.correct_session import PAGE, REGION, CorrectSession, Specks
from docbin_napari.plugin.correct.overlays import Overlays
from docbin_napari.plugin.correct.tools import ToolController
from docbin_napari.plugin.layers import canvas, choosing

pytestmark = pytest.mark.viewer


# ---- marks and places


def test_the_page_becomes_unlabelled_in_one_step(bench) -> None:
    bench.draw_two_pieces()
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


def test_a_lasso_is_reviewed_only_where_it_is(viewer, bench_of) -> None:
    page = np.full((600, 600), 230, np.uint8)
    bench = bench_of(viewer.add_image(page), viewer.add_labels(np.zeros_like(page)))
    bench.session.area = REGION
    corners = ((0, 0), (0, 599), (40, 599), (40, 40), (599, 40), (599, 0))
    bench.session.region = lasso(corners, page.shape)
    bench.session.mark_reviewed()
    assert bench.session.reviewed(bench.session.subject()).share < 0.5


def test_places_come_by_doubt_and_those_that_are_left_are_reviewed(viewer, bench_of) -> None:
    page = np.full((600, 600), 230, np.uint8)
    bench = bench_of(viewer.add_image(page), viewer.add_labels(np.zeros_like(page)))
    probability = np.zeros_like(page)
    probability[300:400, 300:400] = 128
    probability[0:50, 0:50] = 128
    bench.put_result(probability, 0.9)
    session = bench.session
    centres = []
    for _ in range(2):
        session.go_to_next()
        centres.append(canvas.camera_of(viewer).center[-2:])
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
    bench.put_result(first)
    subject = bench.session.subject()
    assert bench.session.doubt(subject)[0, 0] == pytest.approx(1, abs=0.01)
    mine = bench.labels
    bench.put_result(first)
    bench.labels = bench.session.labels = mine
    assert bench.session.doubt(subject)[0, 0] == 0


# ---- what cannot be corrected


def test_what_is_missing_is_said(viewer, one_stroke) -> None:
    session = CorrectSession(viewer)
    assert "Open a page" in session.refusal(None, None)
    image = viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    assert "new ones" in session.refusal(image, None)
    small = viewer.add_labels(np.zeros((5, 7), np.uint8), name="small")
    assert "“small” has 7 × 5 pixels, but “letter” has 64 × 48 pixels" in session.refusal(
        image, small
    )
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
    hand = ToolController(session, Overlays(viewer), lambda: None)
    for work in (session.go_to_next, session.mark_reviewed, session.mark_unlabelled):
        session.status = ""
        work()
        assert "Open a page" in session.status
    hand.take("ink")
    assert session.tool == ""
    session.move_threshold(0.5)
    specks = Specks(session, Overlays(viewer), lambda work: work(), pytest.fail)
    specks.search()
    assert not specks.shown


def test_areas_are_told_apart() -> None:
    assert len(set(correct_session.AREAS)) == 3


@pytest.mark.parametrize("shape", [(48, 64), (3, 48, 64)])
def test_new_labels_lie_over_their_image(viewer, shape) -> None:
    image = viewer.add_image(np.zeros(shape, np.uint8), scale=(2, 2), translate=(5, 6))
    session = CorrectSession(viewer)
    labels = session.new_labels(image, 2)
    assert (labels.data == 2).all()
    assert labels.data.shape == shape
    assert np.allclose(labels.extent.world, image.extent.world)
    assert session.refusal(image, labels) == ""


def test_other_layers_are_nobodys_page(viewer) -> None:
    viewer.add_points(np.zeros((1, 2)))
    viewer.add_shapes([np.eye(3)[:, :2]], shape_type="polygon")
    assert choosing.favourite_image(viewer, None) is None
    assert choosing.favourite_labels(viewer, None) is None


def test_labels_of_another_shape_are_chosen_last_and_refused(viewer) -> None:
    book = viewer.add_image(np.zeros((3, 48, 64), np.uint8), name="book")
    fitting = viewer.add_labels(np.zeros((3, 48, 64), np.uint8))
    page = viewer.add_labels(np.zeros((48, 64), np.uint8), name="page")
    viewer.layers.selection.active = book
    assert choosing.favourite_labels(viewer, book) is fitting
    session = CorrectSession(viewer)
    assert (
        session.refusal(book, page)
        == "“page” has 64 × 48 pixels, but “book” has 3 pages of 64 × 48 pixels."
    )
    assert session.refusal(book, fitting) == ""
    volume = viewer.add_image(np.zeros((2, 3, 48, 64), np.uint8), name="film")
    assert session.refusal(volume, fitting)
