"""Commands of the File menu read what they can and name what they cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docbin_napari.io.mask import write_mask
from docbin_napari.plugin import commands
from docbin_napari.plugin.commands import read_all


def test_one_bad_file_does_not_keep_the_others_from_being_opened(tmp_path, one_stroke: Any) -> None:
    good = write_mask(tmp_path / "good.tif", one_stroke.ink)
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"nothing")
    layers, trouble = read_all([str(bad), str(good), str(tmp_path / "gone.pdf")])
    assert [meta["name"] for _, meta, _ in layers] == ["good"]
    assert [line.split(":")[0].rpartition("/")[2] for line in trouble.splitlines()] == [
        "bad.tif",
        "gone.pdf",
    ]


def test_a_file_that_does_not_fit_into_memory_is_named(monkeypatch) -> None:
    def fail(path: str) -> Any:
        raise MemoryError

    monkeypatch.setattr(commands, "read_layers", fail)
    assert read_all(["some/map.tif"])[1].startswith("map.tif: There is not enough memory")


def test_nothing_wrong_nothing_said(tmp_path, one_stroke: Any) -> None:
    layers, trouble = read_all([str(write_mask(tmp_path / "good.png", one_stroke.ink))])
    assert trouble == ""
    assert np.array_equal(layers[0][0][..., 0] == 0, one_stroke.ink)


@pytest.fixture
def opened(monkeypatch) -> list[Any]:
    """What would be opened in the viewer."""
    opened: list[Any] = []
    monkeypatch.setattr(commands, "open_paths", lambda viewer, paths: opened.append(paths))
    monkeypatch.setattr(commands, "list_pages", lambda viewer, folder: opened.append(folder))
    return opened


def answer(monkeypatch, files: list[str], folder: str) -> None:
    """Answer the dialogs of the three commands, and give these."""
    dialogs = commands.QFileDialog
    monkeypatch.setattr(dialogs, "getOpenFileNames", lambda *_, **__: (files, ""))
    monkeypatch.setattr(dialogs, "getExistingDirectory", lambda *_: folder)
    commands.open_document(None)
    commands.open_training_folder(None)
    commands.open_folder(None)


def test_a_dialog_that_was_left_opens_nothing(monkeypatch, opened) -> None:
    answer(monkeypatch, [], "")
    assert opened == []


def test_the_chosen_files_are_opened(monkeypatch, opened, tmp_path) -> None:
    answer(monkeypatch, ["a", "b"], str(tmp_path))
    assert opened == [["a", "b"], [str(tmp_path)], tmp_path]
