"""Bring pages to learn from to the size in which they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader, PageSize
from docbin_napari.model.ink_model import InkModel
from docbin_napari.train.dataset import LoadedPair


def in_reading_size(pairs: Sequence[LoadedPair], model: InkModel) -> list[LoadedPair]:
    """Enlarge the pages whose strokes are so thin that a model reads them enlarged.

    Parameters
    ----------
    pairs : sequence of LoadedPair
        Pages, or parts of them.
    model : InkModel
        What reads them.

    Returns
    -------
    list of LoadedPair
        Each page as it is, or of twice its height and width.
    """
    sizes = learnt_sizes(pairs, model)
    return [
        _enlarged(pair) if size == "double" else pair
        for pair, size in zip(pairs, sizes, strict=True)
    ]


def learnt_sizes(pairs: Sequence[LoadedPair], model: InkModel) -> list[PageSize]:
    """Choose the sizes in which pages are learnt from; all parts of a page have one size."""
    sizes: dict[str, PageSize] = {}
    for pair in pairs:
        if pair.name not in sizes:
            sizes[pair.name] = learnt_size(pair, model)
    return [sizes[pair.name] for pair in pairs]


def learnt_size(pair: LoadedPair, model: InkModel) -> PageSize:
    """Choose the size in which a page is learnt from.

    Parameters
    ----------
    pair : LoadedPair
        A page, or a part of it.
    model : InkModel
        What reads it.

    Returns
    -------
    {"own", "double"}
        Never "half": reading in half of the size, too, as is done with soft pages, makes strokes
        bolder, and would be taken for a wish for thinner ones.
    """
    reader = PageReader.of(pair.pixels, model, InferenceConfig(invert="never"), pair.ink)
    return "double" if reader.size == "double" else "own"


def _enlarged(pair: LoadedPair) -> LoadedPair:
    """Double height and width; ink has smooth edges, and only labelled pixels stay labelled."""
    pixels = _resized(pair.pixels, "bicubic")
    ink = _resized(pair.truth[..., :1], "bilinear").ge(127.5) * 255
    labelled = _resized(pair.truth[..., 1:], "nearest")
    rows = pixels.round().clamp(0, 255).to(torch.uint8).numpy()
    truth = torch.cat([ink, labelled], dim=-1).to(torch.uint8).numpy()
    return replace(pair, pixels=rows, truth=truth, ink=PageSurvey.of(rows).ink)


def _resized(values: np.ndarray, mode: str) -> Tensor:
    """Float32 (2 H, 2 W, C) of (H, W, C)."""
    tensor = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)[None].float()
    return F.interpolate(tensor, scale_factor=2.0, mode=mode)[0].permute(1, 2, 0).contiguous()
