"""Paths of a new model and of its best weights while it is made; loads no torch.

The plugin takes the best weights from here when the training process has died.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from docbin_napari.io.paths import writing_trouble
from docbin_napari.model.model_file import built_in_folder, model_folders, user_model_folder
from docbin_napari.train.train_config import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator


def output_path(output: str) -> Path:
    """Choose the file of a new model: a ``.safetensors`` path as it is, a name in the folder.

    Parameters
    ----------
    output : str
        As in `TrainConfig`.

    Returns
    -------
    Path
        Where the model is written.

    Examples
    --------
    >>> output_path("letters").name
    'letters.safetensors'
    """
    if output.endswith(".safetensors"):
        return Path(output)
    return user_model_folder() / f"{output}.safetensors"


def checked_output(output: str, overwrite: bool) -> Path:
    """Choose the file of a new model, and check that it can be written.

    Parameters
    ----------
    output : str
        As in `TrainConfig`.
    overwrite : bool
        Whether a model of the user's may be replaced.

    Returns
    -------
    Path
        Its folder is there and can be written to.

    Raises
    ------
    TrainingError
        If the name is taken or is no name, or its folder cannot be written to.
    """
    path = output_path(output)
    if not output.endswith(".safetensors") and (not output.strip() or Path(output).name != output):
        raise TrainingError(f"{output!r} cannot be the name of a model: leave out / and \\")
    if (built_in_folder() / path.name).exists() and path.parent in model_folders():
        raise TrainingError(f"{path.stem} is the name of a built-in model: choose another --output")
    if path.exists() and not overwrite:
        raise TrainingError(
            f"{path}: there is already a model of this name: choose another --output, "
            "or add --overwrite"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{path}: {writing_trouble(error)}") from error
    if not os.access(path.parent, os.W_OK):
        raise TrainingError(f"{path.parent}: this folder may not be written to; choose another")
    return path


def unfinished_path(path: Path) -> Path:
    """Choose the file of the best weights so far, while a model is being made.

    Parameters
    ----------
    path : Path
        File of the model.

    Returns
    -------
    Path
        Beside it; no list of models shows it.

    Examples
    --------
    >>> unfinished_path(Path("letters.safetensors")).name
    'letters.safetensors.unfinished'
    """
    return path.with_name(f"{path.name}.unfinished")


class NameInUseError(TrainingError):
    """Another training makes a model of this name at this moment."""


@contextmanager
def reserved(path: Path) -> Iterator[Path | None]:
    """Reserve the name of a model for the block: no other process makes one of it meanwhile.

    Parameters
    ----------
    path : Path
        File that the model will get.

    Yields
    ------
    Path or None
        The model made of the best weights that an earlier training of this name had left
        when it broke off: ``NAME-unfinished``. None where nothing was left.

    Raises
    ------
    NameInUseError
        If another process, or another part of this one, makes a model of this name.
    """
    with locked(path, f"another training is making {path.stem}: choose another name"):
        yield rescue(path, path.with_stem(f"{path.stem}-unfinished"))


def rescue(path: Path, wanted: Path | None = None) -> Path | None:
    """Make a model of the best weights that an interrupted fine-tuning has left.

    Parameters
    ----------
    path : Path
        File that the model would have got.
    wanted : Path, optional
        File that it gets instead.

    Returns
    -------
    Path or None
        The model: this file or, where that is taken, ``NAME-2`` and so on; None where
        nothing was left.
    """
    left = unfinished_path(path)
    if not left.exists():
        return None
    wanted = free = wanted or path
    number = 1
    while free.exists():
        number += 1
        free = wanted.with_stem(f"{wanted.stem}-{number}")
    left.replace(free)
    return free


def rescue_of_the_dead(path: Path) -> Path | None:
    """Do as `rescue`, unless another process is still at work on this model."""
    try:
        with locked(path):
            return rescue(path)
    except NameInUseError:
        return None


@contextmanager
def locked(path: Path, reason: str = "") -> Iterator[None]:
    """Keep a file or a folder to this process for the block, else raise `NameInUseError`.

    Parameters
    ----------
    path : Path
        Need not be there.
    reason : str, optional
        Words of the error.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise NameInUseError(reason) from error
    except OSError:
        pass  # A folder that takes no lock takes no model either, which is reported in the end.
    try:
        yield
    finally:
        lock.release()
