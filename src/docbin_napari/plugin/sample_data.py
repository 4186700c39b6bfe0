"""Sample data for *File > Open Sample*: drawn, not shipped."""

from __future__ import annotations

from typing import Any

import numpy as np

from docbin_napari.plugin.layers.page_source import label_style


def degraded_page() -> list[tuple[Any, dict[str, Any], str]]:
    """Draw a page with the damage of centuries, and its exact ground truth.

    Returns
    -------
    list of tuple
        An image layer, RGB, and a labels layer, hidden at first: 0 background, 1 ink.
    """
    from docbin_napari.drawing.generator import SAMPLE_SEED, draw_page

    page = draw_page(SAMPLE_SEED)
    truth = {"name": "Ground truth", "visible": False, **label_style()}
    return [
        (page.pixels, {"name": "Degraded page", "rgb": True}, "image"),
        (page.ink.astype(np.uint8), truth, "labels"),
    ]
