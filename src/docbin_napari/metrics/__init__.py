"""Quality figures of document binarization: two bool arrays in, numbers out."""
