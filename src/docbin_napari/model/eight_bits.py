"""The eight-bit form of a network, as its model file holds it.

Strategy: whole numbers need to know the range of every feature, which only pages show. So it
is found when a model is made, and kept in the header together with what the format costs. Both
belong to the very weights they were found with: a file whose weights were changed and whose
header was copied has no eight-bit form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EIGHT_BITS_KEY = "eight_bits"
_MEAN_LOSS, _WORST_LOSS = 0.10, 0.50


@dataclass(frozen=True)
class EightBits:
    """The ranges of the features of a network, and what eight bits cost it.

    Parameters
    ----------
    weights : str
        From `weights_digest`.
    ranges : mapping
        Name to lowest and highest value, see `docbin_napari.model.graph.Graph`.
    mean_loss, worst_loss : float
        F-measure that was lost against float32, in the mean of some pages and on the worst.
    pages : int
        How many pages that was measured on.
    """

    weights: str
    ranges: Mapping[str, tuple[float, float]]
    mean_loss: float
    worst_loss: float
    pages: int

    @property
    def is_good_enough(self) -> bool:
        """Whether eight bits are used without being asked for."""
        return self.mean_loss <= _MEAN_LOSS and self.worst_loss <= _WORST_LOSS

    def to_header(self) -> dict[str, Any]:
        """Give what is stored in a model file."""
        ranges = {name: [float(f"{end:.5g}") for end in ends] for name, ends in self.ranges.items()}
        return {**asdict(self), "ranges": ranges}

    @classmethod
    def of(cls, header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> EightBits | None:
        """Read what a model file says.

        Parameters
        ----------
        header : mapping
            Of the file.
        tensors : mapping
            Its weights.

        Returns
        -------
        EightBits or None
            None if it says nothing, nothing that makes sense, or was said of other weights.
        """
        try:
            found = cls(**header[EIGHT_BITS_KEY])
            ranges = {name: (float(low), float(high)) for name, (low, high) in found.ranges.items()}
            found = cls(**{**header[EIGHT_BITS_KEY], "ranges": ranges})
            usable = found.is_good_enough in (True, False) and all(
                np.isfinite([low, high]).all() and low < high for low, high in ranges.values()
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return found if usable and found.weights == weights_digest(tensors) else None


def weights_digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Name weights by their content.

    Parameters
    ----------
    tensors : mapping
        Of a model file.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> one, other = ({"a": np.full(1, value)} for value in (1, 2))
    >>> weights_digest(one) == weights_digest(one), weights_digest(one) == weights_digest(other)
    (True, False)
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()[:16]
