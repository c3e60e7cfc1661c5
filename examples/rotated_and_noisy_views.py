"""Learn what a rotated image and another, noisy image of its class have in common, and read the class from the codes.

    python examples/rotated_and_noisy_views.py --out runs/rotated
    python examples/rotated_and_noisy_views.py --out runs/rotated --root path/to/data

View 1 is an image turned by up to 45 degrees; view 2 is a different image of the same class under noise. The first line trains on
scikit-learn's digits; with `--root` on the first 10,000 images of Fashion-MNIST, whose four files lie
unpacked in `FashionMNIST/raw` there. It prints how much a linear classifier gets out of frozen codes, before training and
after, and leaves `latent_map.html`, the codes of test images in the plane, and `training.html`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import rotate

from gramian.multiview import DiMEEncoder, latent_map, training_curves
from gramian.probes import linear_probe

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def paired_views(images: Images, labels: Labels, rng: np.random.Generator) -> list[Images]:
    """Each image turned; and for each another of its class plus noise, uniform on [0, 1], clamped."""
    angles = rng.uniform(-45, 45, len(images))
    turned = [rotate(image, angle, reshape=False, order=1) for image, angle in zip(images, angles, strict=True)]
    partners = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        partners[rows] = np.roll(rows, 1)
    noisy = np.minimum(images[partners] + rng.random(images.shape, dtype=np.float32), 1)
    return [np.stack(turned), noisy]


def load_images(root: Path | None) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Images in [0, 1] and labels, to learn from and to test on."""
    if root is not None:
        from torchvision.datasets import FashionMNIST

        parts = [FashionMNIST(root, train=train) for train in (True, False)]
        (images, labels), (test_images, test_labels) = (
            (part.data[:count].numpy().astype(np.float32) / 255, part.targets[:count].numpy())
            for part, count in zip(parts, (10_000, 2_000), strict=True)
        )
        return (images, labels), (test_images, test_labels)
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    grey, classes = digits.images[order].astype(np.float32) / 16, digits.target[order]
    return (grey[500:], classes[500:]), (grey[:500], classes[:500])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="a folder with FashionMNIST/raw; scikit-learn's digits without it")
    parser.add_argument("--out", type=Path, default=Path("runs/rotated"))
    parser.add_argument("--latent", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--starts", type=int, default=3, help="trainings; the largest DiME is kept")
    parser.add_argument("--copies", type=int, default=4, help="pairs drawn for each training image")
    parser.add_argument("--batch-size", type=int, default=1000, help="DiME asks for large ones")
    asked = parser.parse_args()

    (images, labels), (test_images, test_labels) = load_images(asked.root)
    rng = np.random.default_rng(0)
    draws = [paired_views(images, labels, rng) for _ in range(asked.copies)]
    train = [np.concatenate(view) for view in zip(*draws, strict=True)]
    train_labels = np.tile(labels, asked.copies)
    test = paired_views(test_images, test_labels, rng)

    # One permutation and 64 leading eigenvalues: a step is quicker than by the defaults.
    told = {"latent": asked.latent, "batch_size": asked.batch_size, "permutations": 1, "rank": 64, "device": "cpu"}
    first = DiMEEncoder(**told, epochs=1, lr=1e-9).fit(train)
    trained = DiMEEncoder(**told, epochs=asked.epochs, lr=0.003, n_init=asked.starts).fit(train)
    print(f"DiME of the starts, nats: {', '.join(f'{-loss:.2f}' for loss in trained.start_losses_)}")
    print("accuracy of a linear classifier on frozen codes")
    for name, encoder in (("first weights", first), ("DiME", trained)):
        scores = [
            linear_probe(fit, train_labels, test=(held, test_labels), regularization=1.0).score
            for fit, held in zip(encoder.transform(train), encoder.transform(test), strict=True)
        ]
        print(f"{name:14} rotated {scores[0]:.3f}   noisy {scores[1]:.3f}")
    asked.out.mkdir(parents=True, exist_ok=True)
    latent_map(trained.transform(test), labels=test_labels).write_html(asked.out / "latent_map.html")
    training_curves(trained.history_).write_html(asked.out / "training.html")
    print(f"wrote {asked.out / 'latent_map.html'} and {asked.out / 'training.html'}")


if __name__ == "__main__":
    main()
