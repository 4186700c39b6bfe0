"""Parts of the correction panel and their order; `widget` connects them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container

from docbin_napari.plugin.correct import fields
from docbin_napari.plugin.correct.tools import NEXT, REVIEWED, UNLABELLED

if TYPE_CHECKING:
    from docbin_napari.plugin.correct.doubt_map import DoubtMap
    from docbin_napari.plugin.correct.fields import Choices
    from docbin_napari.plugin.pages.panel import PageListPanel
    from docbin_napari.plugin.saving.panel import SavePairPanel
from docbin_napari.plugin.correct.tools import ACTIONS
from docbin_napari.plugin.folding import Section
from docbin_napari.plugin.help_line import help_line
from docbin_napari.plugin.layers.look import LOOKS
from docbin_napari.plugin.message_line import message_line
from docbin_napari.plugin.pages.panel import NEXT_KEY, PREVIOUS_KEY

if TYPE_CHECKING:
    from docbin_napari.plugin.binarize.look_row import LookRow
    from docbin_napari.plugin.correct.doubt_map import DoubtMap
    from docbin_napari.plugin.correct.fields import Choices
    from docbin_napari.plugin.pages.panel import PageListPanel
    from docbin_napari.plugin.saving.export_row import ExportRow
    from docbin_napari.plugin.saving.panel import SavePairPanel

_MINIMUM_WIDTH = 320
_SHORTEST = 160
KEYS = (
    *((action.key, f"{action.text}: {action.short}") for action in ACTIONS),
    *((key, f"Held: {words}") for words, key in LOOKS.values()),
    ("[ and ]", "Smaller, larger brush"),
    (f"{NEXT_KEY}, {PREVIOUS_KEY}", "Next, previous page of the folder"),
    ("Z or Escape", "Put the tool down"),
)


class CorrectParts(Container[Any]):
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

    def __init__(
        self,
        choices: tuple[Choices, Choices],
        panels: tuple[PageListPanel, SavePairPanel],
        doubt_map: DoubtMap,
        export: ExportRow,
        look: LookRow,
    ) -> None:
        self.image, self.ink = fields.layer_fields(*choices)
        self.page_list, self.saving = panels
        self.map, self.export, self.look = doubt_map, export, look
        self._make()
        self.sections = self._sections()
        self._inner = Container(widgets=list(self.sections.values()), labels=False, name="tools")
        fields.leave_focus(self._inner.native)
        self.sections["check"].body.native.layout().insertWidget(0, self.map)
        below = [self.saving.drafts, self.status, self.saving.save, self.export]
        super().__init__(widgets=below, labels=False)
        self._scroll = fields.scrolling(self._inner)
        self._scroll.setMinimumHeight(_SHORTEST)
        layout = self.native.layout()
        layout.insertWidget(0, self._scroll, 1)
        layout.addWidget(help_line(KEYS))
        self.margins = (0, 0, 0, 4)

    def _make(self) -> None:
        self.new_unlabelled, self.new_background = fields.new_buttons()
        self.tools = fields.tool_buttons()
        self.brush = fields.brush_field()
        self.strictness, self.here = fields.strictness_field(), fields.threshold_field()
        self.area = fields.area_field()
        self.unlabelled, self.reviewed = fields.button(UNLABELLED), fields.button(REVIEWED)
        self.specks, self.remove_specks, self.keep_specks = fields.speck_fields()
        self.next = fields.button(NEXT)
        self.share, self.status = fields.text_line("share"), message_line()

    def _sections(self) -> dict[str, Section]:
        tools = self.tools
        row, form = fields.row_of, fields.form_of
        marks = row([self.unlabelled, self.reviewed], "marks")
        parts: list[tuple[str, str, bool, list[Any]]] = [
            ("folder", "Folder of scans", False, [self.page_list]),
            (
                "page",
                "Page",
                False,
                [
                    form("layers", self.image, self.ink),
                    row([self.new_unlabelled, self.new_background], "new"),
                    self.look,
                ],
            ),
            (
                "paint",
                "Paint",
                False,
                [
                    row([tools["ink"], tools["paper"], tools["piece"]], "brushes"),
                    form("brush_form", self.brush, self.strictness),
                ],
            ),
            (
                "region_section",
                "Region",
                False,
                [tools["region"], form("here_form", self.here, self.area)],
            ),
            (
                "specks_section",
                "Specks",
                True,
                [
                    form("specks_form", self.specks),
                    row([self.remove_specks, self.keep_specks], "speck_buttons"),
                ],
            ),
            ("check", "Check", False, [self.share, self.next, marks]),
            ("pair_section", "Training pair", False, [self.saving]),
        ]
        return {
            name: Section(name, title, widgets, folded=folded)
            for name, title, folded, widgets in parts
        }

    def fit(self) -> None:
        """Align the names of the fields, and be as wide as the parts need."""
        named = [self.image, self.ink, self.brush, self.strictness]
        named += [self.here, self.area, self.specks]
        fields.align(self._inner.native, named)
        fields.let_boxes_shrink(self.native)
        self.native.setMinimumWidth(max(_MINIMUM_WIDTH, fields.needed_width(self._scroll)))
