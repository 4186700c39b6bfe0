"""Plugins > Correct and save training pairs: the widget."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, PushButton, Slider

from docbin_napari.correction.brush import BrushConfig
from docbin_napari.describe import describe
from docbin_napari.pairs.drafts import find_drafts
from docbin_napari.plugin import threads, widgets
from docbin_napari.plugin.correct import tools
from docbin_napari.plugin.correct.correct_session import AREAS, CorrectSession, Specks
from docbin_napari.plugin.correct.doubt_map import DoubtMap
from docbin_napari.plugin.correct.overlays import Overlays
from docbin_napari.plugin.correct.tools import ToolController
from docbin_napari.plugin.dock import CORRECT, DockPanel
from docbin_napari.plugin.layers import canvas, choosing, page_source
from docbin_napari.plugin.layers.ink_result import BACKGROUND, UNLABELLED, result_behind
from docbin_napari.plugin.layers.look import LOOKS, LookRow
from docbin_napari.plugin.pages.pages_panel import NEXT_KEY, PREVIOUS_KEY, PageListPanel
from docbin_napari.plugin.saving.autosave import KEPT, page_key, writers_at_work
from docbin_napari.plugin.saving.drafts_row import take_draft
from docbin_napari.plugin.saving.export import ExportRow
from docbin_napari.plugin.saving.saving_panel import SavePairPanel
from docbin_napari.plugin.settings import draft_places
from docbin_napari.plugin.widgets import LayerBox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from napari.layers import Image, Labels

    from docbin_napari.plugin.layers.page_record import Subject

_TICK_MILLISECONDS = 40
_MAP_MILLISECONDS = 120
_LARGEST_SPECK = 400
_LARGEST_BRUSH = 200
_MINIMUM_WIDTH = 320
_SHORTEST = 160
_FOLDED_AT_FIRST = ("folder", "specks_section")
_UNDONE = "Undone. Ctrl+Shift+Z does it again."


class CorrectPages(DockPanel):
    """Dock widget with the correction tools.

    Sections fold; below them, always in sight, lie the message and Save.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer with the pages.
    load : callable
        Makes the engine that binarizes the pages of a folder; another one in tests.

    Attributes
    ----------
    image : LayerBox
        The page, or the stack of pages, that the labels lie over.
    ink : LayerBox
        The ink to correct: 0 background, 1 ink, 2 unlabelled. Labels of a run, of a file, or new
        ones.
    new_unlabelled : PushButton
        Add labels over the image in which nothing is labelled yet.
    new_background : PushButton
        Add labels over the image in which everything is background.
    brush : Slider
        Diameter of the brush in pixels of the page. Keys: [ and ].
    here : FloatSlider
        Probability from which a pixel of the drawn region is ink; at 1 nothing is. One step of
        undo, however often it is moved; the threshold of Binarize document leaves the region alone.
    area : LayerBox
        What “Unlabelled”, “Reviewed” and the specks work on.
    specks : Slider
        Pieces of ink of fewer pixels are highlighted in the area; nothing is removed before
        “Remove specks” is pressed. Pieces that reach over the edge of the area stay.
    remove_specks : PushButton
        Set the highlighted specks to background, as one step of undo.
    keep_specks : PushButton
        Hide the highlight and remove nothing.
    """

    panel_name, tab_title = CORRECT, "Correct"
    key_sheet = (
        *((action.key, f"{action.text}: {action.short}") for action in tools.ACTIONS),
        *((key, f"Held: {words}") for words, key in LOOKS.values()),
        ("[ and ]", "Smaller, larger brush"),
        (f"{NEXT_KEY}, {PREVIOUS_KEY}", "Next, previous page of the folder"),
        ("Z or Escape", "Put the tool down"),
    )

    def __init__(self, napari_viewer: napari.viewer.Viewer, load: Any = threads.PageEngine) -> None:
        self._viewer = napari_viewer
        self._session = CorrectSession(napari_viewer)
        self._overlays = Overlays(napari_viewer)
        self._hand = ToolController(self._session, self._overlays, self._update)
        self._specks = Specks(self._session, self._overlays, self._do, threads.begin)
        self._works: dict[str, Callable[[], object]] = {
            tool.name: functools.partial(self._hand.take, tool.name) for tool in tools.TOOLS
        }
        self._works["unlabelled"] = self._session.mark_unlabelled
        self._works["reviewed"] = self._mark_reviewed
        self._works["next"] = self._go_to_next
        self._shown_page: Subject | None = None
        self._shown_region: Any = None
        self._saving_said, self._undone = "", 0
        self._asked: tuple[Image, int] | None = None
        self._listened: Labels | None = None
        self._make_fields()
        self.page_list, self.saving = panels(napari_viewer, self.subject, load)
        self.map = DoubtMap(functools.partial(self._do, self._session.go_to))
        self.export = ExportRow(napari_viewer, self._shown_ink)
        self.look = LookRow(napari_viewer, self._shown_ink)
        self._lay_parts()
        self._tick = widgets.timer_of(self.native, _TICK_MILLISECONDS, self._on_tick)
        self._map_timer = widgets.timer_of(self.native, _MAP_MILLISECONDS, self._show_map)
        self._map_timer.setSingleShot(True)
        self.finish(_MINIMUM_WIDTH)
        self._connect()
        self._on_layers()

    def subject(self) -> Subject | None:
        """Give the page that is corrected; None if there is none."""
        return None if self._watch.gone else self._session.subject()

    def _shown_ink(self) -> tuple[Image | None, Labels | None]:
        """The layers that are chosen, for the buttons that save a page."""
        return self._session.image, self._session.labels

    def _say(self, text: str) -> None:
        """Show the message of an export or a save, if there is one, instead of the last one."""
        self._session.status = text or self._session.status
        self._update()

    # ---- parts

    def _make_fields(self) -> None:
        field = functools.partial(widgets.field, CorrectPages)
        row = functools.partial(widgets.described_row, CorrectPages)
        layers, viewer = functools.partial(field, LayerBox, nullable=True), self._viewer
        self.image = layers("image", "Image", choices=lambda _: choosing.images(viewer))
        self.ink = layers("ink", "Labels", choices=lambda _: choosing.labels_layers(viewer))
        (self.new_unlabelled, self.new_background), self._new = row(
            "new", new_unlabelled="Start empty", new_background="Start as all paper"
        )
        self._buttons = {
            action.name: PushButton(
                name=action.name, text=f"{action.text} ({action.key})", tooltip=action.tooltip
            )
            for action in tools.ACTIONS
        }
        self.tools = {tool.name: self._buttons[tool.name] for tool in tools.TOOLS}
        for part in self.tools.values():
            part.native.setCheckable(True)
        self.next = self._buttons["next"]
        self.brush = field(Slider, "brush", "Brush size", min=1, max=_LARGEST_BRUSH, value=10)
        strict, usual = describe(BrushConfig, "strictness"), BrushConfig().strictness
        self.strictness = widgets.share_slider("strictness", "Strictness", usual, strict, step=0.05)
        about = describe(CorrectPages, "here")
        self.here = widgets.share_slider("here", "Threshold here", 0.5, about)
        self.area = field(LayerBox, "area", "Area", choices=list(AREAS))
        self.specks = field(Slider, "specks", "Specks below", min=1, max=_LARGEST_SPECK, value=1)
        (self.remove_specks, self.keep_specks), self._speck_row = row(
            "speck_buttons", remove_specks="Remove specks", keep_specks="Keep specks"
        )
        self.share, self.status = widgets.text_line("share"), widgets.message_line()

    def _lay_parts(self) -> None:
        row, form = widgets.row_of, widgets.form_of
        brushes = [self.tools[name] for name in ("ink", "paper", "piece")]
        brush_form = form("brush_form", self.brush, self.strictness)
        here_form = form("here_form", self.here, self.area)
        marks = row([self._buttons[name] for name in ("unlabelled", "reviewed")], "marks")
        parts: tuple[tuple[str, str, list[Any]], ...] = (
            ("folder", "Folder of scans", [self.page_list]),
            ("page", "Page", [form("layers", self.image, self.ink), self._new, self.look]),
            ("paint", "Paint", [row(brushes, "brushes"), brush_form]),
            ("region_section", "Region", [self.tools["region"], here_form]),
            ("specks_section", "Specks", [form("specks_form", self.specks), self._speck_row]),
            ("check", "Check", [self.share, self.next, marks]),
            ("pair_section", "Training pair", [self.saving]),
        )
        self.sections = {
            name: widgets.Section(name, title, inside, folded=name in _FOLDED_AT_FIRST)
            for name, title, inside in parts
        }
        self._inner = Container(widgets=list(self.sections.values()), labels=False, name="tools")
        self.sections["check"].body.native.layout().insertWidget(0, self.map)
        below = [self.saving.drafts, self.status, self.saving.save, self.export]
        super().__init__(widgets=below, labels=False)
        self._scroll = widgets.scrolling(self._inner)
        self._scroll.setMinimumHeight(_SHORTEST)
        self.native.layout().insertWidget(0, self._scroll, 1)
        self.margins = (0, 0, 4, 4)

    def lay_out(self) -> None:
        """Align the names of the fields, and be as wide as the parts need."""
        named = [self.image, self.ink, self.brush, self.strictness]
        named += [self.here, self.area, self.specks]
        widgets.align(self._inner.native, named)
        widgets.let_boxes_shrink(self.native)
        self.native.setMinimumWidth(max(_MINIMUM_WIDTH, widgets.needed_width(self._scroll)))

    def _connect(self) -> None:
        events, partial = self._viewer.layers.events, functools.partial
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
        for name, part in self._buttons.items():
            part.native.clicked.connect(lambda _, work=self._works[name]: self._do(work))
        self.export.said.connect(self._say)
        for follow in (self._update, self._look_for_early):
            self.page_list.worked.connect(follow)
        self.saving.said.connect(self._on_saving)
        self.saving.drafts.said.connect(self._on_kept)
        self.strictness.changed.connect(partial(self._do, self._on_strictness))
        self.brush.changed.connect(partial(self._do, self._on_brush))
        self.here.changed.connect(partial(self._do, self._session.move_threshold))
        self.area.changed.connect(partial(self._do, self._on_area))
        self.specks.changed.connect(partial(self._do, self._specks.move))
        self.remove_specks.changed.connect(lambda: self._do(self._specks.remove))
        self.keep_specks.changed.connect(lambda: self._do(self._forget_specks))
        self.new_unlabelled.changed.connect(lambda: self._add_labels(UNLABELLED))
        self.new_background.changed.connect(lambda: self._add_labels(BACKGROUND))

    def on_shown(self) -> None:
        """Bind the keys, and import what the tools need."""
        threads.import_ahead("pandas", "scipy.ndimage", "skimage.draw")
        partial = functools.partial
        keys = {action.key: partial(self._do, self._works[action.name]) for action in tools.ACTIONS}
        steps = {"Control-Z": "undo", "Control-Shift-Z": "redo"}
        self._hand.attach(keys | {key: partial(self._step, step) for key, step in steps.items()})
        self.look.attach()

    def on_closed(self) -> None:
        """Give the keys back and take away what only shows something."""
        self._hand.detach()
        self.look.detach()
        if not self._watch.gone:
            self._specks.forget()
            self._overlays.hide()

    # ---- layers

    def _on_layers(self, _: Any = None) -> None:
        if self._watch.gone or self._overlays.placing:
            return
        with self.image.changed.blocked(), self.ink.changed.blocked():
            self.image.reset_choices()
            self.ink.reset_choices()
            no_labels = self.ink.value is None
            if no_labels:
                self._take(None, choosing.favourite_labels(self._viewer, self.image.value))
            if no_labels or self.image.value is None:
                self._take(choosing.favourite_image(self._viewer, self.ink.value), None)
        self._on_choice()

    def _on_active(self, _: Any = None) -> None:
        if self._watch.gone or self._overlays.placing:
            return
        with self.image.changed.blocked(), self.ink.changed.blocked():
            self._take(*choosing.meant(self._viewer, self.ink.value))
        self._on_choice()

    def _take(self, image: Image | None, labels: Labels | None) -> None:
        """Choose layers that the boxes offer."""
        for field, layer in ((self.image, image), (self.ink, labels)):
            if layer is not None and layer in field.choices:
                field.value = layer

    def _on_choice(self, _: Any = None) -> None:
        self._session.image, self._session.labels = self.image.value, self.ink.value
        self._listen_to(self.ink.value)
        self._on_view()

    def _look_for_early(self) -> None:
        """Search in the background for corrections of a page that has no labels, and gets none."""
        image, pages = self._session.image, self.page_list
        comes = pages.binarizes_this and pages.shows(self._viewer, image)
        if comes or image is None or self.subject() or page_source.refusal(image):
            self._asked = None
            self.saving.drafts.offer_early(None, lambda _: None)
            return
        page = page_source.current_page(image, self._viewer.dims.point)
        if self._asked == (image, page):
            return
        self._asked = (image, page)
        datasets = self.saving.datasets_folder()
        at_work = writers_at_work(self._viewer.layers.__contains__)

        def look() -> list[Path]:
            return find_drafts(draft_places(datasets), page_key(image, page), at_work)

        threads.begin(look, returned=functools.partial(self._on_early, image, page))

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
        self._listened = labels
        self._undone = self._count_undone()
        if labels is not None:
            labels.events.set_data.connect(self._on_undone)
            labels.events.brush_size.connect(self._show_brush)
            self._show_brush()

    def _show_brush(self, _: Any = None) -> None:
        if self._listened is not None and not self._watch.gone:
            size = min(self._listened.brush_size, self.brush.max)
            widgets.show_value(self.brush, max(self.brush.min, round(size)))

    def _on_view(self, _: Any = None) -> None:
        """Follow the viewer: another page may be shown, or a layer be missing."""
        if self._watch.gone:
            return
        subject = self._session.subject()
        if subject is None or subject != self._shown_page:
            self._shown_page = subject
            self._session.forget_page()
            self._session.status = ""
            self._specks.forget()
            self._overlays.hide()
            self._show_own_threshold(subject)
        self._hand.check()
        for panel in (self.page_list, self.saving):
            panel.refresh()
        self._update()
        self._look_for_early()

    def _show_own_threshold(self, subject: Subject | None) -> None:
        result = None if subject is None else result_behind(subject.labels)
        if result is not None:
            widgets.show_value(self.here, round(result.threshold, 2))

    # ---- what the fields do

    def _do(self, work: Any, *value: Any) -> None:
        """Do something that the user asked for, and say how it went wrong if it did."""
        if self._watch.gone:
            return
        with threads.errors_shown():
            work(*value)
        self._update()

    def _add_labels(self, value: int) -> None:
        self._do(self._session.new_labels, self.image.value, value)

    def _go_to_next(self) -> None:
        place = self._session.go_to_next()
        if place is None:
            self._overlays.hide()
        else:
            self._overlays.show_place(*place)
        self.saving.refresh()  # The window that was left counts as reviewed now.

    def _mark_reviewed(self) -> None:
        self._session.mark_reviewed()
        self.saving.refresh()  # It had said that nobody has reviewed the page.

    def _on_strictness(self, value: float) -> None:
        self._session.brush = BrushConfig(value)

    def _on_brush(self, value: int) -> None:
        if self._session.labels is not None:
            self._session.labels.brush_size = value

    def _on_saving(self, text: str) -> None:
        """Show the message of the last save instead of the one before."""
        said, self._saving_said = self._saving_said, text
        if text != said and (text or self._session.status == said):
            self._session.status = text  # the one before is no longer true
        self._update()

    def _on_kept(self, text: str) -> None:
        """Show that corrections are not kept, or when they were if there is no other message."""
        self._say("" if text.startswith(KEPT) else text)

    def _step(self, step: str) -> None:
        """Undo or redo a step of the labels with their page selected, where napari does nothing."""
        active = self._session.viewer.layers.selection.active
        if self._listened is not None and active is self.image.value:
            getattr(self._listened, step)()

    def _count_undone(self) -> int:
        """Count the steps that can be done again; 0 where napari keeps them elsewhere."""
        return len(getattr(self._listened, "_redo_history", ()))

    def _on_undone(self, _: Any = None) -> None:
        """Replace the message about a step when the step is undone or done again."""
        undone = self._count_undone()
        if undone > self._undone:
            self._session.status = _UNDONE
            if self._session.threshold_is_undone():
                self._show_own_threshold(self._session.subject())
            self._update()
        elif undone < self._undone and self._session.status == _UNDONE:
            self._session.status = ""  # it was done again
            self._update()
        self._undone = undone

    def _on_area(self, value: str) -> None:
        self._session.area = value
        self._specks.forget()

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
        fields: list[Any] = [self.brush, self.strictness, self.area, self.specks]
        for field in (*self._buttons.values(), *fields):
            field.enabled = subject is not None
        self.here.enabled = not session.threshold_refusal(subject)
        if session.region is not self._shown_region:
            self._shown_region = session.region
            self._show_own_threshold(subject)  # that of the region before is not this one's
        self.remove_specks.enabled = self.keep_specks.enabled = self._specks.shown
        page_ok = not page_source.refusal(self.image.value)
        self.new_unlabelled.enabled = self.new_background.enabled = page_ok
        widgets.show_value(self.area, session.area)
        self.export.refresh()
        self.look.refresh()
        chosen = self.image.value, self.ink.value
        caution = session.refusal(*chosen) or choosing.warning(*chosen)
        if subject is None and self.page_list.binarizes_this:
            caution = "The ink of this page is being found…"
        others = [self.saving.status.value, self.saving.drafts.kept]
        text = next((words for words in (session.status, caution, *others) if words), "")
        details = "\n".join(words for words in others if words and words != text)
        widgets.show_message(self.status, text, details)
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


def panels(
    viewer: napari.viewer.Viewer,
    subject: Callable[[], Subject | None],
    load: Any = threads.PageEngine,
) -> tuple[PageListPanel, SavePairPanel]:
    """Make both panels: the list learns what was corrected and saved, and every page is kept.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    subject : callable
        Gives the page that is worked on, or None; not asked before the panels are shown.
    load : callable
        Makes the engine; another one in tests.

    Returns
    -------
    pages : PageListPanel
        For the top of a widget.
    saving : SavePairPanel
        For its lower end.
    """
    saving = SavePairPanel(viewer, subject)
    keep = saving.drafts.autosave.flush
    pages = PageListPanel(viewer, saving.datasets_folder, keep, load)
    saving.saved.connect(pages.note_saved)
    saving.drafts.edited.connect(pages.note_edited)
    return pages, saving
