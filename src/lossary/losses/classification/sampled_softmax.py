"""Softmax cross-entropy over the true class and a sample of the others."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

Sampler = Literal["log_uniform", "uniform"]
RemoveHits = Literal["example", "batch", "none"]


@signature(
    "real N D, real C D, label N -> N",
    num_sampled="int [1, inf)",
    candidates="label S",
    log_expected_counts="real C",
    class_bias="real C",
)
def sampled_softmax_loss(
    input: Tensor,
    class_vectors: Tensor,
    target: Tensor,
    *,
    num_sampled: int = 64,
    sampler: Sampler = "log_uniform",
    candidates: Tensor | None = None,
    log_expected_counts: Tensor | None = None,
    remove_accidental_hits: RemoveHits = "example",
    class_bias: Tensor | None = None,
    ignore_index: int = -100,
    generator: Generator | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sampled softmax loss, cross-entropy over the true class and a few sampled ones:
    :math:`-g_y + \log(e^{g_y} + \sum_{s} e^{g_s})` with :math:`g_c = w_c \cdot x + b_c - \log Q_c`.

    For very many classes: it computes :math:`1 + S` logits per example instead of C. Subtracting
    :math:`\log Q_c`, where :math:`Q_c` says how often class c is expected in the sample, keeps
    classes that are drawn often from being pushed down. For training only; evaluate with
    :func:`~lossary.cross_entropy`.

    Candidates are drawn S times, once for the whole batch, and take part once however often they
    were drawn, so :math:`Q_c = 1 - (1 - p_c)^S` exactly, and with growing S the loss becomes the
    full cross-entropy. Candidates of your own may be drawn in any way, and one that is given twice
    takes part twice: give their ``log_expected_counts``, or none for a loss over just these
    classes.

    Args:
        input: hidden states, of shape (N, D).
        class_vectors: the rows of the output layer, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        num_sampled: the number S of draws, where no candidates are given.
        sampler: ``"log_uniform"`` draws class k with probability :math:`\log\frac{k + 2}{k + 1} /
            \log(C + 1)`, which suits classes sorted by falling frequency; ``"uniform"`` draws
            every class alike.
        candidates: class indices to use instead of drawing, of shape (S,).
        log_expected_counts: :math:`\log Q_c` of every class for the candidates given, of shape
            (C,).
        remove_accidental_hits: what happens to a candidate that is a true class: ``"example"``
            removes it where it is the example's own, ``"batch"`` for all if it is anybody's, and
            ``"none"`` keeps it as a second, wrong, occurrence.
        class_bias: the bias of the output layer, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    Raises:
        ValueError: if a candidate is no class, an option is unknown, or expected counts come
            without candidates.

    References:
        Jean et al., *On Using Very Large Target Vocabulary for Neural Machine Translation*, ACL
        2015, eq. 8 to 10; Bengio and Senécal, *Adaptive Importance Sampling to Accelerate Training
        of a Neural Probabilistic Language Model*, 2008.

    >>> x, w, y = torch.tensor([[1.0, 0.0]]), torch.eye(2), torch.tensor([0])
    >>> sampled_softmax_loss(x, w, y, candidates=torch.tensor([0, 1]))  # all classes: the full loss
    tensor(0.3133)
    """
    if remove_accidental_hits not in ("example", "batch", "none"):
        raise ValueError(
            "remove_accidental_hits must be 'example', 'batch' or 'none', got "
            f"{remove_accidental_hits!r}"
        )
    if not len(class_vectors):
        raise ValueError("sampled_softmax_loss: class_vectors must hold at least one class")
    repeated: Tensor | None = None
    if candidates is None:
        if log_expected_counts is not None:
            raise ValueError(
                "log_expected_counts belong to candidates of your own: give both, or none to draw"
            )
        p = _probabilities(sampler, class_vectors)
        drawn = torch.multinomial(p, num_sampled, True, generator=generator)
        candidates = drawn.sort().values
        repeated = candidates.diff(prepend=candidates.new_full((1,), -1)) == 0
        log_expected_counts = (-torch.expm1(num_sampled * torch.log1p(-p))).log()
    bias = None
    if class_bias is not None or log_expected_counts is not None:
        bias = input.new_zeros(len(class_vectors)) if class_bias is None else class_bias
        bias = bias if log_expected_counts is None else bias - log_expected_counts
    own = (input * class_vectors[target]).sum(1)
    others = input @ class_vectors[candidates].T
    if bias is not None:
        own, others = own + bias[target], others + bias[candidates]
    hits = target[:, None] == candidates
    if remove_accidental_hits == "batch":
        takes_part = hits if weight is None else hits & (weight != 0)[:, None]
        hits = takes_part.any(0).expand_as(hits)
    if remove_accidental_hits != "none":
        others = others.masked_fill(hits, -torch.inf)
    if repeated is not None:
        others = others.masked_fill(repeated, -torch.inf)
    logits = torch.cat([own[:, None], others], 1)
    units = F.cross_entropy(logits, torch.zeros_like(target), reduction="none")
    return reduce(units, weight, reduction)


def _probabilities(sampler: Sampler, class_vectors: Tensor) -> Tensor:
    classes = len(class_vectors)
    if sampler == "uniform":
        return class_vectors.new_full((classes,), 1 / classes)
    if sampler == "log_uniform":
        rank = torch.arange(classes, dtype=class_vectors.dtype, device=class_vectors.device)
        return (torch.log1p(1 / (rank + 1)) / math.log(classes + 1)).clamp(max=1)
    raise ValueError(f"sampler must be 'log_uniform' or 'uniform', got {sampler!r}")


class SampledSoftmaxLoss(FunctionLoss):
    """Module form of :func:`sampled_softmax_loss`.

    It owns the class vectors and is called with ``(input, target)``. They are drawn uniformly
    between ``-1 / sqrt(in_features)`` and ``1 / sqrt(in_features)``, as in ``nn.Linear``.

    Args:
        in_features: the length D of the hidden states.
        num_classes: the number C of classes.
    """

    function = staticmethod(sampled_softmax_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        num_sampled: int = 64,
        sampler: Sampler = "log_uniform",
        candidates: Tensor | None = None,
        log_expected_counts: Tensor | None = None,
        remove_accidental_hits: RemoveHits = "example",
        class_bias: Tensor | None = None,
        ignore_index: int = -100,
        generator: Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            num_sampled=num_sampled,
            sampler=sampler,
            candidates=candidates,
            log_expected_counts=log_expected_counts,
            remove_accidental_hits=remove_accidental_hits,
            class_bias=class_bias,
            ignore_index=ignore_index,
            generator=generator,
        )
        bound = 1 / math.sqrt(in_features)
        self.class_vectors = nn.Parameter(
            torch.empty(num_classes, in_features).uniform_(-bound, bound)
        )

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.class_vectors, target


_ALL = torch.tensor([2, 0, 1, 0])

SPEC = LossSpec(
    function=sampled_softmax_loss,
    module=SampledSoftmaxLoss,
    traits=Trait.NONNEGATIVE | Trait.RANDOM,
    variants=(
        {"candidates": _ALL},
        {"candidates": _ALL, "remove_accidental_hits": "none"},
        {"candidates": _ALL[:2], "remove_accidental_hits": "batch"},
        {
            "candidates": _ALL,
            "log_expected_counts": torch.tensor([0.1, -0.5, 0.3]),
            "class_bias": torch.tensor([1.0, 0.0, -1.0]),
        },
        {"num_sampled": 2},
        {"num_sampled": 2, "sampler": "uniform"},
    ),
    paper="arXiv:1412.2007",
    owned={"class_vectors": "class_vectors"},
    sizes={"in_features": "D", "num_classes": "C"},
)
