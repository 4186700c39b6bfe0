"""Files: pages in, masks out, folders of training pairs. Only this room knows Pillow, PDF and TIFF."""
