"""Correcting ink: arrays in, arrays out; no torch, no Qt, no napari."""
