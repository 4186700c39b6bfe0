"""Plugins > Train on my pairs: the widget, and what keeps a training running without it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import FloatSpinBox, LineEdit
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox, QTabWidget

from docbin_napari.describe import describe
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.io.paths import is_folder
from docbin_napari.plugin import dock, widgets
from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.binarize.binarize_session import has_next
from docbin_napari.plugin.dock import BINARIZE, TRAIN, DockPanel
from docbin_napari.plugin.finetune.curves import CurvesView, StripView
from docbin_napari.plugin.finetune.finetune_fields import CollectionList, PairReading
from docbin_napari.plugin.finetune.finetune_session import (
    Ending,
    TrainingRequest,
    TrainingSession,
    free_name,
    refusal,
)
from docbin_napari.plugin.layers import choosing, page_source
from docbin_napari.plugin.settings import DATASETS, remembered
from docbin_napari.plugin.signals import MODEL_NEWS, PAIR_NEWS, list_of
from docbin_napari.plugin.threads import readable

if TYPE_CHECKING:
    import napari

KEEP, STOP, CANCEL = "Keep training", "Stop and keep the best", "Cancel"
_TICK_MILLISECONDS = 200
_MINIMUM_WIDTH = 300
_CHOOSE = (
    "Choose the folder of your training pairs. There are none yet? Correct a page and press "
    "“Save pair” there."
)


class TrainingWatch:
    """Watches one training.

    Strategy: the session belongs to this object and not to the panel. Closing the panel asks; if
    the training goes on, it ends with a notification, and a panel that is opened later shows it
    again.

    Parameters
    ----------
    session : TrainingSession
        Already started.
    window : QMainWindow or None
        napari's window, whose closing asks first.
    asks : callable
        As `ask_what_becomes`; another one in tests.
    """

    current: TrainingWatch | None = None
    """The one training of this program, if one goes on."""

    def __init__(self, session: TrainingSession, window: Any, asks: Any) -> None:
        self.session, self._window, self._asks = session, window, asks
        self._is_shown = True
        self._timer = widgets.timer_of(None, _TICK_MILLISECONDS, session.tick)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._timer.stop)
        session.ended.connect(self._on_ended)
        self._closing = dock.ClosingWatch(self._about_to_close, self._may_close)
        self._closing.stand_before(window)
        TrainingWatch.current = self
        self._timer.start()

    def _about_to_close(self) -> str:
        about = "napari is about to close: the training can go on without it."
        return about if self.session.needs_us else ""

    def _may_close(self, window: Any, question: str) -> bool:
        answer = self._asks(window, question)
        if answer == KEEP:
            self.session.leave_alone()
        elif answer == STOP:
            self.session.stop()
        return bool(answer != CANCEL)

    def panel_closed(self) -> bool:
        """Ask what becomes of the training when its panel was closed.

        Returns
        -------
        bool
            Whether the panel is wanted back.
        """
        if not self.session.needs_us:
            self._is_shown = False
            return False
        answer = self._asks(self._window, "Its panel was closed: the training can go on unseen.")
        if answer == STOP:
            self.session.stop()
        self._is_shown = bool(answer == CANCEL)
        return self._is_shown

    def _on_ended(self, ending: Ending) -> None:
        self._timer.stop()
        if TrainingWatch.current is self:
            TrainingWatch.current = None
        if ending.failed:
            show_error(ending.message)
        elif not self._is_shown:
            show_info(ending.message)
        elif ending.model and not ending.better:
            show_warning(ending.message)


def ask_what_becomes(parent: Any, question: str) -> str:
    """Ask what becomes of the training.

    Parameters
    ----------
    parent : QWidget or None
        Window that the question belongs to.
    question : str
        What is about to happen.

    Returns
    -------
    str
        `KEEP`, `STOP` or `CANCEL`.
    """
    text = f"A model is still being trained. {question}"
    icon, role = QMessageBox.Icon.Question, QMessageBox.ButtonRole
    box = QMessageBox(icon, "A model is being trained", text, parent=parent)
    answers = {KEEP: role.AcceptRole, STOP: role.DestructiveRole, CANCEL: role.RejectRole}
    return dock.ask(box, answers, KEEP)


class TrainOnMyPairs(DockPanel):
    """Dock widget that lets a model learn from corrected pages.

    Parameters
    ----------
    napari_viewer : Viewer
        Where the new model is tried out.
    asks : callable
        Asks what becomes of a training when a window closes.

    Attributes
    ----------
    folder : FolderField
        The folder of your training pairs: a collection, a folder of collections, or one with the
        folders train and test. Collections in test are never learnt from; they show the effect
        on other pages.
    minutes : FloatSpinBox
        Time for learning; some seconds for preparation and for measuring come on top. Five minutes
        are a good beginning, one is enough to see whether it helps. A training that is stopped
        early may be worse than a short one that ran to its end: the learning rate falls to zero at
        its end.
    train : PushButton
        Let a new model learn from the ticked collections.
    longer : PushButton
        Go on from what was learnt, for as many minutes as are set above, with the same pairs. The
        result is a model of its own; the present one stays.
    stop : PushButton
        End early and keep the best so far; a second time: at once.
    run_here : PushButton
        Binarize the shown page with the new model.
    run_next : PushButton
        Go on in the folder or stack with the new model.
    """

    panel_name, tab_title = TRAIN, "Train"

    def __init__(self, napari_viewer: napari.viewer.Viewer, asks: Any = ask_what_becomes) -> None:
        self._viewer, self._asks = napari_viewer, asks
        self._session: TrainingSession | None = None
        self._pairs = PairReading()
        self._named = self._asked_again = False
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
        self._make_fields()
        row = functools.partial(widgets.described_row, TrainOnMyPairs)
        (self.train, self.longer, self.stop), buttons = row(
            "buttons", train="Train", longer="Train longer", stop="Stop"
        )
        (self.run_here, self.run_next), self.after = row(
            "after", run_here="Run on this page", run_next="Run on next page"
        )
        self.progress = binarize_fields.progress_field()
        self.status = widgets.message_line(lines=5)
        self.curves, self.strip = CurvesView(), StripView()
        self.views = QTabWidget()
        self.views.addTab(self.strip, "Page before and after")
        self.views.addTab(self.curves, "Curves")
        choices = [self.start, self.name_field, self.minutes, self.device]
        self._locked = [self.folder, *choices]
        above, below = widgets.form_of("above", self.folder), widgets.form_of("below", *choices)
        parts = [above, below, buttons, self.progress, self.status, self.after]
        super().__init__(widgets=parts, labels=False)
        layout = self.native.layout()
        layout.insertWidget(1, self.collections)
        layout.addWidget(self.views, 1)
        self.finish(_MINIMUM_WIDTH)
        layout.addStretch(0)

    def _make_fields(self) -> None:
        field = functools.partial(widgets.field, TrainOnMyPairs)
        self.folder = field(widgets.FolderField, "folder", "Pairs", recent=DATASETS)
        self.collections = CollectionList()
        about = describe(FinetuneConfig, "start")
        self.start = binarize_fields.ModelField("start", "Start from", about)
        named = describe(FinetuneConfig, "output")
        self.name_field = LineEdit(name="name", label="New model", tooltip=named)
        limits: dict[str, Any] = {"min": 0.1, "max": 600.0, "step": 1.0}
        five = FinetuneConfig.minutes
        self.minutes = field(FloatSpinBox, "minutes", "Minutes", value=five, **limits)
        self.device = binarize_fields.device_field()

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
        layers, dims = self._viewer.layers, self._viewer.dims
        for event in (layers.selection.events.active, dims.events.current_step):
            event.connect(self._update)
        MODEL_NEWS.added.connect(self._on_new_model)
        PAIR_NEWS.saved.connect(self._read_again)
        known = remembered().get("datasets", "")
        if known and is_folder(Path(known)):
            self.folder.value = Path(known)

    def lay_out(self) -> None:
        """Give the names of the fields one width."""
        widgets.align(self.native, self._locked)

    def on_shown(self) -> None:
        """Search again for pairs where there were none."""
        if self._pairs.trouble:
            self._read_again()

    # ---- pairs

    def _on_folder(self, _: Any = None) -> None:
        self.collections.clear()
        self._pairs.read(self.folder.folder)
        self._update()

    def _read_again(self, saved: Path | None = None) -> None:
        """Count the folder again: a pair was saved, or there may be pairs by now."""
        self._asked_again = self._pairs.busy
        if self._watch.gone or self._running or self._asked_again:
            return
        folder = self.folder.folder
        if folder is not None:
            self._pairs.read(folder, again=True)
        elif saved is not None:
            self.folder.value = saved

    def _on_read(self) -> None:
        if not self._watch.gone:
            self.collections.show_summaries(self._pairs.summaries)
            self._on_ticked()
            if self._asked_again:
                self._read_again()

    def _on_ticked(self, _: Any = None) -> None:
        self._suggest_name()
        self._update()

    def _on_name(self, _: Any = None) -> None:
        self._named = bool(self.name_field.value)
        self._update()

    def _suggest_name(self) -> None:
        """Name the model after the collections, until the user has named it."""
        ticked = self.collections.ticked()
        if self._named or not ticked or self._running:
            return
        stem = ticked[0].collection.path.name if len(ticked) == 1 else "my-model"
        widgets.show_value(self.name_field, free_name(stem, self.start.models))

    # ---- a training

    @property
    def _running(self) -> bool:
        return self._session is not None and self._session.running

    def _request(self) -> TrainingRequest:
        collections = tuple(summary.collection.path for summary in self.collections.ticked())
        name, start = self.name_field.value, self.start.value or ""
        minutes, device = self.minutes.value, self.device.value
        return TrainingRequest(collections, name, start, minutes, device, self.more)

    def _start(self) -> None:
        if TrainingWatch.current is None and not self._refusal():
            self._begin(self._request())
        self._update()

    def _train_longer(self) -> None:
        """Go on from the model that has just been made, under a name of its own."""
        session = self._session
        if TrainingWatch.current is not None or session is None or session.ending is None:
            return
        known = session.ending.model
        stem = known.rpartition("-")[0] if known.rpartition("-")[2].isdigit() else known
        name, minutes = free_name(stem, self.start.models), self.minutes.value
        self._begin(replace(session.request, name=name, minutes=minutes, longer=known))

    def _begin(self, request: TrainingRequest) -> None:
        try:
            session = TrainingSession(request)
        except OSError as error:
            show_error(f"The training could not be started: {readable(error)}")
            return
        TrainingWatch(session, dock.main_window(self.native), self._asks)
        self._attach(session)
        self._update()

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
            self._on_ticked()
            self._read_again()

    def _on_new_model(self, _: str, __: bool) -> None:
        if not self._watch.gone:
            self.start.list_again()

    def on_closed(self) -> None:
        """Ask what becomes of a training that goes on."""
        watch = TrainingWatch.current
        if watch is not None and watch.session is self._session and watch.panel_closed():
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
        pages = list_of(self._viewer, choosing.favourite(self._viewer)) if next_page else None
        if pages is not None:
            trouble = pages.run_next(ending.model)
        else:
            panel = dock.open_panel(self._viewer, BINARIZE)
            trouble = panel.run_model(ending.model, next_page=next_page)
        if trouble:
            show_error(trouble)

    # ---- what is shown

    def _show_where_to_run(self) -> None:
        """Offer the shown page if there is one, and the next one if there is a next one."""
        image = choosing.favourite(self._viewer)
        usable = image is not None and not page_source.refusal(image)
        self.run_here.enabled = usable
        pages = list_of(self._viewer, image)
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
        return refusal(self._request(), self.collections.ticked(), self.start.models)

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
        self.after.visible = self.longer.enabled = bool(ending and ending.model)
        self._show_outcome(ending)
        self.views.setVisible(session is not None)
        if ending is not None:
            self._show_where_to_run()
        status = ""
        if session is not None:
            status = session.status
            self.progress.value = round(1000 * session.fraction)
            self.curves.show_curves(session.curves)
        widgets.show_message(self.status, "\n".join(filter(None, (status, refused))))
