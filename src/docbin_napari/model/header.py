"""Check the header of a model file; loads no torch.

Strategy: a model file may come from anybody, so every field that is used has a type and a range,
and what is not known is refused. The architecture is compared with the tensors that lie in the
file before a network of that size is built.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KNOWN = {
    "calibration": {"temperature", "bias"},
    "normalisation": {"mean", "deviation"},
}
_DIVISORS = ("temperature", "deviation")
_ARCHITECTURE = {"fold", "channels", "blocks", "page_ink"}
_MOST_FOLD, _MOST_LEVELS, _MOST_CHANNELS, _MOST_BLOCKS = 8, 10, 4096, 256
_LARGEST_NUMBER = 1e15
_LONGEST_TEXT = 100_000
_MOST_FIGURES = 1000
_TEXTS = ("title", "training_data", "version")


def header_trouble(header: dict[str, Any]) -> str:
    """Say what is wrong with the header of a model file.

    Parameters
    ----------
    header : dict
        As it was read.

    Returns
    -------
    str
        In words, to follow the name of the file; empty if all can be used.

    Examples
    --------
    >>> header_trouble({"architecture": {"channels": [8]}, "threshold": 2})
    'its threshold is 2, but must lie between 0 and 1'
    >>> header_trouble({"architecture": {"channels": [8], "blocks": 10**9}, "threshold": 0.5})
    'its architecture is damaged: blocks must lie between 1 and 256'
    """
    return next(_troubles(header), "")


def network_trouble(architecture: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Compare an architecture with the tensors of a file.

    Parameters
    ----------
    architecture : mapping
        Of a header in which `header_trouble` found nothing.
    shapes : mapping of str to tuple of int
        Name to shape of each tensor.

    Returns
    -------
    str
        In words, to follow the name of the file; empty if all large tensors are as they must be.
    """
    for name, shape in _convolutions(architecture):
        if shapes.get(name) != shape:
            found = "is missing" if name not in shapes else f"has the shape {list(shapes[name])}"
            return f"its weights do not fit its architecture: {name} {found}, not {list(shape)}"
    return ""


def _convolutions(architecture: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of the large tensors; a comparison ends at the first that is not there."""
    fold, widths = int(architecture.get("fold", 2)), list(architecture["channels"])
    yield "entrance.conv.weight", (widths[0], 3 * fold**2, 3, 3)
    for level, width in enumerate(widths):
        for block in range(int(architecture.get("blocks", 1))):
            for part in ("first", "second"):
                yield f"encoder.{level}.{block}.{part}.conv.weight", (width, width, 3, 3)
    for level, (fine, coarse) in enumerate(itertools.pairwise(widths)):
        yield f"down.{level}.conv.weight", (coarse, fine, 2, 2)
        yield f"up.{level}.conv.weight", (fine, coarse, 1, 1)
        for part in ("first", "second"):
            yield f"decoder.{level}.{part}.conv.weight", (fine, fine, 3, 3)
    yield "exit.weight", (fold**2, widths[0], 1, 1)


def _troubles(header: dict[str, Any]) -> Iterator[str]:
    yield from _architecture_troubles(header.get("architecture"))
    if not _in_unit(header.get("threshold")):
        yield f"its threshold is {_shown(header.get('threshold'))}, but must lie between 0 and 1"
    level = header.get("edge_level")
    if level is not None and not _in_unit(level):
        yield f"its edge level is {_shown(level)}, but must lie between 0 and 1"
    for name, known in _KNOWN.items():
        stored = header.get(name, {})
        if not isinstance(stored, dict) or not all(map(_is_number, stored.values())):
            yield f"its {name} is damaged"
        elif set(stored) - known:
            yield f"its {name} is of a later version of docbin-napari: update docbin-napari"
        elif min(stored.get(divisor, 1) for divisor in _DIVISORS) <= 0:
            yield f"its {name} is damaged"
    yield from _words_troubles(header)


def _words_troubles(header: dict[str, Any]) -> Iterator[str]:
    """What is wrong with what people read, and with the name of the base."""
    figures = header.get("figures", {})
    many = isinstance(figures, dict) and len(figures) > _MOST_FIGURES
    if not isinstance(figures, dict) or many or not all(map(_is_number, figures.values())):
        yield "its figures are damaged"
    base = header.get("base", {})
    if not _is_number(header.get("parameters", 0)) or not isinstance(base, dict):
        yield "its header is damaged"
    elif not _is_text(base.get("name", "")):
        yield "its header is damaged (base)"
    for name in _TEXTS:
        if not _is_text(header.get(name, "")):
            yield f"its header is damaged ({name})"


def _architecture_troubles(stored: Any) -> Iterator[str]:
    channels = stored.get("channels") if isinstance(stored, dict) else None
    if not isinstance(channels, list) or not channels:
        yield "its architecture is not known"
        return
    if set(stored) - _ARCHITECTURE:
        yield "its architecture is of a later version of docbin-napari: update docbin-napari"
    words = "its architecture is damaged: "
    if len(channels) > _MOST_LEVELS:
        yield f"{words}there may be {_MOST_LEVELS} levels at most"
    if not all(_is_whole(value, _MOST_CHANNELS) for value in channels):
        yield f"{words}channels must lie between 1 and {_MOST_CHANNELS}"
    for name, most in (("fold", _MOST_FOLD), ("blocks", _MOST_BLOCKS)):
        if not _is_whole(stored.get(name, 1), most):
            yield f"{words}{name} must lie between 1 and {most}"
    if not isinstance(stored.get("page_ink", False), bool):
        yield f"{words}page_ink must be true or false"


def _shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        return "too large"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Compared before it is converted: a whole number may be too large for a float.
    return -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER and math.isfinite(value)


def _in_unit(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1
