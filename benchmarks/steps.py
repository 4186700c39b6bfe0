"""Where the time of a page goes: decoding, survey, network, blending, encoding."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from docbin_napari.inference import predict as prediction
from docbin_napari.inference import windows
from docbin_napari.inference.inference_config import PRESETS, PresetName
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import WindowReader
from docbin_napari.inference.windows import PageBand
from docbin_napari.io.mask import write_mask
from docbin_napari.io.page import read_pages
from docbin_napari.model.ink_model import InkModel
from pages import megapixels
from records import Journal, print_header, print_row

_MOST = 5
_WATCHED: dict[str, tuple[Any, str]] = {
    "survey (polarity, size, ink colours)": (PageReader, "of"),
    "cut windows": (windows, "cut"),
    "network": (WindowReader, "read"),
    "blend": (PageBand, "add"),
    "calibrate": (PageBand, "write"),
}


class Stopwatch:
    """Adds up the seconds that named steps take, in whatever thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begun

    def watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that is timed."""

        def timed(*arguments: Any, **options: Any) -> Any:
            with self.step(name):
                return function(*arguments, **options)

        return timed


def page_steps(
    model: InkModel, pixels: np.ndarray, presets: list[PresetName], rounds: int, journal: Journal
) -> None:
    """Print the five steps that take longest from a PNG file to its mask, model loaded.

    Windows are read by as many threads as the processor has cores, beside the other steps: the
    seconds of the network are those of all threads, and the steps add up to more than the page.
    """
    print(f"\nSteps of a page of {megapixels(pixels):.1f} Mpix, from PNG to mask, model loaded:\n")
    print_header(["preset", "step", "s", "share of all steps"])
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.png", Path(folder) / "mask.png"
        Image.fromarray(pixels).save(source)
        for preset in presets:
            runs = [_one_page(model, preset, source, target) for _ in range(rounds + 1)][1:]
            medians = {name: float(np.median([run[name] for run in runs])) for name in runs[0]}
            whole = medians.pop("page")
            for name, seconds in sorted(medians.items(), key=lambda item: -item[1])[:_MOST]:
                journal.add(f"steps, {preset}", name, "s", [run[name] for run in runs])
                share = seconds / sum(medians.values())
                print_row([preset, name, f"{seconds:.3f}", f"{share:.0%}"])
            print_row([preset, "the page, start to end", f"{whole:.3f}", ""])


def _one_page(model: InkModel, preset: PresetName, source: Path, target: Path) -> dict[str, float]:
    """Seconds of each step of one page, and of the whole as ``page``."""
    watch = Stopwatch()
    with ExitStack() as stack:
        for name, (owner, attribute) in _WATCHED.items():
            timed = watch.watched(name, getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, timed))
        with watch.step("page"):
            with watch.step("decode"):
                page = next(iter(read_pages(source)))
            out = np.empty(page.pixels.shape[:2], np.uint8)
            for _ in prediction.predict(page.pixels, model, PRESETS[preset], out):
                pass
            with watch.step("threshold and encode"):
                write_mask(target, out >= round(255 * model.threshold), dpi=page.dpi)
    return dict(watch.seconds)
