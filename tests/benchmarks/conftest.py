"""The benchmarks are scripts beside each other, found the way Python finds them when they run."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

if BENCHMARKS.is_dir():
    sys.path.append(str(BENCHMARKS))
else:
    # The sdist holds the tests, but not the benchmarks.
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def table_of(monkeypatch, capsys):
    """Run a benchmark as from a command line and read its table, without the header."""

    def run(benchmark, *arguments):
        monkeypatch.setattr(sys, "argv", [benchmark.__name__, *map(str, arguments)])
        benchmark.main()
        lines = capsys.readouterr().out.splitlines()
        return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")][2:]

    return run
