"""The chosen layer as a sentence-transformers model."""
