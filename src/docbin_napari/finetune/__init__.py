"""A model learns from a few labelled pages, and is compared with the one it came from."""
