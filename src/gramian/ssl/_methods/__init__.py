"""Methods of self-supervised learning as Lightning modules. Loads Lightning and lightly."""

from collections.abc import Mapping
from types import MappingProxyType

from gramian.ssl._methods.barlow import BarlowTwins
from gramian.ssl._methods.byol import BYOL
from gramian.ssl._methods.dino import DINO
from gramian.ssl._methods.frossl import FroSSL
from gramian.ssl._methods.mmcr import MMCR
from gramian.ssl._methods.moco import MoCo
from gramian.ssl._methods.pretraining import Pretraining, StepOutputs
from gramian.ssl._methods.simclr import SimCLR
from gramian.ssl._methods.simsiam import SimSiam
from gramian.ssl._methods.swav import SwAV
from gramian.ssl._methods.vicreg import VICReg
from gramian.ssl._methods.wmse import WMSE

__all__ = ["METHODS", "Pretraining", "StepOutputs"]

_KINDS: tuple[type[Pretraining], ...] = (
    FroSSL,
    SimCLR,
    MoCo,
    BYOL,
    SimSiam,
    SwAV,
    DINO,
    BarlowTwins,
    VICReg,
    WMSE,
    MMCR,
)

METHODS: Mapping[str, type[Pretraining]] = MappingProxyType({kind.method: kind for kind in _KINDS})
"""Every method by its name in recipes and on the command line."""
