"""What tests and examples share: nothing of theirs goes into the user's own folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDERS = ("CACHE", "CONFIG", "DRAFTS", "MODELS")


@pytest.fixture(autouse=True, scope="session")
def own_profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is remembered, drafted and trained here out of the user's folders.

    Processes that a test starts inherit it; a test that sets a folder of its own wins.
    """
    profile = tmp_path_factory.mktemp("profile")
    with pytest.MonkeyPatch.context() as patch:
        for name in FOLDERS:
            patch.setenv(f"DOCBIN_{name}", str(profile / name.lower()))
        # The viewer starts with its own defaults, whatever the user likes, and stores none.
        patch.setenv("NAPARI_CONFIG", "")
        yield
