"""Files of a batch, and a stand-in for the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch.binarizer import binarize_files
from docbin_napari.batch.jobs import FileStarted, OutputConfig, PageProgress, plan_jobs
from docbin_napari.batch.made_from import BatchModel
from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import Progress


class DarkIsInk:
    """What a batch needs of a model."""

    threshold = 0.5


class Batch:
    """Draws files and binarizes them with a stand-in for the network."""

    DarkIsInk = DarkIsInk

    @staticmethod
    def draw_page(path: Path, number: int = 0, dpi: tuple[int, int] = (300, 300)) -> Path:
        """Write a page whose stroke lies in another row for each number."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(Batch.pixels_of(number)).save(path, dpi=dpi)
        return path

    @staticmethod
    def pixels_of(number: int) -> np.ndarray:
        """Gray page with one stroke."""
        pixels = np.full((20, 30 + number), 240, dtype=np.uint8)
        pixels[3 + number, 5:25] = 10
        return pixels

    @staticmethod
    def draw_file_of_pages(path: Path, count: int = 3) -> Path:
        """Write several pages into one file."""
        first, *others = (Image.fromarray(Batch.pixels_of(number)) for number in range(count))
        first.save(path, save_all=True, append_images=others, dpi=(200, 200))
        return path

    @staticmethod
    def run(
        paths: list[Path],
        threshold: float | None = None,
        load: Callable[[], Any] = DarkIsInk,
        **settings: Any,
    ) -> list[Any]:
        """Binarize all and keep every event."""
        config = OutputConfig(**settings)
        model = BatchModel(load, InferenceConfig(), threshold)
        return list(binarize_files(plan_jobs(paths, config), model, config))

    @staticmethod
    def ends(events: Iterable[Any]) -> list[Any]:
        """How it ended with each file."""
        return [event for event in events if not isinstance(event, FileStarted | PageProgress)]

    @staticmethod
    def files_in(folder: Path) -> list[str]:
        """Names of all files below a folder."""
        return sorted(path.name for path in folder.rglob("*") if path.is_file())

    @staticmethod
    def load_nothing() -> Any:
        """Stand in for loading a model where none is needed."""
        raise AssertionError("the model must not be loaded")


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch, no_network: None) -> Batch:
    """Replace the network: the probability is the darkness of the red channel."""

    def predict(reader: PageReader, config: InferenceConfig, out: np.ndarray) -> Iterator[Progress]:
        assert out.dtype == np.uint8
        yield Progress(0, 2, slice(0, 0), slice(0, 0))
        height, width = out.shape
        for number, rows in enumerate([slice(0, height // 2), slice(height // 2, height)], 1):
            for columns in (slice(0, width // 3), slice(width // 3, width)):
                out[rows, columns] = 255 - reader.pixels[rows][:, columns, 0]
            yield Progress(number, 2, rows, slice(0, width))

    monkeypatch.setattr(predict_module, "predict_with", predict)
    return Batch()
