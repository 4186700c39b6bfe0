"""Architecture of the network, known without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docbin_napari.model.registry import ModelInfo

INK_COLOURS = 6
"""Values of the colours of ink and paper, before the edge level."""


@dataclass(frozen=True)
class UNetConfig:
    """Architecture of a U-Net.

    Parameters
    ----------
    fold : int
        Side of the square of pixels that is folded into channels at the
        entrance; 1 keeps full resolution.
    channels : tuple of int
        Channels at each level, finest first. Each level halves the resolution.
    blocks : int
        Residual blocks at each level of the encoder; the decoder has one.
    page_ink : bool
        Whether the network is given the colours of ink and paper of the page, and where the
        ground truth cuts the edges of strokes.
    """

    fold: int = 2
    channels: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    page_ink: bool = False

    def __post_init__(self) -> None:
        if self.fold < 1 or self.blocks < 1 or not self.channels or min(self.channels) < 1:
            raise ValueError(f"fold, blocks and all channels must be positive: {self}")

    @property
    def stride(self) -> int:
        """Pixels of the page in one pixel of the coarsest level, each way."""
        return int(self.fold * 2 ** (len(self.channels) - 1))

    @property
    def context(self) -> int:
        """Pixels to each side of a pixel that its logit can depend on, at most.

        A multiple of `stride`, so that windows cut with this margin fall on the
        grid of the coarsest level.
        """
        reach = self.fold  # the entrance convolution
        levels = [self.fold * 2**level for level in range(len(self.channels))]
        for level, step in enumerate(levels):
            coarsest = level == len(levels) - 1
            convolutions = 2 * self.blocks + (0 if coarsest else 2)
            reach += convolutions * step
        reach += self.stride  # positions inside one folded pixel
        return -(-reach // self.stride) * self.stride


def architecture(info: ModelInfo) -> UNetConfig:
    """Architecture of a model file.

    Parameters
    ----------
    info : ModelInfo
        From `find_model`.

    Returns
    -------
    UNetConfig
        The settings of its network.

    Raises
    ------
    TypeError, ValueError
        If the file names settings that this version does not know.
    """
    stored = dict(info.header["architecture"])
    return UNetConfig(**{**stored, "channels": tuple(stored["channels"])})
