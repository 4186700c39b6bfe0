"""The tiny model in float32, so that geometry is not blurred by rounding."""

from __future__ import annotations

from pathlib import Path

import pytest

from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.ink_model import InkModel, load_model


@pytest.fixture(scope="session")
def tiny_model(tiny_model_file: Path) -> InkModel:
    """Random weights on the CPU; every logit depends on all pixels of its context."""
    return load_model(tiny_model_file, "cpu", EngineConfig(precision="f32", threads=2))
