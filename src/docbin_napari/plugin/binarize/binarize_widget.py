"""Plugins > Binarize document: the widget."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton
from napari.utils.notifications import show_error

from docbin_napari.describe import describe
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.plugin import commands, threads, widgets
from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.binarize.binarize_session import BinarizeSession, Request, turn_page
from docbin_napari.plugin.dock import BINARIZE, DockPanel
from docbin_napari.plugin.layers import choosing, page_source
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.look import LookRow
from docbin_napari.plugin.saving.export import ExportRow
from docbin_napari.plugin.signals import MODEL_NEWS
from docbin_napari.plugin.widgets import LayerBox

if TYPE_CHECKING:
    import napari
    from napari.layers import Image
    from napari.qt.threading import GeneratorWorker

_MINIMUM_WIDTH = 320
_TICK_MILLISECONDS = 40
_THIS_PAGE, _ALL_PAGES = "This page", "All pages"
# Edge levels: bold is as the boldest ground truths of contests, very thin as typescript needs it.
_STROKES: dict[str, float | None] = {
    "as the model": None,
    "bold": 0.35,
    "medium": 0.5,
    "thin": 0.65,
    "very thin": 0.8,
}


class BinarizeDocument(DockPanel):
    """Dock widget that turns a page into ink labels.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer with the pages.
    load : callable
        Makes the engine; another one in tests.

    Attributes
    ----------
    open_page : PushButton
        Open a scan, a stack of scans or a PDF.
    open_folder : PushButton
        Go through a folder of scans page by page.
    image : LayerBox
        The page or the stack to binarize.
    pages : LayerBox
        The page that is shown, or all pages of the stack.
    threshold : FloatSlider
        Probability from which a pixel is ink. Can be moved during and after a run: the labels
        follow without running the network again, and what you painted stays.
    run : PushButton
        Find the ink of the page.
    cancel : PushButton
        Stop after this batch; what is done is kept.
    compare : PushButton
        Show what only one of the two topmost results of this page calls ink. Another model or
        preset gives a result of its own.
    """

    panel_name, tab_title = BINARIZE, "Binarize"

    def __init__(self, napari_viewer: napari.viewer.Viewer, load: Any = threads.PageEngine) -> None:
        self._viewer = napari_viewer
        self._load_engine = load
        self._session = BinarizeSession(napari_viewer)
        self._worker: GeneratorWorker[Any, Any, Any] | None = None
        # The slider shows the model's own threshold until the user moves it.
        self._own_threshold = True
        self._moved = False
        self._build()
        self._connect()
        self._choose_favourite()
        self._update()

    # ---- parts

    def _build(self) -> None:
        field, viewer = functools.partial(widgets.field, BinarizeDocument), self._viewer
        row = functools.partial(widgets.described_row, BinarizeDocument)
        (self.open_page, self.open_folder), opening = row(
            "opening", open_page="Open page…", open_folder="Open folder…"
        )
        self.image = field(
            LayerBox, "image", "Image", choices=lambda _: choosing.images(viewer), nullable=True
        )
        self.pages = field(LayerBox, "pages", "Pages", choices=[_THIS_PAGE, _ALL_PAGES])
        self.preset = binarize_fields.preset_field()
        self.model = binarize_fields.ModelField()
        self.device = binarize_fields.device_field()
        levels = [f"{name}: edge level {level}" for name, level in _STROKES.items() if level]
        first = "How bold strokes are drawn. Choose thin where small letters fill up."
        words = "\n".join([first, *levels, "", describe(InferenceConfig, "edge_level")])
        self.strokes = widgets.choice("strokes", "Strokes", list(_STROKES.items()), words)
        about = describe(BinarizeDocument, "threshold")
        self.threshold = widgets.share_slider("threshold", "Threshold", 0.5, about)
        (self.run, self.cancel), buttons = row("buttons", run="Run", cancel="Cancel")
        self.progress = binarize_fields.progress_field()
        self.status = widgets.message_line()
        self.look = LookRow(self._viewer, self._shown_ink)
        self.compare = field(PushButton, "compare", text="Compare two results")
        self.export = ExportRow(self._viewer, self._shown_ink, lambda: self._session.running)
        models = self.model, self.device, self.strokes
        self._choices = [self.image, self.pages, self.preset, *models]
        form = widgets.form_of("form", *self._choices, self.threshold)
        parts = [opening, form, buttons, self.progress, self.look, self.compare, self.export]
        super().__init__(widgets=[*parts, self.status], labels=False)
        self._timer = widgets.timer_of(self.native, _TICK_MILLISECONDS, self._on_tick)
        self.finish(_MINIMUM_WIDTH)
        self.native.layout().addStretch(1)

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._on_layers)
        self._viewer.layers.selection.events.active.connect(self._on_active)
        self._viewer.dims.events.current_step.connect(self._on_turned)
        self.image.changed.connect(self._on_image)
        for field in (self.model, self.preset):
            field.changed.connect(self._on_how)
        self.threshold.changed.connect(self._on_threshold)
        self.open_page.changed.connect(lambda: commands.open_document(self._viewer))
        self.open_folder.changed.connect(lambda: commands.open_folder(self._viewer))
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self._stop)
        self.strokes.changed.connect(self._on_run_again)
        self.export.said.connect(self._say)
        self.compare.changed.connect(
            lambda: self._say(choosing.compare(self._viewer, self.image.value))
        )
        MODEL_NEWS.added.connect(self._on_new_model)

    def lay_out(self) -> None:
        """Give the names of the fields one width."""
        widgets.align(self.native, [*self._choices, self.threshold])

    def on_shown(self) -> None:
        """Bind the keys of the looks, and import what the first run needs."""
        threads.import_ahead("pandas", "docbin_napari.inference.predict")  # labels import pandas
        threads.make_units_ahead()
        self.look.attach()

    def on_closed(self) -> None:
        """Stop a run and give the keys back."""
        self._stop()
        self.look.detach()

    def _shown_ink(self) -> tuple[Any, Any]:
        """The page that is chosen, and its ink."""
        image = None if self._watch.gone else self.image.value
        return image, self._session.ink_layer(image)

    def _say(self, text: str) -> None:
        self._session.say(text)
        self._update()

    def _on_run_again(self, _: Any = None) -> None:
        """Say that another edge level, unlike a threshold, needs another run."""
        if not self._session.running and self._session.ink_layer(self.image.value) is not None:
            self._say("“Strokes” takes effect with the next run: press Run again.")

    # ---- layers

    def _on_layers(self, _: Any = None) -> None:
        if self._watch.gone:
            return
        self.image.reset_choices()
        if self._session.lost_its_layer:
            self._stop()
        if self.image.value is None:
            self._choose_favourite()
        self._on_image()

    def _on_active(self, _: Any = None) -> None:
        if not self._watch.gone and not self._session.running:
            self._choose_favourite()
            self._on_image()

    def _on_turned(self, _: Any = None) -> None:
        """Take away what was said of the page of a stack that was shown before."""
        if not self._watch.gone and self.pages.enabled:
            self._on_image()

    def _choose_favourite(self) -> None:
        favourite = choosing.favourite(self._viewer, self.image.value)
        if favourite is not None and favourite in self.image.choices:
            self.image.value = favourite

    def _on_image(self, _: Any = None) -> None:
        if not self._session.running:
            self._session.say("")
        self._show_threshold()
        self._update()

    # ---- threshold

    def _show_threshold(self, _: Any = None) -> None:
        """Show the threshold of the labels the slider moves, else the model's own."""
        shown = self._session.threshold_of(self.image.value)
        if shown is None and self._own_threshold and self.model.value is not None:
            shown = self.model.models[self.model.value].threshold
        if shown is not None:
            widgets.show_value(self.threshold, round(shown, 2))

    def _on_how(self, _: Any = None) -> None:
        self._moved = False
        self._show_threshold()

    def _on_threshold(self, value: float) -> None:
        self._own_threshold, self._moved = False, True
        self._session.move_threshold(self.image.value, value)
        self._timer.start()

    # ---- models

    def _on_new_model(self, name: str, better: bool) -> None:
        """List a model that was just made, and choose it if it is better than its base."""
        if not self._watch.gone:
            self.model.list_again(name if better and not self._session.running else "")
            self._update()

    def run_model(self, name: str, *, next_page: bool = False) -> str:
        """Run with a given model on one page.

        Parameters
        ----------
        name : str
            Of the model; it stays chosen.
        next_page : bool
            Whether to go on to the next page of the stack first.

        Returns
        -------
        str
            Why it cannot be run, for the user; empty if it was started.
        """
        self.model.list_again()
        if self._session.running:
            return "A page is being binarized; wait until it is done."
        if name not in self.model.models:
            return f"The model “{name}” is gone."
        refusal = self._refusal()
        if next_page and not refusal:
            refusal = turn_page(self._viewer, self.image.value)
        if not refusal:
            self.model.value, self.pages.value = name, _THIS_PAGE
            # Not the threshold of labels that another model made.
            widgets.show_value(self.threshold, round(self.model.models[name].threshold, 2))
            self._start()
        return refusal

    # ---- a run

    def _start(self) -> None:
        image: Image = self.image.value
        if self._session.running or self._refusal():
            self._update()
            return
        preset, model, device = self.preset.value, self.model.value, self.device.value
        known = choosing.results_of(self._viewer, image)
        how = {"model": model, "preset": preset}
        mine = [layer for layer in known if how.items() <= layer.metadata.items()]
        if known and not self._moved and self._session.ink_layer(image) not in mine:
            # The slider shows the threshold of a result that another model or preset has made.
            own = result_behind(next(iter(mine), None)) or self.model.models[model]
            widgets.show_value(self.threshold, round(own.threshold, 2))
        threshold, all_pages = self.threshold.value, self.pages.value == _ALL_PAGES
        request = Request(preset, model, device, threshold, all_pages, self.strokes.value)
        with threads.errors_shown():
            job = self._session.start(image, request)
            heard = {"yielded": self._on_event, "finished": self._on_finished}
            self._worker = threads.begin(threads.run, job, self._load_engine, **heard)
            self._timer.start()
        self._update()

    def _stop(self, _: Any = None) -> None:
        if self._worker is not None:
            self._session.stop()
            self._worker.quit()
            self._update()

    def _on_event(self, event: Any) -> None:
        if not self._watch.gone:
            self._session.receive(event)
            self._update()

    def _on_finished(self) -> None:
        self._worker = None
        trouble = self._session.finish()
        if trouble:
            show_error(trouble)
        if not self._watch.gone:
            self._timer.start()
            self._update()

    def _on_tick(self) -> None:
        if not self._session.tick():
            self._timer.stop()

    # ---- what is shown

    def _refusal(self) -> str:
        """Say why Run cannot be pressed; empty if it can."""
        if not self.model.models:
            return "No model is installed."
        return page_source.refusal(self.image.value)

    def _update(self) -> None:
        """Bring every part of the widget in line with the session."""
        if self._watch.gone:
            return
        run, running = self._session.run, self._session.running
        refusal = "" if running else self._refusal()
        for field in self._choices:
            field.enabled = not running
        image = self.image.value
        stack = not page_source.refusal(image) and page_source.page_source(image).is_stack
        self.pages.enabled = stack and not running
        if not stack:
            self.pages.value = _THIS_PAGE
        self.run.enabled = not running and not refusal
        self.cancel.enabled = run is not None and not run.stopping
        self.progress.visible = running
        self.progress.value = round(1000 * run.meter.fraction) if run else 0
        self.export.refresh()
        self.look.refresh()
        self.compare.enabled = len(choosing.results_of(self._viewer, image)) > 1 and not running
        text = self._session.status or refusal or self._session.outlook(image)
        widgets.show_message(self.status, text, self._session.details)
