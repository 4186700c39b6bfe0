"""Widths of strokes, from the page and from a mask."""

import math

import numpy as np
import pytest
from scipy import ndimage

from docbin_napari.features.survey import page_strips, stroke_rows, width_along_rows, width_of_ink


def sampled_rows(pixels):
    return [strip.green for strip in page_strips(pixels)]


def strokes(width: float, degrees: float) -> np.ndarray:
    """Parallel strokes at an angle, bool."""
    rows, columns = np.mgrid[:240, :240]
    angle = math.radians(degrees)
    across = math.cos(angle) * columns + math.sin(angle) * rows
    return across % 40 < width


def all_angles(width: float) -> list[np.ndarray]:
    return [strokes(width, degrees) for degrees in range(0, 180, 15)]


def written(mask: np.ndarray, paper: int = 220, ink: int = 60) -> np.ndarray:
    return np.repeat(np.where(mask, ink, paper).astype(np.uint8)[..., None], 3, axis=-1)


@pytest.mark.parametrize("width", [2, 4, 7])
def test_the_width_of_a_mask_is_that_of_its_strokes(width):
    assert width_of_ink(all_angles(width)) == pytest.approx(width, rel=0.1)


@pytest.mark.parametrize("width", [2, 4, 7])
def test_rows_of_a_page_know_the_width_of_its_strokes(width):
    found = [stroke_rows(sampled_rows(written(mask)))[0] for mask in all_angles(width)]
    # Strokes along the rows are not crossed by any.
    assert width_along_rows(found) == pytest.approx(width, rel=0.3)


def test_the_smaller_the_page_the_thinner_its_strokes():
    page = written(strokes(6, 30)).astype(np.float32)
    widths = []
    for size in (1, 2, 3):
        small = ndimage.uniform_filter(page, (size, size, 0))[::size, ::size].astype(np.uint8)
        widths.append(width_along_rows(stroke_rows(sampled_rows(small))))
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 2 * widths[2]


def test_neither_pale_texture_nor_wide_areas_are_strokes():
    mask = strokes(4, 0)
    page = written(mask)
    page[:, 5:20:2] -= 30  # a pale weave between two strokes
    page[60:180, 100:200] = 60  # a blot
    found, *_ = stroke_rows(sampled_rows(page))
    assert np.array_equal(found[0], mask[0])
    assert not found[20, 110:190].any()


@pytest.mark.parametrize("shape", [(40, 40), (1, 1), (3, 2), (300, 1)])
def test_a_page_without_strokes_has_none_that_are_thin(shape):
    blank = np.full((*shape, 3), 200, np.uint8)
    assert width_along_rows(stroke_rows(sampled_rows(blank))) == math.inf
    assert width_of_ink([np.zeros(shape, bool)]) == math.inf
