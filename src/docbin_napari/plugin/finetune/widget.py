"""Plugins > Train on my pairs: the widget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, Label
from napari.utils.notifications import show_error
from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QSizePolicy, QTabWidget

from docbin_napari.plugin.binarize import fields
from docbin_napari.plugin.binarize.widget import open_binarizer
from docbin_napari.plugin.dock import PanelWatch
from docbin_napari.plugin.engine import readable
from docbin_napari.plugin.finetune import fields as finetune_fields
from docbin_napari.plugin.finetune import keep_alive
from docbin_napari.plugin.finetune.curves import CurvesView, palette_of
from docbin_napari.plugin.finetune.fields import PairReading
from docbin_napari.plugin.finetune.keep_alive import TrainingWatch
from docbin_napari.plugin.finetune.session import (
    Ending,
    TrainingRequest,
    TrainingSession,
    free_name,
    refusal,
)
from docbin_napari.plugin.finetune.strip_view import StripView
from docbin_napari.plugin.layers import choosing
from docbin_napari.plugin.saving.fields import folder_of
from docbin_napari.plugin.settings import remembered
from docbin_napari.plugin.signals import MODEL_NEWS, PAIR_NEWS, list_of
from docbin_napari.plugin.tabs import join_tabs, start_low

if TYPE_CHECKING:
    import napari

_MINIMUM_WIDTH = 300
_CHOOSE = "Choose the folder of your training pairs."


class TrainOnMyPairs(Container[Any]):
    """Dock widget that lets a model learn from corrected pages.

    Parameters
    ----------
    napari_viewer : Viewer
        Where the new model is tried out.
    launch : callable, optional
        Starts the process; another one in tests.
    asks : callable
        Asks what becomes of a training when a window closes.
    """

    def __init__(
        self,
        napari_viewer: napari.viewer.Viewer,
        launch: Any = None,
        asks: Any = keep_alive.ask,
    ) -> None:
        self._viewer = napari_viewer
        self._launch = launch
        self._asks = asks
        self._models = fields.known_models()
        self._session: TrainingSession | None = None
        self._pairs = PairReading()
        self._named = False
        self._naming = False
        self._shown_picture: str | None = None
        # Options of the command line that have no field; tests make tiny trainings with them.
        self.more: tuple[str, ...] = ()
        self._build()
        self._connect()
        if TrainingWatch.current is not None:
            self._attach(TrainingWatch.current.session)
        self._update()

    # ---- parts

    def _build(self) -> None:
        self.folder = finetune_fields.folder_field()
        self.collections = finetune_fields.CollectionList()
        self.start = finetune_fields.start_field(self._models)
        self.name_field = finetune_fields.name_field()
        self.minutes = finetune_fields.minutes_field()
        self.device = fields.device_field()
        (self.train, self.longer, self.stop), row = finetune_fields.buttons(
            ("train", "Train", "Let a new model learn from the ticked collections."),
            (
                "longer",
                "Train longer",
                "Go on from what was learnt, for as many minutes as are set above, with the same "
                "pairs. The result is a model of its own; the present one stays.",
            ),
            ("stop", "Stop", "End early and keep the best so far; a second time: at once."),
        )
        (self.run_here, self.run_next), self.after = finetune_fields.buttons(
            ("here", "Run on this page", "Binarize the shown page with the new model."),
            ("next", "Run on next page", "Go on in the stack and binarize with the new model."),
        )
        self.progress = fields.progress_field()
        self.status = Label(name="status", value="")
        self.curves, self.strip = CurvesView(), StripView()
        self.views = QTabWidget()
        self.views.addTab(self.strip, "Page before and after")
        self.views.addTab(self.curves, "Curves")
        choices = [self.start, self.name_field, self.minutes, self.device]
        above = Container(widgets=[self.folder], labels=True)
        below = Container(widgets=choices, labels=True)
        for form in (above, below):
            form.margins = (0, 0, 0, 0)
        self._locked = [self.folder, *choices]
        super().__init__(
            widgets=[above, below, row, self.progress, self.status, self.after], labels=False
        )
        layout = self.native.layout()
        layout.insertWidget(1, self.collections)
        layout.addWidget(self.views)
        self.native.setMinimumWidth(_MINIMUM_WIDTH)
        start_low(self.native)
        self.status.native.setWordWrap(True)
        self.status.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=self._on_closed)

    def _connect(self) -> None:
        self.folder.changed.connect(self._on_folder)
        self._pairs.done.connect(self._on_read)
        self.collections.itemChanged.connect(self._on_ticked)
        self.name_field.changed.connect(self._on_name)
        for field in (self.start, self.minutes):
            field.changed.connect(self._update)
        self.train.changed.connect(self._start)
        self.stop.changed.connect(self._stop)
        self.run_here.changed.connect(lambda: self._run(next_page=False))
        self.run_next.changed.connect(lambda: self._run(next_page=True))
        self.longer.changed.connect(self._train_longer)
        self._viewer.events.theme.connect(self._recolour)
        MODEL_NEWS.added.connect(self._on_new_model)
        PAIR_NEWS.saved.connect(self._read_again)
        known = remembered().get("datasets", "")
        if known and Path(known).is_dir():
            self.folder.value = Path(known)

    def _on_shown(self) -> None:
        join_tabs(self.native, "Train")
        finetune_fields.align(self.native, {str(field.label) for field in self._locked})
        self._recolour()
        if self._pairs.trouble:
            self._read_again()

    def _recolour(self, _: Any = None) -> None:
        if not self._watch.gone:
            theme = get_theme(self._viewer.theme)
            colours = theme.text.as_hex("long"), theme.background.as_hex("long")
            self.curves.set_palette(palette_of(*colours))

    # ---- pairs

    def _on_folder(self, _: Any = None) -> None:
        self.collections.show_summaries([])
        self._pairs.read(folder_of(self.folder))
        self._update()

    def _read_again(self, saved: Path | None = None) -> None:
        """A pair was saved, or the folder may hold something by now."""
        if self._watch.gone or self._running or self._pairs.busy:
            return
        folder = folder_of(self.folder)
        if folder is not None:
            self._pairs.read(folder, again=True)
        elif saved is not None:
            self.folder.value = saved

    def _on_read(self) -> None:
        if not self._watch.gone:
            self.collections.show_summaries(self._pairs.summaries, keep=True)
            self._suggest_name()
            self._update()

    def _on_ticked(self, _: Any = None) -> None:
        self._suggest_name()
        self._update()

    def _on_name(self, _: Any = None) -> None:
        if not self._naming:
            self._named = bool(self.name_field.value)
        self._update()

    def _suggest_name(self) -> None:
        """Name the model after the collections, until the user has named it."""
        ticked = self.collections.ticked()
        if self._named or not ticked or self._running:
            return
        stem = ticked[0].collection.path.name if len(ticked) == 1 else "my-model"
        self._naming = True
        self.name_field.value = free_name(stem, self._models)
        self._naming = False

    # ---- a training

    @property
    def _running(self) -> bool:
        return self._session is not None and self._session.running

    def _request(self) -> TrainingRequest:
        return TrainingRequest(
            tuple(summary.collection.path for summary in self.collections.ticked()),
            self.name_field.value,
            self.start.value or "",
            self.minutes.value,
            self.device.value,
            self.more,
        )

    def _start(self) -> None:
        if TrainingWatch.current is not None or self._refusal():
            self._update()
            return
        self._begin(self._request())

    def _train_longer(self) -> None:
        """Go on from the model that has just been made, under a name of its own."""
        session = self._session
        if TrainingWatch.current is not None or session is None or session.ending is None:
            return
        known = session.ending.model
        stem = known.rpartition("-")[0] if known.rpartition("-")[2].isdigit() else known
        self._begin(
            replace(
                session.request,
                name=free_name(stem, self._models),
                minutes=self.minutes.value,
                longer=known,
            )
        )

    def _begin(self, request: TrainingRequest) -> None:
        launch = {} if self._launch is None else {"launch": self._launch}
        try:
            session = TrainingSession(request, **launch)
        except OSError as error:
            show_error(f"The training could not be started: {readable(error)}")
            return
        TrainingWatch(session, self._window, self._asks)
        self._attach(session)
        self._update()

    @property
    def _window(self) -> Any:
        return keep_alive.main_window(self.native)

    def _attach(self, session: TrainingSession) -> None:
        self._session = session
        session.changed.connect(self._update)
        session.ended.connect(self._on_ended)

    def _stop(self) -> None:
        if self._session is not None:
            self._session.stop()

    def _on_ended(self, _: Ending) -> None:
        if not self._watch.gone:
            self._named = False
            self._suggest_name()
            self._update()
            self._read_again()

    def _on_new_model(self, _: str, __: bool) -> None:
        if not self._watch.gone:
            self._models = fields.known_models()
            finetune_fields.offer_starts(self.start, self._models)

    def _on_closed(self) -> None:
        watch = TrainingWatch.current
        if watch is None or watch.session is not self._session:
            return
        if watch.panel_closed():
            # The panel is still being taken down at this moment.
            QTimer.singleShot(0, self._dock_again)

    def _dock_again(self) -> None:
        if not self._watch.gone:
            self._viewer.window.add_dock_widget(self, name="Train on my pairs")
            self.native.show()

    def _run(self, *, next_page: bool) -> None:
        """Binarize with the new model: the next page of a list there, others in their widget."""
        ending = self._session.ending if self._session else None
        if ending is None or not ending.model:
            return
        pages = list_of(choosing.favourite(self._viewer)) if next_page else None
        if pages is not None:
            trouble = pages.run_next(ending.model)
        else:
            trouble = open_binarizer(self._viewer).run_model(ending.model, next_page=next_page)
        if trouble:
            show_error(trouble)

    # ---- what is shown

    def _refusal(self) -> str:
        """Say why Train cannot be pressed; empty if it can."""
        if self._pairs.trouble:
            return self._pairs.trouble
        if self._pairs.busy and not self._pairs.summaries:
            return "Counting what is labelled…"
        if not self._pairs.summaries:
            return _CHOOSE
        return refusal(self._request(), self.collections.ticked(), self._models)

    def _show_outcome(self, ending: Ending | None) -> None:
        """Show the picture of a training that has just ended, and the curves until then."""
        picture = ending.picture if ending else ""
        if picture == self._shown_picture:
            return
        self._shown_picture = picture
        self.strip.show_file(picture)
        shown = self.strip if self.strip.has_picture else self.curves
        self.views.setTabEnabled(self.views.indexOf(self.strip), self.strip.has_picture)
        self.views.setCurrentWidget(shown)

    def _update(self, _: Any = None) -> None:
        """Bring every part of the widget in line with the session."""
        if self._watch.gone:
            return
        session, running = self._session, self._running
        refused = "" if running else self._refusal()
        for field in self._locked:
            field.enabled = not running
        self.collections.setEnabled(not running)
        self.train.enabled = not running and not refused
        self.stop.enabled = running
        self.stop.text = "Stop now" if running and session and session.stopping else "Stop"
        self.progress.visible = running
        ending = session.ending if session else None
        self.after.visible = bool(ending and ending.model)
        self.longer.enabled = bool(not running and ending and ending.model)
        self._show_outcome(ending)
        self.views.setVisible(session is not None)
        told = session.status if session else ""
        if session is not None:
            self.progress.value = round(1000 * session.fraction)
            self.curves.show_curves(session.curves)
        self.status.value = (
            told if running or not refused else "\n\n".join(filter(None, [told, refused]))
        )
