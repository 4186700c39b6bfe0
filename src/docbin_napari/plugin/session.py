"""What the binarize widget knows and does, without a window: a viewer model is enough."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels

from docbin_napari.inference.config import preset
from docbin_napari.plugin import layers
from docbin_napari.plugin.ink import InkResult, bind, image_behind, result_behind
from docbin_napari.plugin.meter import Meter
from docbin_napari.plugin.work import Computed, Failed, Job, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel

    from docbin_napari.inference.config import PresetName

_REFRESH_SECONDS = 0.2
_REFRESH_SHARE = 0.25
_FOLLOW_SECONDS = 0.025


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
    """

    preset: PresetName
    model: str
    device: str
    threshold: float
    all_pages: bool = False


@dataclass
class _Run:
    """A job on its way."""

    job: Job
    layer: Labels
    meter: Meter
    device: str = ""
    failure: str = ""
    stopping: bool = False
    note: str = field(default="")


class Session:
    """State of the binarize widget, one for each viewer.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer with the pages.
    clock : callable
        Seconds that only rise.
    """

    def __init__(self, viewer: ViewerModel, clock: Callable[[], float] = time.monotonic) -> None:
        self._viewer = viewer
        self._clock = clock
        self._run: _Run | None = None
        self._moves: dict[Labels, Iterator[int]] = {}
        self._stale: set[Labels] = set()
        self._next_refresh = 0.0
        self.status = ""

    # ---- which layers

    def images(self) -> list[Image]:
        """Image layers, the topmost first."""
        return [layer for layer in reversed(self._viewer.layers) if isinstance(layer, Image)]

    def favourite(self) -> Image | None:
        """The image a user means: the active one, that behind the active labels, or the topmost."""
        active = self._viewer.layers.selection.active
        if isinstance(active, Image):
            return active
        images = self.images()
        behind = image_behind(active)
        if behind in images:
            return behind
        return images[0] if images else None

    def ink_layer(self, image: Image | None) -> Labels | None:
        """The labels that the threshold moves.

        Those that are being filled, else those of `image` (the active ones before the
        topmost), else active ones whose image is no longer in the viewer.
        """
        if self._run is not None:
            return self._run.layer
        active = self._viewer.layers.selection.active
        known = [
            layer
            for layer in reversed(self._viewer.layers)
            if isinstance(layer, Labels) and result_behind(layer) is not None
        ]
        mine = [layer for layer in known if image is not None and image_behind(layer) is image]
        orphans = [layer for layer in known if image_behind(layer) not in self.images()]
        for group in (mine, [layer for layer in orphans if layer is active]):
            if active in group:
                return active
            if group:
                return group[0]
        return None

    def threshold_of(self, image: Image | None) -> float | None:
        """Threshold of the labels that `ink_layer` finds; None without any."""
        result = result_behind(self.ink_layer(image))
        return None if result is None else result.threshold

    def outlook(self, image: Image | None) -> str:
        """Say what a run would work on."""
        if image is None or layers.refusal(image):
            return ""
        source = layers.page_source(image)
        height, width = source.shape[-2:]
        pages = f"{source.count} pages of " if source.is_stack else ""
        return f"{pages}{width} × {height} pixels"

    # ---- a run

    @property
    def running(self) -> bool:
        """Whether a job is on its way; also while it is being stopped."""
        return self._run is not None

    @property
    def stopping(self) -> bool:
        """Whether a job was told to stop and has not stopped yet."""
        return self._run is not None and self._run.stopping

    @property
    def fraction(self) -> float:
        """Share of the job that is done, 0 to 1."""
        return 0.0 if self._run is None else self._run.meter.fraction

    def lost_its_layer(self) -> bool:
        """Whether the layer that is being filled was removed from the viewer."""
        return self._run is not None and self._run.layer not in self._viewer.layers

    def start(self, image: Image, request: Request) -> Job:
        """Prepare a run: find or add the labels layer.

        The labels of an earlier run are filled again, unless a person has painted on
        the pages in question: then they stay as they are and a new layer is added.

        Parameters
        ----------
        image : Image
            A layer that `layers.refusal` has nothing against.
        request : Request
            The settings.

        Returns
        -------
        Job
            For `work.run`.
        """
        source = layers.page_source(image)
        shown = layers.current_page(image, self._viewer.dims.point)
        pages = tuple(range(source.count)) if request.all_pages else (shown,)
        layer, note = self._prepare_layer(image, source.shape, pages, request.threshold)
        result = result_behind(layer)
        assert result is not None
        job = Job(
            source,
            pages,
            result,
            request.model,
            request.device,
            preset(request.preset),
            _file_to_look_up(layer),
        )
        self._run = _Run(job, layer, Meter(pages, self._clock), note=note)
        self.status = "Loading the network…"
        return job

    def receive(self, event: Ready | Computed | Failed) -> None:
        """Take in what `work.run` yields."""
        run = self._run
        if run is None:
            return
        if isinstance(event, Ready):
            run.device = event.device
            if event.dpi is not None:
                run.layer.metadata["dpi"] = event.dpi
            self.status = f"Reading the page… Device: {event.device}"
        elif isinstance(event, Failed):
            run.failure = event.message
        else:
            self._take_region(run, event)

    def stop(self) -> None:
        """Note that the worker was told to stop."""
        if self._run is not None:
            self._run.stopping = True
            self.status = "Stopping after this batch of windows…"

    def finish(self) -> str:
        """Close the run, however it ended.

        Returns
        -------
        str
            What went wrong, for a notification; empty if nothing did.
        """
        run, self._run = self._run, None
        if run is None:
            return ""
        self._stale.add(run.layer)
        if run.failure:
            self.status = run.failure
        elif run.stopping:
            self.status = f"Stopped: {run.meter.reached}. What is done is kept."
        else:
            self.status = f"Done in {run.meter.elapsed}. Device: {run.device}. {run.note}".strip()
        return run.failure

    # ---- threshold and refresh

    def move_threshold(self, image: Image | None, threshold: float) -> None:
        """Let the labels of `image` follow a new threshold, step by step in `tick`."""
        layer = self.ink_layer(image)
        result = result_behind(layer)
        if layer is not None and result is not None:
            page = layers.current_page(layer, self._viewer.dims.point)
            self._moves[layer] = result.follow(threshold, page)

    def tick(self) -> bool:
        """Do a little of the pending work; call some twenty times a second.

        Returns
        -------
        bool
            Whether there is more to do.
        """
        end = self._clock() + _FOLLOW_SECONDS
        for layer in list(self._moves):
            while self._clock() < end:
                if next(self._moves[layer], None) is None:
                    del self._moves[layer]
                    break
                self._stale.add(layer)
        if self._stale and self._clock() >= self._next_refresh:
            self._refresh()
        return bool(self._moves or self._stale or self.running)

    def _refresh(self) -> None:
        start = self._clock()
        for layer in self._stale:
            if layer in self._viewer.layers:
                layer.refresh(highlight=False, extent=False)
        self._stale.clear()
        cost = self._clock() - start
        self._next_refresh = self._clock() + max(_REFRESH_SECONDS, cost / _REFRESH_SHARE)

    # ---- inside a run

    def _take_region(self, run: _Run, event: Computed) -> None:
        progress = event.progress
        run.meter.advance(event.page, progress.done, progress.total)
        if progress.rows.stop > progress.rows.start:
            run.job.result.write(event.page, progress.rows, progress.columns)
            self._stale.add(run.layer)
        if not run.stopping:
            self.status = run.meter.text

    def _prepare_layer(
        self, image: Image, shape: tuple[int, ...], pages: tuple[int, ...], threshold: float
    ) -> tuple[Labels, str]:
        layer, note = self.ink_layer(image), ""
        result = result_behind(layer)
        if layer is not None and result is not None and result.shape == shape:
            computed = [page for page in pages if result.has(page)]
            if not any(result.was_edited(page) for page in computed):
                self._reuse(layer, image, computed, threshold)
                return layer, note
            note = f"“{layer.name}” holds corrections and was left alone; this is a new layer."
        return self._add_layer(image, InkResult(shape, threshold)), note

    def _reuse(self, layer: Labels, image: Image, computed: list[int], threshold: float) -> None:
        result = result_behind(layer)
        assert result is not None
        for page in computed:
            result.reset(page)
        self._moves[layer] = result.follow(threshold)
        for name, value in layers.placement(image).items():
            setattr(layer, name, value)
        self._stale.add(layer)

    def _add_layer(self, image: Image, result: InkResult) -> Labels:
        layer = Labels(
            result.labels,
            name=f"Ink of {image.name}",
            metadata=_provenance(image),
            **layers.placement(image),
            **layers.label_style(),
        )
        bind(layer, result, image)
        self._viewer.add_layer(layer)
        return layer


def _provenance(image: Image) -> dict[str, Any]:
    """Where a page came from and its resolution, for the writer."""
    found = {name: image.metadata.get(name) for name in ("dpi", "source", "page")}
    if found["source"] is None and image.source.path is not None:
        found["source"] = str(image.source.path)
    return found


def _file_to_look_up(layer: Labels) -> Path | None:
    """The file whose resolution is not known yet, if there is one."""
    if layer.metadata.get("dpi") is not None or not layer.metadata.get("source"):
        return None
    return Path(layer.metadata["source"])
