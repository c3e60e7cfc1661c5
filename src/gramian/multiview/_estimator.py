"""The estimator: views in, shared codes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from gramian.itl._counts import checked_count
from gramian.itl._errors import type_fault, value_fault
from gramian.multiview._batches import paired_loader
from gramian.multiview._codes import Rule
from gramian.multiview._encoders import conv_encoder, linear_encoder, mlp_encoder
from gramian.multiview._loss import DiMELoss
from gramian.multiview._network import MultiViewNetwork
from gramian.multiview._training import Start, fit_plainly
from gramian.multiview._view_arrays import checked_views, fingerprint, given_views

__all__ = ["ENCODERS", "DiMEEncoder"]

Floats = npt.NDArray[np.float32]
ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "linear": linear_encoder,
    "mlp": mlp_encoder,
    "conv": conv_encoder,
}
# Samples encoded at a time once training is over.
_ROWS = 4096
# Odd, so that all starts of a seed differ in the 32 bits that torch reads of it; large, so that none is the next seed's first.
_STARTS_APART = 0x9E3779B1


class DiMEEncoder(BaseEstimator):  # type: ignore[misc]
    """Learn what views of the same samples share: one encoder a view, trained to maximise DiME between their codes.

    With ``exclusive`` above 0 every view has codes of its own beside the shared ones, and a decoder that makes the sample from
    both, so that what the views do not share is kept apart instead of thrown away.

    Source: [skean2023]; the optimizer, the encoders and the weights of the terms are ours.

    Args:
        encoders: ``"linear"``, ``"mlp"`` or ``"conv"`` for every view; or a module a view, from samples to
            ``latent + exclusive`` coordinates, copied and trained from the weights they have.
        latent: width of the shared codes.
        exclusive: width of the codes of a view alone; 0 for none.
        alpha: order of the entropies; 2 is fastest.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        bandwidth: as in :class:`DiMELoss`.
        permutations: as in :class:`DiMELoss`.
        rank: as in :class:`DiMELoss`.
        reconstruction: weight of the mean squared error of standardised samples; of use with ``exclusive``.
        separation: weight of the entropy that exclusive codes add to shared ones; of use with ``exclusive``.
        independence: weight of DiME between the exclusive and the shared codes of a view, which keeps the first from repeating
            the second; of use with ``exclusive``.
        standardize: bring columns, or channels of images, to mean 0 and standard deviation 1.
        epochs: passes over the samples.
        batch_size: samples a step; rows beyond the last full batch wait for another epoch.
        lr: rate of Adam.
        n_init: trainings from different first weights, the first of them those of ``seed``; the one whose mean loss over the last
            epoch is least is kept. DiME has local optima in which two groups of samples end in one place, and often its value tells.
        seed: of first weights, order of samples and permutations; two fits of one seed on one machine are equal.
        device: ``"auto"`` for a GPU if there is one, or as torch calls it.
        out: a directory for checkpoints and logs. Training then runs through PyTorch Lightning, and ``fit`` of a
            killed training, called again with the same settings and views, goes on and ends in the same weights. With
            ``n_init`` above 1 each has a directory ``start-0``, ``start-1``, ... in it.

    Attributes:
        network_: the trained torch module, on the CPU.
        shapes_: of one sample of each view.
        history_: for each metric (``loss``, ``dime``, ...) its value at every step, ``(steps,)``.
        start_losses_: mean loss of every training over its last epoch, ``(n_init,)``.
        resumed_: whether the fit went on from a checkpoint.

    Raises:
        ImportError: ``out`` is given and PyTorch Lightning is not installed.

    Cost:
        A step costs what :class:`DiMELoss` costs at ``batch_size``, and the encoders; ``n_init`` times as many steps.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> shared = rng.normal(size=(64, 1))
        >>> views = [np.hstack([shared, rng.normal(size=(64, 3))]) for _ in range(2)]
        >>> encoder = DiMEEncoder(encoders="linear", latent=1, alpha=2, epochs=5, lr=0.05).fit(views)
        >>> [code.shape for code in encoder.transform(views)]
        [(64, 1), (64, 1)]
    """

    def __init__(
        self,
        *,
        encoders: str | Sequence[nn.Module] = "mlp",
        latent: int = 10,
        exclusive: int = 0,
        alpha: float = 1.01,
        kernel: str = "gaussian",
        bandwidth: Rule | Literal["learned"] | float = "dimension",
        permutations: int = 5,
        rank: int | Literal["auto"] | None = "auto",
        reconstruction: float = 1.0,
        separation: float = 0.1,
        independence: float = 1.0,
        standardize: bool = True,
        epochs: int = 50,
        batch_size: int = 256,
        lr: float = 1e-3,
        n_init: int = 1,
        seed: int = 0,
        device: str = "auto",
        out: str | Path | None = None,
    ) -> None:
        self.encoders = encoders
        self.latent = latent
        self.exclusive = exclusive
        self.alpha = alpha
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.permutations = permutations
        self.rank = rank
        self.reconstruction = reconstruction
        self.separation = separation
        self.independence = independence
        self.standardize = standardize
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.n_init = n_init
        self.seed = seed
        self.device = device
        self.out = out

    def fit(self, views: Sequence[Any], y: Any = None, *, progress: Callable[[Any], None] | None = None) -> Self:
        """Train the encoders.

        Args:
            views: two arrays or more, ``(n, d)`` or images ``(n, height, width)`` or ``(n, channels, height, width)``; row i of all
                is the same sample.
            y: not read.
            progress: called after every step where ``out`` is given, as by :func:`gramian.training.fit`.

        Returns:
            The estimator.

        Raises:
            TypeError, ValueError: settings or views without a meaning; ``out`` of other settings or other views; codes that became
                constant or NaN on the way.
        """
        tensors = checked_views(views)
        seed, epochs = self._check_settings()
        device = _device(self.device)
        starts = [self._fit_once(tensors, seed, start, epochs, device, progress) for start in range(int(self.n_init))]
        best = min(starts, key=lambda one: one.last_loss)
        self.network_ = best.network
        self.shapes_ = [tuple(view.shape[1:]) for view in tensors]
        self.history_ = best.history
        self.start_losses_ = np.array([one.last_loss for one in starts])
        self.resumed_ = any(one.resumed for one in starts)
        return self

    def transform(self, views: Sequence[Any]) -> list[Floats | None]:
        """Shared codes.

        Args:
            views: as in ``fit``, in the same order; None for a view that is not at hand.

        Returns:
            ``(n, latent)`` a view, None where there was none.
        """
        return [None if codes is None else codes[0] for codes in self._codes(views)]

    def fit_transform(self, views: Sequence[Any], y: Any = None) -> list[Floats | None]:
        """Train, and encode what was trained on."""
        return self.fit(views).transform(views)

    def transform_exclusive(self, views: Sequence[Any]) -> list[Floats | None]:
        """Codes of each view alone, ``(n, exclusive)``; arguments as in ``transform``.

        Raises:
            ValueError: there are none, ``exclusive`` being 0.
        """
        self._check_exclusive()
        return [None if codes is None else codes[1] for codes in self._codes(views)]

    def reconstruct(
        self,
        views: Sequence[Any],
        *,
        shared: Sequence[Floats] | None = None,
        exclusive: Sequence[Floats] | None = None,
    ) -> list[Floats]:
        """Samples made again from their codes, or from others in their place.

        Exclusive codes of other samples in place of their own exchange what the views do not share:
        ``reconstruct(views, exclusive=[codes[::-1] for codes in encoder.transform_exclusive(views)])``.

        Args:
            views: all of them, as in ``fit``.
            shared: ``(n, latent)`` a view, in place of their own.
            exclusive: ``(n, exclusive)`` a view, in place of their own.

        Returns:
            One array a view, of its shape (images with their axis of channels) and in its units.

        Raises:
            ValueError: ``exclusive`` is 0, so there are no decoders; codes of other shapes.
        """
        self._check_exclusive()
        found = self._codes(views, missing=False)
        own = [codes for codes in found if codes is not None]
        parts = [
            _replaced("shared", shared, [codes[0] for codes in own]),
            _replaced("exclusive", exclusive, [codes[1] for codes in own]),
        ]
        with torch.no_grad():
            return [
                self.network_.decode(place, *map(torch.from_numpy, pair)).numpy()
                for place, pair in enumerate(zip(*parts, strict=True))
            ]

    def score(self, views: Sequence[Any], y: Any = None) -> float:
        """DiME of the shared codes, in nats; higher is better.

        DiME grows with the number of samples, so it is that of batches of ``batch_size`` rows in the order given, on average, with the
        permutations of ``seed``. Fewer rows are one batch, and not to be compared with more.
        """
        codes = [torch.from_numpy(code[0]) for code in self._codes(views, missing=False) if code is not None]
        size = min(int(self.batch_size), len(codes[0]))
        with torch.no_grad():
            values = [
                -float(self.network_.loss([code[first : first + size] for code in codes]))
                for first in range(0, len(codes[0]) - size + 1, size)
            ]
        return float(np.mean(values))

    def _fit_once(
        self,
        views: list[Tensor],
        seed: int,
        start: int,
        epochs: int,
        device: torch.device,
        progress: Callable[[Any], None] | None,
    ) -> Start:
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would leave its trace in every accelerator.
            torch.default_generator.manual_seed((seed + start * _STARTS_APART) % 2**32)
            network = self._untrained(views)
            loader = paired_loader(views, batch_size=int(self.batch_size), seed=seed)
            if self.out is None:
                return fit_plainly(network, loader, lr=float(self.lr), epochs=epochs, device=device)
            from gramian.multiview._lightning import fit_through_lightning

            out = Path(self.out)
            return fit_through_lightning(
                network, loader, lr=float(self.lr), epochs=epochs, seed=seed, device=device,
                out=out if self.n_init == 1 else out / f"start-{start}", settings=self._settings(views), progress=progress,
            )  # fmt: skip

    def _codes(self, views: Sequence[Any], *, missing: bool = True) -> list[tuple[Floats, Floats] | None]:
        check_is_fitted(self, "network_")
        tensors = given_views(views, self.shapes_, missing=missing)
        found: list[tuple[Floats, Floats] | None] = []
        with torch.no_grad():
            for place, view in enumerate(tensors):
                if view is None:
                    found.append(None)
                    continue
                pieces = [self.network_.encode(place, rows) for rows in view.split(_ROWS)]
                shared, own = (torch.cat(part).numpy() for part in zip(*pieces, strict=True))
                found.append((shared, own))
        return found

    def _check_exclusive(self) -> None:
        check_is_fitted(self, "network_")
        if not self.network_.exclusive:
            raise value_fault("exclusive", "at least 1 in fit", 0, "Fit with exclusive=5, say.")

    def _check_settings(self) -> tuple[int, int]:
        checked_count("latent", self.latent, 1, "Ten are usual.")
        checked_count("exclusive", self.exclusive, 0, "None, or a few.")
        checked_count("batch_size", self.batch_size, 2, "One sample shares nothing.")
        for name, least in (("lr", 1e-12), ("reconstruction", 0.0), ("separation", 0.0), ("independence", 0.0)):
            value = getattr(self, name)
            rule = "a positive number" if least else "a number from 0"
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise type_fault(name, rule, type(value).__name__, "Give a number.")
            if not least <= value < float("inf"):
                raise value_fault(name, rule, value, "Give another number.")
        starts = checked_count("n_init", self.n_init, 1, "One is the default.")
        if starts > 1 and not isinstance(self.encoders, str):
            remedy = "Name encoders such as mlp, or fit once for each set of first weights and compare score."
            raise value_fault("n_init", "1 with modules of your own, which have their first weights", starts, remedy)
        seed = checked_count("seed", self.seed, 0, "Any whole number will do.")
        if seed >= 2**32:
            raise value_fault("seed", "0 to 2**32 - 1", seed, "Give another number.")
        return seed, checked_count("epochs", self.epochs, 1, "Fifty are the default.")

    def _untrained(self, views: Sequence[Tensor]) -> MultiViewNetwork:
        loss = DiMELoss(
            alpha=self.alpha, kernel=self.kernel, bandwidth=self.bandwidth, permutations=self.permutations,
            rank=self.rank, seed=self.seed,
        )  # fmt: skip
        return MultiViewNetwork(
            views,
            self._encoders(views),
            loss,
            latent=int(self.latent),
            exclusive=int(self.exclusive),
            reconstruction=float(self.reconstruction),
            separation=float(self.separation),
            independence=float(self.independence),
            standardize=bool(self.standardize),
        )

    def _encoders(self, views: Sequence[Tensor]) -> list[nn.Module]:
        rule = f"one of {', '.join(ENCODERS)}, or a module a view"
        if isinstance(self.encoders, str):
            if self.encoders not in ENCODERS:
                raise value_fault("encoders", rule, repr(self.encoders), "The default is mlp.")
            build = ENCODERS[self.encoders]
            return [build(tuple(view.shape[1:]), self.latent + self.exclusive) for view in views]
        if not isinstance(self.encoders, list | tuple) or not all(isinstance(one, nn.Module) for one in self.encoders):
            raise type_fault("encoders", rule, type(self.encoders).__name__, "Pass a list of torch modules.")
        if len(self.encoders) != len(views):
            raise value_fault("encoders", f"{len(views)} modules, one a view", len(self.encoders), "Pass one for each.")
        return [deepcopy(one) for one in self.encoders]

    def _settings(self, views: Sequence[Tensor]) -> dict[str, Any]:
        """What weights depend on, but for the numbers of epochs and of starts, of which there may be more later."""
        kept = {name: value for name, value in self.get_params(deep=False).items() if name not in _FREE}
        if not self.exclusive:
            kept["independence"] = 0.0
        plain = {name: value if isinstance(value, str) else repr(value) for name, value in kept.items()}
        if isinstance(self.encoders, list | tuple):
            states = [value.float() for one in self.encoders for value in one.state_dict().values()]
            plain["encoders"] = f"{self.encoders!r} {fingerprint([state.cpu() for state in states])}"
        return {**plain, "views": fingerprint(views)}


_FREE = ("epochs", "n_init", "device", "out")


def _replaced(name: str, given: Sequence[Floats] | None, own: list[Floats]) -> list[Floats]:
    if given is None:
        return own
    if len(given) != len(own):
        raise value_fault(name, f"{len(own)} arrays of codes, one a view", len(given), "Pass one for each.")
    # Copies: torch takes no reversed or read-only memory.
    codes = [np.array(code, dtype=np.float32, order="C") for code in given]
    for place, (code, mine) in enumerate(zip(codes, own, strict=True)):
        if code.shape != mine.shape:
            raise value_fault(f"{name}[{place}]", f"codes of shape {mine.shape}", code.shape, "One code a sample.")
    return codes


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise value_fault("device", "auto, cpu, cuda, ...", repr(name), "The default is auto.") from error
