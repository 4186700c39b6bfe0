"""Peak memory and time of one large page, file to file: python benchmarks/memory.py.

Every page runs in a fresh process, all sizes once in every round. Idle is the resident memory of
the process with everything imported and a model that has run once; the time is that of
``docbin binarize`` less what it takes for a page of 64², so that start-up does not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import resident
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.model.ink_model import load_model
from docbin_napari.model.model_file import DEFAULT_MODEL, find_model
from effort import passes, spares_views
from hardware import hardware
from large_page import LAYOUTS, write_large_page
from pages import draw
from records import Journal, figure, print_header, print_row
from roofline import Roofline, describe, measure_roofline, share_cells, share_titles
from timing import median_ratio, seconds

_MEBIBYTE = 2**20
_BASE = 4.0
_RUN_MEGAPIXELS = 12

Key = tuple[str, float]


def main() -> None:
    """Measure some sizes and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 15, 60, 400])
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=list(LAYOUTS))
    parser.add_argument("--preset", default="fast", choices=list(PRESETS))
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--sheet", type=int, default=2000, help="side of what is repeated")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    parser.add_argument("--page", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.page:
        print(json.dumps(measure(arguments)))
        return
    device = load_model(arguments.model, arguments.device).device
    settings = f"model {arguments.model}, preset {arguments.preset}"
    print(f"{settings}; {hardware(device)}; torch {torch.__version__}\n", flush=True)
    journal = Journal(arguments.csv, "memory", hardware(device), settings)
    roofline = measure_roofline(arguments.model, device)
    print(describe(roofline), end="")
    print_table(arguments, run_all(arguments), journal, roofline)


def run_all(arguments: argparse.Namespace) -> dict[Key, list[dict[str, float]]]:
    """Measure all sizes and layouts, the page of 4 Mpix among them."""
    sizes = sorted({_BASE, *arguments.megapixels})
    keys = [(layout, size) for layout in arguments.layouts for size in sizes]
    found: dict[Key, list[dict[str, float]]] = {key: [] for key in keys}
    sheet = draw(arguments.sheet, arguments.sheet)
    with tempfile.TemporaryDirectory() as folder:
        for layout, size in keys:
            page = Path(folder) / f"{layout}-{size:g}.tif"
            write_large_page(page, sheet, side_of(size), layout)
        for _ in range(arguments.repeat):
            for layout, size in keys:
                page = Path(folder) / f"{layout}-{size:g}.tif"
                found[layout, size].append(fresh(arguments, page, runs_of(size)))
    return found


def side_of(size: float) -> int:
    """Side of a square page of so many megapixels.

    Examples
    --------
    >>> side_of(4)
    2000
    """
    return round((size * 1e6) ** 0.5)


def runs_of(size: float) -> int:
    """How often a page of so many megapixels is run in its process: small ones several times.

    Examples
    --------
    >>> runs_of(1), runs_of(4), runs_of(400)
    (5, 3, 1)
    """
    return min(5, max(1, round(_RUN_MEGAPIXELS / size)))


def fresh(arguments: argparse.Namespace, page: Path, runs: int) -> dict[str, float]:
    """Measure one page in a fresh process."""
    command = [sys.executable, __file__, "--page", str(page), "--runs", str(runs)]
    for option in ("preset", "model", "device"):
        command += [f"--{option}", getattr(arguments, option)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the page {page.name} failed:\n{done.stdout}{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Bytes before and at most, with the model warm, and seconds."""
    import tifffile

    from docbin_napari.cli import main as docbin
    from docbin_napari.inference.predict import ink_probability

    blank = np.full((64, 64, 3), 200, np.uint8)
    model = load_model(arguments.model, arguments.device)
    ink_probability(blank, model, arguments.preset)
    idle = resident.now()
    with tempfile.TemporaryDirectory() as output:
        words = ["--output", output, "--overwrite", "--quiet"]
        for option in ("preset", "model", "device"):
            words += [f"--{option}", getattr(arguments, option)]

        def binarize(page: Path) -> None:
            if docbin(["binarize", str(page), *words]):
                raise SystemExit(f"{page}: docbin binarize failed")

        dot = Path(output) / "dot.tif"
        tifffile.imwrite(dot, blank)
        fixed = statistics.median(seconds(lambda: binarize(dot)) for _ in range(3))
        resident.forget_peak()
        runs = [seconds(lambda: binarize(arguments.page)) for _ in range(arguments.runs)]
        taken = statistics.median(runs) - fixed
    figures = {"idle": idle, "peak": resident.peak(), "seconds": taken}
    if model.device.name == "cuda":
        figures["device"] = torch.cuda.max_memory_allocated()
    return figures


def print_table(
    arguments: argparse.Namespace,
    found: dict[Key, list[dict[str, float]]],
    journal: Journal,
    roofline: Roofline | None,
) -> None:
    """One row for each page."""
    stride = find_model(arguments.model).architecture.stride
    config = PRESETS[arguments.preset]
    on_gpu = roofline is not None
    titles = ["page", "layout", "idle, MiB", "peak above idle, MiB", "s/Mpix", "of the 4-Mpix page"]
    print_header([*titles, *["on the device, MiB"] * on_gpu, *share_titles(roofline)])
    for (layout, size), rounds in found.items():
        what = f"{size:g} Mpix, {layout}"
        above = [one["peak"] - one["idle"] for one in rounds]
        pace = [one["seconds"] / size for one in rounds]
        base = [one["seconds"] / _BASE for one in found[layout, _BASE]]
        journal.add(what, "idle", "MiB", [one["idle"] / _MEBIBYTE for one in rounds])
        journal.add(what, "peak above idle", "MiB", [value / _MEBIBYTE for value in above])
        journal.add(what, "pace", "s/Mpix", pace)
        cells = [f"{size:g} Mpix", layout]
        cells += [f"{max(one['idle'] for one in rounds) / _MEBIBYTE:.0f}"]
        cells += [f"{max(above) / _MEBIBYTE:.0f}", figure(statistics.median(pace))]
        cells.append(f"{median_ratio(pace, base):.2f}")
        if on_gpu:
            cells.append(f"{max(one.get('device', 0) for one in rounds) / _MEBIBYTE:.0f}")
        through = None
        if not spares_views(config):
            work = passes(config, (side_of(size), side_of(size)), stride)
            through = work * 1e6 / statistics.median(pace)
        print_row([*cells, *share_cells(roofline, through)])


if __name__ == "__main__":
    main()
