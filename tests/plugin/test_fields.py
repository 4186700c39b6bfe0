"""What the fields say about models and devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from docbin_napari.model.model_file import ModelInfo
from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.binarize.binarize_fields import models_in_words, wanted_device
from docbin_napari.plugin.settings import Preferences


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


@pytest.mark.parametrize(("wanted", "device"), [("cuda", "auto"), ("cpu", "cpu")])
def test_a_device_of_the_preferences_that_is_not_there_is_not_wanted(
    monkeypatch, wanted, device
) -> None:
    monkeypatch.setattr(binarize_fields, "may_have_gpu", lambda: False)
    monkeypatch.setattr(binarize_fields, "read_preferences", lambda: Preferences(device=wanted))
    assert wanted_device() == device
