"""Record in each result what it was made from, and compare it before skipping a page.

Strategy: a name says little. Another source can have the same result name, a scan may have been
made again, and the next run may use another model. So each mask carries a few words: its source
(name, size and checksum, no path), the page, the model and the settings. A mask without them, of
an earlier version or another program, is known by its name alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from docbin_napari.io.paths import file_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docbin_napari.batch.jobs import Job, OutputConfig, PageOutputs
    from docbin_napari.inference.inference_config import InferenceConfig

KEYWORD = "docbin-napari"
"""Under this keyword the words stand in a PNG file; in a TIFF file they are its description."""
Standing = Literal["missing", "done", "other source", "changed", "other recipe"]
"""What a result that is there is to a page."""
_NOT_IN_RESULTS = ("batch",)
_SHOWN = 3


@dataclass(frozen=True)
class Recipe:
    """How pages are made into results.

    Parameters
    ----------
    model : str
        Name of the model.
    digest : str
        Checksum of its file.
    settings : str
        All settings that change results, as JSON with sorted keys.
    """

    model: str
    digest: str
    settings: str

    @classmethod
    def of(
        cls, model: str, digest: str, inference: InferenceConfig, threshold: float | None
    ) -> Recipe:
        """Collect it from the settings of a batch."""
        settings: dict[str, Any] = {**asdict(inference), "threshold": threshold}
        for name in _NOT_IN_RESULTS:
            del settings[name]
        name = Path(model).stem if model.endswith(".safetensors") else model
        return cls(name, digest, json.dumps(settings, sort_keys=True))


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
    recipe : Recipe or None
        How; None where nobody compares it.
    seen : (int, str), optional
        Size and checksum of the file when it was opened: it may be another one when the result is
        written. Those of now if it is left out.
    """

    source: Path
    page: int
    dpi: float
    recipe: Recipe | None = None
    seen: tuple[int, str] | None = None

    def texts(self) -> dict[str, str]:
        """Give the words for the file of the result.

        Returns
        -------
        dict of str to str
            Keyword to JSON; empty if the source cannot be read any more.
        """
        try:
            size, checksum = self.seen or fingerprint(self.source)
        except OSError:
            return {}
        kept: dict[str, Any] = {"source": self.source.name, "size": size, "sha256": checksum}
        kept["page"] = self.page
        if self.source.suffix.lower() == ".pdf":
            kept["dpi"] = self.dpi
        if self.recipe is not None:
            kept["model"], kept["model_sha256"] = self.recipe.model, self.recipe.digest
            kept["settings"] = json.loads(self.recipe.settings)
        return {KEYWORD: json.dumps(kept, sort_keys=True)}

    def standing(self, outputs: PageOutputs) -> Standing:
        """Compare with the results that are there.

        Parameters
        ----------
        outputs : PageOutputs
            Where the results of this page go.

        Returns
        -------
        str
            "other source": the result belongs to another file or page. "changed": the source is
            not the same any more. "other recipe": another model or other settings.
        """
        if not outputs.mask.is_file():
            return "missing"
        kept = read_words(outputs.mask)
        if kept is not None:
            own = json.loads(self.texts().get(KEYWORD, "{}"))
            if kept.get("source") != self.source.name or kept.get("page") != self.page:
                return "other source"
            if any(kept.get(name) != own.get(name) for name in ("size", "sha256", "dpi")):
                return "changed"
            names = ("model_sha256", "settings")
            if self.recipe is not None and any(kept.get(name) != own[name] for name in names):
                return "other recipe"
        return "done" if outputs.exist else "missing"


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
    from docbin_napari.io.encode import read_texts
    from docbin_napari.io.errors import MaskError

    try:
        kept = json.loads(read_texts(mask).get(KEYWORD, "null"))
    except (MaskError, ValueError, RecursionError):
        return None
    return kept if isinstance(kept, dict) else None


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
    return status.st_size, _checksum(path, status.st_size, status.st_mtime_ns)


def done_otherwise(jobs: Iterable[Job], config: OutputConfig, recipe: Recipe | None) -> str:
    """Say which files were done with another model or other settings.

    Parameters
    ----------
    jobs : iterable of Job
        From `plan_jobs`.
    config : OutputConfig
        The one that the jobs were planned with.
    recipe : Recipe
        The one of this run.

    Returns
    -------
    str
        One line for the user; empty if there are none, or all is written again anyway.
    """
    if config.overwrite:
        return ""
    found: list[str] = []
    for job in jobs:
        # A file of one page, or the first page of several, of a few or a thousand and more.
        for count in (1, 2, 1000) if not job.problem else ():
            page = 0 if job.suffix == ".tiff" else 1
            made = MadeFrom(job.source, page, config.dpi, recipe)
            if made.standing(job.outputs(0, count)) == "other recipe":
                found.append(str(job.outputs(0, count).mask.name))
                break
    if not found:
        return ""
    shown = ", ".join(found[:_SHOWN]) + (
        f" and {len(found) - _SHOWN} more" if found[_SHOWN:] else ""
    )
    return f"{shown}: {OTHER_RECIPE}"


OTHER_RECIPE = (
    "done already, but with another model or other settings; add --overwrite to do it again, "
    "or choose another --output"
)
