"""Align rows of text in columns; help texts need it, so it loads nothing."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Align cells in columns.

    Parameters
    ----------
    rows : sequence of sequence of str
        The cells; the first row is the header.
    left : int
        How many columns are aligned to the left; the others to the right.

    Returns
    -------
    str
        Lines without spaces at their ends.

    Examples
    --------
    >>> print(table([["page", "FM"], ["a", "86.59"], ["letter", "9.10"]]))
    page       FM
    a       86.59
    letter   9.10
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
