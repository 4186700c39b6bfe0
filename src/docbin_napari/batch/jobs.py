"""Plan a batch: settings, what it reads and writes, and the events that it reports.

The files that are read and those that will be written are listed before the first is read.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Literal

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import DEFAULT_PIXEL_LIMIT, PAGE_SUFFIXES, RESULTS_FOLDER, find_pages
from docbin_napari.io.paths import is_folder, is_plain_file, missing, resolved


@dataclass(frozen=True)
class OutputConfig:
    """What is read from the files of a batch and where the results go.

    Parameters
    ----------
    output : Path, optional
        Folder for the results, in which folders inside an input folder are kept.
    format : {"png", "tiff"}
        "png" writes 1-bit PNG, one file per page: a file of many pages becomes NAME_001.png,
        NAME_002.png and so on. "tiff" writes 1-bit CCITT G4 TIFF, in which many pages stay
        one file.
    probability : bool
        Also write the probability of ink as 8-bit gray, 0 to 255, as NAME_probability.
    recursive : bool
        Also search the folders inside a folder.
    overwrite : bool
        Write again what is already there, instead of skipping it.
    dpi : float
        Resolution at which the pages of a PDF are drawn, dots per inch.
    pixel_limit : int
        Most pixels that one page may have.
    password : str, optional
        Password of encrypted PDF files.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    output: Path | None = None
    format: Literal["png", "tiff"] = "png"
    probability: bool = False
    recursive: bool = False
    overwrite: bool = False
    dpi: float = 300.0
    pixel_limit: int = DEFAULT_PIXEL_LIMIT
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.dpi <= 10_000:
            raise ValueError(f"dpi must lie between 1 and 10000, not {self.dpi}")
        if self.pixel_limit < 1:
            raise ValueError(f"pixel_limit must be positive, not {self.pixel_limit}")


@dataclass(frozen=True)
class ClusterConfig:
    """Which Dask cluster does the work.

    Parameters
    ----------
    dask : str
        Send the files to a Dask cluster: the address of its scheduler, such as
        tcp://node1:8786, or "local" to start one on this machine.
    workers : int, optional
        Processes that "local" starts.
    device : {"auto", "cpu", "cuda", "mps"}
        Where the workers run the network.

    Raises
    ------
    ValueError
        If the address is empty, or `workers` is given for an address or below 1.
    """

    dask: str
    workers: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.dask.strip():
            raise ValueError('dask must be the address of a scheduler, or "local"')
        if self.workers is not None and self.dask != "local":
            raise ValueError("workers goes with --dask local only: a cluster brings its own")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")


class ClusterError(Exception):
    """The cluster cannot do this batch; what is written stays, and is skipped the next time."""


@dataclass(frozen=True)
class FileStarted:
    """A file is being read.

    Parameters
    ----------
    source : Path
        The file.
    """

    source: Path


@dataclass(frozen=True)
class PageProgress:
    """A part of a page is done.

    Parameters
    ----------
    source : Path
        The file.
    page, pages : int
        The page in the file, from 1, and the number of its pages.
    done, total : int
        Windows times symmetries of this page that are done, and all of them.
    """

    source: Path
    page: int
    pages: int
    done: int
    total: int


@dataclass(frozen=True)
class FileWritten:
    """All results of a file are written.

    Parameters
    ----------
    source : Path
        The file.
    outputs : tuple of Path
        What was written, without what had been there already.
    inverted : tuple of int
        Pages, from 1, that look like light writing on dark ground and were taken inverted.
    remarks : tuple of str
        What was read in another way than the file says, each once.
    """

    source: Path
    outputs: tuple[Path, ...]
    inverted: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSkipped:
    """All results of a file had been there already.

    Parameters
    ----------
    source : Path
        The file.
    """

    source: Path


@dataclass(frozen=True)
class FileFailed:
    """A file could not be finished; the batch goes on with the next.

    Parameters
    ----------
    source : Path
        The file.
    reason : str
        What is wrong, in one line.
    inverted, remarks : tuple
        Of its other pages, as in `FileWritten`.
    """

    source: Path
    reason: str
    inverted: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


FileEnd = FileWritten | FileSkipped | FileFailed
"""How a file can end."""
Event = FileStarted | PageProgress | FileEnd
"""What a batch reports while it runs."""


@dataclass(frozen=True)
class PageOutputs:
    """The files that one page, or all pages of a TIFF, are written to.

    Parameters
    ----------
    mask : Path
        The 1-bit mask.
    probability : Path or None
        The probability of ink, where it is wanted.
    """

    mask: Path
    probability: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are wanted."""
        return (self.mask,) if self.probability is None else (self.mask, self.probability)

    @property
    def exist(self) -> bool:
        """Whether all of them are there."""
        return all(is_plain_file(path) for path in self.paths)


@dataclass(frozen=True)
class Job:
    """One file of a batch.

    Parameters
    ----------
    source : Path
        The file to read.
    folder : Path
        Where its results go.
    name : str
        Their name without suffix.
    suffix : str
        Their suffix: ``".png"`` or ``".tiff"``.
    probability : bool
        Whether the probability is wanted too.
    problem : str
        Why the file cannot be binarized at all; empty if it can.
    rivals : mapping
        Names of masks that other files are written to, and that a numbered page of this file could
        take from them, each with its file.
    seen : (int, str), optional
        Size and checksum of the file when it was opened.
    """

    source: Path
    folder: Path
    name: str
    suffix: str = ".png"
    probability: bool = False
    problem: str = ""
    rivals: Mapping[str, Path] = field(default_factory=dict, hash=False)
    seen: tuple[int, str] | None = None

    def outputs(self, index: int = 0, count: int = 1) -> PageOutputs:
        """Name the files of one page.

        Parameters
        ----------
        index : int
            The page, from 0.
        count : int
            Pages in the file. Results that hold all pages are named as for one.

        Returns
        -------
        PageOutputs
            The files.

        Examples
        --------
        >>> Job(Path("in/scan.pdf"), Path("out"), "scan").outputs(6, 12).mask.as_posix()
        'out/scan_007.png'
        """
        digits = max(3, len(str(count)))
        name = self.name if count == 1 else f"{self.name}_{index + 1:0{digits}}"
        probability = self.folder / f"{name}_probability{self.suffix}"
        return PageOutputs(
            self.folder / f"{name}{self.suffix}", probability if self.probability else None
        )


def plan_jobs(
    paths: Iterable[Path], config: OutputConfig, passed_over: list[Path] | None = None
) -> list[Job]:
    """Find the pages and decide what each is written to.

    Strategy: the name of a result depends on the page alone, not on what else is in the batch,
    so that a second run finds the results of the first. Where two pages in one folder differ
    only in their suffix, both keep it in the name (``a.png`` and ``a.tif`` become ``a_png`` and
    ``a_tif``). What still clashes is an error of the later file: the same name from two folders,
    or a result that would replace a page.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders.
    config : OutputConfig
        What is wanted and where.
    passed_over : list of Path, optional
        Takes the files of folders that look like pages, of kinds that are not read.

    Returns
    -------
    list of Job
        In the order of the paths, each file once. What is missing, empty or in conflict stays in
        the list and carries its problem.
    """
    stems_in = cache(_stems_in)
    once: dict[tuple[Path, Path, str], Job] = {}
    for path in paths:
        for job in _find_jobs(path, config, stems_in, passed_over):
            # Two links to one file are two pages of their own names.
            once.setdefault((resolved(job.source), resolved(job.folder), job.name), job)
    return _refuse_conflicts(list(once.values()))


def _find_jobs(
    path: Path,
    config: OutputConfig,
    stems_in: Callable[[Path], Counter[str]],
    passed_over: list[Path] | None,
) -> Iterator[Job]:
    planned = partial(Job, suffix=f".{config.format}", probability=config.probability)
    if not is_folder(path):
        problem = missing(path)
        name = path.stem if problem else _result_name(path, stems_in)
        yield planned(path, config.output or path.parent / RESULTS_FOLDER, name, problem=problem)
        return
    unreadable: list[PageError] = []
    try:
        pages = find_pages(
            path, recursive=config.recursive, unreadable=unreadable, passed_over=passed_over
        )
    except PageError as error:
        yield planned(path, path, path.name, problem=error.reason)
        return
    for trouble in unreadable:
        yield planned(trouble.path, trouble.path, trouble.path.name, problem=trouble.reason)
    if config.output and _is_inside(config.output, path):
        if config.output.resolve() == path.resolve():
            problem = "results among the pages would be taken for pages: choose another --output"
            yield planned(path, path, path.name, problem=problem)
            return
        pages = [page for page in pages if not _is_inside(page, config.output)]
    if not pages:
        yield planned(path, path, path.name, problem=_nothing_found(path, config))
    for page in pages:
        folder = page.parent / RESULTS_FOLDER
        if config.output:
            folder = config.output / page.parent.relative_to(path)
        yield planned(page, folder, _result_name(page, stems_in))


def _nothing_found(folder: Path, config: OutputConfig) -> str:
    reason = "there are no pages in this folder"
    if not config.recursive and any(map(is_folder, folder.iterdir())):
        return f"{reason} (folders inside it are searched only with --recursive)"
    return reason


def _is_inside(path: Path, folder: Path) -> bool:
    return resolved(path).is_relative_to(resolved(folder))


def _result_name(page: Path, stems_in: Callable[[Path], Counter[str]]) -> str:
    """Name without suffix; with it, where another page of the folder has the same name."""
    alone = stems_in(page.parent)[page.stem] <= 1
    return page.stem if alone else f"{page.stem}_{page.suffix[1:]}"


def _stems_in(folder: Path) -> Counter[str]:
    """Count the pages of a folder by their name without suffix."""
    try:
        entries = [entry for entry in folder.iterdir() if entry.suffix.lower() in PAGE_SUFFIXES]
    except OSError:
        return Counter()
    return Counter(entry.stem for entry in entries if entry.is_file())


def _refuse_conflicts(jobs: list[Job]) -> list[Job]:
    """Note a problem for each file whose result would replace a page or another result."""
    checked: list[Job] = []
    rivals: dict[tuple[Path, str], dict[str, Path]] = defaultdict(dict)
    pages = {resolved(job.source) for job in jobs if not job.problem}
    taken: dict[Path, Path] = {}
    for job in jobs:
        problem = job.problem
        targets = [] if problem else [resolved(path) for path in job.outputs().paths]
        for target in targets:
            if target in pages:
                problem = f"its result would replace the page {target}: choose another --output"
            elif target in taken:
                problem = f"its result would replace that of {taken[target]}: use two --output"
        if not problem:
            taken.update(dict.fromkeys(targets, job.source))
        checked.append(replace(job, problem=problem))
        numbered = re.fullmatch(r"(.+)_\d{3,}", job.name)
        if numbered and not problem:
            rivals[resolved(job.folder), numbered[1]][job.outputs().mask.name] = job.source
    return [replace(job, rivals=rivals[resolved(job.folder), job.name]) for job in checked]
