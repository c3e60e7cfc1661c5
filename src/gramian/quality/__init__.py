"""Measures of representation quality: one file each, one registry, mergeable statistics.

The measures are imported in the order `available()` lists them.
"""

# isort: skip_file

from ._bibliography import REFERENCES, Reference, reference
from ._measure import Accumulator, Measure, available, get, measure
from ._small_samples import SmallSampleWarning
from ._statistic import Statistic
from ._prompt_mean import PromptMean
from ._moments import Moments
from ._keyed_rows import Rows, ViewRows
from ._view_scatter import ViewScatter
from ._layer_pair import LayerPair
from ._prompt_entropy import prompt_entropy, prompt_entropy_from_spectrum, token_spectrum
from ._curvature import curvature
from ._sink_share import sink_share
from ._dataset_entropy import dataset_entropy
from ._effective_rank import effective_rank
from ._stable_rank import stable_rank
from ._participation_ratio import participation_ratio
from ._nesum import nesum
from ._alpha_req import alpha_req
from ._intrinsic_dimension import intrinsic_dimension
from ._anisotropy import anisotropy
from ._uniformity import uniformity
from ._lidar import lidar, lidar_entropy
from ._infonce import infonce, infonce_bound
from ._augmentation_dime import augmentation_dime
from ._alignment import alignment
from ._linear_cka import linear_cka
from ._adjacent_cosine import adjacent_cosine

__all__ = [
    "REFERENCES",
    "Accumulator",
    "LayerPair",
    "Measure",
    "Moments",
    "PromptMean",
    "Reference",
    "Rows",
    "SmallSampleWarning",
    "Statistic",
    "ViewRows",
    "ViewScatter",
    "adjacent_cosine",
    "alignment",
    "alpha_req",
    "anisotropy",
    "augmentation_dime",
    "available",
    "curvature",
    "dataset_entropy",
    "effective_rank",
    "get",
    "infonce",
    "infonce_bound",
    "intrinsic_dimension",
    "lidar",
    "lidar_entropy",
    "linear_cka",
    "measure",
    "nesum",
    "participation_ratio",
    "prompt_entropy",
    "prompt_entropy_from_spectrum",
    "reference",
    "sink_share",
    "stable_rank",
    "token_spectrum",
    "uniformity",
]
