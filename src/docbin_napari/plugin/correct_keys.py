"""The tools of the correction widget: their names, keys and tooltips, each told once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """A tool or a button that has a key.

    Parameters
    ----------
    name : str
        Inside the program.
    text : str
        On the button.
    key : str
        On the keyboard; no key of napari's labels or of its viewer.
    help : str
        What it does, for the tooltip.
    """

    name: str
    text: str
    key: str
    help: str

    @property
    def tooltip(self) -> str:
        """The help, with the key."""
        return f"{self.help}\nKey: {self.key}"

    @property
    def short(self) -> str:
        """The first sentence of the help."""
        return self.help.split(". ")[0].rstrip(".").split(": ")[-1]


_AGAIN = "The same key again, Z or Escape puts the tool down; Space moves the page meanwhile."

TOOLS = (
    Action(
        "ink",
        "Ink",
        "I",
        "Ink brush: a rough stroke labels what is ink under it, and nothing else. "
        f"[ and ] change its size. {_AGAIN}",
    ),
    Action(
        "paper",
        "Rub out",
        "R",
        "Rub out: a rough stroke sets to background what is paper under it, and leaves the ink. "
        f"It labels unlabelled paper as well. [ and ] change its size. {_AGAIN}",
    ),
    Action(
        "piece",
        "Piece",
        "K",
        "Click a piece of ink to remove it: a speck, a stain, a line. With Shift, keep only it and "
        f"remove all other ink of the region, or of the page if there is no region. {_AGAIN}",
    ),
    Action(
        "region",
        "Region",
        "T",
        "Drag a rectangle, or with Shift a lasso. “Threshold here” then moves the ink of this "
        f"region alone, and the buttons for an area work on it. {_AGAIN}",
    ),
)

UNLABELLED = Action(
    "unlabelled",
    "Unlabelled",
    "U",
    "Mark the area as unlabelled: training leaves out what nobody is sure of.",
)
REVIEWED = Action(
    "reviewed",
    "Reviewed",
    "W",
    "Note that you have looked at the area; again takes the mark away.",
)
NEXT = Action(
    "next",
    "Next doubtful place",
    "N",
    "Go to the window of the page where the network doubts most and nobody has looked yet. The "
    "place that you leave counts as reviewed.",
)
ACTIONS = (*TOOLS, UNLABELLED, REVIEWED, NEXT)
