"""The attack is a package of scripts, found from the root of the project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

if os.name != "posix":
    # Processes are forked and killed, and their memory is limited.
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads small pages at once."""
    from tests.attack.small_model import write_small_model

    return write_small_model(tmp_path_factory.mktemp("model"))
