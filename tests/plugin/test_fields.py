"""What the fields say about models."""

from __future__ import annotations

from pathlib import Path

from docbin_napari.model.model_file import ModelInfo
from docbin_napari.plugin.binarize.binarize_fields import models_in_words


def test_figures_before_and_after_stand_beside_a_model() -> None:
    figures = {"held-out FM before": 90.0, "held-out FM": 94.25, "validation FM": 3.0}
    header = {"title": "my letters", "figures": figures}
    models = {
        "plain": ModelInfo("plain", Path("p"), 1, {"title": "built in", "figures": {"FM": 1.0}}),
        "mine": ModelInfo("mine", Path("m"), 1, header),
    }
    assert models_in_words(models).splitlines()[1:] == [
        "plain: built in",
        "mine: my letters; held-out FM 90.00 → 94.25",
    ]
