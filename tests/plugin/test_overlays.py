"""What is drawn over a page is in sight at every size of the page."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from docbin_napari.plugin.correct.overlays import OUTLINE_NAME, Overlays
from docbin_napari.plugin.layers.canvas import camera_of
from docbin_napari.plugin.layers.page_record import Subject

pytestmark = pytest.mark.viewer


@pytest.mark.parametrize(
    ("zoom", "pixel", "width"), [(0.1, 1.0, 20), (0.1, 2.0, 10), (5, 1.0, 0.4)]
)
def test_the_outline_of_a_region_is_two_pixels_of_the_screen(zoom, pixel, width) -> None:
    viewer = ViewerModel()
    labels = Labels(np.zeros((300, 300), np.uint8), scale=(pixel, pixel))
    viewer.add_layer(labels)
    camera_of(viewer).zoom = zoom
    Overlays(viewer).show_outline(
        Subject(None, labels, 0), [(10, 10), (10, 110), (90, 110), (90, 10)]
    )
    assert viewer.layers[OUTLINE_NAME].edge_width == [pytest.approx(width)]
