"""Plugins > Correct and save training pairs: the widget."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer

from docbin_napari.correction.brush import BrushConfig
from docbin_napari.plugin.correct.correct_session import CorrectSession
from docbin_napari.plugin.correct.doubt_map import DoubtMap
from docbin_napari.plugin.correct.overlays import Overlays
from docbin_napari.plugin.correct.region_threshold import ThresholdHere
from docbin_napari.plugin.correct.sections import MINIMUM_WIDTH, CorrectParts, panels
from docbin_napari.plugin.correct.specks import Specks, SpeckSearch
from docbin_napari.plugin.correct.tools import NEXT, REVIEWED, TOOLS, UNLABELLED, ToolController
from docbin_napari.plugin.layers import canvas, choosing, page_source
from docbin_napari.plugin.layers.ink_result import BACKGROUND, result_behind
from docbin_napari.plugin.layers.ink_result import UNLABELLED as UNLABELLED_VALUE
from docbin_napari.plugin.layers.look import LookRow
from docbin_napari.plugin.saving.autosave import KEPT
from docbin_napari.plugin.saving.early_offer import drafts_of_image, take_draft
from docbin_napari.plugin.saving.export_row import ExportRow
from docbin_napari.plugin.saving.ink_saving import take_over_saving
from docbin_napari.plugin.saving.page_draft import writers_at_work
from docbin_napari.plugin.settings import draft_places
from docbin_napari.plugin.threads import import_ahead, load_page_engine, readable
from docbin_napari.plugin.widgets import show_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from napari.layers import Image, Labels

    from docbin_napari.plugin.layers.page_record import Subject

_TICK_MILLISECONDS = 40
_MAP_MILLISECONDS = 120


class CorrectPages(CorrectParts):
    """Dock widget with the tools that know ink.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer with the pages.
    load : callable
        Makes the engine that binarizes the pages of a folder; another one in tests.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer, load: Any = load_page_engine) -> None:
        take_over_saving()
        self._viewer = napari_viewer
        self._session = CorrectSession(napari_viewer)
        self._overlays = Overlays(napari_viewer)
        self._hand = ToolController(self._session, self._overlays, self._update)
        self._here = ThresholdHere(self._session)
        self._specks = Specks(self._session, self._overlays)
        self._search = SpeckSearch(self._session, self._specks, self._do)
        self._shown_page: tuple[Any, ...] = ()
        self._shown_region: Any = None
        self._saving_said, self._undone = "", 0
        self._asked: tuple[Image, int] | None = None
        self._listened: Labels | None = None
        self._showing = False
        super().__init__(
            (self._image_choices, self._labels_choices),
            panels(napari_viewer, self.subject, load),
            DoubtMap(self._on_map),
            ExportRow(napari_viewer, self._shown_ink),
            LookRow(napari_viewer, self._shown_ink),
        )
        self._timers()
        self.finish(MINIMUM_WIDTH)
        self._connect()
        self._on_layers()

    def subject(self) -> Subject | None:
        """Give the page that is corrected; None if there is none."""
        return None if self._watch.gone else self._session.subject()

    def _shown_ink(self) -> tuple[Image | None, Labels | None]:
        """The layers that are chosen, for the buttons that save a page."""
        return self._session.image, self._session.labels

    def _say(self, text: str) -> None:
        """Show what an export or a saving has to say; it takes the place of what was said."""
        if text and not self._watch.gone:
            self._session.status = text
            self._update()

    # ---- parts

    def _timers(self) -> None:
        self._tick = QTimer(self.native)
        self._tick.setInterval(_TICK_MILLISECONDS)
        self._tick.timeout.connect(self._on_tick)
        self._map_timer = QTimer(self.native)
        self._map_timer.setSingleShot(True)
        self._map_timer.setInterval(_MAP_MILLISECONDS)
        self._map_timer.timeout.connect(self._show_map)

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._on_layers)
        self._viewer.layers.selection.events.active.connect(self._on_active)
        for event in (self._viewer.dims.events.current_step, self._viewer.dims.events.ndisplay):
            event.connect(self._on_view)
        camera = canvas.camera_of(self._viewer)
        for event in (camera.events.center, camera.events.zoom):
            event.connect(self._on_camera)
        for field in (self.image, self.ink):
            field.changed.connect(self._on_choice)
        for name, part in self.tools.items():
            part.native.clicked.connect(functools.partial(self._on_tool, name))
        self.strictness.changed.connect(self._on_strictness)
        self.brush.changed.connect(self._on_brush)
        self.export.said.connect(self._say)
        self.saving.said.connect(self._on_saving)
        self.saving.drafts.said.connect(self._on_kept)
        self.here.changed.connect(self._on_here)
        self.area.changed.connect(self._on_area)
        self.specks.changed.connect(self._on_specks)
        self.remove_specks.changed.connect(lambda: self._do(self._specks.remove))
        self.keep_specks.changed.connect(lambda: self._do(self._forget_specks))
        self.unlabelled.changed.connect(lambda: self._do(self._session.mark_unlabelled))
        self.reviewed.changed.connect(lambda: self._do(self._session.mark_reviewed))
        self.next.changed.connect(lambda: self._do(self._go_to_next))
        self.new_unlabelled.changed.connect(lambda: self._add_labels(UNLABELLED_VALUE))
        self.new_background.changed.connect(lambda: self._add_labels(BACKGROUND))

    def on_shown(self) -> None:
        """Bind the keys, and import what the tools need."""
        import_ahead("pandas", "scipy.ndimage", "skimage.draw")
        keys: dict[str, Callable[[], None]] = {}
        for tool in TOOLS:
            keys[tool.key] = functools.partial(self._hand.take, tool.name)
        for action, part in (
            (UNLABELLED, self._session.mark_unlabelled),
            (REVIEWED, self._session.mark_reviewed),
            (NEXT, self._go_to_next),
        ):
            keys[action.key] = functools.partial(self._do, part)
        self._hand.attach(keys)
        self.look.attach()

    def on_closed(self) -> None:
        """Give the keys back and take away what only shows something."""
        self._hand.detach()
        self.look.detach()
        if not self._watch.gone:
            self._specks.forget()
            self._overlays.hide()

    # ---- layers

    def _image_choices(self, _: Any) -> list[tuple[str, Any]]:
        return [(layer.name, layer) for layer in choosing.images(self._viewer)]

    def _labels_choices(self, _: Any) -> list[tuple[str, Any]]:
        return [(layer.name, layer) for layer in choosing.labels_layers(self._viewer)]

    def _on_layers(self, _: Any = None) -> None:
        if self._watch.gone or self._overlays.placing:
            return
        self._showing = True
        self.image.reset_choices()
        self.ink.reset_choices()
        self._choose(self.image.value is None, self.ink.value is None)
        self._showing = False
        self._on_choice()

    def _on_active(self, _: Any = None) -> None:
        if self._watch.gone or self._overlays.placing:
            return
        self._showing = True
        self._take(*choosing.meant(self._viewer, self.ink.value))
        self._showing = False
        self._on_choice()

    def _choose(self, image: bool, labels: bool) -> None:
        """Fill the boxes with what the user seems to mean."""
        if labels:
            self._take(None, choosing.favourite_labels(self._viewer, self.image.value))
        if image or labels:
            self._take(choosing.favourite_image(self._viewer, self.ink.value), None)

    def _take(self, image: Image | None, labels: Labels | None) -> None:
        """Choose layers that the boxes offer."""
        for field, layer in ((self.image, image), (self.ink, labels)):
            if layer is not None and layer in field.choices:
                field.value = layer

    def _on_choice(self, _: Any = None) -> None:
        if self._showing:
            return
        self._session.image, self._session.labels = self.image.value, self.ink.value
        self._listen_to(self.ink.value)
        self._hand.check()
        self._on_view()

    def _look_for_early(self, image: Image) -> None:
        """Look beside the window for corrections of a page that has no labels yet."""
        page = page_source.current_page(image, self._viewer.dims.point)
        if self._asked == (image, page):
            return
        self._asked = (image, page)
        folders = draft_places(self.saving.datasets_folder())
        at_work = writers_at_work(self._viewer.layers.__contains__)
        worker = create_worker(drafts_of_image, image, page, folders, at_work, _ignore_errors=True)
        worker.returned.connect(functools.partial(self._on_early, image, page))
        worker.start()

    def _on_early(self, image: Image, page: int, found: list[Path]) -> None:
        if self._watch.gone or self._asked != (image, page) or self.subject() is not None:
            return
        take = functools.partial(take_draft, self._session, image, page)
        self.saving.drafts.offer_early(found[0] if found else None, take)

    def _listen_to(self, labels: Labels | None) -> None:
        """Follow undo and the brush of the labels that are chosen."""
        if labels is self._listened:
            return
        if self._listened is not None:
            self._listened.events.set_data.disconnect(self._on_undone)
            self._listened.events.brush_size.disconnect(self._show_brush)
        self._listened, self._undone = labels, 0
        if labels is not None:
            labels.events.set_data.connect(self._on_undone)
            labels.events.brush_size.connect(self._show_brush)
            self._show_brush()

    def _show_brush(self, _: Any = None) -> None:
        if self._listened is not None and not self._watch.gone:
            self._showing, before = True, self._showing
            size = min(self._listened.brush_size, self.brush.max)
            self.brush.value = max(self.brush.min, round(size))
            self._showing = before

    def _on_view(self, _: Any = None) -> None:
        """Another page may be shown than before, or something else be missing."""
        if self._watch.gone:
            return
        subject = self._session.subject()
        page = () if subject is None else (subject.image, subject.labels, subject.page)
        if page != self._shown_page or not page:
            self._shown_page = page
            self._session.forget_page()
            self._session.status = ""
            self._specks.forget()
            self._overlays.hide()
            self._show_own_threshold(subject)
        self._hand.check()
        for panel in (self.page_list, self.saving):
            panel.refresh()
        self._update()
        image = self._session.image
        if subject is None and image is not None and not page_source.refusal(image):
            self._look_for_early(image)
        else:
            self._asked = None
            self.saving.drafts.offer_early(None, lambda _: None)

    def _show_own_threshold(self, subject: Subject | None) -> None:
        result = None if subject is None else result_behind(subject.labels)
        if result is not None:
            self._showing = True
            self.here.value = round(result.threshold, 2)
            self._showing = False

    # ---- what the fields do

    def _do(self, work: Any) -> None:
        """Do something that the user asked for, and say how it went wrong if it did."""
        if self._watch.gone:
            return
        try:
            work()
        except Exception as error:
            show_error(readable(error))
        self._update()

    def _add_labels(self, value: int) -> None:
        image = self.image.value
        if page_source.refusal(image):
            self._session.status = page_source.refusal(image)
        else:
            self._do(lambda: self._session.new_labels(image, value))
        self._update()

    def _go_to_next(self) -> None:
        self._session.go_to_next()
        if (place := self._session.sent_to) is not None:
            self._overlays.show_place(*place)
        else:
            self._overlays.hide()

    def _on_map(self, row: int, column: int) -> None:
        self._do(functools.partial(self._session.go_to, row, column))

    def _on_tool(self, name: str, _: bool = False) -> None:
        self._do(functools.partial(self._hand.take, name))

    def _on_strictness(self, value: float) -> None:
        self._session.brush = BrushConfig(value)

    def _on_brush(self, value: int) -> None:
        if not self._showing and self._session.labels is not None:
            self._session.labels.brush_size = value

    def _on_saving(self, text: str) -> None:
        """Let the message of the last saving be seen: what was said before is over."""
        if text == self._saving_said:
            self._update()
        else:
            self._saving_said = text
            self._say(text)

    def _on_kept(self, text: str) -> None:
        """Show that corrections are not kept at once, and when they were if nothing else is."""
        if text and not text.startswith(KEPT):
            self._say(text)
        elif not self._watch.gone:
            self._update()

    def _on_undone(self, _: Any = None) -> None:
        """What was said of a step is not true once the step is taken back."""
        labels = self._session.labels
        undone = 0 if labels is None else len(labels._redo_history)
        if undone > self._undone:
            self._session.status = "Undone. Ctrl+Shift+Z does it again."
            self._update()
        self._undone = undone

    def _on_here(self, value: float) -> None:
        if not self._showing:
            self._do(lambda: self._here.move(value))

    def _on_area(self, value: str) -> None:
        if not self._showing:
            self._session.area = value
            self._do(self._specks.forget)

    def _on_specks(self, value: int) -> None:
        if self._showing:
            return
        self._specks.size = value
        self._do(self._specks.show)
        if not self._specks.shown:
            self._do(self._search.start)

    def _forget_specks(self) -> None:
        self._specks.forget()
        self._session.status = ""

    # ---- what is shown

    def _on_tick(self) -> None:
        if not self._session.upkeep.tick():
            self._tick.stop()

    def _on_camera(self, _: Any = None) -> None:
        if not self._watch.gone:
            self._overlays.fit_lines()
            self._map_timer.start()

    def _update(self) -> None:
        """Bring every part of the widget in line with the session."""
        if self._watch.gone:
            return
        session, subject = self._session, self._session.subject()
        for name, part in self.tools.items():
            part.native.setChecked(session.tool == name)
        usable = subject is not None
        marks: list[Any] = [self.unlabelled, self.reviewed, self.next]
        for field in (*self.tools.values(), *marks, self.brush, self.strictness, self.area):
            field.enabled = usable
        self.specks.enabled = usable
        self.here.enabled = not self._here.refusal(subject)
        if session.region is not self._shown_region:
            self._shown_region = session.region
            self._show_own_threshold(subject)  # that of the region before is not this one's
        self.remove_specks.enabled = self.keep_specks.enabled = self._specks.shown
        page_ok = not page_source.refusal(self.image.value)
        self.new_unlabelled.enabled = self.new_background.enabled = page_ok
        self._showing = True
        self.area.value = session.area
        self._showing = False
        self.export.refresh()
        self.look.refresh()
        caution = session.caution(self.image.value, self.ink.value)
        if subject is None and self.page_list.binarizes_this:
            caution = "The ink of this page is being found…"
        others = [self.saving.status.value, self.saving.drafts.kept]
        text = next((words for words in (session.status, caution, *others) if words), "")
        details = "\n".join(words for words in others if words and words != text)
        show_message(self.status, text, details)
        self._map_timer.start()
        self._tick.start()

    def _show_map(self) -> None:
        subject = self.subject()
        if subject is None:
            self.map.clear()
            self.share.value = ""
            return
        reviewed = self._session.reviewed(subject)
        doubt = self._session.doubt(subject)
        self.map.show_page(doubt, reviewed, canvas.visible_part(subject.labels))
        known = "" if doubt is not None else " No ink probability: the map shows no doubt."
        self.share.value = f"Reviewed: {reviewed.share:.0%} of the page.{known}"
