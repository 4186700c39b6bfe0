from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.plugin.binarize.binarize_session import turn_page

pytestmark = pytest.mark.viewer


def test_the_next_page_is_shown_until_there_is_none() -> None:
    viewer = pytest.importorskip("napari.components").ViewerModel()
    image = viewer.add_image(np.zeros((3, 8, 6), np.uint8), name="book", scale=(2, 1, 1))
    viewer.dims.set_current_step(0, 0)
    assert turn_page(viewer, image) == ""
    assert viewer.dims.current_step[0] == 1
    assert turn_page(viewer, image) == ""
    assert "“book” has no further page" in turn_page(viewer, image)
    assert viewer.dims.current_step[0] == 2


def test_a_single_page_has_no_next_one() -> None:
    viewer = pytest.importorskip("napari.components").ViewerModel()
    image = viewer.add_image(np.zeros((8, 6), np.uint8), name="leaf")
    assert "no further page" in turn_page(viewer, image)
