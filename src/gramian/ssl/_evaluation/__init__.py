"""How good an encoder's features are: nearest neighbours and a linear probe, beside training and after it; export of weights."""

from gramian.ssl._evaluation.encoder import Encoder, load_encoder
from gramian.ssl._evaluation.export import ExportedBackbone, export_backbone
from gramian.ssl._evaluation.features import Features, read_features
from gramian.ssl._evaluation.knn import weighted_knn
from gramian.ssl._evaluation.online import OnlineKNN, OnlineProbe, SplitReader
from gramian.ssl._evaluation.probing import EncoderProbe, Share, probe_encoder

__all__ = [
    "Encoder",
    "EncoderProbe",
    "ExportedBackbone",
    "Features",
    "OnlineKNN",
    "OnlineProbe",
    "Share",
    "SplitReader",
    "export_backbone",
    "load_encoder",
    "probe_encoder",
    "read_features",
    "weighted_knn",
]
