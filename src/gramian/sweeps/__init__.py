"""Many models, revisions, corpora and conditions as one plan, measured in process or on Ray."""

from gramian.sweeps._execution import SweepResult, run_plan
from gramian.sweeps._plan import Cell, Plan

__all__ = ["Cell", "Plan", "SweepResult", "run_plan"]
