"""The benchmarks are scripts beside each other, found the way Python finds them when they run."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

if BENCHMARKS.is_dir():
    sys.path.append(str(BENCHMARKS))
else:
    # The sdist holds the tests, but not the benchmarks.
    collect_ignore_glob = ["test_*.py"]
