"""Training loss: cross-entropy plus Dice over labelled pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def ink_loss(
    logits: Tensor,
    ink: Tensor,
    labelled: Tensor,
    dice: float,
    total: Callable[[Tensor], Tensor] = lambda sums: sums,
) -> Tensor:
    """Binary cross-entropy plus weighted Dice, over labelled pixels only.

    Parameters
    ----------
    logits : Tensor
        Float (N, 1, H, W).
    ink : Tensor
        Float (N, 1, H, W): share of each pixel that is ink, 0 to 1.
    labelled : Tensor
        Float (N, 1, H, W): 1 where the ground truth is known, 0 elsewhere.
    dice : float
        Weight of the Dice term (Milletari et al. 2016, doi:10.1109/3DV.2016.79).
    total : callable, optional
        Adds up the sums over pixels where windows of a batch lie in several processes:
        the loss is a ratio of sums over the whole batch, and a mean of ratios is another one.

    Returns
    -------
    Tensor
        One number; 0 where nothing is labelled.

    Examples
    --------
    >>> import torch
    >>> sure = torch.full((1, 1, 2, 2), 20.0)
    >>> bool(ink_loss(sure, torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), 0.5) < 1e-3)
    True
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, ink, weight=labelled, reduction="sum")
    probability = logits.sigmoid() * labelled
    target = ink * labelled
    shared = (probability * target).sum()
    sums = torch.stack([entropy, labelled.sum(), shared, probability.sum(), target.sum()])
    entropy, pixels, shared, found, present = total(sums).unbind()
    unlike = 1 - (2 * shared + 1) / (found + present + 1)
    return entropy / pixels.clamp(min=1) + dice * unlike
