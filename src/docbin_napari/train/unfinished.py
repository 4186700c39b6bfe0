"""Where the best weights lie while a model is being made, and what becomes of them after a crash.

Loads no torch: the widget looks here when the training process has died.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator


def unfinished_path(path: Path) -> Path:
    """File of the best weights so far, while a model is being made.

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


class NameInUseError(Exception):
    """Another training makes a model of this name at this moment."""


@contextmanager
def reserved(path: Path) -> Iterator[Path | None]:
    """Let nobody else make a model of a name, as long as the process lives.

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
    with _locked(path):
        yield _as_model(path, path.with_stem(f"{path.stem}-unfinished"))


def rescue(path: Path) -> Path | None:
    """Make a model of the best weights that an interrupted fine-tuning has left.

    Parameters
    ----------
    path : Path
        File that the model would have got.

    Returns
    -------
    Path or None
        The model: this file or, where that is taken, ``NAME-2`` and so on; None where
        nothing was left.
    """
    return _as_model(path, path)


def rescue_of_the_dead(path: Path) -> Path | None:
    """Do as `rescue`, unless another process is still at work on this model."""
    try:
        with _locked(path):
            return rescue(path)
    except NameInUseError:
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise NameInUseError(
            f"another training is making {path.stem}: choose another name"
        ) from error
    except OSError:
        pass  # A folder that takes no lock takes no model either: said where it is written.
    try:
        yield
    finally:
        lock.release()


def _as_model(path: Path, wanted: Path) -> Path | None:
    left = unfinished_path(path)
    if not left.exists():
        return None
    free, number = wanted, 1
    while free.exists():
        number += 1
        free = wanted.with_stem(f"{wanted.stem}-{number}")
    left.replace(free)
    return free
