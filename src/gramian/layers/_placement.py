"""Which device and which number format a model gets."""

from __future__ import annotations

import torch

__all__ = ["DTYPES", "resolve_device", "resolve_dtype"]

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def resolve_device(device: str | torch.device | None) -> torch.device:
    """The device asked for, or the best there is: cuda, then mps, then cpu.

    Raises:
        ValueError: The name is no device, or the device is not on this machine.
    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device: expected None or a torch device such as 'cpu' or 'cuda:0'; got {device!r}."
        ) from error
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (wanted.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(wanted.type, False):
        here = ", ".join(
            ["cpu"]
            + [f"cuda:{index}" for index in range(torch.cuda.device_count())]
            + (["mps"] if available["mps"] else [])
        )
        raise ValueError(f"device: expected a device of this machine ({here}); got {str(wanted)!r}.")
    return wanted


def resolve_dtype(dtype: str, *, on_cpu: bool) -> torch.dtype | str:
    """The number format of the weights; ``"auto"`` is float32 on a CPU and the checkpoint's own elsewhere.

    Raises:
        ValueError: Another name.
    """
    if dtype == "auto":
        return torch.float32 if on_cpu else "auto"
    if dtype not in DTYPES:
        raise ValueError(f"dtype: expected auto, {', '.join(DTYPES)}; got {dtype!r}.")
    return DTYPES[dtype]
