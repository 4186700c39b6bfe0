"""Files: pages in, masks out, training pairs. Only this room knows Pillow, PDF and TIFF."""
