"""The manifest, the code and the presets agree on what can be set."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import yaml

from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.plugin.settings import Preferences, read_preferences


def test_defaults_and_choices_stand_in_the_manifest_as_in_the_code(project_root) -> None:
    text = (project_root / "src" / "docbin_napari" / "napari.yaml").read_text(encoding="utf-8")
    groups = yaml.safe_load(text)["contributions"]["configurations"]
    declared = {
        name: setting for group in groups.values() for name, setting in group["properties"].items()
    }
    assert {name: setting["default"] for name, setting in declared.items()} == asdict(Preferences())
    assert declared["preset"]["enum"] == list(PRESETS)


@pytest.mark.viewer
def test_without_settings_for_plugins_the_defaults_are_used(monkeypatch) -> None:
    settings = pytest.importorskip("napari.settings")

    def no_such_plugin(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr(settings, "get_plugin_settings", no_such_plugin, raising=False)
    assert read_preferences() == Preferences()
    monkeypatch.delattr(settings, "get_plugin_settings")
    assert read_preferences() == Preferences()


@pytest.mark.viewer
def test_what_the_user_set_is_read(monkeypatch) -> None:
    from types import SimpleNamespace

    settings = pytest.importorskip("napari.settings")
    stored = SimpleNamespace(
        binarize=SimpleNamespace(preset="best", device="cpu"),
        documents=SimpleNamespace(pdf_dpi=600),
    )
    monkeypatch.setattr(settings, "get_plugin_settings", lambda name: stored, raising=False)
    assert read_preferences() == Preferences("best", "cpu", 600)
