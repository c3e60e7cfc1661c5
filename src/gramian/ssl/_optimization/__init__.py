"""Optimizers of self-supervised learning."""
