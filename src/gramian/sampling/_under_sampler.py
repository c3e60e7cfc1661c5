"""Under-sampling by selection: the points of a class from which it diverges least."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from imblearn.under_sampling.base import BaseUnderSampler  # type: ignore[import-untyped]
from sklearn.utils import _safe_indexing, check_random_state

from gramian.sampling._class_features import ClassFeatures
from gramian.sampling._collision_kernel import Floats, Indices
from gramian.sampling._parameters import CONSTRAINTS, check_numeric, dense
from gramian.sampling._points import Scale, class_bandwidth, collision_kernel
from gramian.sampling._refinement import refine
from gramian.sampling._selection import select_covering

__all__ = ["JensenRenyiUnderSampler"]


class JensenRenyiUnderSampler(BaseUnderSampler):  # type: ignore[misc]
    r"""Under-sample by selecting points of a class that minimise its Jensen-Rényi divergence from them.

    For every over-represented class, real points are chosen so that the balanced divergence between the chosen points
    and the whole class is small: the class is thinned, and still covers what it covered. At order 2 the divergence is a
    function of means of the squared kernel; points are added one by one, each the best there is, and then exchanged as
    long as that helps. Other orders start from that choice and exchange further, in Nyström features.

    Source: [hoyos2022], whose code learns points instead of selecting them: :class:`gramian.sampling.JensenRenyiPrototypes`.

    Args:
        sampling_strategy: which classes, and how many points of each to keep, as everywhere in imbalanced-learn; the
            default brings every class to the size of the smallest.
        alpha: order of the divergence, from 0; 2 is exact and quickest.
        bandwidth: of the Gaussian kernel: ``"median"`` or ``"mean"`` of the distances within the class, ``"dimension"``
            for ``sqrt(d / 2)``, or a positive number; in standard deviations of the columns where ``standardize``.
        bandwidth_factor: multiplies the bandwidth; what to search over, being of the same meaning for every data set.
        standardize: measure distances after every column is divided by its standard deviation. The points returned are
            as they were.
        landmarks: of the features for orders other than 2.
        random_state: classes beyond 4,096 points are dealt into pools at random; nothing else is drawn.

    Attributes:
        sampling_strategy_: class to number of points.
        sample_indices_: ``(n_resampled,)``, rows of ``X`` that were kept, class by class, ascending within a class.
        bandwidths_: the bandwidth of every class that was thinned, factor included.
        n_features_in_, feature_names_in_: as in scikit-learn.

    Raises:
        ValueError: not finite values, text, one class, more points asked than there are.
        TypeError: a target that is not classes.

    Cost:
        At order 2 ``n^2 d`` up to 16,384 points of a class, ``n (4096 + m) d`` beyond; memory for a few matrices of
        ``4096^2`` numbers. A sparse ``X`` is made dense for the distances and returned sparse.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]])
        >>> y = np.array([0, 0, 0, 0, 1, 1])
        >>> sampler = JensenRenyiUnderSampler()
        >>> kept, labels = sampler.fit_resample(x, y)
        >>> [bool((kept[labels == 0] < 1).any()), bool((kept[labels == 0] > 1).any())]
        [True, True]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**BaseUnderSampler._parameter_constraints, **CONSTRAINTS}

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        alpha: float = 2.0,
        bandwidth: str | float = "median",
        bandwidth_factor: float = 1.0,
        standardize: bool = True,
        landmarks: int = 256,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.alpha = alpha
        self.bandwidth = bandwidth
        self.bandwidth_factor = bandwidth_factor
        self.standardize = standardize
        self.landmarks = landmarks
        self.random_state = random_state

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> Any:
        check_numeric(X)
        return super()._check_X_y(X, y, accept_sparse)

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        draws = check_random_state(self.random_state)
        full = dense(X)
        points = Scale.of(full, standardize=self.standardize).apply(full)
        self.bandwidths_: dict[Any, float] = {}
        kept = []
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            count = self.sampling_strategy_.get(label, len(members))
            if count < len(members):
                own = points[members]
                self.bandwidths_[label] = class_bandwidth(own, self.bandwidth, self.bandwidth_factor, draws=draws)
                members = members[self._select(own, count, self.bandwidths_[label], draws)]
            kept.append(members)
        self.sample_indices_ = np.concatenate(kept)
        return _safe_indexing(X, self.sample_indices_), _safe_indexing(y, self.sample_indices_)

    def _select(self, points: Floats, count: int, bandwidth: float, draws: np.random.RandomState) -> Indices:
        if count == 0:
            return np.empty(0, dtype=np.intp)
        chosen = select_covering(collision_kernel(points, bandwidth, draws=draws), count, draws=draws)
        if self.alpha == 2:
            return chosen
        features = ClassFeatures(points, bandwidth, count=self.landmarks, draws=draws)
        return refine(features, chosen, float(self.alpha))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        return tags
