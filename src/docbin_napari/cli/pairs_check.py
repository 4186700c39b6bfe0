"""``docbin pairs check``: find faulty training pairs and say what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from docbin_napari.cli.console import Console, UsageError, option


@dataclass(frozen=True)
class CheckCommand:
    """Name whatever would spoil a training or its test, one line each, with what to do.

    Pages and masks without a partner, files that cannot be read, masks of another size than
    their page, with ink and background exchanged, without ink, without a labelled pixel, and
    pages that are there twice, also at another size, JPEG quality or slightly cut.
    Exit code 0: nothing was found; 1: something was; 2: there are no pairs to check.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with train and test.
    """

    folder: Annotated[Path, tyro.conf.Positional, option(metavar="DIR", default="-")]

    def run(self, console: Console) -> int:
        """Check, and print the findings.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code: 0, or 1 if there is a finding.

        Raises
        ------
        UsageError
            If there is no collection.
        """
        # Imported late: these bring numpy and SciPy, which no help text needs.
        from tqdm import tqdm

        from docbin_napari.io.errors import PairError
        from docbin_napari.pairs.check import Checked, check_pairs

        kinds: Counter[str] = Counter()
        pairs = 0
        with tqdm(unit="step", leave=False, disable=not console.shows_bars) as bar:
            try:
                for event in check_pairs(self.folder):
                    if isinstance(event, Checked):
                        bar.total, pairs = event.total, event.total // 2
                        bar.update(event.done - bar.n)
                        continue
                    kinds[event.kind] += 1
                    console.say(f"{event.kind}: {event}")
            except PairError as error:
                raise UsageError(str(error)) from error
        number = "1 pair" if pairs == 1 else f"{pairs} pairs"
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        console.say(f"{number} checked: {counts or 'nothing to fix'}")
        return 1 if kinds else 0
