"""Keys come back, whoever else wanted them, in whatever order the panels are closed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from docbin_napari.plugin.keys import BorrowedKeys

if TYPE_CHECKING:
    from napari.components import ViewerModel

pytestmark = pytest.mark.viewer


def press(viewer: ViewerModel, key: str) -> None:
    from napari.utils.key_bindings import KeymapHandler

    keys = KeymapHandler()
    keys.keymap_providers = [viewer]
    keys.press_key(key)
    keys.release_key(key)


def test_a_key_works_and_comes_back(viewer) -> None:
    calls: list[str] = []
    viewer.bind_key("PageDown", lambda _: calls.append("mine"))
    keys = BorrowedKeys(viewer)
    for _ in range(2):  # a panel that is shown again
        keys.take({"PageDown": lambda: calls.append("ours"), "J": lambda: calls.append("J")})
    press(viewer, "PageDown")
    press(viewer, "J")
    keys.give_back()
    press(viewer, "PageDown")
    press(viewer, "J")
    assert calls == ["ours", "J", "mine"]
    keys.give_back()
    assert len(viewer.keymap) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_panels_are_closed_in_any_order(viewer, order) -> None:
    calls: list[object] = []
    viewer.bind_key("I", lambda _: calls.append("mine"))
    panels = [BorrowedKeys(viewer) for _ in range(3)]
    for number, panel in enumerate(panels):
        panel.take({"I": lambda number=number: calls.append(number)})
    opened = {0, 1, 2}
    for number in order:
        press(viewer, "I")
        assert calls.pop() == max(opened), "the panel that was opened last has the key"
        panels[number].give_back()
        opened.remove(number)
    press(viewer, "I")
    assert calls == ["mine"]


def test_what_the_user_bound_since_stays(viewer) -> None:
    calls: list[str] = []
    keys = BorrowedKeys(viewer)
    keys.take({"I": lambda: calls.append("ours")})
    viewer.bind_key("I", lambda _: calls.append("new"), overwrite=True)
    keys.give_back()
    press(viewer, "I")
    assert calls == ["new"]
