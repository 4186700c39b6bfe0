"""Labels and images of the same size are told apart: pages of an archive mostly have one size."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from docbin_napari.plugin.correct.correct_session import CorrectSession
from docbin_napari.plugin.layers import choosing
from docbin_napari.plugin.layers.ink_result import image_behind, result_behind

pytestmark = pytest.mark.viewer

SHAPE = (48, 64)


def a_page(viewer, name, source=None, **where):
    metadata = {} if source is None else {"source": source, "page": 1}
    return viewer.add_image(
        np.full((*SHAPE, 3), 230, np.uint8), rgb=True, name=name, metadata=metadata, **where
    )


def its_ink(viewer, name, source=None, **where):
    metadata = {} if source is None else {"source": source, "page": 1}
    return viewer.add_labels(np.zeros(SHAPE, np.uint8), name=name, metadata=metadata, **where)


def test_labels_of_a_file_choose_the_page_of_that_file(viewer) -> None:
    first = a_page(viewer, "a", "/pages/a.png")
    ink = its_ink(viewer, "Ink of a", "/pages/a.png")
    second = a_page(viewer, "b", "/pages/b.png")
    other = its_ink(viewer, "Ink of b", "/pages/b.png")
    viewer.layers.selection.active = ink
    assert choosing.favourite_image(viewer, ink) is first
    viewer.layers.selection.active = first
    assert choosing.favourite_labels(viewer, first, now=other) is ink
    assert choosing.favourite_image(viewer, other) is second


def test_a_hidden_image_is_not_chosen_for_a_page_that_cannot_be_shown(viewer) -> None:
    page = a_page(viewer, "before")
    viewer.layers.selection.active = None
    assert choosing.favourite_image(viewer, None) is page
    page.visible = False
    assert choosing.favourite_image(viewer, None) is None


def test_new_labels_remember_the_image_they_were_made_for(viewer) -> None:
    first = a_page(viewer, "a")
    ink = CorrectSession(viewer).new_labels(first, 0)
    second = a_page(viewer, "b")
    viewer.layers.selection.active = ink
    assert choosing.favourite_image(viewer, ink) is first
    viewer.layers.selection.active = second
    assert choosing.favourite_labels(viewer, second, now=ink) is None
    assert "another page" in choosing.warning(second, ink)
    assert choosing.warning(first, ink) == ""


def test_labels_of_which_nothing_is_known_fit_any_page_of_their_size(viewer) -> None:
    page = a_page(viewer, "a", "/pages/a.png")
    mask = its_ink(viewer, "mask")
    viewer.layers.selection.active = page
    assert choosing.favourite_labels(viewer, page) is mask
    assert choosing.warning(page, mask) == ""


def test_the_labels_that_are_chosen_stay_if_others_are_no_better(viewer) -> None:
    page = a_page(viewer, "a", "/pages/a.png")
    mine = its_ink(viewer, "mine", "/pages/a.png")
    its_ink(viewer, "upper", "/pages/a.png")
    viewer.layers.selection.active = page
    assert choosing.favourite_labels(viewer, page, now=mine) is mine
    assert choosing.favourite_labels(viewer, page).name == "upper"


@pytest.mark.parametrize(
    ("page_place", "ink_place"),
    [({"scale": (2, 2)}, {}), ({}, {"translate": (0, 70)}), ({"rotate": 90}, {"rotate": 89})],
)
def test_labels_that_lie_elsewhere_are_refused(viewer, page_place, ink_place) -> None:
    page = a_page(viewer, "a", **page_place)
    ink = its_ink(viewer, "Ink of a", **ink_place)
    assert "“Ink of a” does not lie over “a”" in choosing.refusal(viewer, page, ink)


def test_layers_that_were_moved_together_are_not_refused(viewer) -> None:
    where = {"scale": (0.4, 0.4), "translate": (1e3, -2e3), "rotate": 30}
    page, ink = a_page(viewer, "a", **where), its_ink(viewer, "Ink of a", **where)
    assert choosing.refusal(viewer, page, ink) == ""


def test_pages_side_by_side_are_not_mixed(viewer) -> None:
    first = a_page(viewer, "a")
    ink = its_ink(viewer, "Ink of a")
    a_page(viewer, "b", translate=(0, 70))
    viewer.layers.selection.active = ink
    assert choosing.favourite_image(viewer, ink) is first


def test_labels_of_a_page_that_is_gone_are_of_no_other_one(viewer) -> None:
    first = a_page(viewer, "a")
    ink = CorrectSession(viewer).new_labels(first, 0)
    viewer.layers.remove(first)
    second = a_page(viewer, "b", "/pages/b.png")
    viewer.layers.selection.active = None
    del first
    gc.collect()
    assert image_behind(ink) is None
    assert choosing.same_page(second, ink) is False
    assert "another page" in choosing.warning(second, ink)
    assert choosing.favourite_labels(viewer, second, now=ink) is None


def test_a_run_leaves_the_ink_of_a_page_that_is_gone_alone(viewer, one_stroke, no_ink) -> None:
    gone = viewer.add_image(one_stroke.pixels, rgb=True, name="A")
    old, _ = choosing.provide(viewer, gone, (0,), 0.5)
    result_behind(old).probability[one_stroke.ink] = 255
    result_behind(old).write(0, *(slice(0, side) for side in one_stroke.ink.shape))
    viewer.layers.remove(gone)
    image = viewer.add_image(no_ink.pixels, rgb=True, name="B")
    viewer.layers.selection.active = old
    new, _ = choosing.provide(viewer, image, (0,), 0.5)
    assert new is not old
    assert new.name == "Ink of B"
    assert np.array_equal(old.data, one_stroke.ink)
