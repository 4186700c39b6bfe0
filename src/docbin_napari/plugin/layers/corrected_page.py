"""Page that is being corrected: image, labels, and index in a stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.page_record import provenance

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Subject:
    """One page and its labels.

    Parameters
    ----------
    image : Image
        A layer that `docbin_napari.plugin.layers.page_source.refusal` has nothing against.
    labels : Labels
        Its ink: 0 background, 1 ink, 2 unlabelled.
    page : int
        Place in the stack, from 0; 0 for a single page.
    """

    image: Image
    labels: Labels
    page: int

    def pixels(self) -> NDArray[np.uint8]:
        """Read the page, as the network would see it.

        Returns
        -------
        ndarray
            uint8 (H, W, 3), RGB. A lazy page is computed, which can take long.
        """
        source = page_source.page_source(self.image)
        rows = source.read(self.page)
        return np.asarray(rows[0 : int(rows.shape[0])])

    def plane(self) -> NDArray[np.uint8]:
        """Give the labels of the page.

        Returns
        -------
        ndarray
            (H, W), a view: what is written to it is written to the layer. uint8 for
            labels of this package; labels that a user made keep their own dtype.
        """
        data: Any = self.labels.data[0] if self.labels.multiscale else self.labels.data
        plane: NDArray[np.uint8] = data[self.page] if data.ndim == 3 else data
        return plane

    def probability(self) -> NDArray[np.uint8] | None:
        """Give the ink probability behind the labels.

        Returns
        -------
        ndarray or None
            uint8 (H, W), probability times 255, a view; None for labels that were not
            made by a run, and for a page of them that was not computed.
        """
        result = result_behind(self.labels)
        if result is None or not result.has(self.page):
            return None
        return result.probability_plane(self.page)

    def source_file(self) -> Path | None:
        """Find the file the page came from; None if the image knows of none."""
        source = provenance(self.image)["source"]
        return Path(source) if source else None

    def page_of_file(self) -> int:
        """Tell which page of its file this is, from 1."""
        return int(provenance(self.image)["page"] or self.page + 1)

    def resolution(self) -> tuple[float, float] | None:
        """Tell the dots per inch, x and y; None if nothing says so."""
        for layer in (self.labels, self.image):
            dpi = layer.metadata.get("dpi")
            if isinstance(dpi, list):
                dpi = dpi[self.page] if self.page < len(dpi) else None
            if dpi is not None:
                return float(dpi[0]), float(dpi[1])
        return None
