"""Files of one page: pages in, masks and probabilities out."""
