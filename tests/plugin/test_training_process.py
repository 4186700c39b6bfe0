"""The real training process, seen from the widget's side."""

from __future__ import annotations

import time

from docbin_napari.plugin.finetune.finetune_session import TrainingProcess


def wait(process: TrainingProcess) -> None:
    end = time.monotonic() + 120
    while not process.ended:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_refusal_arrives_as_an_event(tmp_path) -> None:
    gone = str(tmp_path / "gone")
    output = str(tmp_path / "mine.safetensors")
    process = TrainingProcess(["--collections", gone, "--output", output, "--device", "cpu"])
    wait(process)
    events = process.events()
    process.close()
    assert process.exit_code == 2
    assert gone in events[-1]["error"]
    assert not (tmp_path / "mine.safetensors").exists()
    process.stop()  # to one that is gone: nothing happens


def test_what_is_no_event_is_kept_as_its_last_words() -> None:
    process = TrainingProcess(["--no-such-option"])
    wait(process)
    process.close()
    assert process.exit_code not in (0, None)
    assert process.events() == []
    assert "no-such-option" in process.last_words
