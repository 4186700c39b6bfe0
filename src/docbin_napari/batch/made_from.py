"""Say what results are made from: the model of a batch, and a record in each mask.

A batch describes its network in a few words, by which every process can load it.

Strategy: a name says little. Another source can have the same result name, a scan may have been
made again, and the next run may use another model. So each mask carries a few words: its source
(name, size, checksum, and a checksum of its path from the result), the page, the model and the
settings, and whether a probability was written with it. They are compared before a page is skipped.
A mask without them, of an earlier version or another program, is known by its name alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from docbin_napari.batch.jobs import Job, OutputConfig, PageOutputs
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.io.encode import is_cut_off, read_texts
from docbin_napari.io.errors import MaskError, PageError
from docbin_napari.io.mask import level_of
from docbin_napari.io.page import is_pdf, is_tiff
from docbin_napari.io.paths import file_hash, is_plain_file
from docbin_napari.model import ink_model
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.model_file import ModelError, built_in_folder, find_model

KEYWORD = "docbin-napari"
"""Keyword of the record in a PNG file; in a TIFF file the record is the image description."""
OTHER_RECIPE = (
    "done already, but with another model or other settings; add --overwrite to do it again, "
    "or choose another --output"
)
Standing = Literal[
    "missing", "damaged", "done", "other source", "other folder", "changed", "other recipe"
]
"""How an existing result relates to a page."""
_SHOWN = 3


@dataclass(frozen=True)
class BatchModel:
    """The network of a batch and how it is used; made by `describe_model`.

    Parameters
    ----------
    load : callable
        Gives the `InkModel`. Called before the first page that has to be computed, so that a
        batch in which all is done needs no network.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1. By default the model's own.
    recipe : dict
        What results record of it, to tell whether they are done: name and checksum of the model,
        and all settings that change results. Nothing by default.
    """

    load: Callable[[], ink_model.InkModel]
    inference: InferenceConfig
    threshold: float | None = None
    recipe: dict[str, Any] = field(default_factory=dict)

    def lowest(self) -> int:
        """Give the lowest probability, in 256 steps, that is ink."""
        return level_of(self.load().threshold if self.threshold is None else self.threshold)


def describe_model(
    name_or_path: str,
    device: str,
    inference: InferenceConfig,
    threshold: float | None = None,
    engine: EngineConfig | None = None,
) -> BatchModel:
    """Find a model on this machine and describe it. Loads no torch.

    Parameters
    ----------
    name_or_path : str
        A name from ``docbin models``, or a ``.safetensors`` file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1.
    engine : EngineConfig, optional
        What runs it, and how; chosen by each process by default.

    Returns
    -------
    BatchModel
        Loads a built-in model by its name, because each machine has the package at a place of
        its own; any other by the path of its file.

    Raises
    ------
    ModelError
        If there is no such model.

    Examples
    --------
    >>> from docbin_napari.inference.inference_config import InferenceConfig
    >>> describe_model("general-1", "cpu", InferenceConfig()).recipe["model"]
    'general-1'
    """
    info = find_model(name_or_path)
    built_in = info.path.resolve().parent == built_in_folder()
    name = info.name if built_in else str(info.path.absolute())
    digest = file_hash(info.path)
    settings = {**asdict(inference), "threshold": threshold}
    del settings["batch"]  # It changes no result.
    recipe: dict[str, Any] = {"model": info.name, "model_sha256": digest, "settings": settings}
    if "base" in info.header:
        # It reads the pages that this model does not know.
        recipe["base_sha256"] = ""
        with suppress(ModelError, OSError):
            base = find_model(str(info.header["base"].get("name", "")))
            recipe["base_sha256"] = file_hash(base.path)
    digests = (digest, recipe.get("base_sha256"))
    load = partial(load_once, name, digests, device, engine or EngineConfig())
    return BatchModel(load, inference, threshold, recipe)


@lru_cache(maxsize=2)
def load_once(
    name: str, digests: tuple[str, str | None], device: str, engine: EngineConfig
) -> ink_model.InkModel:
    """Load a model file that any process of any machine has, once in each process.

    Threads ask for it one after the other, or each of them would load it.

    Parameters
    ----------
    name : str
        A built-in model, or the absolute path of a model file.
    digests : (str, str or None)
        SHA-256 of the file and of its base, which is empty where the base is missing and None
        for a model without one.
    device : str
        Where the process runs it; ``"auto"`` takes its GPU if it has one.
    engine : EngineConfig
        What runs it, and how.

    Returns
    -------
    InkModel
        The network.

    Raises
    ------
    ModelError, DeviceError
        If a file is missing here, is damaged or has changed, or the device is missing.
    """
    if file_hash(find_model(name).path) != digests[0]:
        raise ModelError(
            f"the file of the model {name} has changed since the batch began: start the batch again"
        )
    model = ink_model.load_model(name, device, engine)
    expected = digests[1]
    if expected is not None and expected != (
        file_hash(model.base.info.path) if model.base is not None else ""
    ):
        base = model.info.header["base"].get("name")
        raise ModelError(
            f"the base {base} of the model {name} cannot be loaded or is another one than when the "
            "batch began: use the same file on all machines, and start the batch again"
        )
    return model


@dataclass(frozen=True)
class MadeFrom:
    """What one result is made from.

    Parameters
    ----------
    source : Path
        The file that is read.
    page : int
        The page of it, from 1; 0 where one result holds all of them.
    dpi : float
        Resolution at which PDF pages are drawn.
    recipe : dict
        How: that of a `BatchModel`; empty where nobody compares it.
    seen : (int, str), optional
        Size and checksum of the file when it was opened: it may be another one when the result is
        written. Those of now if it is left out.
    folder : Path, optional
        Where the result goes. With it, a page that was scanned again and a page of the same name
        in another folder are distinguished; both may be moved together.
    """

    source: Path
    page: int
    dpi: float
    recipe: dict[str, Any]
    seen: tuple[int, str] | None = None
    folder: Path | None = None

    def texts(self, *, probability: bool = False) -> dict[str, str]:
        """Give the words for the file of the result.

        Parameters
        ----------
        probability : bool
            Whether the probability beside it is of the same run.

        Returns
        -------
        dict of str to str
            Keyword to JSON; empty if the source cannot be read any more.
        """
        try:
            size, checksum = self.seen or fingerprint(self.source)
            with self.source.open("rb") as stream:
                drawn = {"dpi": self.dpi} if is_pdf(stream.read(1024)) else {}
        except OSError:
            return {}
        file = {"source": self.source.name, "size": size, "sha256": checksum, "page": self.page}
        file["probability"] = probability
        words = {**file, **self._path(self.source), **drawn, **self.recipe}
        return {KEYWORD: json.dumps(words, sort_keys=True)}

    def _path(self, source: Path) -> dict[str, str]:
        """Checksum of the path from the result to a source."""
        if self.folder is None:
            return {}
        try:
            path = os.path.relpath(source.absolute(), self.folder.absolute())
        except ValueError:
            path = str(source.absolute())  # On another drive of Windows.
        return {"path": hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()}

    def _beside(self, kept: dict[str, Any]) -> Path:
        """The file that a result names, as if it lay beside this one."""
        return self.source.parent / Path(str(kept.get("source", ""))).name

    def standing(self, outputs: PageOutputs) -> Standing:
        """Compare with the results that are there.

        Parameters
        ----------
        outputs : PageOutputs
            Where the results of this page go.

        Returns
        -------
        str
            "damaged": it is empty, cut off or no picture. "other source": it belongs to another
            file or page of its folder. "other folder": to a file of another one. "changed": the
            source is not the same any more. "other recipe": another model or other settings.
        """
        if not is_plain_file(outputs.mask):
            return "missing"
        with suppress(OSError):
            if is_cut_off(outputs.mask):
                return "damaged"
        kept = read_words(outputs.mask)
        if kept is not None:
            own = json.loads(self.texts().get(KEYWORD, "{}"))
            if kept.get("source") != self.source.name or kept.get("page") != self.page:
                beside = self._path(self._beside(kept)).get("path")
                elsewhere = beside and kept.get("path", beside) != beside
                return "other folder" if elsewhere else "other source"
            if any(kept.get(name) != own.get(name) for name in ("size", "sha256")):
                # A source that cannot be read any more is reported where it is read.
                elsewhere = "path" in own and kept.get("path", own["path"]) != own["path"]
                other = elsewhere and kept.get("sha256") != own["sha256"]
                return "other folder" if other else "changed"
            if self._differs(kept, own):
                return "other recipe"
        # A probability that was not written with the mask may be of another model or scan.
        of_mask = outputs.probability is None or kept is None or kept.get("probability")
        return "done" if outputs.exist and of_mask else "missing"

    def _differs(self, kept: dict[str, Any], own: dict[str, Any]) -> bool:
        """Whether the settings of two records differ; a model may have another name."""
        settings = [name for name in (*self.recipe, "dpi") if name != "model"]
        return any(kept.get(name) != own.get(name) for name in settings)

    def may_differ(self, outputs: PageOutputs) -> bool:
        """Tell whether a result records other settings than these, if it is of this page at all.

        Parameters
        ----------
        outputs : PageOutputs
            Where the results of this page go.

        Returns
        -------
        bool
            False without a record. The source is not read.
        """
        kept = read_words(outputs.mask) or {}
        drawn = {"dpi": self.dpi} if "dpi" in kept else {}
        return bool(kept) and self._differs(kept, json.loads(json.dumps({**self.recipe, **drawn})))

    def is_done(self, outputs: PageOutputs, *, overwrite: bool) -> bool:
        """Tell whether the results of this page are there, and made from it as they would be now.

        Parameters
        ----------
        outputs : PageOutputs
            Where they go.
        overwrite : bool
            Whether they are written again in any case.

        Returns
        -------
        bool
            False where they are to be written.

        Raises
        ------
        PageError
            If they belong to another file that is still there, were made with another model, or
            are damaged.
        """
        standing = self.standing(outputs)
        kept = read_words(outputs.mask) or {} if standing.startswith("other ") else {}
        name, number = str(kept.get("source", "")), kept.get("page")
        whose = name if number in (0, 1) else f"page {number} of {name}"
        replaced = f"its result {outputs.mask} would replace that of {whose}"
        own = name == self.source.name
        if standing == "other source" and not own and is_plain_file(self._beside(kept)):
            raise PageError(self.source, f"{replaced}: use two --output, or rename one of them")
        reasons = {
            "damaged": f"its result {outputs.mask} is empty, cut off or no picture: delete it, or "
            "add --overwrite",
            "other folder": f"{replaced} in another folder: use two --output, or add --overwrite",
            "other recipe": f"{outputs.mask.name} is {OTHER_RECIPE}",
        }
        if standing in reasons and not overwrite:
            raise PageError(self.source, reasons[standing])
        return standing == "done" and not overwrite


def read_words(mask: Path) -> dict[str, Any] | None:
    """Read what a mask says it was made from.

    Parameters
    ----------
    mask : Path
        PNG or TIFF.

    Returns
    -------
    dict or None
        None where it says nothing that can be understood.
    """
    try:
        kept = json.loads(read_texts(mask).get(KEYWORD, "null"))
    except (MaskError, ValueError, RecursionError):
        return None
    return kept if isinstance(kept, dict) else None


def may_be_numbered(job: Job) -> bool:
    """Tell whether a file may have many pages, so that its results have numbers in their names.

    Parameters
    ----------
    job : Job
        One of the plan.

    Returns
    -------
    bool
        False where all pages become one file, for kinds of one page, and where a mask says that it
        was made from this very file as its only page.
    """
    if job.suffix == ".tiff" or not is_plain_file(job.source):
        return False
    with suppress(OSError):
        with job.source.open("rb") as stream:
            start = stream.read(1024)
        if is_pdf(start) or is_tiff(start):
            kept = read_words(job.outputs().mask) or {}
            return kept.get("page") != 1 or kept.get("sha256") != fingerprint(job.source)[1]
    return False


@lru_cache(maxsize=256)
def _checksum(path: Path, size: int, modified: int) -> str:
    return file_hash(path)


def fingerprint(path: Path) -> tuple[int, str]:
    """Measure a file: its size and its checksum.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("this is a device or a pipe, not a file: reading it may never end")
    return status.st_size, _checksum(path, status.st_size, status.st_mtime_ns)


def done_otherwise(jobs: Iterable[Job], config: OutputConfig, recipe: dict[str, Any]) -> str:
    """Say which files were done with another model or other settings.

    Parameters
    ----------
    jobs : iterable of Job
        From `plan_jobs`.
    config : OutputConfig
        The one that the jobs were planned with.
    recipe : dict
        That of the `BatchModel` of this run.

    Returns
    -------
    str
        One line for the user; empty if there are none, or all is written again anyway.
    """
    if config.overwrite:
        return ""
    found: list[str] = []
    for job in jobs:
        page = 0 if job.suffix == ".tiff" else 1
        made = MadeFrom(job.source, page, config.dpi, recipe, None, job.folder)
        # A file of one page, or the first page of several, of a few or a thousand and more.
        for count in (1, 2, 1000) if not job.problem else ():
            outputs = job.outputs(0, count)
            # Of an archive that is done, no source is read here to learn that.
            if made.may_differ(outputs) and made.standing(outputs) == "other recipe":
                found.append(outputs.mask.name)
                break
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{', '.join(found[:_SHOWN])}{more}: {OTHER_RECIPE}" if found else ""
