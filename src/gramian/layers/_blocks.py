"""Where a model keeps its blocks and its final norm.

No table of architectures: the blocks are the one list whose length is the depth that the configuration declares, and
the final norm is the norm that runs after the last block. Both are facts of the model at hand, so an architecture
published tomorrow needs no change here; `check_streams` confirms them against the model's own hidden states.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

__all__ = ["FinalNorm", "block_lists", "declared_depth", "find_blocks", "watch_final_norm"]

_DEPTH_FIELDS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers")
# Where several lists have the right length, the field's names for a list of whole blocks decide.
_BLOCK_NAMES = frozenset({"layers", "layer", "h", "blocks", "block"})


def declared_depth(config: Any) -> int | None:
    """Number of blocks a configuration declares, None where it declares none."""
    text_config = config.get_text_config() if hasattr(config, "get_text_config") else config
    for field in _DEPTH_FIELDS:
        depth = getattr(text_config, field, None)
        if isinstance(depth, int) and not isinstance(depth, bool) and depth > 0:
            return depth
    return None


def block_lists(backbone: nn.Module) -> dict[str, nn.ModuleList]:
    """Every outermost ``ModuleList`` by its dotted path; lists inside lists (heads, experts) are left out."""
    found: dict[str, nn.ModuleList] = {}
    for path, module in backbone.named_modules():
        if isinstance(module, nn.ModuleList) and not any(path.startswith(f"{outer}.") for outer in found):
            found[path] = module
    return found


def find_blocks(backbone: nn.Module, *, family: str, depth: int | None, path: str | None = None) -> nn.ModuleList:
    """The list of blocks that read and write the residual stream.

    Args:
        backbone: A model without head.
        family: The architecture's name, for messages.
        depth: Number of blocks that the configuration declares, None if it does not say.
        path: Dotted path of the list, where the search should not decide.

    Returns:
        The ``ModuleList`` itself.

    Raises:
        ValueError: The path names no ``ModuleList``, or none or several lists could be the blocks.
    """
    lists = block_lists(backbone)
    there = ", ".join(f"{name} ({len(blocks)})" for name, blocks in lists.items()) or "none"
    if path is not None:
        named = dict(backbone.named_modules()).get(path)
        if not isinstance(named, nn.ModuleList) or len(named) == 0:
            raise ValueError(
                f"blocks: expected the dotted path of a non-empty ModuleList in {type(backbone).__name__}; "
                f"got {path!r}. Lists there: {there}."
            )
        return named
    right = {name: blocks for name, blocks in lists.items() if len(blocks) == depth or (depth is None and len(blocks))}
    if len(right) != 1:
        right = {name: blocks for name, blocks in right.items() if name.rpartition(".")[2] in _BLOCK_NAMES}
    if len(right) != 1:
        wanted = "one list of blocks" if depth is None else f"one list of {depth} blocks"
        raise ValueError(
            f"blocks: expected {wanted} in a model of family {family!r}; got lists {there}. "
            "Pass blocks='path.to.list'; architectures that call one block many times have no such list."
        )
    return next(iter(right.values()))


@dataclass
class FinalNorm:
    """What `watch_final_norm` saw: the norm that ran first after the last block and what it returned; None for none."""

    module: nn.Module | None = None
    output: Any = None


@contextmanager
def watch_final_norm(backbone: nn.Module, blocks: nn.ModuleList) -> Iterator[FinalNorm]:
    """Watch one forward pass for the norm that runs after the last block; models such as BERT have none.

    Args:
        backbone: The model, to be run once inside the context.
        blocks: Its blocks.

    Yields:
        `FinalNorm`, filled during the pass.
    """
    inside = {module for block in blocks for module in block.modules()}
    outside = [module for module in backbone.modules() if module not in inside and _is_norm(module)]
    seen = FinalNorm()
    finished = False

    def mark_last_block(*_: object) -> None:
        nonlocal finished
        finished = True

    def note(module: nn.Module, args: object, output: object) -> None:
        del args
        if finished and seen.module is None:
            seen.module, seen.output = module, output

    handles = [blocks[-1].register_forward_hook(mark_last_block)]
    handles += [norm.register_forward_hook(note) for norm in outside]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower() and not any(True for _ in module.children())
