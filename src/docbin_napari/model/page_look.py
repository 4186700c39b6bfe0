"""What a page looks like in a few numbers, and whether a model has learnt from pages like it.

Strategy: what is learnt from two pages of an archive helps pages that look like them, and can
hurt others. So a fine-tuned model remembers how its pages look: how dark and how coloured paper
and ink are, how sharp the strokes, how coarse the grain. Each of these numbers is measured in
units of its spread over many archives; a page is familiar where the nearest remembered page is
nearer than a radius. All other pages are left to the model that was the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource

_STRIP = 192
_MOST_STRIPS = 6
_WIDEST = 4096
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_QUANTILES = (0.01, 0.05, 0.5, 0.95)
_FAR = 4
# Standard deviations of the numbers over the 161 real training pages of the built-in model.
SPREAD = (0.195, 0.202, 0.140, 0.130, 0.210, 0.289, 0.108, 0.364, 0.105, 0.097)
RADIUS = 2.5


def page_look(pixels: RowSource) -> NDArray[np.float64]:
    """Describe a page.

    Some strips of rows are looked at, so that of a large page that is decoded as it is asked
    for, most need not be decoded for it.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    ndarray
        float64 (10,): gray values that 1, 5, 50 and 95 % of the pixels are darker than, and
        the contrast of paper and darkest ink (all 0 to 1); the tint of the paper (red, green
        and blue against their mean, in units of 64 values); the sharpness of the strongest
        edges, 0 to 1; the grain, in units of 16 values.

    Examples
    --------
    >>> page_look(np.full((300, 300, 3), 255, np.uint8))[:5].tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0]
    """
    strips = [np.asarray(pixels[rows])[:, :_WIDEST] for rows in _rows(pixels.shape[0])]
    lumas = [strip.astype(np.float32) @ _LUMA for strip in strips]
    every = np.concatenate([luma[::2, ::2].ravel() for luma in lumas])
    low, dark, middle, high = np.quantile(every, _QUANTILES)
    paper = np.median(np.concatenate([strip[::3, ::3].reshape(-1, 3) for strip in strips]), axis=0)
    near = _steps(lumas, 1)
    sharp = np.quantile(near, 0.995) / max(1.0, float(np.quantile(_steps(lumas, _FAR), 0.995)))
    return np.array(
        [
            *(float(value) / 255 for value in (low, dark, middle, high)),
            float(middle - low) / 255,
            *((paper - paper.mean()) / 64),
            sharp,
            float(np.median(near)) / 16,
        ]
    )


def _rows(height: int) -> list[slice]:
    count = max(1, min(_MOST_STRIPS, -(-height // _STRIP)))
    tops = np.linspace(0, max(0, height - _STRIP), count).astype(int)
    return [slice(int(top), int(top) + _STRIP) for top in tops]


def _steps(lumas: Iterable[NDArray[np.float32]], reach: int) -> NDArray[np.float32]:
    """Absolute differences of pixels that are `reach` columns apart."""
    steps = [np.abs(luma[:, reach:] - luma[:, :-reach]).ravel() for luma in lumas]
    found = np.concatenate(steps)
    return found if found.size else np.zeros(1, np.float32)


@dataclass(frozen=True)
class FamiliarPages:
    """The looks of the pages that a model has learnt from.

    Parameters
    ----------
    looks : tuple of tuple of float
        One of `page_look` for each page.
    radius : float
        How far from the nearest of them a page may be, in units of the spread of looks.

    Examples
    --------
    >>> white, black = np.full((64, 64, 3), 250, np.uint8), np.zeros((64, 64, 3), np.uint8)
    >>> known = FamiliarPages.of([white])
    >>> known.include(white), known.include(black)
    (True, False)
    """

    looks: tuple[tuple[float, ...], ...]
    radius: float = RADIUS

    @classmethod
    def of(cls, pages: Iterable[RowSource]) -> FamiliarPages:
        """Look at pages, each uint8 (H, W, 3)."""
        return cls(tuple(tuple(round(float(x), 4) for x in page_look(page)) for page in pages))

    @classmethod
    def from_header(cls, stored: Mapping[str, Any]) -> FamiliarPages:
        """Read what `to_header` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            looks: Sequence[Sequence[float]] = stored["looks"]
            known = cls(tuple(tuple(map(float, look)) for look in looks), float(stored["radius"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("what it says about the pages it knows cannot be read") from error
        if any(len(look) != len(SPREAD) for look in known.looks):
            raise ValueError(f"a page it knows is not described by {len(SPREAD)} numbers")
        return known

    def to_header(self) -> dict[str, Any]:
        """Values for the header of a model file."""
        return {"looks": [list(look) for look in self.looks], "radius": self.radius}

    def distance(self, pixels: RowSource) -> float:
        """How far a page is from the nearest of these, in units of the spread.

        Parameters
        ----------
        pixels : RowSource
            uint8 (H, W, 3), RGB.

        Returns
        -------
        float
            0 for one of these pages; infinite where there are none.
        """
        look = page_look(pixels)
        apart = ((np.array(known) - look) / SPREAD for known in self.looks)
        return min((float(np.linalg.norm(difference)) for difference in apart), default=np.inf)

    def include(self, pixels: RowSource) -> bool:
        """Whether a page looks like one of these; `pixels` as for `distance`."""
        return self.distance(pixels) <= self.radius
