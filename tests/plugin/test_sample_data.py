"""The sample is a page and its own ground truth."""

from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.plugin.reader import degraded_page


@pytest.mark.viewer
def test_the_sample_is_a_page_with_its_ground_truth() -> None:
    layers = pytest.importorskip("napari.layers")
    page, truth = (layers.Layer.create(*data) for data in degraded_page())
    assert page.rgb
    assert page.data.dtype == truth.data.dtype == np.uint8
    assert truth.data.shape == page.data.shape[:2]
    assert set(np.unique(truth.data)) == {0, 1}
    gray = page.data.mean(axis=2)
    assert gray[truth.data == 1].mean() < gray[truth.data == 0].mean() - 20
