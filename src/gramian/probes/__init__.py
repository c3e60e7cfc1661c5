"""Probes: how much a simple reader gets out of given vectors. Knows no models and no files."""

from gramian.probes._knn_probe import knn_probe
from gramian.probes._linear_probe import linear_probe
from gramian.probes._result import ProbeResult
from gramian.probes._ridge_probe import ridge_probe

__all__ = ["ProbeResult", "knn_probe", "linear_probe", "ridge_probe"]
