"""Compute the two kinds of pseudo-F-measure: weighted, and of the skeleton."""

from __future__ import annotations

import numpy as np
from skimage.morphology import thin

from docbin_napari.metrics.confusion import BoolArray, Comparison, compare
from docbin_napari.metrics.rates import precision_of
from docbin_napari.metrics.weight_maps import weight_maps


def weighted_pseudo_f_measure(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Pseudo-F-measure of the weighted kind, official in the DIBCO contests since 2013.

    ``200 P R / (P + R)`` with ``R = sum(RW on hits) / sum(RW on ink)`` and
    ``P = sum(1 + PW on hits) / sum(1 + PW on predicted ink)``. RW grows from the contour of a
    stroke to its middle and is normalized by the local stroke width, so a stroke drawn too thin
    costs little and a broken one the same whatever its width. PW is up to 2 where false ink would
    make strokes grow or merge, and 0 far from the ink and on it. The weights are those of the
    official generator. The *skeleton* kind (contests of 2008 to 2010) is another metric: the two
    differ by more than most claimed improvements and must not be compared.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out. In the ground truth they are background when the
        weights are made, and no prediction counts there.

    Returns
    -------
    float
        Percent. 0 without a weighed hit: where either array is without ink, or the prediction has
        only pixels of the contour. 100 where both are without ink. A ground truth of one pixel
        has all of its weight there.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Notes
    -----
    The official generator depends on the order of the pixels (thinning, ties between pixels, and
    a neighbour that it reads at the wrong place), and this function follows it. So turning both
    arrays can change the result a little.

    Time and memory grow with the page: 50 to 70 bytes for each pixel of a page of writing, up to
    110 where it is full of specks. Components are worked on in groups, so what is on the page
    hardly matters, unless the boxes of many components lie inside each other.

    References
    ----------
    .. [1] K. Ntirogiannis, B. Gatos, I. Pratikakis, "Performance evaluation methodology for
       historical document image binarization", 2013, doi:10.1109/TIP.2012.2219550

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((16, 24), dtype=bool)
    >>> bar[6:9, 3:21] = True
    >>> thinner = bar.copy()
    >>> thinner[6] = False
    >>> weighted_pseudo_f_measure(thinner, bar)
    100.0
    """
    return weighted_pseudo_f_measure_of(compare(prediction, ground_truth, labelled))


def weighted_pseudo_f_measure_of(comparison: Comparison) -> float:
    """Weighted pseudo-F-measure in percent of a comparison."""
    predicted, truth = comparison.predicted, comparison.truth
    if not truth.any() or not predicted.any():
        return 0.0 if truth.any() or predicted.any() else 100.0
    recall_weights, precision_weights = weight_maps(truth)
    hits = predicted & truth
    weight = float(recall_weights[truth].sum(dtype=np.float64))
    found = float(recall_weights[hits].sum(dtype=np.float64))
    hit_number = int(np.count_nonzero(hits))
    if found == 0:
        return 0.0
    cost = float(precision_weights[predicted].sum(dtype=np.float64))
    recall = found / weight
    precision = hit_number / (int(np.count_nonzero(predicted)) + cost)
    return 200 * precision * recall / (precision + recall)


def skeleton_pseudo_f_measure(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Pseudo-F-measure of the skeleton kind, as in the contests of 2008 to 2010.

    The recall is taken on the skeleton of the ground truth, so that a stroke drawn too thin
    costs nothing as long as its middle is there: ``200 P R / (P + R)`` with the plain precision
    P and ``R = |S and prediction| / |S|``, S the thinned ground truth. The *weighted* kind
    (official since 2013, doi:10.1109/TIP.2012.2219550) is another metric: the two differ by more
    than most claimed improvements and must not be compared.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out, before the ground truth is thinned.

    Returns
    -------
    float
        Percent. 0 without a hit on the skeleton, but 100 where both arrays are without ink.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Notes
    -----
    `skimage.morphology.thin` [1]_ does not turn with the page, so turning both arrays can change
    the result a little.

    References
    ----------
    .. [1] Z. Guo, R. W. Hall, "Parallel thinning with two-subiteration algorithms", 1989,
       doi:10.1145/62065.62074
    .. [2] B. Gatos, K. Ntirogiannis, I. Pratikakis, "ICDAR 2009 document image binarization
       contest (DIBCO 2009)", 2009, doi:10.1109/ICDAR.2009.246

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((9, 20), dtype=bool)
    >>> bar[3:6, 2:18] = True
    >>> middle_line = np.zeros_like(bar)
    >>> middle_line[4, 2:18] = True
    >>> skeleton_pseudo_f_measure(middle_line, bar)
    100.0
    """
    return skeleton_pseudo_f_measure_of(compare(prediction, ground_truth, labelled))


def skeleton_pseudo_f_measure_of(comparison: Comparison) -> float:
    """Skeleton pseudo-F-measure in percent of a comparison."""
    if not comparison.truth.any():
        return 0.0 if comparison.predicted.any() else 100.0
    box = _box_around(comparison.truth)
    skeleton: BoolArray = thin(comparison.truth[box])  # type: ignore[no-untyped-call]
    found = int(np.count_nonzero(skeleton & comparison.predicted[box]))
    recall = 100 * found / int(np.count_nonzero(skeleton))
    precision = precision_of(comparison.counts())
    if recall == 0 or precision == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _box_around(ink: BoolArray) -> tuple[slice, slice]:
    """Bounding box of the ink with a rim of one pixel: thinning passes over all it is given."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(rows[0] - 1, 0), rows[-1] + 2),
        slice(max(columns[0] - 1, 0), columns[-1] + 2),
    )
