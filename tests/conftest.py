"""Shapes of the mathematics are enforced while testing: the hook must be in place before gramian is imported."""

import jaxtyping

jaxtyping.install_import_hook("gramian.itl", "beartype.beartype")

import torch  # noqa: E402

# What tests compute is small: a second thread costs more than it brings, several times more on a busy machine.
torch.set_num_threads(1)
