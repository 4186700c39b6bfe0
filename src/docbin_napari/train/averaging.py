"""The mean of networks of one architecture, weight by weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from docbin_napari.model.registry import ModelError
from docbin_napari.model.unet import UNet


def mean_network(networks: Sequence[UNet], shares: Sequence[float] = ()) -> UNet:
    """Average the weights and the batch norm statistics of networks.

    Networks that were trained on from the same start often do better on average than each of
    them (model soups, Wortsman et al. 2022, arXiv:2203.05482).

    Parameters
    ----------
    networks : sequence of UNet
        Of one architecture. The first one is changed, and returned.
    shares : sequence of float, optional
        How much each of them counts; they are divided by their sum. All the same by default.

    Returns
    -------
    UNet
        The mean.

    Raises
    ------
    ModelError
        If they are not alike.
    ValueError
        If there are not as many shares as networks, or they are negative or all 0.
    """
    weights = torch.tensor([*shares] or [1.0] * len(networks), dtype=torch.float64)
    if len(weights) != len(networks) or weights.min() < 0 or weights.sum() <= 0:
        raise ValueError(
            f"give a share above 0 for each of the {len(networks)} models, not {list(shares)}"
        )
    weights /= weights.sum()
    first = networks[0]
    for other in networks[1:]:
        if other.config != first.config:
            raise ModelError(
                "the models have different architectures and have no mean; "
                f"choose models that are alike ({first.config}, {other.config})"
            )
    states = [network.state_dict() for network in networks]
    mean = {}
    for name, value in states[0].items():
        stack = torch.stack([state[name].double() for state in states])
        mean[name] = torch.einsum("n,n...->...", weights, stack).to(value.dtype)
    first.load_state_dict(mean)
    return first
