"""Information theory of representations, from the spectrum of kernel matrices."""

from gramian.inference import independence_test, k_sample_test, two_sample_test
from gramian.itl import (
    conditional_entropy,
    cosine_kernel,
    dime,
    feature_entropy,
    gaussian_kernel,
    jensen_renyi_divergence,
    joint_entropy,
    label_kernel,
    laplacian_kernel,
    linear_kernel,
    matrix_entropy,
    mutual_information,
    spectrum,
    total_correlation,
)

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "conditional_entropy",
    "cosine_kernel",
    "dime",
    "feature_entropy",
    "gaussian_kernel",
    "independence_test",
    "jensen_renyi_divergence",
    "joint_entropy",
    "k_sample_test",
    "label_kernel",
    "laplacian_kernel",
    "linear_kernel",
    "matrix_entropy",
    "mutual_information",
    "spectrum",
    "total_correlation",
    "two_sample_test",
]
