"""Self-supervised learning: the FroSSL loss and what trains with it. Loads torch alone; rivals are lightly's."""

from gramian.ssl._loss.accumulation import GradientAccumulationWarning
from gramian.ssl._loss.frossl import FroSSLLoss, FroSSLTerms, frossl_loss, frossl_terms
from gramian.ssl._optimization.lars import LARS

__all__ = ["LARS", "FroSSLLoss", "FroSSLTerms", "GradientAccumulationWarning", "frossl_loss", "frossl_terms"]
