"""Survey a page once, before its windows are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from docbin_napari.features.dark_ground import is_light_on_dark, may_have_parts
from docbin_napari.features.ink_colour import page_ink
from docbin_napari.features.softness import is_soft
from docbin_napari.features.strips import PageStrip, page_strips
from docbin_napari.features.stroke_width import stroke_rows
from docbin_napari.io.rgb import luma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource


@dataclass(frozen=True)
class PageSurvey:
    """What strips of a page say about all of it; each number is measured when it is first needed.

    Parameters
    ----------
    strips : tuple of PageStrip
        From `page_strips`.

    Examples
    --------
    >>> import numpy as np
    >>> letter = np.full((20, 10, 3), 230, np.uint8)
    >>> letter[4:16, 3:6] = 30
    >>> page = np.tile(letter, (15, 30, 1))
    >>> PageSurvey.of(page).is_light_on_dark, PageSurvey.of(255 - page).is_light_on_dark
    (False, True)
    """

    strips: tuple[PageStrip, ...]

    @classmethod
    def of(cls, pixels: RowSource) -> PageSurvey:
        """Sample a page, uint8 (H, W, 3), RGB."""
        return cls(tuple(page_strips(pixels)))

    def inverted(self) -> PageSurvey:
        """Survey the page with light and dark exchanged."""
        return PageSurvey(tuple(strip.inverted() for strip in self.strips))

    @cached_property
    def _lumas(self) -> list[NDArray[np.uint8]]:
        return [luma(strip.colours) for strip in self.strips]

    @cached_property
    def is_light_on_dark(self) -> bool:
        """Whether light writing on dark ground is clear."""
        return is_light_on_dark(self._lumas)

    @cached_property
    def may_have_light_parts(self) -> bool:
        """Whether parts of the page may show light writing on dark ground."""
        return may_have_parts(self._lumas)

    @cached_property
    def ink(self) -> NDArray[np.float32] | None:
        """Colours of ink and paper, see `page_ink`."""
        return page_ink([strip.colours for strip in self.strips])

    @cached_property
    def thin_ink(self) -> NDArray[np.float32] | None:
        """As `ink`, for strokes that are hardly wider than a pixel."""
        return page_ink([strip.colours for strip in self.strips], halve=False)

    @cached_property
    def is_soft(self) -> bool:
        """Whether strokes have soft edges."""
        return is_soft([strip.green for strip in self.strips])

    @cached_property
    def strokes(self) -> list[NDArray[np.bool_]]:
        """Where strokes are in the green rows of each strip, see `stroke_rows`."""
        return stroke_rows([strip.green for strip in self.strips])
