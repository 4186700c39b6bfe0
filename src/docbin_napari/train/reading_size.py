"""Pages to learn from, in the size in which they are going to be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.inference.page_size import page_size
from docbin_napari.model.page_ink import page_ink, page_strips
from docbin_napari.model.sized_look import PageSize
from docbin_napari.model.weights import InkModel
from docbin_napari.train.dataset import LoadedPair


def in_reading_size(pairs: Iterable[LoadedPair], model: InkModel) -> Iterator[LoadedPair]:
    """Enlarge the pages whose strokes are so thin that a model reads them enlarged.

    Parameters
    ----------
    pairs : iterable of LoadedPair
        Pages, or parts of them.
    model : InkModel
        What reads them.

    Yields
    ------
    LoadedPair
        The page as it is, or of twice its height and width.
    """
    sizes: dict[str, PageSize] = {}
    for pair in pairs:
        yield _enlarged(pair) if _size_of(pair, model, sizes) == "double" else pair


def learnt_sizes(pairs: Iterable[LoadedPair], model: InkModel) -> list[PageSize]:
    """In which sizes pages, or parts of them, are learnt from; see `learnt_size`."""
    sizes: dict[str, PageSize] = {}
    return [_size_of(pair, model, sizes) for pair in pairs]


def _size_of(pair: LoadedPair, model: InkModel, sizes: dict[str, PageSize]) -> PageSize:
    """One size for all parts of a page, as a page is read in one size."""
    if pair.name not in sizes:
        sizes[pair.name] = learnt_size(pair, model)
    return sizes[pair.name]


def learnt_size(pair: LoadedPair, model: InkModel) -> PageSize:
    """In which size a page is learnt from.

    Parameters
    ----------
    pair : LoadedPair
        A page, or a part of it.
    model : InkModel
        What reads it.

    Returns
    -------
    {"own", "double"}
        Never "half": the look at half of the size, which soft pages get as well when they are
        read, makes strokes bolder, and would be taken for a wish for thinner ones.
    """
    told = model.for_page(pair.pixels, pair.ink)
    return "double" if page_size(pair.pixels, told, "auto") == "double" else "own"


def _enlarged(pair: LoadedPair) -> LoadedPair:
    """Twice as high and wide; ink has smooth edges, and only labelled pixels stay labelled."""
    pixels = _resized(pair.pixels, "bicubic")
    ink = _resized(pair.truth[..., :1], "bilinear").ge(127.5) * 255
    labelled = _resized(pair.truth[..., 1:], "nearest")
    rows = pixels.round().clamp(0, 255).to(torch.uint8).numpy()
    truth = torch.cat([ink, labelled], dim=-1).to(torch.uint8).numpy()
    return replace(pair, pixels=rows, truth=truth, ink=page_ink(page_strips(rows)))


def _resized(values: np.ndarray, mode: str) -> Tensor:
    """Float32 (2 H, 2 W, C) of (H, W, C)."""
    tensor = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)[None].float()
    return F.interpolate(tensor, scale_factor=2.0, mode=mode)[0].permute(1, 2, 0).contiguous()
