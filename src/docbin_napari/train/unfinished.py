"""Where the best weights lie while a model is being made, and what becomes of them after a crash.

Loads no torch: the widget looks here when the training process has died.
"""

from __future__ import annotations

from pathlib import Path


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
    left = unfinished_path(path)
    if not left.exists():
        return None
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    left.replace(free)
    return free
