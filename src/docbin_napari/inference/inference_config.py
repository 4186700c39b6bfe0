"""Settings of inference, declared once; the command line and the widget read them from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from docbin_napari.describe import check_choices, check_numbers

Symmetries = Literal[1, 2, 4, 8]
PresetName = Literal["fast", "balanced", "best"]
Invert = Literal["auto", "never", "always"]
ChosenSize = Literal["auto", "own", "half", "double"]


@dataclass(frozen=True)
class InferenceConfig:
    """How the windows are laid over a page and how often each is read.

    Parameters
    ----------
    window : int
        Side of a square with as many pixels as a window may have, a multiple of 32. Windows get
        the width and height that cost the least work; a page that is not larger than one window
        is computed whole.
    overlap : float
        Share of a window's side that its neighbours have in common, 0 to 0.75. More overlap costs
        more time and hides window borders better.
    symmetries : {1, 2, 4, 8}
        How many turned versions of each window are averaged: 1 the window as it
        is, 2 also upside down, 4 all quarter turns, 8 these and their mirror images.
    tolerance : float
        Share of a window's ink, 0 to 1: if no more than that changes from two views to four,
        four are enough; a blank window is read once. 0 reads every window as often as there
        are symmetries.
    batch : int
        Windows in one pass through the network; 0 chooses for the device.
    invert : {"auto", "never", "always"}
        Whether light and dark are exchanged before a page is read, as light writing on dark
        ground needs it. auto decides for each page, and reports it.
    edge_level : float, optional
        How dark the outermost pixels of strokes are, from paper (0) to full ink (1): lower is
        bolder, higher is thinner. Default: as the model has learnt to draw them. Models that
        have not learnt this ignore it.
    size : {"auto", "own", "half", "double"}
        In which size the page is read. own: as it is. half: also at half its size, which
        counts three quarters; for soft edges, as in many scans at 600 dpi; it costs a
        quarter more time. double: enlarged to twice its size; for strokes of one or two
        pixels, as in scans at 150 dpi; it costs four times as much. auto chooses for each page.

    Raises
    ------
    ValueError
        If a value is outside the range given above.
    """

    window: int = 1024
    overlap: float = 0.25
    symmetries: Symmetries = 1
    tolerance: float = 0.0
    batch: int = 0
    invert: Invert = "auto"
    edge_level: float | None = None
    size: ChosenSize = "auto"

    def __post_init__(self) -> None:
        if self.window < 64 or self.window % 32:
            raise ValueError(f"window must be a multiple of 32 and at least 64, not {self.window}")
        check_numbers(self, overlap=0.75, tolerance=1, batch=math.inf)
        if self.edge_level is not None:
            check_numbers(self, edge_level=1)
        check_choices(self, symmetries=Symmetries, invert=Invert, size=ChosenSize)


# No preset averages mirror images: print-through is mirrored too, and with them more of it was
# found as ink.
# With 256 pixels in common, windowed and whole pages differ by more than 2/255 in 0.002 % of the
# pixels: a network depends on hundreds of pixels to each side, but hardly on those far away.
# Larger windows repeat less of a page; much larger ones no longer fit into a cache.
_EXACT = InferenceConfig(window=1536, overlap=1 / 6, tolerance=0.05)
PRESETS: dict[PresetName, InferenceConfig] = {
    "fast": InferenceConfig(window=1216, overlap=96 / 1216, symmetries=1),
    "balanced": replace(_EXACT, symmetries=2),
    "best": replace(_EXACT, symmetries=4),
}


def preset(name: PresetName) -> InferenceConfig:
    """Look up a preset.

    Parameters
    ----------
    name : {"fast", "balanced", "best"}
        Name of the preset.

    Returns
    -------
    InferenceConfig
        The settings.

    Raises
    ------
    ValueError
        If there is no such preset.

    Examples
    --------
    >>> preset("best").symmetries
    4
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
