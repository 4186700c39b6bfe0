"""The examples in the docstrings of the benchmarks; pytest looks for those of the package only."""

import doctest
import importlib
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_examples(name):
    module = importlib.import_module(name)
    assert Path(module.__file__).parent.name == "benchmarks"
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
