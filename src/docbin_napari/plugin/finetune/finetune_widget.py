"""Plugins > Train on my pairs: the widget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QTabWidget

from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.binarize.binarize_session import has_next
from docbin_napari.plugin.dock import BINARIZE, TRAIN, main_window, open_panel
from docbin_napari.plugin.finetune import finetune_fields, keep_alive
from docbin_napari.plugin.finetune.curves import CurvesView, StripView, palette_of
from docbin_napari.plugin.finetune.finetune_fields import PairReading
from docbin_napari.plugin.finetune.finetune_session import (
    Ending,
    TrainingRequest,
    TrainingSession,
    free_name,
    refusal,
)
from docbin_napari.plugin.finetune.keep_alive import TrainingWatch
from docbin_napari.plugin.layers import choosing, page_source
from docbin_napari.plugin.settings import remembered
from docbin_napari.plugin.signals import MODEL_NEWS, PAIR_NEWS, list_of
from docbin_napari.plugin.threads import readable
from docbin_napari.plugin.widgets import (
    DockPanel,
    align,
    button_row,
    form_of,
    message_line,
    show_message,
)

if TYPE_CHECKING:
    import napari

_MINIMUM_WIDTH = 300
_CHOOSE = (
    "Choose the folder of your training pairs. There are none yet? Correct a page and press "
    "“Save pair” there."
)


class TrainOnMyPairs(DockPanel):
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

    panel_name, tab_title = TRAIN, "Train"

    def __init__(
        self,
        napari_viewer: napari.viewer.Viewer,
        launch: Any = None,
        asks: Any = keep_alive.ask,
    ) -> None:
        self._viewer = napari_viewer
        self._launch = launch
        self._asks = asks
        self._models = binarize_fields.known_models()
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
        self.device = binarize_fields.device_field()
        (self.train, self.longer, self.stop), row = button_row(
            "buttons",
            ("train", "Train", "Let a new model learn from the ticked collections."),
            (
                "longer",
                "Train longer",
                "Go on from what was learnt, for as many minutes as are set above, with the same "
                "pairs. The result is a model of its own; the present one stays.",
            ),
            ("stop", "Stop", "End early and keep the best so far; a second time: at once."),
        )
        (self.run_here, self.run_next), self.after = button_row(
            "after",
            ("here", "Run on this page", "Binarize the shown page with the new model."),
            ("next", "Run on next page", "Go on in the folder or stack with the new model."),
        )
        self.progress = binarize_fields.progress_field()
        self.status = message_line(lines=5)
        self.curves, self.strip = CurvesView(), StripView()
        self.views = QTabWidget()
        self.views.addTab(self.strip, "Page before and after")
        self.views.addTab(self.curves, "Curves")
        choices = [self.start, self.name_field, self.minutes, self.device]
        self._locked = [self.folder, *choices]
        above, below = form_of("above", self.folder), form_of("below", *choices)
        super().__init__(
            widgets=[above, below, row, self.progress, self.status, self.after], labels=False
        )
        layout = self.native.layout()
        layout.insertWidget(1, self.collections)
        layout.addWidget(self.views, 1)
        self.finish(_MINIMUM_WIDTH)
        layout.addStretch(0)

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
        layers, dims = self._viewer.layers, self._viewer.dims
        for event in (layers.selection.events.active, dims.events.current_step):
            event.connect(self._update)
        MODEL_NEWS.added.connect(self._on_new_model)
        PAIR_NEWS.saved.connect(self._read_again)
        known = remembered().get("datasets", "")
        if known and Path(known).is_dir():
            self.folder.value = Path(known)

    def lay_out(self) -> None:
        """Give the names of the fields one width."""
        align(self.native, self._locked)

    def on_shown(self) -> None:
        """Follow the theme, and look again for pairs where there were none."""
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
        self._pairs.read(self.folder.folder)
        self._update()

    def _read_again(self, saved: Path | None = None) -> None:
        """A pair was saved, or the folder may hold something by now."""
        if self._watch.gone or self._running or self._pairs.busy:
            return
        folder = self.folder.folder
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
        return main_window(self.native)

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
            self._models = binarize_fields.known_models()
            finetune_fields.offer_starts(self.start, self._models)

    def on_closed(self) -> None:
        """Ask what becomes of a training that goes on."""
        watch = TrainingWatch.current
        if watch is None or watch.session is not self._session:
            return
        if watch.panel_closed():
            # The panel is still being taken down at this moment.
            QTimer.singleShot(0, self._dock_again)

    def _dock_again(self) -> None:
        if not self._watch.gone:
            self._viewer.window.add_dock_widget(self, name=TRAIN)
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
            trouble = open_panel(self._viewer, BINARIZE).run_model(
                ending.model, next_page=next_page
            )
        if trouble:
            show_error(trouble)

    # ---- what is shown

    def _show_where_to_run(self) -> None:
        """Offer the shown page if there is one, and the next one if there is a next one."""
        image = choosing.favourite(self._viewer)
        usable = image is not None and not page_source.refusal(image)
        self.run_here.enabled = usable
        pages = list_of(image)
        self.run_next.visible = usable and (
            pages.has_next if pages is not None else has_next(self._viewer, image)
        )

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
        if ending is not None:
            self._show_where_to_run()
        status = session.status if session else ""
        if session is not None:
            self.progress.value = round(1000 * session.fraction)
            self.curves.show_curves(session.curves)
        lines = [status] if running or not refused else [status, refused]
        show_message(self.status, "\n".join(filter(None, lines)))
