"""Information-theoretic learning: kernels, spectra, entropies, dependence and divergence.

Stateless, differentiable, batched over leading axes. Knows no models and no files.
"""

from gramian.itl._arrays import as_tensors
from gramian.itl._bandwidth_scales import bandwidth_by_rule, bandwidth_grid
from gramian.itl._cores import batched_eigenvalues, map_on_cores
from gramian.itl._dependence import conditional_entropy, joint_entropy, mutual_information, total_correlation
from gramian.itl._dime import dime
from gramian.itl._divergence import jensen_renyi_divergence
from gramian.itl._feature_divergence import feature_divergence
from gramian.itl._feature_maps import FeatureMap
from gramian.itl._features import feature_entropy, feature_spectrum
from gramian.itl._fourier import fourier_map
from gramian.itl._gaussian_operators import gaussian_operator_divergence, gaussian_operator_spectrum
from gramian.itl._gram import gram
from gramian.itl._kernels import cosine_kernel, gaussian_kernel, label_kernel, laplacian_kernel, linear_kernel
from gramian.itl._learned_bandwidth import learn_bandwidth
from gramian.itl._matrix_entropy import matrix_entropy
from gramian.itl._nystrom import nystrom_map
from gramian.itl._potentials import difference_of_potentials
from gramian.itl._randomness import as_generator
from gramian.itl._selected_bandwidth import select_bandwidth
from gramian.itl._spectral_entropy import spectral_entropy
from gramian.itl._spectrum import spectrum

__all__ = [
    "FeatureMap",
    "as_generator",
    "as_tensors",
    "bandwidth_by_rule",
    "bandwidth_grid",
    "batched_eigenvalues",
    "conditional_entropy",
    "cosine_kernel",
    "difference_of_potentials",
    "dime",
    "feature_divergence",
    "feature_entropy",
    "feature_spectrum",
    "fourier_map",
    "gaussian_kernel",
    "gaussian_operator_divergence",
    "gaussian_operator_spectrum",
    "gram",
    "jensen_renyi_divergence",
    "joint_entropy",
    "label_kernel",
    "laplacian_kernel",
    "learn_bandwidth",
    "linear_kernel",
    "map_on_cores",
    "matrix_entropy",
    "mutual_information",
    "nystrom_map",
    "select_bandwidth",
    "spectral_entropy",
    "spectrum",
    "total_correlation",
]
