"""Angles between embeddings and class prototypes, with finite gradients everywhere."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...reduction import Reduction, reduce, weigh
from ...validation import is_readable


def normalize(x: Tensor) -> Tensor:
    """Scale vectors, the last dimension, to length 1; a zero vector stays zero.

    Its gradient there is the identity instead of infinite. Brought to size 1 first, no square
    becomes too small for its root to have a slope.
    """
    size = x.detach().abs().sum(-1, keepdim=True)
    tiny = torch.finfo(x.dtype).tiny  # below, one over it is infinite
    x = x * torch.where(size == 0, 1.0, size.clamp(min=tiny)).reciprocal()
    return x * inverse_length(x).unsqueeze(-1)


def inverse_length(x: Tensor) -> Tensor:
    """Return one over the lengths of vectors, the last dimension; 1 for a zero vector."""
    squares = x.square().sum(-1)
    return torch.where(squares == 0, 1.0, squares).rsqrt()


def length(x: Tensor, *, keepdim: bool = True) -> Tensor:
    """Return the lengths of vectors, the last dimension; that of zero has gradient 0."""
    if x.numel() and is_readable((x,)):
        lengths: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=keepdim)
        if lengths.detach().min().item() > 0:  # at zero its second derivative is nan
            return lengths
    squares = x.square().sum(-1, keepdim=keepdim)
    nothing = squares == 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, squares).sqrt())


def paired_cosines(x: Tensor, y: Tensor) -> Tensor:
    """Return the cosines (N,) between the rows of ``x`` and ``y``, both (N, D)."""
    if x.numel() and is_readable((x, y)):
        a: Tensor = torch.linalg.vector_norm(x, dim=1)
        b: Tensor = torch.linalg.vector_norm(y, dim=1)
        if _is_ordinary(a.detach()) and _is_ordinary(b.detach()):
            return (x * y).sum(1) / (a * b)
    return (normalize(x) * normalize(y)).sum(1)


def _is_ordinary(lengths: Tensor) -> bool:
    """Whether no product of two, nor a square, is too small or too large for its digits."""
    least, most = lengths.aminmax()
    return bool(least.item() > 1e-12 and most.item() < 1e12)


def cosines(x: Tensor, prototypes: Tensor) -> Tensor:
    """Return the cosines (N, C) between the rows of ``x`` (N, D) and ``prototypes`` (C, D)."""
    return (normalize(x) @ normalize(prototypes).T).clamp(-1, 1)


def sine(cosine: Tensor) -> Tensor:
    """Return the sine of an angle in [0, pi] from its cosine; the gradient is 0 where it is 0."""
    squares = 1 - cosine.square()
    nothing = squares <= 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, squares).sqrt())


def folded_cosine(cosine: Tensor, m: int) -> Tensor:
    r"""Return :math:`\psi(\theta) = (-1)^k \cos(m \theta) - 2k`, which falls from 1 to 1 - 2m.

    k counts the multiples of :math:`\pi / m` below the angle. The cosine of the multiple is a
    Chebyshev polynomial, so it takes no arc cosine and has no infinite slope (Liu et al., 2016,
    eq. 6).
    """
    before, multiple = torch.ones_like(cosine), cosine
    for _ in range(int(m) - 1):
        before, multiple = multiple, 2 * cosine * multiple - before
    k = torch.zeros_like(cosine)
    for j in range(1, int(m)):
        k = k + (cosine < math.cos(j * math.pi / m))
    return (1 - 2 * (k % 2)) * multiple - 2 * k


def softmax_loss(
    logits: Tensor,
    true_logit: Tensor,
    target: Tensor,
    class_weight: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """Cross-entropy of (N, C) logits in which that of the true class is ``true_logit`` (N, 1)."""
    logits = logits.scatter(1, target.unsqueeze(1), true_logit)
    units = F.cross_entropy(logits, target, reduction="none")
    own = None if class_weight is None else class_weight[target]
    return reduce(units, weigh(own, weight), reduction)
