"""``docbin pairs``: check, import and list training pairs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from docbin_napari.cli.console import Console, UsageError, option, table
from docbin_napari.cli.pairs_check import CheckCommand
from docbin_napari.cli.pairs_import import ImportCommand

if TYPE_CHECKING:
    from docbin_napari.pairs.pair import Summary

_HEADER = ["collection", "pages", "without mask", "Mpix", "ink", "labelled"]


@dataclass(frozen=True)
class ListCommand:
    """List collections: pages, megapixels, how much is ink, how much is labelled.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with train and test.
    json : bool
        Print JSON for programs; shares are 0 to 1, or null where there is nothing to count.
    """

    folder: Annotated[Path, tyro.conf.Positional, option(metavar="DIR")] = Path("datasets")
    json: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Print the list.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            Exit code: 0, or 1 if some files could not be read and are not counted.

        Raises
        ------
        UsageError
            If there is no collection.
        """
        # Imported late: these bring numpy, which no help text needs.
        from docbin_napari.io.errors import PairError
        from docbin_napari.pairs.pair import summarize_collections

        try:
            found = list(summarize_collections(self.folder))
        except PairError as error:
            raise UsageError(str(error)) from error
        console.say(_as_json(found) if self.json else _as_table(found))
        troubles = [trouble for summary in found for trouble in summary.troubles]
        for trouble in troubles:
            console.complain(f"not counted: {trouble}")
        return 1 if troubles else 0


def _total(found: list[Summary]) -> dict[str, Any]:
    pages, waiting, pixels, labelled, ink = (
        sum(getattr(summary, name) for summary in found)
        for name in ("pages", "without_mask", "pixels", "labelled", "ink")
    )
    return {
        "pages": pages,
        "without_mask": waiting,
        "megapixels": pixels / 1e6,
        "ink_share": ink / labelled if labelled else None,
        "labelled_share": labelled / pixels if pixels else None,
    }


def _as_table(found: list[Summary]) -> str:
    rows = [_row(summary.collection.name, _total([summary])) for summary in found]
    if len(found) > 1:
        rows.append(_row("all", _total(found)))
    return table([_HEADER, *rows])


def _row(name: str, figures: dict[str, Any]) -> list[str]:
    shares = [figures["ink_share"], figures["labelled_share"]]
    return [
        name,
        str(figures["pages"]),
        str(figures["without_mask"]),
        f"{figures['megapixels']:.1f}",
        *("-" if share is None else f"{100 * share:.1f} %" for share in shares),
    ]


def _as_json(found: list[Summary]) -> str:
    collections = [
        {
            "collection": summary.collection.path.resolve().name,
            "split": summary.collection.split or None,
            "path": str(summary.collection.path),
            **_total([summary]),
        }
        for summary in found
    ]
    return json.dumps({"collections": collections, "all": _total(found)}, indent=2)


PairsCommand = (
    Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Annotated[ImportCommand, tyro.conf.subcommand("import")]
    | Annotated[ListCommand, tyro.conf.subcommand("list")]
)
"""The three commands as one of the commands of ``docbin``."""
