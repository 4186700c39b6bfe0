"""Turn scans of documents into clean black-and-white pages: U-Net, command line, napari plugin.

Importing this package loads neither torch nor Qt; the names below are loaded when first used.

Examples
--------
>>> import docbin_napari
>>> "read_pages" in dir(docbin_napari)
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from docbin_napari.__about__ import __version__

if TYPE_CHECKING:
    from docbin_napari.inference.predict import binarize as binarize
    from docbin_napari.inference.predict import ink_probability as ink_probability
    from docbin_napari.io.errors import PageError as PageError
    from docbin_napari.io.mask import write_mask as write_mask
    from docbin_napari.io.page import read_pages as read_pages
    from docbin_napari.model.ink_model import load_model as load_model

_HOMES = {
    "PageError": "io.errors",
    "read_pages": "io.page",
    "write_mask": "io.mask",
    "load_model": "model.ink_model",
    "ink_probability": "inference.predict",
    "binarize": "inference.predict",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (these are names, too)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
