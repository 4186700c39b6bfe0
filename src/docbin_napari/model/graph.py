"""Build the network as a graph of OpenVINO from the tensors of a model file.

Strategy: the graph is written down operation by operation, so neither torch nor a converter is
needed to run a model, and the one file of weights stays all there is. Batch norms are multiplied
into the convolutions. What is known of the page is an input beside the pixels, a shift for
each channel of the first features of each level, so one compiled graph reads all pages.

With the ranges that features have on pages, every convolution but the entrance is written
with eight-bit weights, a scale for each channel, and eight-bit features. OpenVINO then
computes it in whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from openvino import Model, Node
from openvino import opset13 as ops

from docbin_napari.model.architecture import INK_COLOURS, UNetConfig
from docbin_napari.model.normalisation import Normalisation

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensors = Mapping[str, "NDArray[Any]"]
"""Name to values, as they lie in a model file."""
Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of features by their name, see `Graph.features`."""

_ENDS = ops.reduce_min, ops.reduce_max
_EPSILON = 1e-5
"""What batch norms of PyTorch add to the variance."""
_NORM = ("running_mean", "running_var", "weight", "bias")


class Graph:
    """A network that is being written down.

    Parameters
    ----------
    config : UNetConfig
        The architecture.
    tensors : mapping
        Weights of the network, batch norms not folded.
    normalisation : Normalisation
        What is done to the pixels.
    ranges : mapping, optional
        Of all features; the convolutions are then written in eight bits.

    Attributes
    ----------
    features : dict
        Name to node of all features that enter a convolution behind the entrance, before they
        are rounded.

    Raises
    ------
    KeyError, ValueError
        If tensors are missing, or have other shapes than the architecture says.
    """

    def __init__(
        self,
        config: UNetConfig,
        tensors: Tensors,
        normalisation: Normalisation,
        ranges: Ranges | None = None,
    ) -> None:
        self.features: dict[str, Node] = {}
        self._config, self._tensors, self._ranges = config, tensors, ranges
        self._used: set[str] = set()
        self._pixels = ops.parameter([-1, -1, -1, 3], np.uint8, name="pixels")
        widths = config.channels
        self._shifts = ops.parameter([1, sum(widths), 1, 1], np.float32, name="shifts")
        self._logits = self._write(normalisation)
        page_shifts(config, tensors, np.zeros(INK_COLOURS + 1, np.float32))
        unknown = {name for name in tensors if not name.startswith("page_ink.")} - self._used
        unknown = {name for name in unknown if not name.endswith(".num_batches_tracked")}
        if unknown:
            raise ValueError(f"unknown tensor {min(unknown)}")

    def model(self) -> Model:
        """Give the network.

        Returns
        -------
        openvino.Model
            From pixels, uint8 (N, H, W, 3), sides multiples of the stride, and shifts, float32
            (1, C, 1, 1), as `page_shifts` gives them, to logits, float32 (N, 1, H, W).
        """
        return Model([ops.result(self._logits)], [self._pixels, self._shifts], "docbin")

    def observed(self) -> Model:
        """Build a network that also outputs the range of its features.

        Returns
        -------
        openvino.Model
            As `model`, and with an output (2 N,) for each of `features` in order:
            their lowest values in each window, then their highest.
        """
        axes = ops.constant(np.array([1, 2, 3]))
        ends = [[end(node, axes) for end in _ENDS] for node in self.features.values()]
        results = [ops.result(ops.concat(both, 0)) for both in ends]
        return Model([ops.result(self._logits), *results], [self._pixels, self._shifts], "observed")

    def _write(self, normalisation: Normalisation) -> Node:
        config, depth = self._config, len(self._config.channels)
        shifts = ops.variadic_split(self._shifts, 1, list(config.channels))
        colours = ops.transpose(ops.convert(self._pixels, np.float32), [0, 3, 1, 2])
        scale = _constant([1 / normalisation.deviation])
        x = ops.multiply(ops.subtract(colours, _constant([normalisation.mean])), scale)
        x = ops.space_to_depth(x, "depth_first", config.fold) if config.fold > 1 else x
        skips: list[Node] = []
        for level in range(depth):
            name = f"down.{level - 1}" if level else "entrance"
            x = self._convolved(name, x, step=2 if level else 1, rounded=level > 0)
            x = ops.relu(ops.add(x, shifts.output(level)))
            x = self._feature(f"level.{level}", x)
            for block in range(config.blocks):
                x = self._block(f"encoder.{level}.{block}", x)
            skips.append(x)
        for level in reversed(range(depth - 1)):
            coarse = self._feature(f"up.{level}", self._convolved(f"up.{level}", x))
            x = self._feature(f"sum.{level}", ops.add(skips[level], _doubled(coarse)))
            x = self._block(f"decoder.{level}", x)
        weight, bias = self._tensors["exit.weight"], self._tensors["exit.bias"]
        self._used |= {"exit.weight", "exit.bias"}
        kernel = _rounded(weight) if self._ranges else _constant(weight)
        logits = ops.add(_convolution(x, kernel, 1, 0), _channels(bias))
        return ops.depth_to_space(logits, "depth_first", config.fold) if config.fold > 1 else logits

    def _block(self, name: str, x: Node) -> Node:
        """Two convolutions added to their input."""
        inner = ops.relu(self._convolved(f"{name}.first", x))
        inner = self._feature(f"{name}.inner", inner)
        outer = ops.relu(ops.add(self._convolved(f"{name}.second", inner), x))
        return self._feature(f"{name}.outer", outer)

    def _convolved(self, name: str, x: Node, *, step: int = 1, rounded: bool = True) -> Node:
        """Convolution with its batch norm; the kernel says how it is padded."""
        weight, bias = folded(self._tensors, name)
        self._used |= {f"{name}.conv.weight", *(f"{name}.norm.{part}" for part in _NORM)}
        kernel = _rounded(weight) if rounded and self._ranges else _constant(weight)
        padding = weight.shape[-1] // 2 if step == 1 else 0
        return ops.add(_convolution(x, kernel, step, padding), _channels(bias))

    def _feature(self, name: str, x: Node) -> Node:
        """Name features, and round them to 256 steps where their range is known."""
        self.features[name] = x
        if not self._ranges:
            return x
        low, high = self._ranges[name]
        if low < 0:
            # Steps on both sides of zero alike: whole numbers need no offset then.
            high = max(-low, high)
            low = -high * 128 / 127
        ends = _constant([low]), _constant([high])
        return ops.fake_quantize(x, *ends, *ends, 256)


def folded(tensors: Tensors, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Multiply a batch norm into its convolution.

    Parameters
    ----------
    tensors : mapping
        Weights of the network.
    name : str
        Of a `docbin_napari.model.unet.ConvNorm`.

    Returns
    -------
    weight, bias : ndarray
        float32 (O, I, K, K) and (O,).
    """
    weight = tensors[f"{name}.conv.weight"]
    mean, variance, gain, bias = (tensors[f"{name}.norm.{part}"] for part in _NORM)
    scale = gain / np.sqrt(variance + _EPSILON)
    # A training that went wrong leaves weights out of range: whoever reads pages gets an error.
    with np.errstate(over="ignore", invalid="ignore"):
        folded_weight = (weight * scale[:, None, None, None]).astype(np.float32)
        return folded_weight, (bias - mean * scale).astype(np.float32)


def page_shifts(
    config: UNetConfig, tensors: Tensors, condition: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute what a page adds to the first features of each level.

    Parameters
    ----------
    config : UNetConfig
        The architecture.
    tensors : mapping
        Weights of the network.
    condition : ndarray
        float32 (7,), from `page_condition`.

    Returns
    -------
    ndarray
        float32 (1, C, 1, 1) for the channels of all levels together; 0 where the network is given
        of no page, or the colours are not known.
    """
    shape = (1, sum(config.channels), 1, 1)
    if not config.page_ink or np.isnan(condition[:INK_COLOURS]).any():
        return np.zeros(shape, np.float32)
    is_open = np.isnan(condition[INK_COLOURS:])
    values = np.append(np.nan_to_num(condition), is_open)
    hidden, shifts = (
        (tensors[f"page_ink.{part}.weight"], tensors[f"page_ink.{part}.bias"])
        for part in ("hidden", "shifts")
    )
    with np.errstate(over="ignore", invalid="ignore"):
        features = np.maximum(hidden[0] @ values + hidden[1], 0)
        return np.asarray(shifts[0] @ features + shifts[1], np.float32).reshape(shape)


def overflowing() -> tuple[Model, NDArray[np.float32], float]:
    """Write down a convolution in eight bits whose sums of two products need 17 bits.

    Returns
    -------
    model : openvino.Model
        One input and one output.
    values : ndarray
        What to give it.
    expected : float
        What it says everywhere if nothing overflows.
    """
    values = np.full((1, 16, 3, 3), 255, np.float32)
    pixels = ops.parameter(values.shape, np.float32)
    ends = _constant([0]), _constant([255])
    kernel = _rounded(np.full((16, 16, 1, 1), 127, np.float32))
    found = _convolution(ops.fake_quantize(pixels, *ends, *ends, 256), kernel, 1, 0)
    return Model([ops.result(found)], [pixels], "overflowing"), values, 16 * 127 * 255


def _convolution(x: Node, kernel: Node, step: int, padding: int) -> Node:
    return ops.convolution(x, kernel, [step] * 2, [padding] * 2, [padding] * 2, [1, 1])


def _rounded(weight: NDArray[np.float32]) -> Node:
    """Weights in eight bits, with a scale for each channel that is made."""
    scale = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / 127
    scale[scale == 0] = 1
    whole = np.round(weight / scale).astype(np.int8)
    return ops.multiply(ops.convert(ops.constant(whole), np.float32), _constant(scale))


def _doubled(x: Node) -> Node:
    """Each value four times: twice the height and width."""
    return ops.interpolate(
        x,
        _constant([2, 2]),
        "nearest",
        "scales",
        axes=ops.constant(np.array([2, 3])),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _channels(values: NDArray[np.float32]) -> Node:
    return _constant(values.reshape(1, -1, 1, 1))


def _constant(values: Any) -> Node:
    return ops.constant(np.ascontiguousarray(values, dtype=np.float32))
