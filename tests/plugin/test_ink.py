"""The result of a run follows its threshold and never touches what a person painted."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.correction.region import Region
from docbin_napari.plugin.layers import ink_result
from docbin_napari.plugin.layers.ink_result import (
    BACKGROUND,
    INK,
    UNLABELLED,
    InkResult,
    bind,
    image_behind,
    level_of,
    result_behind,
)

WHOLE = slice(0, 4), slice(0, 6)


def ramp(threshold: float = 0.5) -> InkResult:
    """A page of 4 x 6 pixels whose probability rises from 0 by ten a pixel."""
    result = InkResult((4, 6), threshold)
    result.probability[:] = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    result.write(0, *WHOLE)
    return result


def follow(result: InkResult, threshold: float) -> None:
    """Go all steps."""
    for _ in result.follow(threshold):
        pass


def test_a_region_that_was_not_written_stays_empty() -> None:
    result = InkResult((4, 6), 0.5)
    result.probability[:] = 255
    result.write(0, slice(0, 2), slice(0, 6))
    assert result.labels[:2].all()
    assert not result.labels[2:].any()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_labels_are_those_of_the_last_threshold(thresholds: list[float]) -> None:
    result = ramp()
    for threshold in thresholds:
        follow(result, threshold)
    assert np.array_equal(result.labels, result.probability >= level_of(thresholds[-1]))


@given(st.integers(0, 23), st.integers(0, 2), st.lists(st.floats(0, 1), max_size=5))
def test_a_painted_pixel_keeps_its_value_for_ever(
    where: int, value: int, thresholds: list[float]
) -> None:
    result = ramp()
    painted = result.labels.flat[where] != value
    result.labels.flat[where] = value
    for threshold in thresholds:
        follow(result, threshold)
    if painted:
        assert result.labels.flat[where] == value
    others = np.arange(24) != where
    right = result.probability >= level_of(result.threshold if thresholds else 0.5)
    assert np.array_equal(result.labels.flat[others], right.flat[others])


def test_an_erased_pixel_survives_a_threshold_at_which_it_would_be_background_anyway() -> None:
    result = ramp(0.5)
    assert result.labels[2, 3] == INK  # probability 150
    result.labels[2, 3] = BACKGROUND
    follow(result, 0.7)
    follow(result, 0.3)
    assert result.labels[2, 3] == BACKGROUND


def test_what_was_painted_before_a_window_arrived_stays() -> None:
    result = InkResult((4, 6), 0.5)
    result.labels[0, 0] = UNLABELLED
    result.labels[0, 1] = INK
    result.write(0, *WHOLE)
    follow(result, 0.9)
    assert result.labels[0, :3].tolist() == [
        UNLABELLED,
        INK,
        BACKGROUND,
    ]


def test_a_threshold_can_be_left_half_way_and_moved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ink_result, "_BLOCK_PIXELS", 6)
    result = ramp(0.5)
    next(result.follow(0.9))
    follow(result, 0.2)
    assert np.array_equal(result.labels, result.probability >= level_of(0.2))


def test_windows_that_arrive_after_a_move_use_the_new_threshold() -> None:
    result = InkResult((4, 6), 0.5)
    result.probability[:] = 100
    result.write(0, slice(0, 2), slice(0, 6))
    moving = result.follow(0.1)
    result.write(0, slice(2, 4), slice(0, 6))
    assert result.labels[2:].all()
    assert not result.labels[:2].any()
    list(moving)
    assert result.labels.all()


def test_the_page_that_is_looked_at_comes_first() -> None:
    result = InkResult((3, 4, 6), 0.5)
    for page in range(3):
        result.write(page, *WHOLE)
    assert list(result.follow(0.1, first_page=1)) == [1, 0, 2]
    assert list(result.follow(0.1)) == []


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [(0, 0, INK), (3, 5, BACKGROUND), (3, 5, UNLABELLED)],
)
def test_every_kind_of_paint_counts_as_an_edit(row: int, column: int, value: int) -> None:
    result = ramp()
    assert not result.was_edited(0)
    result.labels[row, column] = value
    assert result.was_edited(0)
    follow(result, 0.99)
    assert result.was_edited(0), "a threshold that agrees with the paint does not undo it"


def test_paint_beside_the_computed_part_is_an_edit_too() -> None:
    result = InkResult((4, 6), 0.5)
    result.write(0, slice(0, 2), slice(0, 6))
    assert not result.was_edited(0)
    result.labels[3, 3] = INK
    assert result.was_edited(0)


def test_a_reset_page_is_empty_and_the_others_stay() -> None:
    result = InkResult((2, 4, 6), 0.5)
    result.probability[:] = 200
    for page in range(2):
        result.write(page, *WHOLE)
    result.reset(0)
    assert not result.has(0)
    assert not result.labels[0].any()
    assert not result.probability[0].any()
    assert result.has(1)
    assert result.labels[1].all()


def test_a_page_says_why_it_is_not_computed_to_its_end() -> None:
    result = InkResult((3, 4, 6), 0.5)
    result.write(0, *WHOLE)
    result.write(1, slice(0, 2), slice(0, 6))
    assert result.unfinished(0) == ""
    assert "was stopped: press Run again" in result.unfinished(1)
    assert "was not binarized: press Run first" in result.unfinished(2)
    result.labels[2, 3, 3] = INK
    assert result.unfinished(2) == "", "painted by hand"
    result.reset(2)
    result.computing = True
    assert "still being binarized" in result.unfinished(2)


def test_a_page_that_is_reset_while_its_threshold_moves_stays_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ink_result, "_BLOCK_PIXELS", 6)
    result = ramp()
    result.labels[0, 0] = UNLABELLED
    follow(result, 0.6)
    steps = result.follow(0.1)
    next(steps)
    result.reset(0)
    result.probability[:] = 100
    list(steps)
    assert not result.labels.any()


def test_no_level_counts_uncomputed_pixels_as_ink() -> None:
    assert min(level_of(threshold) for threshold in np.linspace(0, 1, 101)) == 1


@given(st.integers(0, 255), st.integers(0, 100))
def test_a_level_agrees_with_the_threshold_on_the_8_bit_values(value: int, percent: int) -> None:
    ink_by_level = value >= level_of(percent / 100)
    assert ink_by_level == (value > 0 and 100 * value >= 255 * percent)


@pytest.mark.viewer
def test_a_layer_knows_its_result_until_it_is_given_other_data() -> None:
    from napari.layers import Image, Labels

    result, image = ramp(), Image(np.zeros((4, 6)))
    layer = Labels(result.labels)
    bind(layer, result, image)
    assert result_behind(layer) is result
    assert image_behind(layer) is image
    layer.data = np.zeros((4, 6), np.uint8)
    assert result_behind(layer) is None
    assert result_behind(None) is None
    assert image_behind(Labels(np.zeros((4, 6), np.uint8))) is None


def cut_at_its_own(result: InkResult, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the upper left corner at a level of its own; gives what was there, and the corner."""
    corner = np.s_[0:2, 0:3]
    before = result.labels[corner].copy()
    result.labels[corner] = result.probability[corner] >= level
    result.set_region_threshold(0, Region(*corner, np.ones((2, 3), bool)), level)
    return before, result.labels[corner]


@given(st.integers(1, 255), st.lists(st.floats(0, 1), max_size=4))
def test_a_region_with_a_threshold_of_its_own_stays(level: int, thresholds: list[float]) -> None:
    result = ramp()
    _, corner = cut_at_its_own(result, level)
    expected = corner.copy()
    for threshold in thresholds:
        follow(result, threshold)
    assert np.array_equal(corner, expected)
    right = result.probability >= level_of(result.threshold)
    assert np.array_equal(result.labels[2:], right[2:])


def test_a_region_whose_own_threshold_was_undone_follows_again() -> None:
    result = ramp()
    before, corner = cut_at_its_own(result, 20)
    assert not np.array_equal(before, corner)
    corner[:] = before
    follow(result, 0.05)
    assert np.array_equal(result.labels, result.probability >= level_of(0.05))


def test_a_page_that_is_computed_again_forgets_its_regions() -> None:
    result = ramp()
    cut_at_its_own(result, 20)
    result.reset(0)
    result.probability[:] = 200
    result.write(0, *WHOLE)
    follow(result, 0.9)
    assert not result.labels.any()


def test_a_first_look_is_nothing_that_a_person_painted() -> None:
    result = InkResult((4, 6), 0.5)
    result.preview(0, np.full((4, 6), 200, np.uint8))
    assert result.labels.all()
    assert not result.was_edited(0)
    result.labels[0, 0] = UNLABELLED
    assert result.was_edited(0)
    result.labels[0, 0] = INK
    result.probability[:2] = 255
    result.write(0, slice(0, 2), slice(0, 6))
    assert not result.was_edited(0)
    result.end_preview()
    assert not result.was_edited(0)


def test_nobody_is_taken_for_a_painter_while_the_threshold_moves() -> None:
    result = InkResult((1500, 1500), 0.5)
    result.probability[:] = np.arange(1500, dtype=np.uint16).astype(np.uint8)
    result.write(0, slice(0, 1500), slice(0, 1500))
    answers, stop = [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.append(result.was_edited(0))

    asking = threading.Thread(target=ask)
    asking.start()
    for step in range(30):
        follow(result, 0.3 + 0.4 * (step % 2))
    stop.set()
    asking.join()
    assert answers
    assert not any(answers)
