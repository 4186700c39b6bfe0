"""A viewer without a window, and a bench for the correction tools."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari.components import ViewerModel

    from docbin_napari.plugin.layers.ink_result import InkResult


@pytest.fixture(autouse=True)
def nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What panels remember is that of the test alone."""
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def viewer() -> Iterator[ViewerModel]:
    """A viewer without a window."""
    yield pytest.importorskip("napari.components").ViewerModel()
    gc.unfreeze()  # what a list of pages left out of garbage collections


class Bench:
    """A page with labels, a hand with tools, and a mouse."""

    def __init__(self, viewer: ViewerModel, image: Any, labels: Any) -> None:
        from docbin_napari.plugin.correct.correct_session import CorrectSession
        from docbin_napari.plugin.correct.overlays import Overlays
        from docbin_napari.plugin.correct.tools import ToolController

        self.viewer, self.image, self.labels = viewer, image, labels
        self.session = CorrectSession(viewer)
        self.session.image, self.session.labels = image, labels
        self.overlays = Overlays(viewer)
        self.hand = ToolController(self.session, self.overlays, lambda: None)
        self.hand.attach({})
        labels.brush_size = 12

    def drag(self, *points: tuple[float, float], modifiers: tuple[str, ...] = (), hook=None):
        """Press at the first point of the labels, move over the others, release."""
        from napari.utils._proxies import ReadOnlyWrapper
        from napari.utils.interactions import (
            mouse_move_callbacks,
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        page = [int(self.viewer.dims.current_step[0])] if self.labels.ndim == 3 else []
        call = {"mouse_press": mouse_press_callbacks, "mouse_move": mouse_move_callbacks}
        call["mouse_release"] = mouse_release_callbacks
        steps = [("mouse_press", points[0]), *(("mouse_move", point) for point in points[1:])]
        for number, (kind, point) in enumerate([*steps, ("mouse_release", points[-1])]):
            if hook is not None:
                hook(number)
            event = SimpleNamespace(
                type=kind,
                position=self.labels.data_to_world((*page, *point)),
                button=1,
                modifiers=modifiers,
                is_dragging=True,
            )
            call[kind](self.viewer, ReadOnlyWrapper(event))

    def put_result(self, probability: np.ndarray, threshold: float = 0.5) -> InkResult:
        """Put labels of a run in the place of the labels."""
        from docbin_napari.plugin.layers.ink_result import InkResult, bind

        result = InkResult(probability.shape, threshold)
        result.probability[:] = probability
        result.write(0, slice(0, probability.shape[0]), slice(0, probability.shape[1]))
        layer = self.viewer.add_labels(result.labels, name="run")
        bind(layer, result, self.image)
        self.labels = self.session.labels = layer
        return result

    def draw_two_pieces(self) -> None:
        """Label the stroke, and a speck of nine pixels."""
        self.labels.data[14:18, 10:42] = 1
        self.labels.data[30:33, 50:53] = 1


@pytest.fixture
def bench_of(viewer) -> Callable[[Any, Any], Bench]:
    """Makes a bench from an image and labels."""
    return lambda image, labels: Bench(viewer, image, labels)


@pytest.fixture
def bench(viewer, one_stroke) -> Bench:
    """A page with one stroke, all of it background."""
    image = viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    labels = viewer.add_labels(np.zeros(one_stroke.ink.shape, np.uint8), name="Corrected letter")
    return Bench(viewer, image, labels)
