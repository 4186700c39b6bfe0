"""Tensors of model files as numpy arrays, and what is said of files that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docbin_napari.__about__ import __version__
from docbin_napari.model.registry import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.model.registry import ModelInfo


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
    SafetensorError, OSError
        If the file is damaged.
    """
    from safetensors.numpy import load_file

    loaded: dict[str, NDArray[Any]] = load_file(info.path)
    return loaded


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
