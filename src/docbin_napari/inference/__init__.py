"""From RGB pages to ink probability: windows, symmetries, blending."""
