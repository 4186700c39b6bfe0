"""Run a network with OpenVINO on the CPU.

Strategy: a processor is used best when its cores need not wait for each other, least of all on a
machine that does other work, too. So where there are several windows, each is computed by a
stream with threads of its own; a single window is computed by all threads together. Building and
compiling the graph takes a tenth of a second, less than it takes to check a cache of it.
"""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from queue import SimpleQueue
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from openvino import InferRequest, Model, Node, Tensor
from openvino import opset13 as ops

from docbin_napari.model.engine import (
    DTYPES,
    Device,
    DeviceError,
    Engine,
    EngineConfig,
    capabilities,
    openvino_core,
    usable_threads,
)
from docbin_napari.model.ink_model import Normalisation
from docbin_napari.model.model_file import (
    INK_COLOURS,
    NORM,
    ModelInfo,
    UNetConfig,
    checked,
    load_tensors,
)

# Strategy: whole numbers need to know the range of every feature, which only pages show. So it
# is found when a model is made, and kept in the header together with what the format costs. Both
# belong to the very weights they were found with: a file whose weights were changed and whose
# header was copied has no eight-bit form.
EIGHT_BITS_KEY = "eight_bits"
_MEAN_LOSS, _WORST_LOSS = 0.10, 0.50


@dataclass(frozen=True)
class EightBits:
    """The ranges of the features of a network, and what eight bits cost it.

    Parameters
    ----------
    weights : str
        From `weights_digest`.
    ranges : mapping
        Name to lowest and highest value, see `docbin_napari.model.openvino_engine.Graph`.
    mean_loss, worst_loss : float
        F-measure that was lost against float32, in the mean of some pages and on the worst.
    pages : int
        How many pages that was measured on.
    """

    weights: str
    ranges: Mapping[str, tuple[float, float]]
    mean_loss: float
    worst_loss: float
    pages: int

    @property
    def is_good_enough(self) -> bool:
        """Whether eight bits are used without being asked for."""
        return self.mean_loss <= _MEAN_LOSS and self.worst_loss <= _WORST_LOSS

    def to_header(self) -> dict[str, Any]:
        """Give what is stored in a model file."""
        ranges = {name: [float(f"{end:.5g}") for end in ends] for name, ends in self.ranges.items()}
        return {**asdict(self), "ranges": ranges}

    @classmethod
    def of(cls, header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> EightBits | None:
        """Read what a model file says.

        Parameters
        ----------
        header : mapping
            Of the file.
        tensors : mapping
            Its weights.

        Returns
        -------
        EightBits or None
            None if it says nothing, nothing that makes sense, or belongs to other weights.
        """
        try:
            stored = header[EIGHT_BITS_KEY]
            pairs = stored["ranges"].items()
            ranges = {name: (float(low), float(high)) for name, (low, high) in pairs}
            found = cls(**{**stored, "ranges": ranges})
            usable = found.is_good_enough in (True, False) and all(
                -math.inf < low < high < math.inf for low, high in ranges.values()
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return found if usable and found.weights == weights_digest(tensors) else None


def weights_digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Name weights by their content.

    Parameters
    ----------
    tensors : mapping
        Of a model file.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> one, other = ({"a": np.full(1, value)} for value in (1, 2))
    >>> weights_digest(one) == weights_digest(one), weights_digest(one) == weights_digest(other)
    (True, False)
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()[:16]


# Strategy: the graph is written down operation by operation, so neither torch nor a converter is
# needed to run a model, and the one file of weights stays all there is. Batch norms are multiplied
# into the convolutions. What is known of the page is an input beside the pixels, a shift for
# each channel of the first features of each level, so one compiled graph reads all pages.
#
# With the ranges that features have on pages, every convolution but the entrance is written
# with eight-bit weights, a scale for each channel, and eight-bit features. OpenVINO then
# computes it in whole numbers.


Tensors = Mapping[str, "NDArray[Any]"]
"""Name to values, as they lie in a model file."""
Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of features by their name, see `Graph.features`."""

_ENDS = ops.reduce_min, ops.reduce_max
_EPSILON = 1e-5
"""What batch norms of PyTorch add to the variance."""


class Graph:
    """The OpenVINO graph of a network, as it is built.

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
        self._pixels = ops.parameter([-1, -1, -1, 3], np.uint8, name="pixels")
        widths = config.channels
        self._shifts = ops.parameter([1, sum(widths), 1, 1], np.float32, name="shifts")
        self._logits = self._write(normalisation)

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
    mean, variance, gain, bias = (tensors[f"{name}.norm.{part}"] for part in NORM)
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


_PIXELS_AT_ONCE = 2**20
_MOST_STREAMS = 8
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVINOEngine(Engine):
    """Runs a network with OpenVINO.

    Parameters
    ----------
    config : UNetConfig
        The architecture.
    tensors : mapping
        Weights, batch norms not folded.
    normalisation : Normalisation
        What is done to the pixels.
    eight_bits : EightBits, optional
        What int8 needs and costs; None where it cannot be used.
    settings : EngineConfig, optional
        Number format and threads.

    Raises
    ------
    DeviceError
        If the number format is not there.
    """

    def __init__(
        self,
        config: UNetConfig,
        tensors: Tensors,
        normalisation: Normalisation,
        eight_bits: EightBits | None = None,
        settings: EngineConfig | None = None,
    ) -> None:
        settings = settings or EngineConfig()
        self.config = config
        self.device = _choose(settings, eight_bits)
        self.pixels_at_once = _PIXELS_AT_ONCE
        self._tensors = tensors
        self._threads = settings.threads or usable_threads()
        ranges = eight_bits.ranges if eight_bits and self.device.dtype == "int8" else None
        self._graph = Graph(config, tensors, normalisation, ranges)
        self._requests: dict[int, SimpleQueue[InferRequest]] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, info: ModelInfo, settings: EngineConfig) -> Self:
        """Load the network of a model file; see `docbin_napari.model.engine.load_engine`."""
        with checked(info):
            tensors = load_tensors(info)
            form = EightBits.of(info.header, tensors)
            normalisation = Normalisation.of_model(info)
            return cls(info.architecture, tensors, normalisation, form, settings)

    def streams(self, passes: int) -> int:
        """Choose how many passes run beside each other: a power of two."""
        most = min(passes, self._threads, _MOST_STREAMS)
        return int(2 ** (max(most, 1).bit_length() - 1))

    def logits(
        self, windows: NDArray[np.uint8], condition: NDArray[np.float32], streams: int = 1
    ) -> NDArray[np.float32]:
        """Run the network, see `docbin_napari.model.engine.Engine`."""
        requests = self._compiled(streams)
        # What OpenVINO reads has to stay until it has run.
        pixels = np.require(windows, requirements=["C", "W"])
        inputs = pixels, page_shifts(self.config, self._tensors, condition)
        found = np.empty((len(windows), 1, *windows.shape[1:3]), np.float32)
        request = requests.get()
        try:
            for number, values in enumerate(inputs):
                request.set_input_tensor(number, Tensor(values, shared_memory=True))
            request.set_output_tensor(0, Tensor(found, shared_memory=True))
            request.infer()
            self._note(request)
        finally:
            requests.put(request)
        return found[:, 0]

    def _model(self) -> Model:
        """Give the graph that is compiled."""
        return self._graph.model()

    def _note(self, request: InferRequest) -> None:
        """Take more from a pass than logits; a `RangeObserver` does."""

    def _compiled(self, streams: int) -> SimpleQueue[InferRequest]:
        """Give as many requests as run at the same time; compile them when first asked for."""
        with self._lock:
            if streams not in self._requests:
                # What is not computed in eight bits is computed in the fastest other format.
                other = "bf16" if "BF16" in capabilities() else "f32"
                settings = {
                    "INFERENCE_PRECISION_HINT": _HINTS.get(self.device.dtype, other),
                    "NUM_STREAMS": streams,
                    "INFERENCE_NUM_THREADS": self._threads,
                }
                compiled = openvino_core().compile_model(self._model(), "CPU", settings)
                self._requests[streams] = SimpleQueue()
                for _ in range(streams):
                    self._requests[streams].put(compiled.create_infer_request())
            return self._requests[streams]


@cache
def adds_eight_bits_exactly() -> bool:
    """Tell whether this CPU adds products of 8 bits in 32 bits (VNNI, AMX): int8 is worth it.

    Strategy: others add two products in 16 bits, which overflow. Nothing asks the processor for
    this on every system, so a convolution is computed that overflows in 16 bits.

    Returns
    -------
    bool
        False on all but x86-64.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    values = np.full((1, 16, 3, 3), 255, np.float32)
    pixels = ops.parameter(values.shape, np.float32)
    ends = _constant([0]), _constant([255])
    kernel = _rounded(np.full((16, 16, 1, 1), 127, np.float32))
    sums = _convolution(ops.fake_quantize(pixels, *ends, *ends, 256), kernel, 1, 0)
    model = Model([ops.result(sums)], [pixels], "overflowing")
    compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return bool((compiled([values])[0] == 16 * 127 * 255).all())


def _choose(settings: EngineConfig, eight_bits: EightBits | None) -> Device:
    device = partial(Device, "cpu", engine="OpenVINO")
    if settings.precision == "int8" and eight_bits is None:
        raise DeviceError("this model has no int8 form: use --precision auto, bf16 or f32")
    if settings.precision == "bf16" and "BF16" not in capabilities():
        raise DeviceError("this CPU has no bfloat16 units: use --precision auto or f32")
    if settings.precision != "auto":
        return device(DTYPES[settings.precision], "asked for")
    if eight_bits is None:
        why = "the model has no int8 form"
    elif not eight_bits.is_good_enough:
        why = f"int8 costs this model {eight_bits.mean_loss:.2f} FM"
    elif not adds_eight_bits_exactly():
        why = "this CPU has no eight-bit units (VNNI, AMX)"
    else:
        return device("int8", f"eight-bit units found; costs {max(eight_bits.mean_loss, 0):.2f} FM")
    if "BF16" in capabilities():
        return device("bfloat16", f"{why}; this CPU has bfloat16 units")
    return device("float32", f"{why}, and this CPU no bfloat16 units")


class RangeObserver(OpenVINOEngine):
    """Runs a network, in float32, and remembers the ranges of its features in every window.

    Parameters
    ----------
    *given
        As `OpenVINOEngine` takes them.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._seen: list[NDArray[np.float32]] = []

    def _model(self) -> Model:
        return self._graph.observed()

    def _note(self, request: InferRequest) -> None:
        count = len(self._graph.features)
        found = [request.get_output_tensor(1 + number).data for number in range(count)]
        # For each feature a row of lowest and one of highest values, a column for each window.
        self._seen.append(np.stack(found).reshape(count, 2, -1).copy())

    def ranges(self, share: float) -> dict[str, tuple[float, float]]:
        """Compute ranges that cover all values of a feature in a share of the windows so far.

        Parameters
        ----------
        share : float
            0 to 1.

        Returns
        -------
        dict
            Name of the feature to lowest and highest value, 0 among them.
        """
        seen = np.concatenate(self._seen, axis=-1)
        lows = np.minimum(np.quantile(seen[:, 0], 1 - share, axis=-1), 0)
        highs = np.maximum(np.quantile(seen[:, 1], share, axis=-1), 1e-3)
        ends = zip(lows.tolist(), highs.tolist(), strict=True)
        return dict(zip(self._graph.features, ends, strict=True))
