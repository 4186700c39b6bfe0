"""Find the pages that are saved as training pairs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from docbin_napari.io.errors import FileError
from docbin_napari.pairs.pair import find_pairs
from docbin_napari.pairs.provenance import read_provenance
from docbin_napari.pairs.save import SPLITS

if TYPE_CHECKING:
    from docbin_napari.pairs.work_list import PageList


def saved_pages(datasets: Path | None) -> dict[tuple[Path, int], Path]:
    """Read from the masks of all pairs which pages they came from.

    Parameters
    ----------
    datasets : Path or None
        The folder of the data sets; only the texts of its masks are read, no pixels.

    Returns
    -------
    dict of (Path, int) to Path
        File and page, from 1, to the page file of the pair.
    """
    found: dict[tuple[Path, int], Path] = {}
    for split in SPLITS if datasets is not None else ():
        assert datasets is not None
        with suppress(FileError, OSError):
            for pair in find_pairs(datasets / split):
                with suppress(FileError, OSError, RuntimeError):
                    origin = read_provenance(pair.ground_truth)
                    if origin is not None and origin.source:
                        file = Path(origin.source).expanduser().resolve()
                        found[file, origin.page or 1] = pair.page
    return found


def note_saved_pages(pages: PageList, datasets: Path | None) -> None:
    """Note in a list which of its pages were saved before it was opened.

    Parameters
    ----------
    pages : PageList
        States that are further than saved pages stay: a page that was corrected since.
    datasets : Path or None
        The folder of the data sets.

    Raises
    ------
    PageListError
        If the states cannot be written.
    """
    known = saved_pages(datasets)
    for number, entry in enumerate(pages.entries if known else ()):
        pair = known.get((entry.file.resolve(), entry.page))
        if pair is not None and entry.state in ("to do", "binarized"):
            pages.set_state(number, "saved", str(pair))
