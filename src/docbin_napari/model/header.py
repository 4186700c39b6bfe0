"""Whether what the header of a model file says can be used; loads no torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_KNOWN = {
    "calibration": {"temperature", "bias"},
    "normalisation": {"mean", "deviation"},
}
_DIVISORS = ("temperature", "deviation")


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
    """
    return next(_troubles(header), "")


def _troubles(header: dict[str, Any]) -> Iterator[str]:
    channels = header["architecture"].get("channels") if _is(dict, header, "architecture") else None
    if not isinstance(channels, list) or not channels:
        yield "its architecture is not known"
    if not _in_unit(header.get("threshold")):
        yield f"its threshold is {header.get('threshold')}, but must lie between 0 and 1"
    level = header.get("edge_level")
    if level is not None and not _in_unit(level):
        yield f"its edge level is {level}, but must lie between 0 and 1"
    for name, known in _KNOWN.items():
        stored = header.get(name, {})
        if not isinstance(stored, dict) or not all(map(_is_number, stored.values())):
            yield f"its {name} is damaged"
        elif set(stored) - known:
            yield f"its {name} is of a later version of docbin-napari: update docbin-napari"
        elif min(stored.get(divisor, 1) for divisor in _DIVISORS) <= 0:
            yield f"its {name} is damaged"
    figures = header.get("figures", {})
    if not isinstance(figures, dict) or not all(map(_is_number, figures.values())):
        yield "its figures are damaged"
    if not _is_number(header.get("parameters", 0)) or not _is(dict, header, "base", {}):
        yield "its header is damaged"


def _is(kind: type, header: dict[str, Any], name: str, default: Any = None) -> bool:
    return isinstance(header.get(name, default), kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _in_unit(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1
