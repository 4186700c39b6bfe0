"""Compress pages as JPEG in memory: as files, for HTML, and for the traces that it leaves."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from docbin_napari.io.raster import without_pillow_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encode_jpeg(pixels: NDArray[np.uint8], quality: int, **options: Any) -> bytes:
    """Compress a page as JPEG.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255; at most 65,500 pixels a side.
    quality : int
        JPEG quality, 1 (worst) to 100.
    **options
        Of Pillow's encoder.

    Returns
    -------
    bytes
        The content of a JPEG file.

    Raises
    ------
    ValueError
        If `pixels` is not an RGB page or `quality` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> encode_jpeg(np.full((16, 16, 3), 200, np.uint8), 75)[6:10]
    b'JFIF'
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            f"pixels must be uint8 (H, W, 3), not {pixels.dtype} {tuple(pixels.shape)}"
        )
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must lie between 1 and 100, not {quality}")
    if max(pixels.shape) > 65_500 or not pixels.size:
        raise ValueError(f"JPEG holds 1 to 65,500 pixels a side, not {tuple(pixels.shape[:2])}")
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        buffer, "JPEG", quality=int(quality), **options
    )
    return buffer.getvalue()


def jpeg_round_trip(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress a page as JPEG in memory and decode it again.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255; at most 65,500 pixels a side.
    quality : int
        JPEG quality, 1 (worst) to 100.

    Returns
    -------
    ndarray, uint8, shape (H, W, 3)
        The page with the losses of the compression, a new array.

    Raises
    ------
    ValueError
        If `pixels` is not an RGB page or `quality` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> paper = np.full((16, 16, 3), 200, np.uint8)
    >>> bool((jpeg_round_trip(paper, 75) == paper).all())
    True
    """
    buffer = io.BytesIO(encode_jpeg(pixels, quality))
    with without_pillow_limit(), Image.open(buffer, formats=("JPEG",)) as image:
        return np.array(image)


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
    content = encode_jpeg(pixels, 88, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")
