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


@pytest.mark.parametrize("mode", ["d", "rm"])
def test_a_dialog_that_was_left_opens_nothing(mode: str, monkeypatch) -> None:
    application = pytest.importorskip("magicgui.application")

    class Application:
        def get_obj(self, name: str) -> Any:
            return lambda asked, **_: {"d": "", "rm": []}[asked]

    monkeypatch.setattr(application, "use_app", Application)
    opened: list[Any] = []
    monkeypatch.setattr(commands, "open_paths", lambda viewer, paths: opened.append(paths))
    command = commands.open_training_folder if mode == "d" else commands.open_document
    command(None)
    assert opened == []


def test_the_chosen_files_are_opened(monkeypatch, tmp_path) -> None:
    application = pytest.importorskip("magicgui.application")

    class Application:
        def get_obj(self, name: str) -> Any:
            return lambda mode, **_: str(tmp_path) if mode == "d" else [tmp_path / "a", "b"]

    monkeypatch.setattr(application, "use_app", Application)
    opened: list[Any] = []
    monkeypatch.setattr(commands, "open_paths", lambda viewer, paths: opened.append(paths))
    commands.open_document(None)
    commands.open_training_folder(None)
    assert opened == [[str(tmp_path / "a"), "b"], [str(tmp_path)]]
