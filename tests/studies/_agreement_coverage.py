"""How often intervals of agreement hold the truth, where neighbouring layers resemble each other.

`python -m tests.studies._agreement_coverage` prints the table of `docs/guide/agreement.md`.
"""

import numpy as np
from scipy.signal import lfilter

from gramian.downstream._agreement.block_bootstrap import block_length
from gramian.downstream._agreement.statistics import resampled_intervals

PAIRS, RESAMPLES, FORGOTTEN = 400, 400, 200


def coverage(series: np.ndarray, truth: float, block: int) -> tuple[float, float]:
    """Share of the intervals that hold the truth, and their mean width; of Spearman's coefficient."""
    bounds = np.array(
        [
            resampled_intervals(pair[:1], pair[1:], block=block, resamples=RESAMPLES, confidence=0.95, seed=i)[0, 0, 0]
            for i, pair in enumerate(series)
        ]
    )
    low, high = bounds.T
    return float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean())


def main() -> None:
    generator = np.random.default_rng(0)
    for layers in (13, 25):
        for memory in (0.0, 0.5, 0.8, 0.95):
            for correlation in (0.0, 0.7):
                noise = generator.normal(size=(PAIRS, 2, layers + FORGOTTEN))
                noise[:, 1] = correlation * noise[:, 0] + np.sqrt(1 - correlation**2) * noise[:, 1]
                series = lfilter([1], [1, -memory], noise)[..., FORGOTTEN:]
                truth = 6 / np.pi * np.arcsin(correlation / 2)  # Spearman's coefficient of normal variables
                for block in dict.fromkeys((1, block_length(layers), *((3, 8) if layers == 25 else ()))):
                    share, width = coverage(series, truth, block)
                    print(f"{layers} {memory} {truth:.2f} block {block}: {share:.0%} (width {width:.2f})", flush=True)


if __name__ == "__main__":
    main()
