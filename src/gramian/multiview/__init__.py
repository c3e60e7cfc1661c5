"""Encoders that learn what views share, by maximising DiME. Loads torch alone."""

from gramian.multiview._exclusive_loss import conditional_entropy_loss
from gramian.multiview._loss import DiMELoss

__all__ = ["DiMELoss", "conditional_entropy_loss"]
