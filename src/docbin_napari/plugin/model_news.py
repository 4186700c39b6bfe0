"""How open widgets learn that there is a new model."""

from __future__ import annotations

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


MODEL_NEWS = ModelNews()
"""The one that all widgets listen to."""
