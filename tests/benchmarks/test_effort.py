import pytest

from docbin_napari.inference.inference_config import InferenceConfig
from effort import every_view, passes, spares_views


def test_overlaps_and_symmetries_are_passes():
    once = passes(InferenceConfig(window=512, overlap=0.0), (1024, 1024), 16)
    shared = passes(InferenceConfig(window=512, overlap=0.5), (1024, 1024), 16)
    turned = passes(InferenceConfig(window=512, overlap=0.5, symmetries=8), (1024, 1024), 16)
    assert once == 1
    assert shared == pytest.approx(9 / 4)
    assert turned == 8 * shared


def test_one_view_cannot_be_spared():
    assert not spares_views(InferenceConfig(symmetries=1, tolerance=0.1))
    assert not spares_views(InferenceConfig(symmetries=8))
    assert spares_views(InferenceConfig(symmetries=8, tolerance=0.1))


def test_every_view_changes_nothing_else():
    config = InferenceConfig(window=512, overlap=0.5, symmetries=8, tolerance=0.1, batch=3)
    full = InferenceConfig(window=512, overlap=0.5, symmetries=8, batch=3)
    assert every_view(config) == full
