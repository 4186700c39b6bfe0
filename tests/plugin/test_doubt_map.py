"""The colours of the small map."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.viewer


def test_doubt_is_darker_and_reviewed_is_green() -> None:
    pytest.importorskip("qtpy.QtWidgets")
    from docbin_napari.plugin.correct.doubt_map import colours

    doubt = np.array([[0.0, 0.2, 0.4]])
    plain = colours(doubt, np.zeros((1, 3), bool)).astype(int)
    brightness = plain.sum(axis=-1)[0]
    assert brightness[0] > brightness[1] > brightness[2]
    done = colours(doubt, np.ones((1, 3), bool)).astype(int)
    assert (done[..., 1] > done[..., 0]).all()
    assert len(np.unique(done.reshape(-1, 3), axis=0)) == 3


def test_a_page_without_doubt_can_be_shown() -> None:
    pytest.importorskip("qtpy.QtWidgets")
    from docbin_napari.plugin.correct.doubt_map import colours

    for doubt in (None, np.zeros((2, 2))):
        picture = colours(doubt, np.zeros((2, 2), bool))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1
