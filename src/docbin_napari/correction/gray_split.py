"""Separate ink from paper in a small neighbourhood by gray values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_CONTRAST = 6.0
# Two halves of one bell curve lie 2.7 times the spread within a half apart.
_LEAST_SEPARATION = 3.2


@dataclass(frozen=True)
class GraySplit:
    """The two gray values around which a neighbourhood gathers.

    Parameters
    ----------
    ink, paper : float
        Mean gray of the dark and of the light pixels, 0 to 255.
    """

    ink: float
    paper: float

    def ink_limit(self, strictness: float) -> float:
        """Lightest gray that counts as ink.

        Parameters
        ----------
        strictness : float
            0 takes all that is darker than paper, 1 only what is as dark as ink, one half
            parts them in the middle.

        Returns
        -------
        float
            Gray value.
        """
        return self.paper - strictness * (self.paper - self.ink)

    def paper_limit(self, strictness: float) -> float:
        """Darkest gray that counts as paper, with `strictness` as in `ink_limit`."""
        return self.ink + strictness * (self.paper - self.ink)


def split_gray(gray: NDArray[np.uint8]) -> GraySplit | None:
    """Part a neighbourhood in ink and paper.

    Strategy: Otsu's threshold is the one that leaves the least spread within its two halves.
    It always finds something, also in the noise of plain paper. So the halves must be further
    apart than those of a single bell curve, measured in the spread that is left.

    Parameters
    ----------
    gray : ndarray
        uint8, any shape.

    Returns
    -------
    GraySplit or None
        None if there is only one kind of pixel.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", 1979,
           DOI 10.1109/TSMC.1979.4310076.

    Examples
    --------
    >>> split_gray(np.array([[20, 20, 240], [240, 240, 240]], np.uint8))
    GraySplit(ink=20.0, paper=240.0)
    >>> split_gray(np.full((9, 9), 200, np.uint8)) is None
    True
    """
    counts = np.bincount(gray.ravel(), minlength=256).astype(float)
    if np.count_nonzero(counts) < 2:
        return None
    levels = np.arange(256.0)
    dark = np.cumsum(counts)[:-1]
    light = counts.sum() - dark
    dark_sum = np.cumsum(counts * levels)[:-1]
    light_sum = counts @ levels - dark_sum
    usable = (dark > 0) & (light > 0)
    means = [
        np.divide(total, number, out=np.zeros(255), where=usable)
        for total, number in ((dark_sum, dark), (light_sum, light))
    ]
    between = np.where(usable, dark * light * (means[1] - means[0]) ** 2, -1.0)
    best = int(np.argmax(between))
    ink, paper = float(means[0][best]), float(means[1][best])
    classes = np.where(np.arange(256) <= best, ink, paper)
    spread = float(np.sqrt(counts @ (levels - classes) ** 2 / counts.sum()))
    contrast = paper - ink
    if contrast < max(_LEAST_CONTRAST, _LEAST_SEPARATION * spread):
        return None
    return GraySplit(ink, paper)
