"""Find model files by name, built-in and trained; loads no torch."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docbin_napari.io.paths import is_plain_file
from docbin_napari.model.header import header_trouble

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
    def version(self) -> str:
        """Version of docbin-napari that wrote the file."""
        return str(self.header.get("version", "unknown"))


def built_in_folder() -> Path:
    """Folder of the weights inside the package."""
    return Path(__file__).resolve().parent.parent / "weights"


def user_model_folder() -> Path:
    """Folder of the user's own models: ``$DOCBIN_MODELS``, else the platform's data folder."""
    chosen = os.environ.get("DOCBIN_MODELS")
    if chosen:
        return Path(chosen)
    # Imported late: machines that only train do without it.
    import platformdirs

    return Path(platformdirs.user_data_dir("docbin-napari")) / "models"


def list_models(unreadable: list[ModelError] | None = None) -> list[ModelInfo]:
    """List the models that can be loaded by name, built-in ones first.

    Parameters
    ----------
    unreadable : list of ModelError, optional
        Takes what is wrong with the files that are no models of this kind.

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
    for folder in (built_in_folder(), user_model_folder()):
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
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
    for folder in (built_in_folder(), user_model_folder()):
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
            text = json.loads(file.read(length)).get("__metadata__", {}).get(HEADER_KEY)
            header = json.loads(text) if isinstance(text, str) and text else None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path}: not a safetensors file, or damaged") from error
    if not isinstance(header, dict) or "architecture" not in header or "threshold" not in header:
        raise ModelError(f"{path}: not a docbin-napari model (its header is missing)")
    trouble = header_trouble(header)
    if trouble:
        raise ModelError(f"{path}: {trouble}")
    return ModelInfo(path.stem, path, size, header)


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of the tensors of a model file without its weights.

    Parameters
    ----------
    path : Path
        A file that `read_info` could read.

    Returns
    -------
    dict of str to tuple of int
        Name to shape; what has none is left out.
    """
    with path.open("rb") as file:
        stored = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {
        name: tuple(entry["shape"])
        for name, entry in stored.items()
        if isinstance(entry, dict) and isinstance(entry.get("shape"), list)
    }
