"""Training: pairs and generated pages in, a model file out."""
