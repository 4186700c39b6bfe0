"""The panel *Binarize document*."""
