"""A reference workload: how published binarizers of this kind use a network, with random weights.

Strategy: this is no published model but the network and the way of using it as they are
described: an encoder of MobileNetV2 (Sandler et al. 2018, doi:10.1109/CVPR.2018.00474) at width
1.0, whose expanded layers at a half, a quarter, an eighth and a sixteenth of the size are the
skip connections, and a decoder of transposed convolutions (Isola et al. 2017,
doi:10.1109/CVPR.2017.632) with 512, 256, 128 and 64 channels and a last one to the logit:
6.5 million parameters. A page is cut into windows of 224² without overlap, in four flips, in
batches of 64, in float32, and the probabilities of the flips are averaged. The weights are
random: the time of a convolution does not depend on its weights, and nothing else is measured.
The layout is channels-last, which is faster here and is what TensorFlow, in which such
binarizers are published, works in.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

WINDOW = 224
BATCH = 64
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))

# Expansion, channels, blocks and stride of the first of them, as in the paper's table 2.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _layer(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _layer(hidden, hidden, 3, stride, groups=hidden)
        self.project = nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), _norm(outputs))
        self.is_added = stride == 1 and inputs == outputs
        self.halves = stride == 2

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the block's output, and its expanded input for a skip connection."""
        expanded = self.expand(x)
        y = self.project(self.depthwise(expanded))
        return (x + y if self.is_added else y), expanded


class ReferenceNetwork(nn.Module):
    """MobileNetV2 encoder, decoder of transposed convolutions; float (N, 3, H, W) to (N, 1, H, W).

    H and W are multiples of 32; the output is logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _layer(3, 32, 3, 2)
        blocks: list[InvertedResidual] = []
        skips: list[int] = []
        channels = 32
        for expansion, outputs, count, first_stride in _STAGES:
            for index in range(count):
                stride = first_stride if index == 0 else 1
                if stride == 2:
                    skips.append(channels * expansion)
                blocks.append(InvertedResidual(channels, outputs, expansion, stride))
                channels = outputs
        self.encoder = nn.ModuleList(blocks)
        ups: list[nn.Module] = []
        for outputs, skip in zip((512, 256, 128, 64), reversed(skips), strict=True):
            ups.append(nn.Sequential(_transposed(channels, outputs), _norm(outputs), nn.ReLU()))
            channels = outputs + skip
        self.decoder = nn.ModuleList(ups)
        self.exit = _transposed(channels, 1, bias=True)

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute logits."""
        x = self.stem(pixels)
        skips: list[Tensor] = []
        for block in self.encoder:
            x, expanded = block(x)
            if block.halves:
                skips.append(expanded)
        for up, skip in zip(self.decoder, reversed(skips), strict=True):
            x = torch.cat((up(x), skip), dim=1)
        return self.exit(x)


class ReferenceWorkload:
    """The network and its windows, ready to run.

    Parameters
    ----------
    device : str
        Such as ``"cpu"``.
    seed : int
        Of the random weights.
    """

    def __init__(self, device: str, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = ReferenceNetwork()
        self._network = network.eval().to(device, memory_format=torch.channels_last)
        self._device = device

    @torch.inference_mode()
    def probability(self, pixels: np.ndarray) -> np.ndarray:
        """Average of four flips, window by window.

        Parameters
        ----------
        pixels : ndarray
            uint8 (H, W, 3), RGB.

        Returns
        -------
        ndarray
            float32 (H, W), 0 to 1.
        """
        height, width = pixels.shape[:2]
        missing = (-height % WINDOW, -width % WINDOW)
        padded = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        result = np.zeros(padded.shape[:2], np.float32)
        for corners in _batches(padded.shape[:2]):
            windows = np.stack([padded[_region(corner)] for corner in corners])
            answers = self._look(windows)
            for corner, answer in zip(corners, answers, strict=True):
                result[_region(corner)] = answer
        return result[:height, :width]

    def _look(self, windows: np.ndarray) -> np.ndarray:
        scaled = torch.from_numpy(windows).to(self._device).permute(0, 3, 1, 2).float() / 127.5 - 1
        total = torch.zeros(len(windows), WINDOW, WINDOW, device=self._device)
        for axes in _FLIPS:
            turned = torch.flip(scaled, axes).contiguous(memory_format=torch.channels_last)
            total += torch.flip(torch.sigmoid(self._network(turned))[:, 0], axes)
        return (total / len(_FLIPS)).cpu().numpy()


def _batches(shape: tuple[int, ...]) -> Iterator[list[tuple[int, int]]]:
    """Corners of all windows, some at a time."""
    corners = [(y, x) for y in range(0, shape[0], WINDOW) for x in range(0, shape[1], WINDOW)]
    for first in range(0, len(corners), BATCH):
        yield corners[first : first + BATCH]


def _region(corner: tuple[int, int]) -> tuple[slice, slice]:
    top, left = corner
    return slice(top, top + WINDOW), slice(left, left + WINDOW)


def _layer(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, _norm(outputs), nn.ReLU6(inplace=True))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _transposed(inputs: int, outputs: int, *, bias: bool = False) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=1, bias=bias)
