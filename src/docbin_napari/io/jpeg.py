"""JPEG in memory: generated pages as files, and the traces that compression leaves in them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from docbin_napari.io.raster import without_pillow_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Compress a page as JPEG.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255; at most 65,500 pixels a side.
    quality : int
        JPEG quality, 1 (worst) to 100.

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
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=int(quality))
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
