"""Parts of the correction panel and their order; `widget` connects them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container

from docbin_napari.plugin import threads, widgets
from docbin_napari.plugin.correct import correct_fields
from docbin_napari.plugin.correct.tools import ACTIONS, NEXT, REVIEWED, UNLABELLED
from docbin_napari.plugin.dock import CORRECT
from docbin_napari.plugin.layers.look import LOOKS
from docbin_napari.plugin.pages.pages_panel import NEXT_KEY, PREVIOUS_KEY, PageListPanel
from docbin_napari.plugin.saving.saving_panel import SavePairPanel
from docbin_napari.plugin.widgets import DockPanel, Section, message_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from docbin_napari.plugin.correct.correct_fields import Choices
    from docbin_napari.plugin.correct.doubt_map import DoubtMap
    from docbin_napari.plugin.layers.look import LookRow
    from docbin_napari.plugin.layers.page_record import Subject
    from docbin_napari.plugin.saving.export_row import ExportRow

MINIMUM_WIDTH = 320
_SHORTEST = 160
_FOLDED_AT_FIRST = ("folder", "specks_section")
KEYS = (
    *((action.key, f"{action.text}: {action.short}") for action in ACTIONS),
    *((key, f"Held: {words}") for words, key in LOOKS.values()),
    ("[ and ]", "Smaller, larger brush"),
    (f"{NEXT_KEY}, {PREVIOUS_KEY}", "Next, previous page of the folder"),
    ("Z or Escape", "Put the tool down"),
)


class CorrectParts(DockPanel):
    """Sections that fold, and below them, always in sight, the message and Save.

    Parameters
    ----------
    choices : (callable, callable)
        Give the images and the labels to choose from.
    panels : (PageListPanel, SavePairPanel)
        The folder of scans, and the training pair.
    doubt_map : DoubtMap
        The small map of the page.
    export : ExportRow
        The buttons for black-and-white pages.
    look : LookRow
        The buttons for page, result, and both.
    """

    panel_name, tab_title, key_sheet = CORRECT, "Correct", KEYS

    def __init__(
        self,
        choices: tuple[Choices, Choices],
        panels: tuple[PageListPanel, SavePairPanel],
        doubt_map: DoubtMap,
        export: ExportRow,
        look: LookRow,
    ) -> None:
        self.image, self.ink = correct_fields.layer_fields(*choices)
        self.page_list, self.saving = panels
        self.map, self.export, self.look = doubt_map, export, look
        self._make()
        self.sections = self._sections()
        self._inner = Container(widgets=list(self.sections.values()), labels=False, name="tools")
        widgets.leave_focus(self._inner.native)
        self.sections["check"].body.native.layout().insertWidget(0, self.map)
        below = [self.saving.drafts, self.status, self.saving.save, self.export]
        super().__init__(widgets=below, labels=False)
        self._scroll = widgets.scrolling(self._inner)
        self._scroll.setMinimumHeight(_SHORTEST)
        self.native.layout().insertWidget(0, self._scroll, 1)
        self.margins = (0, 0, 4, 4)

    def _make(self) -> None:
        (self.new_unlabelled, self.new_background), self._new = correct_fields.new_buttons()
        self.tools = correct_fields.tool_buttons()
        self.brush, self.strictness = correct_fields.brush_fields()
        self.here, self.area = correct_fields.region_fields()
        self.unlabelled = correct_fields.button(UNLABELLED)
        self.reviewed = correct_fields.button(REVIEWED)
        self.specks, speck_buttons = correct_fields.speck_fields()
        (self.remove_specks, self.keep_specks), self._speck_row = speck_buttons
        self.next = correct_fields.button(NEXT)
        self.share, self.status = widgets.text_line("share"), message_line()

    def _sections(self) -> dict[str, Section]:
        tools, row, form = self.tools, widgets.row_of, widgets.form_of
        paint = row([tools["ink"], tools["paper"], tools["piece"]], "brushes")
        marks = row([self.unlabelled, self.reviewed], "marks")
        parts: list[tuple[str, str, list[Any]]] = [
            ("folder", "Folder of scans", [self.page_list]),
            ("page", "Page", [form("layers", self.image, self.ink), self._new, self.look]),
            ("paint", "Paint", [paint, form("brush_form", self.brush, self.strictness)]),
            (
                "region_section",
                "Region",
                [tools["region"], form("here_form", self.here, self.area)],
            ),
            ("specks_section", "Specks", [form("specks_form", self.specks), self._speck_row]),
            ("check", "Check", [self.share, self.next, marks]),
            ("pair_section", "Training pair", [self.saving]),
        ]
        return {
            name: Section(name, title, inside, folded=name in _FOLDED_AT_FIRST)
            for name, title, inside in parts
        }

    def lay_out(self) -> None:
        """Align the names of the fields, and be as wide as the parts need."""
        named = [self.image, self.ink, self.brush, self.strictness]
        named += [self.here, self.area, self.specks]
        widgets.align(self._inner.native, named)
        widgets.let_boxes_shrink(self.native)
        self.native.setMinimumWidth(max(MINIMUM_WIDTH, widgets.needed_width(self._scroll)))


def panels(
    viewer: napari.viewer.Viewer,
    subject: Callable[[], Subject | None],
    load: Any = threads.load_page_engine,
) -> tuple[PageListPanel, SavePairPanel]:
    """Make both panels: the list knows what was corrected and saved, no page is left unkept.

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
    pages = PageListPanel(viewer, subject, saving.datasets_folder, keep, load)
    saving.saved.connect(pages.note_saved)
    saving.drafts.edited.connect(pages.note_edited)
    return pages, saving
