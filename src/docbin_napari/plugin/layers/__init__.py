"""Pages as napari layers: pixels, labels, and what is known of both."""
