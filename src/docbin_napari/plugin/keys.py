"""Bind viewer keys while a panel is open; restore them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari.components import ViewerModel


class BorrowedKeys:
    """Takes keys, and gives them back as they were.

    Strategy: several panels may want the same key, and they are closed in any order. Each
    loan knows what the key did before. A panel that gives a key back while another one has it
    marks its loan as over, and the other panel skips that loan when it gives the key back.

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
            loan.over = True
            now = self._viewer.bind_key(key, None)
            while isinstance(owner := getattr(now, "__self__", None), _Loan) and owner.over:
                now = owner.before
            self._viewer.bind_key(key, now, overwrite=True)
        self._loans.clear()


class _Loan:
    """One key, what it does and what it did before."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work
        self.before: Any = None
        self.over = False

    def press(self, _: Any) -> None:
        """Do the work; napari calls it with the viewer."""
        self._work()

    def press_and_release(self, viewer: Any) -> Iterator[None]:
        """Do the work until the key is released; napari expects a generator function."""
        yield from self._work(viewer)
