"""How much work settings ask of the network."""

from __future__ import annotations

from dataclasses import replace

from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.windows import plan_page


def passes(config: InferenceConfig, shape: tuple[int, int], stride: int) -> float:
    """How often a pixel of the page goes through the network, overlaps counted in.

    Every window counts under every symmetry, so ask only where `spares_views` says no.

    Parameters
    ----------
    config : InferenceConfig
        Windows and symmetries.
    shape : (int, int)
        Height and width of the page, pixels.
    stride : int
        Of the network.

    Examples
    --------
    >>> passes(InferenceConfig(window=512, overlap=0.0, symmetries=4), (1024, 512), 16)
    4.0
    """
    axes = plan_page(shape, config.window, config.overlap, stride)
    covered = axes[0].size * len(axes[0].starts) * axes[1].size * len(axes[1].starts)
    return config.symmetries * covered / (shape[0] * shape[1])


def every_view(config: InferenceConfig) -> InferenceConfig:
    """The same settings, with every window looked at under every symmetry.

    Examples
    --------
    >>> spares_views(every_view(InferenceConfig(symmetries=8)))
    False
    """
    return replace(config, tolerance=0.0)


def spares_views(config: InferenceConfig) -> bool:
    """Whether some windows are looked at less often than there are symmetries."""
    return config.tolerance > 0 and config.symmetries > 1
