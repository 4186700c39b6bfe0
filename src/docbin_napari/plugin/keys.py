"""Bind viewer keys while a panel is open; restore them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari.components import ViewerModel


class BorrowedKeys:
    """Takes keys, and gives them back as they were.

    Strategy: several panels may want the same key, and they are closed in any order. Each
    loan knows what the key did before; whoever gives a key back while another one has it
    leaves what was before to the one that came next.

    Parameters
    ----------
    viewer : ViewerModel
        Whose keys they are.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._loans: dict[str, _Loan] = {}

    def take(self, keys: Mapping[str, Callable[..., Any]], *, held: bool = False) -> None:
        """Let keys do something else; those that are taken already stay as they are.

        Parameters
        ----------
        keys : mapping
            What each key does.
        held : bool
            Whether it does something as long as it is held: then it is a generator function
            of the viewer, which goes on when the key is released.
        """
        for key, work in keys.items():
            if key not in self._loans:
                loan = self._loans[key] = _Loan(work)
                bound = loan.press_and_release if held else loan.press
                loan.before = self._viewer.bind_key(key, bound, overwrite=True)

    def give_back(self) -> None:
        """Let keys do again what they did before; one that got another use since keeps it."""
        for key, loan in self._loans.items():
            now = self._viewer.bind_key(key, None)
            if _loan_of(now) is loan:
                now = loan.before
            elif (later := _taken_after(loan, now)) is not None:
                later.before = loan.before
            self._viewer.bind_key(key, now, overwrite=True)
        self._loans.clear()


class _Loan:
    """One key, what it does and what it did before."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work
        self.before: Any = None

    def press(self, _: Any) -> None:
        """Do the work; napari calls it with the viewer."""
        self._work()

    def press_and_release(self, viewer: Any) -> Iterator[None]:
        """Do the work until the key is released; napari looks for a generator function."""
        yield from self._work(viewer)


def _loan_of(bound: Any) -> _Loan | None:
    """Find the loan that a key is bound to; None if somebody else has bound it."""
    owner = getattr(bound, "__self__", None)
    return owner if isinstance(owner, _Loan) else None


def _taken_after(loan: _Loan, bound: Any) -> _Loan | None:
    """Find the one that took the key from `loan`, among those that led to what is bound now."""
    later = _loan_of(bound)
    while later is not None and _loan_of(later.before) is not loan:
        later = _loan_of(later.before)
    return later
