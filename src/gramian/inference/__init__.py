"""Permutation tests: do two or more samples differ, how much, at which scale and where. Knows no models and no files."""

from gramian.inference._result import ScaleResult, TestResult
from gramian.inference._sample_tests import k_sample_test, two_sample_test
from gramian.inference._witness import Witness, witness

__all__ = ["ScaleResult", "TestResult", "Witness", "k_sample_test", "two_sample_test", "witness"]
