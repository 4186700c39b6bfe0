"""How open widgets learn of what others have done."""

from __future__ import annotations

from pathlib import Path

from psygnal import Signal


class ModelNews:
    """Tells of new models.

    Attributes
    ----------
    added : Signal
        Name of the new model, and whether it is better than the one it came from: widgets
        list it, and choose it if it is.
    """

    added = Signal(str, bool)


class PairNews:
    """Tells of new training pairs.

    Attributes
    ----------
    saved : Signal
        The folder of the data sets in which a pair was written.
    """

    saved = Signal(Path)


MODEL_NEWS = ModelNews()
"""The one that all widgets listen to."""
PAIR_NEWS = PairNews()
"""The one that all widgets listen to."""
