"""Under-sampling by generation: points learned so that a class diverges little from them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from imblearn.under_sampling.base import BaseUnderSampler  # type: ignore[import-untyped]
from scipy import sparse
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from gramian.sampling._class_features import ClassFeatures
from gramian.sampling._learning import learn_points
from gramian.sampling._parameters import CONSTRAINTS, check_numeric, dense
from gramian.sampling._points import Scale, class_bandwidth, collision_kernel
from gramian.sampling._selection import select_covering

__all__ = ["JensenRenyiPrototypes"]


class JensenRenyiPrototypes(BaseUnderSampler):  # type: ignore[misc]
    r"""Under-sample by learning points that minimise their Jensen-Rényi divergence from a class.

    Every over-represented class is replaced by fewer points, free to lie anywhere, that are moved by gradient (Adam)
    until the balanced divergence between them and the class is small. The points returned are new ones: there is no
    ``sample_indices_``.

    Source: [hoyos2022]. Its code starts from ``init="uniform"`` without a seed, keeps the last iterate and a constant
    rate, and takes the whole Gram; here the default start is the choice of :class:`gramian.sampling.JensenRenyiUnderSampler`, the rate
    falls to zero, the best iterate is kept, and the divergence is that of Nyström features, so that classes may be large.

    Args:
        sampling_strategy: which classes, and how many points for each, as everywhere in imbalanced-learn; the default
            brings every class to the size of the smallest.
        alpha: order of the divergence, from 0.
        bandwidth: of the Gaussian kernel: ``"median"`` or ``"mean"`` of the distances within the class, ``"dimension"``
            for ``sqrt(d / 2)``, or a positive number; in standard deviations of the columns where ``standardize``.
        bandwidth_factor: multiplies the bandwidth; what to search over, being of the same meaning for every data set.
        standardize: measure distances, and learn, after every column is divided by its standard deviation. The points
            returned are in the columns' own units.
        init: ``"select"`` starts from the best points of the class, ``"uniform"`` from uniform draws within two standard
            deviations of the mean of all classes, as the paper's code.
        iterations: of Adam.
        learning_rate: of Adam at the start, in standard deviations.
        landmarks: of the features. More follow narrower kernels; time grows with their cube.
        random_state: of ``init="uniform"``, and of the pools of classes beyond 4,096 points; nothing else is drawn.

    Attributes:
        sampling_strategy_: class to number of points.
        bandwidths_: the bandwidth of every class that was replaced, factor included.
        n_features_in_, feature_names_in_: as in scikit-learn.

    Raises:
        ValueError: not finite values, text, one class, more points asked than there are.
        TypeError: a target that is not classes.

    Cost:
        ``n k^2`` once, ``m k (d + k) + k^3`` an iteration, with ``k`` landmarks. A sparse ``X`` is made dense.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]])
        >>> y = np.array([0, 0, 0, 0, 1, 1])
        >>> points, labels = JensenRenyiPrototypes().fit_resample(x, y)
        >>> np.sort(points[labels == 0].ravel()).round()
        array([0., 5.])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseUnderSampler._parameter_constraints,
        **CONSTRAINTS,
        "init": [StrOptions({"select", "uniform"})],
        "iterations": [Interval(Integral, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        alpha: float = 1.01,
        bandwidth: str | float = "median",
        bandwidth_factor: float = 1.0,
        standardize: bool = True,
        init: str = "select",
        iterations: int = 120,
        learning_rate: float = 0.1,
        landmarks: int = 128,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.alpha = alpha
        self.bandwidth = bandwidth
        self.bandwidth_factor = bandwidth_factor
        self.standardize = standardize
        self.init = init
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.landmarks = landmarks
        self.random_state = random_state

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> Any:
        check_numeric(X)
        self._whole = _whole_columns(X)
        return super()._check_X_y(X, y, accept_sparse)

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        draws = check_random_state(self.random_state)
        full = dense(X)
        scale = Scale.of(full, standardize=self.standardize)
        points = scale.apply(full)
        spread = 2 * (np.ones(points.shape[1]) if self.standardize else points.std(0))
        spread[np.ptp(points, axis=0) == 0] = 0
        self.bandwidths_: dict[Any, float] = {}
        parts, labels = [], []
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            count = self.sampling_strategy_.get(label, len(members))
            part = _safe_indexing(X, members)
            if count < len(members):
                own = points[members]
                self.bandwidths_[label] = class_bandwidth(own, self.bandwidth, self.bandwidth_factor, draws=draws)
                centre = points.mean(0)
                learned = self._learn(own, count, self.bandwidths_[label], centre, spread, draws)
                part = self._returned(scale.restore(learned), X)
            parts.append(part)
            labels.append(np.full(part.shape[0], label, dtype=y.dtype))
        joined = sparse.vstack(parts, format=X.format) if sparse.issparse(X) else np.concatenate(parts)
        return joined, np.concatenate(labels)

    def _learn(
        self,
        points: npt.NDArray[np.float64],
        count: int,
        bandwidth: float,
        centre: npt.NDArray[np.float64],
        spread: npt.NDArray[np.float64],
        draws: np.random.RandomState,
    ) -> npt.NDArray[np.float64]:
        if count == 0:
            return np.empty((0, points.shape[1]))
        if self.init == "uniform":
            start = centre + spread * draws.uniform(-1, 1, size=(count, points.shape[1]))
        else:
            kernel = collision_kernel(points, bandwidth, draws=draws)
            start = points[select_covering(kernel, count, draws=draws, thorough=False)]
        learned = learn_points(
            ClassFeatures(points, bandwidth, count=self.landmarks, draws=draws),
            torch.from_numpy(start),
            alpha=float(self.alpha),
            iterations=self.iterations,
            learning_rate=self.learning_rate,
        )
        found: npt.NDArray[np.float64] = learned.numpy()
        return found

    def _returned(self, learned: npt.NDArray[np.float64], X: Any) -> Any:
        """Learned points in the kind and dtype of the data; whole numbers where a data frame's column holds them."""
        if self._whole is not None:
            learned[:, self._whole] = np.rint(learned[:, self._whole])
        dtype = X.dtype if np.issubdtype(X.dtype, np.floating) else np.float64
        return sparse.csr_matrix(learned, dtype=dtype) if sparse.issparse(X) else learned.astype(dtype)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = False
        return tags


def _whole_columns(x: Any) -> npt.NDArray[np.bool_] | None:
    """Which columns of a data frame hold whole numbers; imbalanced-learn would cut learned values off there."""
    if not hasattr(x, "dtypes") or not hasattr(x, "columns"):
        return None
    return np.array([getattr(kind, "kind", "O") in "biu" for kind in x.dtypes], dtype=bool)
