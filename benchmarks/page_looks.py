"""Which pages a fine-tuned model would read itself: python benchmarks/page_looks.py COLLECTIONS.

COLLECTIONS is a folder of collections of pairs. Of each of some archives (``--names``), two pages
are drawn by chance as a model's own, again and again; the collections that are neither among
the archives nor among ``--strangers`` stand for what the base has learnt from. Printed is the
share of the archive's other pages, and of the strangers, that would go to the new model.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from docbin_napari.features.page_look import RADIUS, RANK, SPREAD, page_look
from docbin_napari.features.survey import PageSurvey
from docbin_napari.pairs.pair import find_pairs, read_pair
from records import print_header, print_row

RULES = tuple(
    (
        f"at most {ratio} times as far as page {RANK} of the base, and {radius} spreads",
        radius,
        ratio,
    )
    for radius in (2.25, RADIUS, 3.0, np.inf)
    for ratio in (1.0, 1.2, 1.5, np.inf)
)


def main() -> None:
    """Look at all pages, then print one table."""
    arguments = parse()
    looks = read_looks(arguments.collections)
    spread = np.concatenate(list(looks.values())).std(0)
    print(f"spread of the looks: {', '.join(f'{value:.3f}' for value in spread)}\n")
    strange = np.concatenate(list(read_looks(arguments.strangers).values()))
    base = np.concatenate([look for name, look in looks.items() if name not in arguments.names])
    draws = {name: draw(looks[name], strange, base, arguments.draws) for name in arguments.names}
    titles = [f"{name}, {who}" for name in draws for who in ("own", "strange")]
    print_header(["rule", *titles])
    for title, radius, ratio in RULES:
        found = [shares(distances, radius, ratio) for distances in draws.values()]
        print_row([title, *(f"{share:.2f}" for pair in found for share in pair)])


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--names", nargs="+", required=True, help="archives to learn from")
    parser.add_argument("--strangers", type=Path, required=True, help="pages of other archives")
    parser.add_argument("--draws", type=int, default=20)
    return parser.parse_args()


def read_looks(folder: Path) -> dict[str, np.ndarray]:
    """Looks of the pages of each collection, float64 (pages, 13)."""
    found = defaultdict(list)
    for pair in find_pairs(folder):
        found[pair.collection].append(page_look(PageSurvey.of(read_pair(pair)[0])))
    return {name: np.array(looks) for name, looks in found.items()}


Distances = list[tuple[np.ndarray, np.ndarray]]


def draw(
    archive: np.ndarray, strange: np.ndarray, base: np.ndarray, draws: int
) -> tuple[Distances, Distances]:
    """Distances to two own pages and to the pages of the base, for each draw.

    Returns
    -------
    own, strange : list of (ndarray, ndarray)
        For the other pages of the archive, and for strange pages.
    """
    random = np.random.default_rng(0)
    orders = [random.permutation(len(archive)) for _ in range(draws)]
    own = [both(archive[order[2:]], archive[order[:2]], base) for order in orders]
    return own, [both(strange, archive[order[:2]], base) for order in orders]


def both(pages: np.ndarray, own: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of pages to the nearest own page, and to the fifth nearest page of the base."""
    return nearest(pages, own), nearest(pages, base, RANK)


def nearest(pages: np.ndarray, known: np.ndarray, rank: int = 1) -> np.ndarray:
    """Distance of each look to the nearest known one or a farther one, in units of the spread.

    Examples
    --------
    >>> looks = np.zeros((1, len(SPREAD)))
    >>> nearest(looks, np.stack([looks[0], looks[0] + 1])).tolist()
    [0.0]
    """
    apart = (pages[:, None] - known[None]) / SPREAD
    return np.sort(np.linalg.norm(apart, axis=2), axis=1)[:, rank - 1]


def shares(draws: tuple[Distances, Distances], radius: float, ratio: float) -> list[float]:
    """Shares of own and of strange pages within a radius and a ratio.

    Examples
    --------
    >>> near, far = np.array([1.0]), np.array([4.0])
    >>> shares(([(near, far)], [(far, near)]), 3.0, 2.0)
    [1.0, 0.0]
    """
    return [
        float(np.mean([np.mean(own <= np.minimum(ratio * base, radius)) for own, base in kind]))
        for kind in draws
    ]


if __name__ == "__main__":
    main()
