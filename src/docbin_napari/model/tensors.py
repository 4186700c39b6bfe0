"""Load tensors of model files as numpy arrays, with errors for damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.__about__ import __version__
from docbin_napari.model.header import network_trouble
from docbin_napari.model.registry import ModelError, tensor_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.model.registry import ModelInfo

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
    from safetensors.numpy import load_file

    # Before arrays, or a network, of the size that the header names are made.
    trouble = network_trouble(info.header["architecture"], tensor_shapes(info.path))
    if trouble:
        raise ModelError(f"{info.path}: {trouble}")
    loaded: dict[str, NDArray[Any]] = load_file(info.path)
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
    """Whether anything but noise or white pages can come of these weights."""
    largest = np.abs(values.astype(np.float64)).max(initial=0)
    # A comparison with NaN is False, too.
    return bool(largest <= _LARGEST_WEIGHT) and not (
        name.endswith("running_var") and bool((values < 0).any())
    )


@contextmanager
def checked(info: ModelInfo) -> Iterator[None]:
    """Say of a model file that its network cannot be loaded.

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
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{info.path}: the weights are damaged ({error})") from error
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{info.path}: written by docbin-napari {info.version}, "
            f"its network is not known to {__version__} ({str(error).splitlines()[0]})"
        ) from error
