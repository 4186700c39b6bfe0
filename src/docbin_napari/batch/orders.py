"""Orders for the workers of a cluster: one a file, a few kilobytes and no pixels."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from docbin_napari.__about__ import __version__
from docbin_napari.batch.events import FileFailed, FileSkipped, FileWritten
from docbin_napari.batch.jobs import Job, OutputConfig
from docbin_napari.batch.made_from import MadeFrom, Recipe
from docbin_napari.inference.config import InferenceConfig
from docbin_napari.io.atomic import writing_trouble
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.registry import built_in_folder, find_model

End = FileWritten | FileSkipped | FileFailed
"""How a file can end."""


@dataclass(frozen=True)
class SentModel:
    """A network as it is named to workers, and how it is used; made by `describe_model`.

    Parameters
    ----------
    name : str
        A built-in model, or the absolute path of a model file.
    digest : str
        From `model_digest`.
    device : str
        Where a worker runs it; ``"auto"`` takes its GPU if it has one.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1. By default the model's own.
    engine : EngineConfig, optional
        What runs it, and how; chosen by each worker by default.
    """

    name: str
    digest: str
    device: str
    inference: InferenceConfig
    threshold: float | None = None
    engine: EngineConfig | None = None

    @property
    def recipe(self) -> Recipe:
        """What results keep of it."""
        return Recipe.of(self.name, self.digest, self.inference, self.threshold)


@dataclass(frozen=True)
class Order:
    """One file to be done by a worker, with all that its treatment needs.

    Parameters
    ----------
    run : str
        Identifies the batch.
    number : int
        Place of the file in the batch, from 1.
    job : Job
        The file; its paths are absolute.
    model : SentModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.
    owners : mapping
        Path of a planned mask to the file that it comes from, where a numbered page of this file
        could get the same name.
    version : str
        Version of docbin-napari that sends the order.
    """

    run: str
    number: int
    job: Job
    model: SentModel
    config: OutputConfig
    owners: Mapping[Path, Path]
    version: str = __version__


def describe_model(
    name_or_path: str,
    device: str,
    inference: InferenceConfig,
    threshold: float | None = None,
    engine: EngineConfig | None = None,
) -> SentModel:
    """Find a model on this machine and describe it to workers. Loads no torch.

    Parameters
    ----------
    name_or_path : str
        A name from ``docbin models``, or a ``.safetensors`` file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where workers run it.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1.
    engine : EngineConfig, optional
        What runs it, and how; chosen by each worker by default.

    Returns
    -------
    SentModel
        A built-in model by its name, because each machine has the package at a place of its
        own; any other by the path of its file.

    Raises
    ------
    ModelError
        If there is no such model.

    Examples
    --------
    >>> describe_model("general-1", "cpu", InferenceConfig()).name
    'general-1'
    """
    info = find_model(name_or_path)
    built_in = info.path.resolve().parent == built_in_folder()
    name = info.name if built_in else str(info.path.absolute())
    return SentModel(
        name, model_digest(info.path), device, inference, threshold, engine or EngineConfig()
    )


def model_digest(path: Path) -> str:
    """SHA-256 of a model file, in hexadecimal digits.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 digits: the same on all machines where the file is the same.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sift(
    jobs: Sequence[Job], model: SentModel, config: OutputConfig
) -> Iterator[Order | FileSkipped | FileFailed]:
    """Turn each file that has to be done into an order, and end the others at once.

    Folders for results are made here and not by workers: one that does not see such a folder
    shares no file system with this machine, and would write where nobody looks.

    Parameters
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    model : SentModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.

    Yields
    ------
    Order, FileSkipped or FileFailed
        For each job one, in their order; a file is looked at when it is asked for.
    """
    run = secrets.token_hex(4)
    rivals = _rivals(jobs)
    make_folder = cache(_make_folder)
    for number, job in enumerate(jobs, start=1):
        if not job.problem and not config.overwrite and _is_done(job, model, config):
            yield FileSkipped(job.source)
            continue
        problem = job.problem or make_folder(job.folder)
        if problem:
            yield FileFailed(job.source, problem)
            continue
        # Not resolved: a link that is the same everywhere may point to a place that is not.
        sent = replace(job, source=job.source.absolute(), folder=job.folder.absolute())
        yield Order(run, number, sent, model, config, rivals.get((sent.folder, sent.name), {}))


def _is_done(job: Job, model: SentModel, config: OutputConfig) -> bool:
    """Whether the only result of a file is there; those of many pages are left to the worker."""
    page = 0 if job.suffix == ".tiff" else 1
    made = MadeFrom(job.source, page, config.dpi, model.recipe)
    return made.standing(job.outputs()) == "done"


def _make_folder(folder: Path) -> str:
    """Make a folder for results; returns what is wrong, or nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        return f"{folder}: a file stands where this folder should be; choose another --output"
    except OSError as error:
        return f"{folder}: {writing_trouble(error)}"
    return ""


def _rivals(jobs: Sequence[Job]) -> dict[tuple[Path, str], dict[Path, Path]]:
    """Masks named like a numbered page of another file, by folder and name of that file."""
    found: dict[tuple[Path, str], dict[Path, Path]] = {}
    for job in jobs:
        numbered = re.fullmatch(r"(.+)_\d{3,}", job.name)
        if numbered and not job.problem:
            mask = job.outputs().mask.absolute()
            found.setdefault((mask.parent, numbered[1]), {})[mask] = job.source.absolute()
    return found
