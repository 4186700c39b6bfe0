"""Find model files, check what they hold and load their weights; loads no torch.

Strategy: a model file may come from anybody, so every field that is used has a type and a range,
and what is not known is refused. The architecture is compared with the tensors that lie in the
file before a network of that size is built.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docbin_napari.__about__ import __version__
from docbin_napari.io.paths import is_plain_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KNOWN = {
    "calibration": {"temperature", "bias"},
    "normalisation": {"mean", "deviation"},
}
_DIVISORS = ("temperature", "deviation")
_MOST_FOLD, _MOST_LEVELS, _MOST_CHANNELS, _MOST_BLOCKS = 8, 10, 4096, 256
_LARGEST_NUMBER = 1e15
_LONGEST_TEXT = 100_000
_MOST_FIGURES = 1000
_TEXTS = ("title", "training_data", "version")


def header_troubles(header: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with the header of a model file.

    Parameters
    ----------
    header : dict
        As it was read.

    Yields
    ------
    str
        In words, to follow the name of the file.

    Examples
    --------
    >>> list(header_troubles({"architecture": {"channels": [8]}, "threshold": 2}))
    ['its threshold is 2, but must lie between 0 and 1']
    >>> next(header_troubles({"architecture": {"channels": [8], "blocks": 10**9}}))
    'its architecture is damaged: blocks must lie between 1 and 256'
    """
    yield from _architecture_troubles(header.get("architecture"))
    level = header.get("edge_level")
    shares: dict[str, Any] = {
        "threshold": header.get("threshold"),
        "edge level": 0 if level is None else level,
    }
    for name, value in shares.items():
        if not _is_number(value) or not 0 <= value <= 1:
            yield f"its {name} is {_shown(value)}, but must lie between 0 and 1"
    for name, known in _KNOWN.items():
        stored = header.get(name, {})
        if not _holds_numbers(stored):
            yield f"its {name} is damaged"
        elif set(stored) - known:
            yield f"its {name} is of a later version of docbin-napari: update docbin-napari"
        elif min(stored.get(divisor, 1) for divisor in _DIVISORS) <= 0:
            yield f"its {name} is damaged"
    yield from _words_troubles(header)


def _words_troubles(header: dict[str, Any]) -> Iterator[str]:
    """What is wrong with what people read, and with the name of the base."""
    figures, base = header.get("figures", {}), header.get("base", {})
    if not _holds_numbers(figures) or len(figures) > _MOST_FIGURES:
        yield "its figures are damaged"
    if not _is_number(header.get("parameters", 0)) or not isinstance(base, dict):
        yield "its header is damaged"
        return
    texts = {"base": base.get("name", ""), **{name: header.get(name, "") for name in _TEXTS}}
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
            yield f"its header is damaged ({name})"


def _architecture_troubles(stored: Any) -> Iterator[str]:
    channels = stored.get("channels") if isinstance(stored, dict) else None
    if not isinstance(channels, list) or not channels:
        yield "its architecture is not known"
        return
    if set(stored) - set(UNetConfig.__dataclass_fields__):
        yield "its architecture is of a later version of docbin-napari: update docbin-napari"
        return
    try:
        UNetConfig(**{**stored, "channels": tuple(channels)})
    except ValueError as error:
        yield f"its architecture is damaged: {error}"


def _shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        return "too large"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _holds_numbers(stored: Any) -> bool:
    return isinstance(stored, dict) and all(map(_is_number, stored.values()))


def _is_number(value: Any) -> bool:
    # A bool is none; and a comparison with NaN is False.
    return type(value) in (int, float) and abs(value) <= _LARGEST_NUMBER


INK_COLOURS = 6
"""Values of the colours of ink and paper, before the edge level."""
INK_FEATURES = 48
"""Features that a network makes of them and of the edge level."""
NORM = ("running_mean", "running_var", "weight", "bias")
"""What a batch norm stores for each channel."""


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
        if len(self.channels) > _MOST_LEVELS:
            raise ValueError(f"there may be {_MOST_LEVELS} levels at most")
        known = [_is_whole(width, _MOST_CHANNELS) for width in self.channels]
        if not known or not all(known):
            raise ValueError(f"channels must lie between 1 and {_MOST_CHANNELS}")
        for name, most in (("fold", _MOST_FOLD), ("blocks", _MOST_BLOCKS)):
            if not _is_whole(getattr(self, name), most):
                raise ValueError(f"{name} must lie between 1 and {most}")
        if not isinstance(self.page_ink, bool):
            raise ValueError("page_ink must be true or false")

    @property
    def stride(self) -> int:
        """Pixels of the page in one pixel of the coarsest level, each way."""
        return int(self.fold * 2 ** (len(self.channels) - 1))

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """List names and shapes of all that a file of such a network holds."""
        widths, folded = self.channels, self.fold**2
        kernels = {"entrance": (widths[0], 3 * folded, 3, 3)}
        for level, (fine, coarse) in enumerate(itertools.pairwise(widths)):
            kernels[f"down.{level}"] = coarse, fine, 2, 2
            kernels[f"up.{level}"] = fine, coarse, 1, 1
        blocks = {f"decoder.{level}": width for level, width in enumerate(widths[:-1])}
        for level, width in enumerate(widths):
            blocks |= {f"encoder.{level}.{block}": width for block in range(self.blocks)}
        for name, width in blocks.items():
            kernels |= {f"{name}.{part}": (width, width, 3, 3) for part in ("first", "second")}
        shapes: dict[str, tuple[int, ...]] = {}
        for name, kernel in kernels.items():
            shapes |= {f"{name}.norm.{part}": kernel[:1] for part in NORM}
            shapes |= {f"{name}.conv.weight": kernel, f"{name}.norm.num_batches_tracked": ()}
        linear = {"hidden": (INK_FEATURES, INK_COLOURS + 2), "shifts": (sum(widths), INK_FEATURES)}
        for name, shape in linear.items() if self.page_ink else ():
            shapes |= {f"page_ink.{name}.weight": shape, f"page_ink.{name}.bias": shape[:1]}
        return {**shapes, "exit.weight": (folded, widths[0], 1, 1), "exit.bias": (folded,)}


DEFAULT_MODEL = "general-1"
HEADER_KEY = "docbin"
_SUFFIX = ".safetensors"
_LONGEST_HEADER = 10_000_000


class ModelError(Exception):
    """A model file is missing, damaged or of another kind."""


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says about itself.

    Parameters
    ----------
    name : str
        Name to load it by: the file's name without suffix.
    path : Path
        The file.
    size : int
        Bytes.
    header : dict
        All that the trainer stored: ``architecture``, ``normalisation``,
        ``calibration``, ``threshold``, ``title``, ``training_data``, ``figures``,
        ``parameters``, ``version``.
    """

    name: str
    path: Path
    size: int
    header: dict[str, Any] = field(repr=False, hash=False)

    @property
    def title(self) -> str:
        """One line for people."""
        return str(self.header.get("title", self.name))

    @property
    def training_data(self) -> str:
        """What it was trained on, in words."""
        return str(self.header.get("training_data", "not stated"))

    @property
    def figures(self) -> dict[str, float]:
        """Figures at the time of saving, name to value."""
        return dict(self.header.get("figures", {}))

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink, 0 to 1, chosen on held-out pages."""
        return float(self.header["threshold"])

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return int(self.header.get("parameters", 0))

    @property
    def architecture(self) -> UNetConfig:
        """Settings of its network."""
        stored = self.header["architecture"]
        return UNetConfig(**{**stored, "channels": tuple(stored["channels"])})

    @property
    def version(self) -> str:
        """Version of docbin-napari that wrote the file."""
        return str(self.header.get("version", "unknown"))


def built_in_folder() -> Path:
    """Give the folder of the weights inside the package."""
    return Path(__file__).resolve().parent.parent / "weights"


def user_model_folder() -> Path:
    """Give the folder of the user's models: ``$DOCBIN_MODELS``, else in the data folder."""
    chosen = os.environ.get("DOCBIN_MODELS")
    if chosen:
        return Path(chosen)
    # Imported late: machines that only train do without it.
    import platformdirs

    return Path(platformdirs.user_data_dir("docbin-napari")) / "models"


def model_folders() -> tuple[Path, Path]:
    """List the folders of models that can be loaded by name, that of built-in ones first."""
    return built_in_folder(), user_model_folder()


def list_models(unreadable: list[ModelError] | None = None) -> list[ModelInfo]:
    """List the models that can be loaded by name, built-in ones first.

    Parameters
    ----------
    unreadable : list of ModelError, optional
        Gets what is wrong with the files that are not models of this kind.

    Returns
    -------
    list of ModelInfo
        A user's model with the name of a built-in one is left out.

    Examples
    --------
    >>> [info.name for info in list_models()][:1]
    ['general-1']
    """
    found: dict[str, ModelInfo] = {}
    for folder in model_folders():
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            if path.name.startswith("."):
                continue  # It is being written, or was when something killed the program.
            try:
                found.setdefault(path.stem, read_info(path))
            except ModelError as error:
                if unreadable is not None:
                    unreadable.append(error)
    return list(found.values())


def find_model(name_or_path: str | Path) -> ModelInfo:
    """Find a model by name or file.

    Parameters
    ----------
    name_or_path : str or Path
        A name from `list_models`, or a ``.safetensors`` file.

    Returns
    -------
    ModelInfo
        What the file says about itself.

    Raises
    ------
    ModelError
        If there is no such model, or the file is no model of this package.
    """
    text = str(name_or_path)
    if text.endswith(_SUFFIX) or os.sep in text or "/" in text:
        return read_info(Path(name_or_path).expanduser())
    for folder in model_folders():
        path = folder / f"{text}{_SUFFIX}"
        if is_plain_file(path):
            return read_info(path)
    known = ", ".join(info.name for info in list_models()) or "none"
    raise ModelError(f"there is no model {text!r}: choose one of {known}, or give a {_SUFFIX} file")


def read_info(path: Path) -> ModelInfo:
    """Read the header of a model file without its weights.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file.

    Returns
    -------
    ModelInfo
        Its header.

    Raises
    ------
    ModelError
        If the file is missing, damaged or was not written by this package.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= min(size, _LONGEST_HEADER):
                raise ModelError(f"{path}: not a safetensors file, or cut off")
            fields = json.loads(file.read(length))
            text = fields.pop("__metadata__", {}).get(HEADER_KEY)
            header = json.loads(text) if isinstance(text, str) and text else None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: not a safetensors file, or damaged") from error
    if not isinstance(header, dict) or "architecture" not in header or "threshold" not in header:
        raise ModelError(f"{path}: not a docbin-napari model (its header is missing)")
    for trouble in header_troubles(header):
        raise ModelError(f"{path}: {trouble}")
    try:
        is_whole = size == 8 + length + max(part["data_offsets"][1] for part in fields.values())
    except (TypeError, LookupError, ValueError):
        is_whole = False
    if not is_whole:
        raise ModelError(f"{path}: the weights are damaged: copy the file again")
    return ModelInfo(path.stem, path, size, header)


_LARGEST_WEIGHT = 1e15


def load_tensors(info: ModelInfo) -> dict[str, NDArray[Any]]:
    """Load the weights of a model file.

    Parameters
    ----------
    info : ModelInfo
        From `find_model`.

    Returns
    -------
    dict
        Name to values.

    Raises
    ------
    ModelError
        If the architecture and the weights do not fit together, or weights are not finite.
    SafetensorError, OSError
        If the file is damaged.
    """
    import numpy as np
    from safetensors import safe_open

    with safe_open(info.path, "np") as file:
        names = list(file.keys())
        # Before arrays, or a network, of the size that the header names are made.
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in names}
        named = info.architecture.tensors()
        if differing := dict(named.items() ^ stored.items()):
            name = min(differing)
            found, due = (known.get(name, "nothing") for known in (stored, named))
            raise ModelError(
                f"{info.path}: written by docbin-napari {info.version}, its weights do not fit its "
                f"architecture as {__version__} knows it ({name}: {found} instead of {due})"
            )
        loaded: dict[str, NDArray[Any]] = {name: file.get_tensor(name) for name in names}
    for name, values in loaded.items():
        if not _is_usable(name, values):
            raise ModelError(
                f"{info.path}: the weights are damaged ({name} is not finite or out of range)"
            )
    # Files may hold 16-bit floats, to be half as large; batch norms are folded in float32.
    return {
        name: values.astype(np.float32) if values.dtype == np.float16 else values
        for name, values in loaded.items()
    }


def _is_usable(name: str, values: NDArray[Any]) -> bool:
    """Tell whether anything but noise or white pages can come of these weights."""
    largest = abs(values.astype("float64")).max(initial=0)
    # A comparison with NaN is False, too.
    return bool(largest <= _LARGEST_WEIGHT) and not (
        name.endswith("running_var") and bool((values < 0).any())
    )


@contextmanager
def checked(info: ModelInfo) -> Iterator[None]:
    """Turn errors of loading a network into a `ModelError` that names the file.

    Parameters
    ----------
    info : ModelInfo
        The file.

    Raises
    ------
    ModelError
        Instead of what loading and building a network raise.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        words = str(error).partition("\n")[0]
        raise ModelError(f"{info.path}: the weights are damaged ({words})") from error
