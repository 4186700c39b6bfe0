"""The ink brush and the paper eraser, on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.correction.brush import (
    BrushConfig,
    find_ink,
    find_paper,
    segment,
    split_gray,
)
from docbin_napari.correction.region import Region

SHAPE = (48, 64)
points = st.tuples(st.floats(-20, 70), st.floats(-20, 90))


def reader(page: np.ndarray):
    """Gray values of a page, by rows and columns."""
    return lambda rows, columns: page[rows, columns]


def put(region: Region, found: np.ndarray) -> np.ndarray:
    """What was found, on the page."""
    page = np.zeros(SHAPE, bool)
    page[region.place] = found
    return page


def test_a_rough_stroke_over_ink_finds_the_ink_and_not_more(one_stroke) -> None:
    region = segment((15, 12), (16, 38), 6, SHAPE)
    found = put(region, find_ink(reader(one_stroke.pixels[..., 0]), region, SHAPE))
    assert np.array_equal(found, one_stroke.ink & put(region, region.inside))
    assert found.sum() > 100


def test_faint_ink_is_found_as_well(faint_stroke) -> None:
    region = segment((15, 12), (16, 38), 6, SHAPE)
    found = put(region, find_ink(reader(faint_stroke.pixels[..., 0]), region, SHAPE))
    assert np.array_equal(found, faint_stroke.ink & put(region, region.inside))


def test_a_stroke_inside_of_ink_knows_the_paper_further_away() -> None:
    page = np.full((400, 400), 230, np.uint8)
    page[100:300, 100:300] = 30
    region = segment((200, 200), (200, 210), 5, page.shape)
    assert np.array_equal(find_ink(reader(page), region, page.shape), region.inside)
    assert not find_paper(reader(page), region, page.shape).any()


def test_plain_noisy_paper_has_no_ink() -> None:
    noise = np.random.default_rng(3).normal(220, 6, (300, 300))
    page = np.clip(noise, 0, 255).astype(np.uint8)
    region = segment((150, 100), (150, 200), 12, page.shape)
    assert not find_ink(reader(page), region, page.shape).any()
    assert np.array_equal(find_paper(reader(page), region, page.shape), region.inside)


def test_stricter_means_less_ink_and_less_paper() -> None:
    page = np.full(SHAPE, 240, np.uint8)
    page[10:30, 10:50] = np.linspace(20, 238, 40).astype(np.uint8)
    region = segment((20, 5), (20, 60), 8, SHAPE)
    for find in (find_ink, find_paper):
        sizes = [
            find(reader(page), region, SHAPE, BrushConfig(strictness)).sum()
            for strictness in (0.1, 0.3, 0.5, 0.7, 0.9)
        ]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > sizes[-1]


@given(points, points, st.floats(0.5, 30), st.integers(0, 10**6), st.floats(0, 1))
def test_nothing_is_found_outside_of_the_stroke(start, end, radius, seed, strictness) -> None:
    page = np.random.default_rng(seed).integers(0, 256, SHAPE, np.uint8)
    region = segment(start, end, radius, SHAPE)
    if region is None:
        return
    for find in (find_ink, find_paper):
        found = find(reader(page), region, SHAPE, BrushConfig(strictness))
        assert found.shape == region.inside.shape
        assert not (found & ~region.inside).any()


@given(points, points, st.floats(0.5, 30), st.integers(0, 10**6))
def test_at_one_half_no_pixel_is_neither_ink_nor_paper(start, end, radius, seed) -> None:
    page = np.random.default_rng(seed).integers(0, 256, SHAPE, np.uint8)
    region = segment(start, end, radius, SHAPE)
    if region is not None:
        ink, paper = (find(reader(page), region, SHAPE) for find in (find_ink, find_paper))
        assert np.array_equal(ink | paper, region.inside)


@given(points, points, st.floats(0.5, 30))
def test_a_stroke_covers_what_is_near_its_way(start, end, radius) -> None:
    region = segment(start, end, radius, SHAPE)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    steps = np.linspace(0, 1, 400)[:, None, None]
    way = [one + steps * (other - one) for one, other in zip(start, end, strict=True)]
    near = ((rows - way[0]) ** 2 + (columns - way[1]) ** 2).min(axis=0)
    covered = np.zeros(SHAPE, bool) if region is None else put(region, region.inside)
    assert not (covered & (near > (radius + 0.3) ** 2)).any()
    assert covered[near < (radius - 0.01) ** 2].all()


def test_a_brush_off_the_page_covers_nothing() -> None:
    assert segment((-50, -50), (-40, -40), 5, SHAPE) is None


def test_a_click_covers_one_pixel_at_the_least() -> None:
    assert segment((10, 10), (10, 10), 0.2, SHAPE).size == 1


@given(st.integers(0, 10**6))
def test_the_halves_of_noise_are_not_ink_and_paper(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(150, 20, 4000)
    assert split_gray(np.clip(noise, 0, 255).astype(np.uint8)) is None


def test_an_impossible_strictness_is_refused() -> None:
    with pytest.raises(ValueError, match="strictness"):
        BrushConfig(1.5)
