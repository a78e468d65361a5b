"""Second derivatives of what computes its gradients by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def differentiate_again(
    formula: Callable[..., Tensor], given: Sequence[Any], needs: Sequence[bool], incoming: Tensor
) -> list[Tensor | None]:
    """Return the gradients of ``formula(*given)``, so that they can be differentiated again.

    Args:
        formula: the definition.
        given: what it takes.
        needs: which of these need a gradient; the others get None.
        incoming: the gradient of its result.
    """
    # aliases: where one of them was made from another, no gradient runs through both
    aliases = [g.view_as(g) if n else g for g, n in zip(given, needs, strict=True)]
    wanted = [alias for alias, needed in zip(aliases, needs, strict=True) if needed]
    value = formula(*aliases).to(incoming.dtype)
    found = iter(torch.autograd.grad(value, wanted, incoming, create_graph=True))
    return [next(found) if needed else None for needed in needs]
