"""Pictures inside an HTML page: pixels to data URIs, without a file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUALITY = 88


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Encode a picture as the address of an image that carries its own data.

    JPEG of full colour resolution: marks that are one pixel wide keep their colour.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        RGB, at most 65,500 pixels a side.

    Returns
    -------
    str
        For the attribute ``src`` of an ``img`` element; it needs no escaping.

    Raises
    ------
    ValueError
        If `pixels` is not uint8 RGB, is empty or too large.

    Examples
    --------
    >>> data_uri(np.full((8, 8, 3), 200, np.uint8))[:23]
    'data:image/jpeg;base64,'
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        kind = f"{pixels.dtype} {tuple(pixels.shape)}"
        raise ValueError(f"a picture must be uint8 (H, W, 3), not {kind}")
    if max(pixels.shape) > 65_500 or not pixels.size:
        raise ValueError(f"a picture has 1 to 65,500 pixels a side, not {pixels.shape[:2]}")
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
