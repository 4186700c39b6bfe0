"""Page alone, result alone, side by side; afterwards all is as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docbin_napari.plugin.layers.canvas import camera_of
from docbin_napari.plugin.layers.choosing import OVERLAY
from docbin_napari.plugin.layers.look import BESIDE, LOOKS, PAGE, RESULT, Look, end_looks, grid_of

pytestmark = pytest.mark.viewer


@pytest.fixture
def room(viewer: Any, one_stroke: Any) -> tuple[Any, Any, Any, Look]:
    image = viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    viewer.add_shapes([[[0, 0], [9, 9]]], shape_type="rectangle", visible=False)
    ink = viewer.add_labels(one_stroke.ink.astype(np.uint8), name="ink", opacity=0.7)
    return viewer, image, ink, Look(viewer, lambda: (image, ink))


def state(viewer: Any) -> list[Any]:
    """All that a look may change."""
    layers = [(layer.visible, layer.opacity, layer.blending) for layer in viewer.layers]
    grid = grid_of(viewer)
    colours = viewer.layers["ink"].colormap.map(np.arange(3)).tolist()
    camera = camera_of(viewer)
    return [layers, colours, grid.enabled, grid.shape, grid.stride, camera.zoom, camera.center]


@pytest.mark.parametrize("what", list(LOOKS))
def test_a_held_key_shows_something_and_all_comes_back(room, what) -> None:
    viewer, image, ink, look = room
    before = state(viewer)
    held = look.hold(what, viewer)
    next(held)
    assert image.visible == (what != RESULT)
    assert ink.visible == (what != PAGE)
    assert not viewer.layers[1].visible
    if what != PAGE:
        white, black = ink.colormap.map(np.arange(2))
        assert white.tolist() == [1, 1, 1, 1]
        assert black.tolist() == [0, 0, 0, 1]
    assert next(held, None) is None
    assert state(viewer) == before


def test_a_layer_that_is_added_ends_a_look(room) -> None:
    viewer, _, ink, look = room
    before = state(viewer)
    look.show(RESULT)
    viewer.add_labels(np.zeros_like(ink.data), name="another result")
    assert not look.shown
    assert state(viewer)[0][:3] == before[0]
    assert state(viewer)[1:] == before[1:]
    assert viewer.layers["another result"].visible


@pytest.mark.parametrize("what", [RESULT, BESIDE])
def test_marks_over_a_page_end_a_look_only_where_they_move_the_cells(room, what) -> None:
    viewer, *_, look = room
    look.show(what)
    viewer.add_shapes(name="outline", metadata={OVERLAY: True})
    assert look.shown == ("" if what == BESIDE else what)


def test_side_by_side_puts_both_in_cells_of_their_own(room) -> None:
    viewer, image, ink, look = room
    look.show(BESIDE)
    places = [
        grid_of(viewer).position(viewer.layers.index(layer), viewer.layers)
        for layer in (image, ink)
    ]
    assert grid_of(viewer).enabled
    assert places[0] != places[1]
    look.show(PAGE)
    assert not grid_of(viewer).enabled


@pytest.mark.parametrize("pages", [1, 3])
def test_side_by_side_shows_both_whole_and_gives_the_camera_back(viewer, one_stroke, pages) -> None:
    pixels, labels = one_stroke.pixels, one_stroke.ink.astype(np.uint8)
    if pages > 1:
        pixels, labels = np.stack([pixels] * pages), np.stack([labels] * pages)
    image, ink = viewer.add_image(pixels, rgb=True, name="letter"), viewer.add_labels(labels)
    look, camera = Look(viewer, lambda: (image, ink)), camera_of(viewer)
    camera.zoom, camera.center = 30.0, (0.0, 4.0, 5.0)
    look.show(BESIDE)
    height, width = one_stroke.ink.shape
    assert camera.center == (0.0, (height - 1) / 2, (width - 1) / 2)
    canvas_height, canvas_width = viewer.canvas.size
    fitting = min(canvas_height / height, canvas_width / 2 / width)
    assert 0.9 * fitting < camera.zoom <= fitting
    camera.zoom *= 2
    look.show("")
    assert (camera.zoom, camera.center) == (30.0, (0.0, 4.0, 5.0))


def test_a_result_that_is_not_there_changes_nothing(viewer, one_stroke) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True)
    look = Look(viewer, lambda: (image, None))
    look.show(RESULT)
    assert look.shown == ""
    assert image.visible


def test_a_look_of_another_panel_ends_the_one_before(room) -> None:
    viewer, image, ink, look = room
    before, ended = state(viewer), []
    other = Look(viewer, lambda: (image, ink), lambda: ended.append(other.shown))
    other.show(PAGE)
    look.show(RESULT)
    assert other.shown == ""
    assert ended[-1] == "", "its button is released"
    other.show("")
    look.show("")
    assert state(viewer) == before


def test_a_look_ends_when_what_it_shows_is_removed(room) -> None:
    viewer, image, ink, look = room
    look.show(RESULT)
    viewer.layers.remove(ink)
    assert not look.shown
    assert image.visible


def test_looks_can_be_ended_from_outside(room) -> None:
    viewer, _, _, look = room
    before = state(viewer)
    look.show(BESIDE)
    end_looks()
    assert state(viewer) == before
