"""Shapes in the world become pixels of the page."""

from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.correction.reviewed import Reviewed
from docbin_napari.plugin.correct.overlays import OUTLINE_NAME, Overlays
from docbin_napari.plugin.layers.canvas import reviewed_region, shapes_region
from docbin_napari.plugin.layers.choosing import drawn_shapes
from docbin_napari.plugin.layers.page_record import Subject

pytestmark = pytest.mark.viewer
BOX = np.array([[10.0, 20], [10, 39], [29, 39], [29, 20]])


def subject_of(viewer, pixels, page=0, **place) -> Subject:
    image = viewer.add_image(pixels, rgb=True, **place)
    labels = viewer.add_labels(np.zeros(pixels.shape[:-1], np.uint8), **place)
    return Subject(image, labels, page)


def expected() -> np.ndarray:
    region = np.zeros((48, 64), bool)
    region[10:30, 20:40] = True
    return region


def test_only_what_the_user_drew_and_sees_is_offered(viewer, one_stroke) -> None:
    subject = subject_of(viewer, one_stroke.pixels)
    mine = viewer.add_shapes([BOX], shape_type="rectangle")
    viewer.add_shapes([BOX], shape_type="rectangle", visible=False)
    viewer.add_points(BOX)
    Overlays(viewer).show_outline(subject, [(5, 5), (5, 20), (20, 20)])
    outline = viewer.layers[OUTLINE_NAME]
    assert outline.visible
    outline.name = "named by the user"
    assert drawn_shapes(viewer) == [mine]


def test_a_rectangle_and_its_words(viewer, one_stroke) -> None:
    shapes = viewer.add_shapes([BOX], shape_type="rectangle")
    region, words = shapes_region(shapes, subject_of(viewer, one_stroke.pixels))
    assert np.array_equal(region, expected())
    assert words == "1 shapes: rows 10 to 29, columns 20 to 39"


def test_a_page_that_is_scaled_and_moved(viewer, one_stroke) -> None:
    shapes = viewer.add_shapes([BOX * 0.5 + 100], shape_type="rectangle")
    subject = subject_of(viewer, one_stroke.pixels, scale=(0.5, 0.5), translate=(100, 100))
    assert np.array_equal(shapes_region(shapes, subject)[0], expected())


def test_an_ellipse_fills_its_box_by_pi_over_four(viewer, one_stroke) -> None:
    shapes = viewer.add_shapes([BOX], shape_type="ellipse")
    region, _ = shapes_region(shapes, subject_of(viewer, one_stroke.pixels))
    assert not (region & ~expected()).any()
    assert region.sum() == pytest.approx(np.pi / 4 * 19 * 19, rel=0.1)


def test_lines_have_no_area_and_shapes_may_leave_the_page(viewer, one_stroke) -> None:
    line = viewer.add_shapes([BOX[:2]], shape_type="line")
    subject = subject_of(viewer, one_stroke.pixels)
    assert not shapes_region(line, subject)[0].any()
    large = viewer.add_shapes([BOX * 10 - 200], shape_type="polygon")
    assert shapes_region(large, subject)[0].any()
    outside = viewer.add_shapes([BOX + 500], shape_type="polygon")
    assert not shapes_region(outside, subject)[0].any()


def test_pages_of_a_stack(viewer, one_stroke) -> None:
    pixels = np.stack([one_stroke.pixels] * 3)
    flat = viewer.add_shapes([BOX], shape_type="rectangle")
    on_one = viewer.add_shapes([np.insert(BOX, 0, 1, axis=1)], shape_type="rectangle")
    for page in range(3):
        subject = subject_of(viewer, pixels, page)
        assert np.array_equal(shapes_region(flat, subject)[0], expected())
        assert shapes_region(on_one, subject)[0].any() == (page == 1)


def test_reviewed_windows() -> None:
    reviewed = Reviewed((48, 64), window=20)
    reviewed.grid[1, 3] = reviewed.grid[2, 0] = True
    region, words = reviewed_region(reviewed)
    assert region.shape == (48, 64)
    assert region[20:40, 60:].all()
    assert region[40:, :20].all()
    assert region.sum() == 20 * 4 + 8 * 20
    assert "windows of 20 pixels" in words
