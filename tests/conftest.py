"""Shapes of the mathematics are enforced while testing: the hook must be in place before gramian is imported."""

import jaxtyping

jaxtyping.install_import_hook("gramian.itl", "beartype.beartype")
