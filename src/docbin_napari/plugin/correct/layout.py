"""The parts of the correction widget and their order; what they do stands in `widget`."""

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

_MINIMUM_WIDTH = 300


class CorrectParts(Container[Any]):
    """Fields, buttons, map and panels from top to bottom.

    Parameters
    ----------
    choices : (callable, callable)
        Give the images and the labels to choose from.
    panels : (PageListPanel, SavePairPanel)
        The first stands above the tools, the second below them.
    doubt_map : DoubtMap
        The small map of the page.
    """

    def __init__(
        self,
        choices: tuple[Choices, Choices],
        panels: tuple[PageListPanel, SavePairPanel],
        doubt_map: DoubtMap,
    ) -> None:
        self.image, self.ink = fields.layer_fields(*choices)
        self.page_list, self.saving = panels
        self.map = doubt_map
        self._make()
        inner = [self.page_list, *self._rows(), self.saving]
        self._inner = Container(widgets=inner, labels=False, name="tools")
        fields.leave_focus(self._inner.native)
        self._inner.native.layout().insertWidget(inner.index(self.share), self.map)
        super().__init__(widgets=[self.status], labels=False)
        self._scroll = fields.scrolling(self._inner)
        # The tools scroll on a low screen; the status below them is always in sight.
        self.native.layout().insertWidget(0, self._scroll, 1)
        self.margins = (0, 0, 0, 4)

    def _make(self) -> None:
        self.new_unlabelled, self.new_background = fields.new_buttons()
        self.tools = fields.tool_buttons()
        self.strictness, self.here = fields.strictness_field(), fields.threshold_field()
        self.area = fields.area_field()
        self.unlabelled, self.reviewed = fields.button(UNLABELLED), fields.button(REVIEWED)
        self.specks, self.remove_specks, self.keep_specks = fields.speck_fields()
        self.next = fields.button(NEXT)
        self.share, self.status = fields.text_line("share"), fields.text_line("status")

    def _rows(self) -> list[Any]:
        tools = list(self.tools.values())
        return [
            fields.form_of("layers", self.image, self.ink),
            fields.row_of([self.new_unlabelled, self.new_background], "new"),
            fields.row_of(tools[:2], "brushes"),
            fields.row_of(tools[2:], "pointers"),
            fields.form_of("sliders", self.strictness, self.here, self.area, self.specks),
            fields.row_of([self.remove_specks, self.keep_specks], "speck_buttons"),
            fields.row_of([self.unlabelled, self.reviewed], "marks"),
            self.next,
            self.share,
        ]

    def fit(self) -> None:
        """Align the names of the fields, and be as wide as the parts need."""
        named = [self.image, self.ink, self.strictness, self.here, self.area, self.specks]
        fields.align(self._inner.native, named)
        self.native.setMinimumWidth(max(_MINIMUM_WIDTH, fields.needed_width(self._scroll)))
