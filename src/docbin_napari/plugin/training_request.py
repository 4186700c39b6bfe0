"""What a training is asked for, and why it may be refused; no window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from docbin_napari.io.pair_summary import Summary

_FORBIDDEN = '\\/:*?"<>|'


@dataclass(frozen=True)
class TrainingRequest:
    """What the widget's fields say when Train is pressed.

    Parameters
    ----------
    collections : tuple of Path
        What to learn from.
    name : str
        Of the new model.
    start : str
        Name of the model to start from.
    minutes : float
        Time budget.
    device : str
        Name, as `load_model` takes it.
    more : tuple of str
        Further options of the command line.
    longer : str
        Model that goes on learning; empty for a new beginning.
    """

    collections: tuple[Path, ...]
    name: str
    start: str
    minutes: float
    device: str = "auto"
    more: tuple[str, ...] = ()
    longer: str = ""

    def arguments(self) -> list[str]:
        """The same as options of the command line."""
        return [
            *("--collections", *(str(path) for path in self.collections)),
            *("--output", self.name, "--start", self.start),
            *("--minutes", f"{self.minutes:g}", "--device", self.device),
            *(("--longer", self.longer) if self.longer else ()),
            *self.more,
        ]


def refusal(
    request: TrainingRequest, summaries: Collection[Summary], taken: Collection[str]
) -> str:
    """Say why a training cannot begin.

    Parameters
    ----------
    request : TrainingRequest
        What the fields say.
    summaries : collection of Summary
        Of the ticked collections.
    taken : collection of str
        Names of the models that there are.

    Returns
    -------
    str
        The reason in words for the user; empty if there is none.
    """
    if not request.collections:
        return "Tick at least one collection to learn from."
    if not sum(summary.labelled for summary in summaries):
        return "Nothing is labelled in these collections. Correct a page and save the pair first."
    if request.start not in taken:
        return "Choose a model to start from."
    return _name_refusal(request.name, taken)


def _name_refusal(name: str, taken: Collection[str]) -> str:
    if not name:
        return "Give the new model a name."
    if name != name.strip() or name.startswith((".", "-")) or any(c in name for c in _FORBIDDEN):
        return f"“{name}” cannot be the name of a model: leave out {_FORBIDDEN} and outer spaces."
    if name in taken:
        return f"There is already a model “{name}”. Choose another name; nothing is overwritten."
    return ""


def free_name(stem: str, taken: Collection[str]) -> str:
    """Suggest a name for a new model.

    Parameters
    ----------
    stem : str
        What it begins with, such as the name of a collection.
    taken : collection of str
        Names of the models that there are.

    Returns
    -------
    str
        The first of ``STEM-1``, ``STEM-2``, … that is free.

    Examples
    --------
    >>> free_name("letters", ["letters-1"])
    'letters-2'
    """
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
