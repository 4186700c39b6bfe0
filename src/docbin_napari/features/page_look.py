"""Describe the look of a page in numbers, and compare it with pages learnt from.

Strategy: what is learnt from two pages of an archive helps pages that look like them, and can
hurt others. So a fine-tuned model remembers how its pages look: how dark and how coloured paper
and ink are, how wide, sharp and dense the strokes, how coarse the grain. Each of these numbers is
measured in units of its spread over many archives. The model that was the start remembers the
looks of its pages, too: a page is familiar where the nearest own page is not much farther than
the fifth nearest of those, since the nearest one may be alike by chance, and not farther than a
radius: pages that are unlike everything are left to the start, as all others are. Looks cannot
tell all archives apart, so the folders of the own pages are remembered as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from docbin_napari.features.survey import PageSurvey, width_along_rows
from docbin_napari.io.rgb import RowSource

Looks: TypeAlias = tuple[tuple[float, ...], ...]

_QUANTILES = (0.01, 0.05, 0.5, 0.95)
_FAR = 4
_WIDEST_STROKE = 20.0
_LEAST_SHARE = 1e-3
# Standard deviations of the numbers over the 161 real training pages of the built-in model.
SPREAD = (
    *(0.195, 0.202, 0.140, 0.130, 0.210, 0.289, 0.108, 0.364, 0.105, 0.097),
    *(0.360, 0.061, 0.587),
)
RADIUS = 2.5
RANK = 5


def page_look(survey: PageSurvey) -> NDArray[np.float64]:
    """Describe a page in numbers.

    Parameters
    ----------
    survey : PageSurvey
        Of the page.

    Returns
    -------
    ndarray
        float64 (13,): gray values that 1, 5, 50 and 95 % of the pixels are darker than, and
        the contrast of paper and darkest ink (all 0 to 1); the tint of the paper (red, green
        and blue against their mean, in units of 64 values); the sharpness of the strongest
        edges, 0 to 1; the grain, in units of 16 values; the natural logarithm of the width of
        strokes in pixels, at most 20; the softness of edges, 0 to 0.5; the logarithm of the
        share of the page that strokes cover, from a thousandth on.

    Examples
    --------
    >>> page_look(PageSurvey.of(np.full((300, 300, 3), 255, np.uint8)))[:5].tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0]
    """
    grays = [luma.astype(np.float32) for luma in survey.lumas]
    every = np.concatenate([gray[::2, ::2].ravel() for gray in grays])
    low, dark, middle, high = np.quantile(every, _QUANTILES)
    colours = [strip.colours[::3, ::3].reshape(-1, 3) for strip in survey.strips]
    paper = np.median(np.concatenate(colours), axis=0)
    near = _steps(grays, 1)
    strokes = survey.strokes
    share = sum(int(mask.sum()) for mask in strokes) / sum(mask.size for mask in strokes)
    sharp = np.quantile(near, 0.995) / max(1.0, float(np.quantile(_steps(grays, _FAR), 0.995)))
    return np.array(
        [
            *(float(value) / 255 for value in (low, dark, middle, high)),
            float(middle - low) / 255,
            *((paper - paper.mean()) / 64),
            sharp,
            float(np.median(near)) / 16,
            math.log(min(width_along_rows(strokes), _WIDEST_STROKE)),
            survey.softness,
            math.log(share + _LEAST_SHARE),
        ]
    )


def _steps(grays: Iterable[NDArray[np.float32]], reach: int) -> NDArray[np.float32]:
    """Compute absolute differences of pixels that are `reach` columns apart."""
    found = np.concatenate([np.abs(gray[:, reach:] - gray[:, :-reach]).ravel() for gray in grays])
    return found if found.size else np.zeros(1, np.float32)


@dataclass(frozen=True)
class FamiliarPages:
    """The looks of the pages that a model has learnt from.

    Parameters
    ----------
    looks : tuple of tuple of float
        One of `page_look` for each page.
    others : tuple of tuple of float
        Looks of the pages that the start has learnt from; empty where they are not known.
    ratio : float
        How many times as far as one of `others` the nearest own page may be; no limit by default.
    radius : float
        How far it may be at most, in units of the spread of looks.
    rank : int
        Which of `others`, in the order of their distance from the page, from 1; the last one where
        there are fewer.
    folders : tuple of str
        Folders of the pages, from `docbin_napari.pairs.provenance.folder_key`: all
        pages that lie there are familiar.

    Examples
    --------
    >>> white, black = np.full((64, 64, 3), 250, np.uint8), np.zeros((64, 64, 3), np.uint8)
    >>> known = FamiliarPages.of([white])
    >>> known.include(PageSurvey.of(white)), known.include(PageSurvey.of(black))
    (True, False)
    """

    looks: Looks
    others: Looks = ()
    ratio: float = math.inf
    radius: float = RADIUS
    rank: int = RANK
    folders: tuple[str, ...] = ()

    @classmethod
    def of(cls, pages: Iterable[RowSource]) -> FamiliarPages:
        """Describe pages, each uint8 (H, W, 3)."""
        return cls(looks_of(pages))

    @classmethod
    def from_header(cls, stored: Mapping[str, Any]) -> FamiliarPages:
        """Read what `to_header` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            looks, others = (_read(stored[name]) for name in ("looks", "others"))
            limits = float(stored["ratio"]), float(stored["radius"]), int(stored.get("rank", 1))
            return cls(looks, others, *limits, tuple(map(str, stored.get("folders", ()))))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("its record of the pages it knows is damaged") from error

    def to_header(self) -> dict[str, Any]:
        """Give the values for the header of a model file."""
        return asdict(self)

    def include(self, survey: PageSurvey) -> bool:
        """Decide whether a page is like one of these.

        Parameters
        ----------
        survey : PageSurvey
            Of the page.

        Returns
        -------
        bool
            False where there are none.
        """
        look, reach = page_look(survey), self.radius
        if self.others:
            others = np.sort(_distances(look, self.others))
            reach = min(reach, self.ratio * others[: self.rank][-1])
        return bool(_distances(look, self.looks).min(initial=math.inf) <= reach)


def looks_of(pages: Iterable[RowSource]) -> Looks:
    """Describe pages, each uint8 (H, W, 3), rounded as they are stored."""
    return tuple(
        tuple(round(float(value), 4) for value in page_look(PageSurvey.of(page))) for page in pages
    )


def read_looks(header: Mapping[str, Any]) -> Looks:
    """Read the looks of the pages that a model has learnt from in its header; empty without any.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    return _read(header.get("pages_seen", []))


def _read(stored: Any) -> Looks:
    looks = tuple(tuple(map(float, look)) for look in stored)
    if any(len(look) != len(SPREAD) for look in looks):
        raise ValueError(f"the look of a page is {len(SPREAD)} numbers")
    return looks


def _distances(look: NDArray[np.float64], known: Looks) -> NDArray[np.float64]:
    """Compute the distances of a page to some looks, in spreads."""
    apart = (np.array(known).reshape(-1, len(SPREAD)) - look) / SPREAD
    return np.asarray(np.linalg.norm(apart, axis=1))
