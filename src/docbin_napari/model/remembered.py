"""What was measured on this machine, kept from one process to the next.

Strategy: which number format is fastest depends on the processor and on PyTorch, and is
measured. That takes a tenth of a second, too much for every start. So the figure is kept in a
small file, under a key that names all it depends on, and measured again after a month. A file
that cannot be read or written costs the measurement and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs
import torch

from docbin_napari.io.atomic import atomic_path

_SECONDS_KEPT = 30 * 24 * 3600.0


def cache_file() -> Path:
    """File of the kept figures: in ``$DOCBIN_CACHE``, else the platform's cache folder."""
    chosen = os.environ.get("DOCBIN_CACHE")
    folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("docbin-napari"))
    return folder / "measured.json"


def remembered(name: str, measure: Callable[[], float]) -> float:
    """Look a figure up, or measure and keep it.

    Parameters
    ----------
    name : str
        What is measured.
    measure : callable
        Measures it.

    Returns
    -------
    float
        The figure of this processor with this version of PyTorch, not older than a month.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest.mock import patch
    >>> folder = tempfile.TemporaryDirectory()
    >>> with folder as cache, patch.dict(os.environ, DOCBIN_CACHE=cache):
    ...     [remembered("speed", lambda: 2.0), remembered("speed", lambda: 3.0)]
    [2.0, 2.0]
    """
    key = f"{name}; torch {torch.__version__}; {processor()}"
    known = _read()
    value, taken = known.get(key, (0.0, 0.0))
    if 0 <= time.time() - taken < _SECONDS_KEPT:
        return value
    value = measure()
    known[key] = value, time.time()
    _write(known)
    return value


def processor() -> str:
    """Name this machine's processor and what it can do.

    Returns
    -------
    str
        The same for the same processor; on Linux with a digest of its features.
    """
    name = f"{platform.machine()} {platform.processor()}".strip()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return name
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = told.get("flags", told.get("Features", ""))
    digest = hashlib.sha256(flags.encode()).hexdigest()[:12]
    return f"{told.get('model name', name)} {digest}"


def _read() -> dict[str, tuple[float, float]]:
    """Figures and the times when they were taken; those that make no sense are left out."""
    try:
        content = json.loads(cache_file().read_text(encoding="utf-8"))
        return {key: (float(value), float(taken)) for key, (value, taken) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return {}


def _write(known: dict[str, tuple[float, float]]) -> None:
    try:
        with atomic_path(cache_file()) as temporary:
            temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
    except OSError:
        # A full disk or a read-only home must not keep a page from being binarized.
        return
