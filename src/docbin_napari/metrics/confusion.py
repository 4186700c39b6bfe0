"""Compare two ink arrays, the start of all metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """A prediction beside its ground truth, unlabelled pixels already taken out.

    Parameters
    ----------
    predicted : ndarray of bool, shape (H, W)
        Predicted ink; False where unlabelled.
    truth : ndarray of bool, shape (H, W)
        Ink of the ground truth; False where unlabelled.
    labelled : ndarray of bool, shape (H, W), or None
        True where the ground truth says something; None means everywhere.
    """

    predicted: BoolArray
    truth: BoolArray
    labelled: BoolArray | None = None

    @property
    def wrong(self) -> BoolArray:
        """Pixels on which the two differ: bool ``(H, W)``."""
        return self.predicted ^ self.truth

    def counts(self) -> Counts:
        """Count the four outcomes."""
        hits = int(np.count_nonzero(self.predicted & self.truth))
        predicted = int(np.count_nonzero(self.predicted))
        truth = int(np.count_nonzero(self.truth))
        pixels = self.truth.size if self.labelled is None else int(np.count_nonzero(self.labelled))
        false, missed = predicted - hits, truth - hits
        return Counts(hits, false, missed, pixels - hits - false - missed)


@dataclass(frozen=True)
class Counts:
    """Numbers of labelled pixels by outcome.

    Parameters
    ----------
    hits : int
        Ink found (true positives).
    false : int
        Background found as ink (false positives).
    missed : int
        Ink taken for background (false negatives).
    clear : int
        Background left clear (true negatives).
    """

    hits: int
    false: int
    missed: int
    clear: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.false + other.false,
            self.missed + other.missed,
            self.clear + other.clear,
        )

    @property
    def errors(self) -> int:
        """Number of wrong pixels."""
        return self.false + self.missed

    @property
    def pixels(self) -> int:
        """Number of labelled pixels."""
        return self.hits + self.false + self.missed + self.clear

    def without(self, false: int = 0, missed: int = 0) -> Counts:
        """Take some errors back: false ink becomes clear, missed ink is found."""
        return Counts(
            self.hits + missed, self.false - false, self.missed - missed, self.clear + false
        )


def compare(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> Comparison:
    """Check the arrays of a metric and take the unlabelled pixels out.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        True where the ground truth says something. Everywhere if not given.

    Returns
    -------
    Comparison
        The two arrays, ready to be counted.

    Raises
    ------
    ValueError
        If an array is not bool, not two-dimensional or of another shape, or if
        not one pixel is labelled.
    """
    arrays = {"prediction": prediction, "ground_truth": ground_truth}
    if labelled is not None:
        arrays["labelled"] = labelled
    for name, array in arrays.items():
        if array.dtype != np.bool_ or array.ndim != 2:
            raise ValueError(
                f"{name} must be a bool array of shape (H, W), not {array.dtype} {array.shape}"
            )
        if array.shape != ground_truth.shape:
            raise ValueError(
                f"{name} has {_size(array)} pixels, the ground truth {_size(ground_truth)}"
            )
    if ground_truth.size == 0 or (labelled is not None and not labelled.any()):
        raise ValueError("the ground truth has no labelled pixel")
    if labelled is None or labelled.all():
        return Comparison(prediction, ground_truth)
    return Comparison(prediction & labelled, ground_truth & labelled, labelled)


def _size(array: BoolArray) -> str:
    height, width = array.shape
    return f"{width} x {height}"
