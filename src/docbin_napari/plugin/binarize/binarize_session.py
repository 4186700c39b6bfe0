"""State and actions of the binarize panel, without a window; progress and time of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from docbin_napari.inference.inference_config import preset
from docbin_napari.plugin.layers import canvas, choosing, page_source
from docbin_napari.plugin.layers.ink_result import Upkeep, result_behind
from docbin_napari.plugin.layers.look import end_looks
from docbin_napari.plugin.layers.page_record import hidden_pages, reviewed_of
from docbin_napari.plugin.threads import Begun, Computed, Failed, Preview, Ready, RunJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from docbin_napari.inference.inference_config import PresetName
    from docbin_napari.inference.predict import Progress


class Meter:
    """Counts windows over all pages of a run.

    Parameters
    ----------
    pages : tuple of int
        The pages of the run, from 0; all of one size.
    clock : callable
        Seconds that only rise.

    Examples
    --------
    >>> seconds = iter([0.0, 0.0, 4.0])
    >>> meter = Meter((0,), lambda: next(seconds))
    >>> meter.advance(0, 0, 40)
    >>> meter.advance(0, 10, 40)
    >>> meter.text
    '10 of 40 windows · 2.5 a second · 12 s left'
    """

    def __init__(self, pages: tuple[int, ...], clock: Callable[[], float]) -> None:
        self._pages, self._clock = pages, clock
        self._begin = self._now = clock()
        self._first: float | None = None
        self._place = self._done = self._total = 0

    def advance(self, page: int, done: int, total: int) -> None:
        """Note that `done` of the `total` windows of a page have passed."""
        self._place, self._done, self._total = self._pages.index(page), done, total
        self._now = self._clock()
        # The network is loaded and the first page read before the first window.
        self._first = self._now if self._first is None else self._first

    @property
    def fraction(self) -> float:
        """Share of all windows of all pages that is done, 0 to 1."""
        return (self._place + self._done / max(1, self._total)) / len(self._pages)

    @property
    def reached(self) -> str:
        """How far the run came, in words."""
        windows = f"{self._done} of {self._total} windows"
        if len(self._pages) == 1:
            return windows
        return f"page {self._place + 1} of {len(self._pages)} · {windows}"

    @property
    def text(self) -> str:
        """How far, how fast, how long still, in words."""
        parts = [self.reached[0].upper() + self.reached[1:]]
        passed = self._now - (self._first or 0.0)
        if self.fraction and passed > 0:
            rate = self.fraction * self._total * len(self._pages) / passed
            left = passed / self.fraction - passed
            parts += [f"{rate:.{1 if rate < 10 else 0}f} a second", f"{in_words(left)} left"]
        return " · ".join(parts)

    @property
    def elapsed(self) -> str:
        """Time since the run began, in words."""
        return in_words(self._clock() - self._begin)


def in_words(seconds: float) -> str:
    """Put a duration into words.

    Parameters
    ----------
    seconds : float
        How long.

    Returns
    -------
    str
        With the unit that fits.

    Examples
    --------
    >>> in_words(0.42), in_words(12), in_words(125), in_words(7300)
    ('0.4 s', '12 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@dataclass(frozen=True)
class Request:
    """What the widget's fields say when Run is pressed.

    Parameters
    ----------
    preset, model, device : str
        Names.
    threshold : float
        Probability from which a pixel is ink, 0 to 1.
    all_pages : bool
        Whether all pages of a stack are meant, not only the one that is shown.
    edge_level : float or None
        How bold strokes are drawn, as in `InferenceConfig`.
    """

    preset: PresetName
    model: str
    device: str
    threshold: float
    all_pages: bool = False
    edge_level: float | None = None


@dataclass
class Run:
    """A job on its way.

    Parameters
    ----------
    job : RunJob
        What is computed.
    layer : Labels
        What it fills.
    meter : Meter
        How far it is.
    note : str
        What the user should know at the end.
    device : str
        Where it runs and why, as soon as that is known.
    failure : str
        What went wrong.
    stopping : bool
        Whether a stop was asked for and it has not stopped yet.
    """

    job: RunJob
    layer: Labels
    meter: Meter
    note: str
    device: str = ""
    failure: str = ""
    stopping: bool = False


class BinarizeSession:
    """State of one binarize widget.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer with the pages.
    clock : callable
        Seconds that only rise.

    Attributes
    ----------
    run : Run or None
        The job on its way, if there is one.
    status : str
        What happens or happened, for the user; empty when there is nothing to say.
    details : str
        More about it for a tooltip, such as the device and why it was taken.
    """

    def __init__(self, viewer: ViewerModel, clock: Callable[[], float] = time.monotonic) -> None:
        self._viewer, self._clock = viewer, clock
        self.run: Run | None = None
        self._upkeep = Upkeep(viewer, clock)
        self.status = self.details = ""

    def say(self, status: str, details: str = "") -> None:
        """Show words to the user, or none when another page or layer is meant."""
        self.status, self.details = status, details

    # ---- layers

    def ink_layer(self, image: Image | None) -> Labels | None:
        """Find the labels that the threshold moves: those being filled, else those of `image`."""
        return self.run.layer if self.run else choosing.ink_layer(self._viewer, image)

    def threshold_of(self, image: Image | None) -> float | None:
        """Give the threshold of the labels that `ink_layer` finds; None without any."""
        result = result_behind(self.ink_layer(image))
        return None if result is None else result.threshold

    def outlook(self, image: Image | None) -> str:
        """Say what a run would work on."""
        if image is None or page_source.refusal(image):
            return ""
        source = page_source.page_source(image)
        text = page_source.size_in_words(source.shape)
        hidden = hidden_pages(image)
        if hidden:
            text += (
                f". napari left out {hidden} of the file's pages, which differ in size: "
                "“Open page…” opens them all."
            )
        elif self.ink_layer(image) is None:
            text += ". Press Run to find the ink."
        return text

    # ---- a run

    @property
    def running(self) -> bool:
        """Whether a job is on its way; also while it is being stopped."""
        return self.run is not None

    @property
    def lost_its_layer(self) -> bool:
        """Whether the layer that is being filled was removed from the viewer."""
        return self.run is not None and self.run.layer not in self._viewer.layers

    def start(self, image: Image, request: Request) -> RunJob:
        """Prepare a run: find or add the labels layer.

        Parameters
        ----------
        image : Image
            A layer that `page_source.refusal` accepts.
        request : Request
            The settings.

        Returns
        -------
        RunJob
            For `threads.run`.
        """
        end_looks()  # Their end would hide a result that is run again.
        choosing.bring_up(self._viewer, image)
        source = page_source.page_source(image)
        shown = page_source.current_page(image, self._viewer.dims.point)
        every = (*range(shown, source.count), *range(shown))
        pages = every if request.all_pages else (shown,)
        layer, note = choosing.provide(
            self._viewer, image, pages, request.threshold, (request.model, request.preset)
        )
        result = result_behind(layer)
        assert result is not None
        # Pages of the layer that this run does not compute follow the new threshold.
        self._upkeep.follow(layer, result.follow(request.threshold, shown))
        self._upkeep.touch(layer)
        result.computing = True
        layer.metadata["model"], layer.metadata["preset"] = request.model, request.preset
        known = layer.metadata.get("source")
        file = Path(known) if known else None
        with_dpi = layer.metadata.get("dpi") is not None
        config = replace(preset(request.preset), edge_level=request.edge_level)
        seen = canvas.visible_part(image) if canvas.lies_flat(self._viewer) else None
        used = request.model, request.device, config
        job = RunJob(source, pages, result, *used, file, seen, with_dpi)
        self.run = Run(job, layer, Meter(pages, self._clock), note)
        self.status = "Loading the network…"
        return job

    def receive(self, event: Ready | Begun | Preview | Computed | Failed) -> None:
        """Take in what `threads.run` yields."""
        run = self.run
        if run is None:
            return
        match event:
            case Ready(device, dpi):
                run.device = device
                if dpi is not None:
                    run.layer.metadata["dpi"] = dpi
                if not run.stopping:
                    self.say("Reading the page…", f"Device: {device}")
            case Failed(message):
                run.failure = message
            case Begun(page, corrected=True):
                run.note += f" Page {page + 1} was corrected meanwhile and was left alone."
            case Begun(page):
                reviewed_of(run.layer, page).grid[:] = False  # Nobody has seen what comes now.
            case Preview(page, probability):
                run.job.result.preview(page, probability)
                self._upkeep.touch(run.layer)
                self.status = "A preview; the exact result follows."
            case Computed(page, progress):
                self._advance(run, page, progress)

    def _advance(self, run: Run, page: int, progress: Progress) -> None:
        """Show what was computed, and how far the run is."""
        run.meter.advance(page, progress.done, progress.total)
        if progress.rows.stop > progress.rows.start:
            run.job.result.write(page, progress.rows, progress.columns)
            self._upkeep.touch(run.layer)
        if not run.stopping:
            self.status = run.meter.text

    def stop(self) -> None:
        """Note that the worker was asked to stop."""
        if self.run is not None:
            self.run.stopping = True
            self.status = "Stopping after this batch of windows…"

    def finish(self) -> str:
        """Close the run, however it ended.

        Returns
        -------
        str
            What went wrong, for a notification; empty if nothing did.
        """
        run, self.run = self.run, None
        if run is None:
            return ""
        run.job.result.end_preview()
        run.job.result.computing = False
        self._upkeep.touch(run.layer)
        removed = run.layer not in self._viewer.layers
        choosing.withdraw(self._viewer, run.layer)
        stopped = f"Stopped: {run.meter.reached}. What is done is kept."
        if not run.meter.fraction:
            stopped = "Stopped before anything was computed."
        if run.failure:
            several = len(run.job.pages) > 1 and run.meter.fraction > 0
            self.status = f"{stopped} {run.failure}" if several else run.failure
        elif removed:
            self.status = "Stopped: the ink layer was removed."
        elif run.stopping:
            self.status = stopped
        else:
            where = "processor" if run.device.startswith("cpu") else "GPU"
            done = f"Done in {run.meter.elapsed} on the {where}. {run.note}".strip()
            self.say(done, f"Device: {run.device}")
        return run.failure

    # ---- threshold

    def move_threshold(self, image: Image | None, threshold: float) -> None:
        """Let the labels of `image` follow a new threshold, step by step in `tick`."""
        layer = self.ink_layer(image)
        result = result_behind(layer)
        if layer is not None and result is not None:
            page = page_source.current_page(layer, self._viewer.dims.point)
            self._upkeep.follow(layer, result.follow(threshold, page))

    def tick(self) -> bool:
        """Do a little of the pending work; call some twenty times a second.

        Returns
        -------
        bool
            Whether to call again.
        """
        return self._upkeep.tick() or self.running


def has_next(viewer: ViewerModel, image: Image) -> bool:
    """Tell whether a page follows the one of a stack that is shown."""
    source = page_source.page_source(image)
    return page_source.current_page(image, viewer.dims.point) + 1 < source.count


def turn_page(viewer: ViewerModel, image: Image) -> str:
    """Show the next page of a stack.

    Parameters
    ----------
    viewer : ViewerModel
        With the stack.
    image : Image
        A layer that `page_source.refusal` accepts.

    Returns
    -------
    str
        Why there is no such page, for the user; empty if it is shown.
    """
    if not has_next(viewer, image):
        return f"“{image.name}” has no further page. Open the next page, then run on this page."
    wanted = page_source.current_page(image, viewer.dims.point) + 1
    axis = viewer.dims.ndim - image.ndim
    viewer.dims.set_point(axis, float(image.data_to_world((wanted, 0, 0))[axis - viewer.dims.ndim]))
    return ""
