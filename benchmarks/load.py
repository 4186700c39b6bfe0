"""Compare the last pages of long runs with the first: time, memory, open files.

Strategy: each run is a stream of pages in this process. After each page stand its seconds, the
resident memory and the number of open files; the first and the last fifth are compared. The very
first page, which loads the network, counts for neither.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

import resident
from docbin_napari.batch.binarizer import binarize_files
from docbin_napari.batch.jobs import FileFailed, OutputConfig, PageProgress, plan_jobs
from docbin_napari.batch.made_from import BatchModel
from docbin_napari.inference.inference_config import preset
from docbin_napari.inference.predict import binarize
from docbin_napari.io.page import read_pages
from docbin_napari.model.ink_model import load_model
from large_page import write_large_page
from pages import draw, write_pages

RUNS = ("folder", "pdf", "tiff", "large", "api", "session")
_MEBI = 1 << 20


@dataclass(frozen=True)
class Size:
    """How much is done.

    Parameters
    ----------
    pages, in_file, calls, turned : int
        Small pages in a folder, pages in one PDF or TIFF file, calls of the Python interface, and
        pages turned in the viewer.
    large, side : int
        How many large pages, and how many pixels they have each way.
    """

    pages: int = 500
    in_file: int = 1500
    calls: int = 300
    turned: int = 200
    large: int = 3
    side: int = 10_000


QUICK = Size(pages=30, in_file=40, calls=30, turned=20, large=3, side=1500)


@dataclass(frozen=True)
class Sample:
    """What stands after a page: seconds that it took, bytes in memory, open files."""

    seconds: float
    memory: int
    files: int


def main() -> None:
    """Measure what is asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=RUNS)
    parser.add_argument("--model", default="general-1")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--quick", action="store_true", help="few and small pages")
    parser.add_argument("--window", action="store_true", help="turn the pages in a real window")
    parser.add_argument(
        "--cpu", action="store_true", help="seconds of the processor, where others use it, too"
    )
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else Size()
    print("| run | pages | s/page, first fifth | last | MiB, first | last | files, first | last |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in arguments.runs:
        with tempfile.TemporaryDirectory() as folder:
            samples = list(_stream(name, Path(folder), size, arguments))
        print(row(name, samples), flush=True)


def row(name: str, samples: list[Sample]) -> str:
    """One line of the table: medians of the first and the last fifth."""
    steady = samples[1:] if len(samples) > 2 else samples
    fifth = max(1, len(steady) // 5)
    first, last = steady[:fifth], steady[-fifth:]
    seconds = (f"{median(each.seconds for each in part):.3f}" for part in (first, last))
    memory = (f"{median(each.memory for each in part) / _MEBI:.0f}" for part in (first, last))
    files = (f"{median(each.files for each in part):.0f}" for part in (first, last))
    return f"| {name} | {len(samples)} | {' | '.join((*seconds, *memory, *files))} |"


def _stream(name: str, folder: Path, size: Size, arguments: argparse.Namespace) -> Iterator[Sample]:
    work: dict[str, Callable[[], Iterator[object]]] = {
        "folder": partial(_folder, folder, size.pages, arguments),
        "pdf": partial(_one_file, folder / "pages.pdf", size.in_file, arguments),
        "tiff": partial(_one_file, folder / "pages.tif", size.in_file, arguments),
        "large": partial(_large, folder, size, arguments),
        "api": partial(_calls, folder, size.calls, arguments),
        "session": partial(_session, folder, size.turned, arguments),
    }
    stream = work[name]()
    next(stream)  # What is measured on is made now.
    clock = time.process_time if arguments.cpu else time.perf_counter
    before = clock()
    for _ in stream:
        yield Sample(clock() - before, resident.now(), open_files())
        before = clock()


def open_files() -> int:
    """Files that this process holds open; 0 where the system does not say."""
    handles = Path("/proc/self/fd")
    return len(list(handles.iterdir())) if handles.is_dir() else 0


def _folder(folder: Path, count: int, arguments: argparse.Namespace) -> Iterator[object]:
    (folder / "pages").mkdir()
    write_pages(folder / "pages", draw(420, 300), count)
    yield "ready"
    yield from _batch([folder / "pages"], folder / "out", arguments)


def _one_file(path: Path, count: int, arguments: argparse.Namespace) -> Iterator[object]:
    sheet = draw(420, 300)
    others = (Image.fromarray(np.roll(sheet, number, axis=0)) for number in range(1, count))
    options = {"resolution": 100} if path.suffix == ".pdf" else {"compression": "jpeg"}
    Image.fromarray(sheet).save(path, save_all=True, append_images=others, **options)
    yield "ready"
    yield from _batch([path], path.parent / "out", arguments)


def _large(folder: Path, size: Size, arguments: argparse.Namespace) -> Iterator[object]:
    for number in range(size.large):
        write_large_page(folder / f"page{number}.tif", draw(1200, 900), size.side, "stripped")
    yield "ready"
    yield from _batch([folder], folder / "out", arguments)


def _batch(paths: list[Path], out: Path, arguments: argparse.Namespace) -> Iterator[object]:
    """Binarize files; yields after each page."""
    config = OutputConfig(output=out, dpi=100)
    model = BatchModel(cache(partial(load_model, arguments.model)), preset(arguments.preset))
    for event in binarize_files(plan_jobs(paths, config), model, config):
        if isinstance(event, FileFailed):
            raise SystemExit(f"{event.source}: {event.reason}")
        if isinstance(event, PageProgress) and event.done == event.total:
            yield event


def _calls(folder: Path, count: int, arguments: argparse.Namespace) -> Iterator[object]:
    write_pages(folder, draw(420, 300), count)
    yield "ready"
    model = load_model(arguments.model)
    for path in sorted(folder.iterdir()):
        (page,) = read_pages(path)
        yield binarize(page.pixels, model, preset(arguments.preset))


def _session(folder: Path, count: int, arguments: argparse.Namespace) -> Iterator[object]:
    """Turn pages as the panel does: the page, its ink, and the next one read ahead."""
    import napari
    from napari.components import ViewerModel

    from docbin_napari.plugin.pages.pages_session import PageListSession
    from docbin_napari.plugin.pages.prepare import PageOrder, make_ready
    from docbin_napari.plugin.threads import PageEngine

    os.environ["DOCBIN_DRAFTS"] = str(folder / "drafts")
    (folder / "pages").mkdir()
    write_pages(folder / "pages", draw(420, 300), count)
    yield "ready"
    viewer = napari.Viewer() if arguments.window else ViewerModel()
    session = PageListSession(viewer)
    session.open(folder / "pages")
    load = cache(PageEngine)
    for number in range(count):
        session.go_to(number)
        while (wanted := session.wanted()) is not None:
            entry = session.pages.entries[wanted]
            order = PageOrder(wanted, entry, arguments.preset, arguments.model, "cpu", 0.5)
            for event in make_ready(order, load):
                session.receive(wanted, event)
        if arguments.window:
            napari.qt.get_qapp().processEvents()
        yield number


if __name__ == "__main__":
    main()
