"""Many models, revisions, corpora and conditions as one plan, measured in process or on Ray."""

from gramian.sweeps._estimates import estimate_tokens
from gramian.sweeps._evolve import Checkpoint, evolve_plan, folder_checkpoints, hub_checkpoints
from gramian.sweeps._execution import SweepResult, run_plan
from gramian.sweeps._executors import Executor, InProcess
from gramian.sweeps._plan import Cell, Plan
from gramian.sweeps._plan_file import load_plan, parse_plan
from gramian.sweeps._ray import OnRay
from gramian.sweeps._stress import stress_plan

__all__ = [
    "Cell",
    "Checkpoint",
    "Executor",
    "InProcess",
    "OnRay",
    "Plan",
    "SweepResult",
    "estimate_tokens",
    "evolve_plan",
    "folder_checkpoints",
    "hub_checkpoints",
    "load_plan",
    "parse_plan",
    "run_plan",
    "stress_plan",
]
