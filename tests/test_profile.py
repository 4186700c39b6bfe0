"""Tests and examples leave the user's own folders alone."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from docbin_napari.model.model_file import user_model_folder
from docbin_napari.pairs.drafts import draft_folder

NAMES = ("CONFIG", "DRAFTS", "MODELS")


def users_folders() -> list[Path]:
    """Where the package keeps things for a user who chose no folders."""
    kinds = (platformdirs.user_config_dir, platformdirs.user_data_dir)
    return [Path(kind("docbin-napari")) for kind in kinds]


def places() -> list[Path]:
    """Where it keeps things now."""
    pytest.importorskip("napari")
    from docbin_napari.plugin import settings

    return [settings._file(), draft_folder(None), user_model_folder()]


def test_nothing_goes_into_the_users_folders() -> None:
    assert [
        place for place in places() for folder in users_folders() if place.is_relative_to(folder)
    ] == []


def test_without_the_tests_these_are_the_users_folders(monkeypatch) -> None:
    """Or the test above would look at the wrong ones."""
    for name in NAMES:
        monkeypatch.delenv(f"DOCBIN_{name}")
    for place in places():
        assert any(place.is_relative_to(folder) for folder in users_folders())
