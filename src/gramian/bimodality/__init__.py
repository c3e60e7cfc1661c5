"""One mode or two in the per-prompt values of a layer, and what separates them."""

from gramian.bimodality._analysis import Bimodality, LayerModes, find_modes, to_document
from gramian.bimodality._dip import DipTest, dip_test
from gramian.bimodality._features import PromptFeature, ngram_overlap, prompt_features, repetition
from gramian.bimodality._mixture import Mixture, fit_mixture
from gramian.bimodality._sentences import sentences
from gramian.bimodality._separation import Separation, separation

__all__ = [
    "Bimodality",
    "DipTest",
    "LayerModes",
    "Mixture",
    "PromptFeature",
    "Separation",
    "dip_test",
    "find_modes",
    "fit_mixture",
    "ngram_overlap",
    "prompt_features",
    "repetition",
    "sentences",
    "separation",
    "to_document",
]
