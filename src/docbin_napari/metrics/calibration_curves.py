"""Calibration of probabilities, and precision and recall over the threshold.

Strategy: everything follows from two histograms over the probability, one of pixels that are ink
and one of those that are not. Pages are added one after the other, so that a set of any size
takes a few kilobytes. 256 bins are what a probability of eight bits can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 256
"""Steps of probability."""

GROUPS = 15
"""Bins of equal width in which a probability is compared with what came true."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Pixels whose probability lies in one bin.

    Parameters
    ----------
    low, high : float
        Limits of the bin, 0 to 1.
    pixels : int
        Pixels in it; bins without any are left out.
    probability : float
        Mean probability of ink of these pixels, 0 to 1.
    ink : float
        Share of them that is ink, 0 to 1.
    """

    low: float
    high: float
    pixels: int
    probability: float
    ink: float


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall at every threshold.

    Parameters
    ----------
    threshold : ndarray of float64, shape (256,)
        Probability from which a pixel counts as ink, rising from 0 to 1.
    precision : ndarray of float64, shape (256,)
        Share of the ink found that is ink, 0 to 1; 1 where none is found.
    recall : ndarray of float64, shape (256,)
        Share of the ink that is found, 0 to 1.
    """

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def f_measure(self) -> NDArray[np.float64]:
        """F-measure of all pixels together, percent: float64 ``(256,)``."""
        total = self.precision + self.recall
        return 200 * self.precision * self.recall / np.where(total > 0, total, 1)

    @property
    def best_threshold(self) -> float:
        """Threshold with the highest F-measure; the middle one of several."""
        best = np.flatnonzero(self.f_measure >= self.f_measure.max())
        return float(self.threshold[best[len(best) // 2]])


@dataclass
class ProbabilityCounts:
    """Pixels counted by their probability of ink, separately for ink and for paper.

    Parameters
    ----------
    ink, paper : ndarray of int64, shape (256,)
        Labelled pixels that are ink, and that are not, by the probability in steps of 1/255.
    total : ndarray of float64, shape (256,)
        Sum of the probabilities in each step.

    Examples
    --------
    >>> counts = ProbabilityCounts()
    >>> probability = np.array([[0, 0, 51, 255]], np.uint8)
    >>> counts.add(probability, np.array([[False, False, False, True]]))
    >>> counts.pixels, round(counts.expected_calibration_error(), 3)
    (4, 0.05)
    """

    ink: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    paper: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))

    @property
    def pixels(self) -> int:
        """Pixels so far."""
        return int(self.ink.sum() + self.paper.sum())

    def add(
        self,
        probability: NDArray[Any],
        ink: NDArray[np.bool_],
        labelled: NDArray[np.bool_] | None = None,
    ) -> None:
        """Count the pixels of a page, or those of its pixels that are labelled.

        Parameters
        ----------
        probability : ndarray, shape (H, W)
            Probability of ink: float 0 to 1, or uint8 with the same times 255.
        ink : ndarray of bool, shape (H, W)
            Ink of the ground truth.
        labelled : ndarray of bool, shape (H, W), optional
            Pixels where it is False are left out.

        Raises
        ------
        ValueError
            If shapes or dtypes are not as above, or a probability is not from 0 to 1.
        """
        if probability.shape != ink.shape or (labelled is not None and labelled.shape != ink.shape):
            raise ValueError(f"probability is {probability.shape}, but ink is {ink.shape}")
        if probability.dtype != np.uint8 and probability.dtype.kind != "f":
            raise ValueError(f"probability must be float or uint8, not {probability.dtype}")
        kept = np.s_[:] if labelled is None else labelled
        values, truth = probability[kept].ravel(), ink[kept].ravel()
        if values.dtype == np.uint8:
            values = values / 255.0
        elif not ((values >= 0) & (values <= 1)).all():
            raise ValueError("probability must lie between 0 and 1")
        steps = np.rint(values * 255).astype(np.uint8)
        self.total += np.bincount(steps, weights=values, minlength=BINS)
        self.ink += np.bincount(steps[truth], minlength=BINS)
        self.paper += np.bincount(steps[~truth], minlength=BINS)

    def merge(self, other: ProbabilityCounts) -> None:
        """Add what another one has counted."""
        self.ink += other.ink
        self.paper += other.paper
        self.total += other.total

    def reliability(self) -> list[ReliabilityBin]:
        """Compare probability and truth in bins of equal width.

        Returns
        -------
        list of ReliabilityBin
            Bins that hold pixels, from probability 0 to 1.
        """
        group = np.arange(BINS) * GROUPS // BINS
        counted = self.ink + self.paper, self.total, self.ink
        sums = zip(*(np.bincount(group, weights).tolist() for weights in counted), strict=True)
        return [
            ReliabilityBin(
                index / GROUPS, (index + 1) / GROUPS, int(pixels), total / pixels, ink / pixels
            )
            for index, (pixels, total, ink) in enumerate(sums)
            if pixels
        ]

    def expected_calibration_error(self) -> float:
        """Measure how far the probability of ink is from the share of ink, over all pixels.

        ``ECE = sum_b n_b / N |mean probability_b - share of ink_b|`` over bins of equal width of
        the probability of ink; 0 is perfect.

        Returns
        -------
        float
            0 to 1.

        Raises
        ------
        ValueError
            If no pixel was counted.

        References
        ----------
        .. [1] M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities
           using Bayesian binning", 2015, doi:10.1609/aaai.v29i1.9602
        """
        if not self.pixels:
            raise ValueError("there are no pixels to judge probabilities by")
        gaps = (bin.pixels * abs(bin.probability - bin.ink) for bin in self.reliability())
        return sum(gaps) / self.pixels

    def precision_recall(self) -> PrecisionRecall:
        """Compute precision and recall of all pixels together, at each of 256 thresholds.

        Returns
        -------
        PrecisionRecall
            The curve.

        Raises
        ------
        ValueError
            If no ink was counted.
        """
        if not self.ink.any():
            raise ValueError("the pages have no ink, so there is no recall")
        hits = self.ink[::-1].cumsum()[::-1]
        taken = hits + self.paper[::-1].cumsum()[::-1]
        precision = np.where(taken > 0, hits / np.maximum(taken, 1), 1.0)
        return PrecisionRecall(np.arange(BINS) / 255, precision, hits / self.ink.sum())
