"""Permutation tests: do two or more samples differ, how much, at which scale and where. Knows no models and no files."""

from gramian.inference._independence import independence_test
from gramian.inference._independence_result import IndependenceResult, PairScaleResult
from gramian.inference._result import ScaleResult, TestResult
from gramian.inference._sample_tests import k_sample_test, two_sample_test
from gramian.inference._witness import Witness, witness

__all__ = [
    "IndependenceResult",
    "PairScaleResult",
    "ScaleResult",
    "TestResult",
    "Witness",
    "independence_test",
    "k_sample_test",
    "two_sample_test",
    "witness",
]
