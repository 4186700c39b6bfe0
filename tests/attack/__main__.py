"""Attack the program for as long as wanted.

``python -m tests.attack --inputs 50000`` reads damaged files,
``python -m tests.attack --kills 100`` kills runs of every kind.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.attack.inputs import KINDS
from tests.attack.run import Attack, attack
from tests.attack.small_model import write_small_model


def main() -> int:
    """Read the options, attack, and print what came out as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="0: until the time is over")
    parser.add_argument("--minutes", type=float, default=0, help="stop then at the latest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--kills", type=int, default=0, help="kill runs instead, each so often")
    parser.add_argument("--runs", nargs="+", help="which of them; all by default")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that were found")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docbin-attack-") as folder:
        model = write_small_model(Path(folder))
        if chosen.kills:
            return _kill(chosen.kills, chosen.runs, chosen.seed, model)
        return _attack(chosen, model)


def _attack(chosen: argparse.Namespace, model: Path) -> int:
    order = Attack(
        chosen.inputs,
        60 * chosen.minutes,
        chosen.seed,
        chosen.processes,
        tuple(chosen.kinds),
        chosen.keep,
    )
    began = time.monotonic()
    found = attack(order, model)
    print("| kind | inputs | read | refused |\n| --- | --- | --- | --- |")
    for kind, tried in sorted(found.tried.items()):
        print(f"| {kind} | {tried:,} | {found.read[kind]:,} | {tried - found.read[kind]:,} |")
    print(
        f"\n{found.tried.total():,} inputs in {(time.monotonic() - began) / 60:.1f} min;", end=" "
    )
    print(
        f"slowest {found.slowest:.1f} s, most memory {found.largest / (1 << 20):.0f} MiB,", end=" "
    )
    print(f"{found.printed} with lines of libraries, {len(found.faults)} faults")
    for number, words in found.faults:
        print(f"\ninput {number}: {words}")
    return 1 if found.faults else 0


def _kill(times: int, names: list[str] | None, seed: int, model: Path) -> int:
    from tests.attack.kills import kill_often, runs

    all_runs, faults = runs(model), 0
    print("| run | kills | ended before | faults |\n| --- | --- | --- | --- |", flush=True)
    for name in names or all_runs:
        place = model.parent / name
        found = kill_often(all_runs[name], times, Random(f"{seed} {name}"), place)
        print(f"| {name} | {found.kills} | {found.too_late} | {len(found.faults)} |", flush=True)
        for fault in found.faults:
            print(f"{name}: {fault}", file=sys.stderr)
        faults += len(found.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
