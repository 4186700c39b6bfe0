"""Quality figures of document binarization: two bool arrays in, numbers out.

The positive class is ink. Every function takes ``(prediction, ground_truth, labelled=None)``:
bool arrays of one shape ``(H, W)``; pixels where ``labelled`` is False count nowhere.
"""

from docbin_napari.metrics.distortion import drd
from docbin_napari.metrics.error_kinds import ErrorKinds, ErrorMaps, error_kinds, error_maps
from docbin_napari.metrics.pseudo_f_measure import (
    skeleton_pseudo_f_measure,
    weighted_pseudo_f_measure,
)
from docbin_napari.metrics.rates import f_measure, nrm, precision, psnr, recall
from docbin_napari.metrics.scores import SHARES, MeanScores, PageScores, mean_scores, score_page

__all__ = [
    "SHARES",
    "ErrorKinds",
    "ErrorMaps",
    "MeanScores",
    "PageScores",
    "drd",
    "error_kinds",
    "error_maps",
    "f_measure",
    "mean_scores",
    "nrm",
    "precision",
    "psnr",
    "recall",
    "score_page",
    "skeleton_pseudo_f_measure",
    "weighted_pseudo_f_measure",
]
