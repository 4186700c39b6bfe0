"""Whatever goes wrong beside the window ends in words, never in an exception."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.io.errors import PageError
from docbin_napari.model.model_file import ModelError
from docbin_napari.plugin import threads
from docbin_napari.plugin.layers.ink_result import InkResult
from docbin_napari.plugin.layers.page_source import PageSource
from docbin_napari.plugin.threads import (
    Computed,
    Failed,
    PageEngine,
    Ready,
    RunJob,
    readable,
    run,
)


def job(data: Any, **changes: Any) -> RunJob:
    """A job on one page, in memory or lazy."""
    settings: dict[str, Any] = {
        "source": PageSource(data, rgb=True, limits=None),
        "pages": (0,),
        "result": InkResult(tuple(data.shape[:2]), 0.5),
        "model": "any",
        "device": "cpu",
        "config": PRESETS["fast"],
    }
    return RunJob(**settings | changes)


class OwnError(Exception):
    """An error of this package, as far as can be seen."""

    __module__ = "docbin_napari.inference.predict"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OwnError("the memory of the cuda device is too small"),
            "the memory of the cuda device is too small",
        ),
        (PageError("a.tif", "truncated"), "a.tif: truncated"),
        (ModelError("there is no model 'x'"), "there is no model 'x'"),
        (RuntimeError("CUDA error\nlong tail"), "RuntimeError: CUDA error"),
        (KeyError(), "KeyError"),
        (MemoryError(), "There is not enough memory for this page."),
    ],
)
def test_an_error_anywhere_is_the_last_event(
    error: Exception, words: str, one_stroke, fake_engine
) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise error

    fake_engine.before = fail
    events = list(run(job(one_stroke.pixels), fake_engine.load))
    assert [type(event) for event in events] == [Ready, Computed, Computed, Computed, Failed]
    assert events[-1].message == words == readable(error)


def test_a_network_that_cannot_be_loaded_is_told() -> None:
    def load(model: str, device: str) -> Any:
        raise RuntimeError("no kernel image is available")

    (event,) = run(job(np.zeros((4, 4, 3), np.uint8)), load)
    assert event == Failed("RuntimeError: no kernel image is available")


def test_a_lazy_page_that_cannot_be_read_is_told(fake_engine) -> None:
    class Broken:
        ndim, shape, dtype = 3, (4, 4, 3), np.dtype(np.uint8)

        def __getitem__(self, rows: Any) -> np.ndarray:
            raise OSError("the disk is gone")

    events = list(run(job(Broken()), fake_engine.load))
    assert [type(event) for event in events if not isinstance(event, Computed)] == [Ready, Failed]
    assert "the disk is gone" in events[-1].message


def test_a_file_without_readable_resolution_does_not_stop_the_run(
    one_stroke, fake_engine, tmp_path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    for file in (broken, tmp_path / "missing.png", tmp_path / ("x" * 300)):
        ready, *_ = run(job(one_stroke.pixels, file=file), fake_engine.load)
        assert ready.dpi is None


def test_the_real_engine_fills_the_page(one_stroke, tiny_model_file) -> None:
    work = job(one_stroke.pixels, model=str(tiny_model_file))
    events = list(run(work, PageEngine))
    assert events[0].device.startswith("cpu, ")
    assert all(isinstance(event, Computed) for event in events[1:])
    last = events[-1].progress
    assert last.done == last.total > 0
    assert len(np.unique(work.result.probability)) > 3


def test_the_real_engine_tells_a_missing_model(one_stroke) -> None:
    (event,) = run(job(one_stroke.pixels, model="no-such-model"), PageEngine)
    assert "no-such-model" in event.message


@pytest.fixture
def units(monkeypatch):
    """A registry of units that nobody has used yet, and the works that were begun."""
    pint = pytest.importorskip("pint")
    before = pint.get_application_registry().get()
    pint.set_application_registry(pint.registry.LazyRegistry())
    begun = []
    monkeypatch.setattr(threads, "begin", lambda work, returned: begun.append((work, returned)))
    yield pint.get_application_registry(), begun
    pint.set_application_registry(before)


def test_units_are_ready_before_a_layer_needs_them(units):
    registry, begun = units
    lazy = registry.get()
    threads.make_units_ahead()
    [(work, returned)] = begun
    returned(work())
    assert registry.get() is not lazy
    assert registry.pixel == registry.get().pixel
    threads.make_units_ahead()
    assert len(begun) == 1


def test_units_in_use_are_not_replaced(units):
    registry, begun = units
    threads.make_units_ahead()
    used = registry.pixel
    [(work, returned)] = begun
    returned(work())
    assert registry.pixel == used
    assert registry.Quantity(3, used) + registry.Quantity(4, registry.pixel)
