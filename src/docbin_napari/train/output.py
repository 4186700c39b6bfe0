"""The file of a new model, and why it cannot be written there; loads no torch."""

from __future__ import annotations

import os
from pathlib import Path

from docbin_napari.io.atomic import writing_trouble
from docbin_napari.model.registry import built_in_folder, user_model_folder


class OutputError(Exception):
    """A model cannot have this name, or cannot be written to this place."""


def output_path(output: str) -> Path:
    """File of a new model: a ``.safetensors`` path as it is, a name in the user's folder.

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
    """File of a new model, once nothing speaks against it.

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
    OutputError
        If the name is taken or is no name, or its folder cannot be written to.
    """
    path = output_path(output)
    if output != str(path) and (not output.strip() or Path(output).name != output):
        raise OutputError(f"{output!r} cannot be the name of a model: leave out / and \\")
    if (built_in_folder() / path.name).exists() and path.parent in (
        built_in_folder(),
        user_model_folder(),
    ):
        raise OutputError(f"{path.stem} is the name of a built-in model: choose another --output")
    if path.exists() and not overwrite:
        raise OutputError(
            f"{path}: there is already a model of this name: choose another --output, "
            "or add --overwrite"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: {writing_trouble(error)}") from error
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent}: this folder may not be written to; choose another")
    return path
