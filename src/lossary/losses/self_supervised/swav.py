"""Predicting the cluster of another view."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import cosines
from ..metric._batch import NEVER, taking_part
from ..metric._prototypes import PrototypeLoss


@signature(
    "real N D, real N D, real C D -> N",
    temperature="(0, inf)",
    epsilon="(0, inf)",
    iterations="int [1, inf)",
)
def swav_loss(
    input: Tensor,
    target: Tensor,
    prototypes: Tensor,
    *,
    temperature: float = 0.1,
    epsilon: float = 0.05,
    iterations: int = 3,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SwAV, :math:`-\sum_c q_c \log \mathrm{softmax}_c(\cos(x, w_c) / \tau)` with the code
    :math:`q` of the other view, a constant to the gradient.

    For representations of two views of the same samples: the cluster of one is to be told from the
    other. Codes come from the cosines :math:`S` of the batch and the prototypes: from
    :math:`e^{S / \epsilon}`, of which Sinkhorn-Knopp makes all prototypes weigh the same, and then
    each sample 1, a few times in turn. So clusters are equally full, and nothing collapses, if the
    batch has several samples for each prototype. Samples that weigh nothing take no part. The
    paper adds the loss with the views swapped.

    Args:
        input: embeddings :math:`x` of one view, of shape (N, D).
        target: those of the other view, of shape (N, D).
        prototypes: the vectors :math:`w`, one for each cluster, of shape (C, D).
        temperature: :math:`\tau`.
        epsilon: :math:`\epsilon`, how soft codes are.
        iterations: how many times both are normalized.

    References:
        Caron et al., *Unsupervised Learning of Visual Features by Contrasting Cluster
        Assignments*, NeurIPS 2020, eq. 2 to 5.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # codes are sigma(1) and sigma(-1)
    >>> swav_loss(x, x, x, temperature=1.0, epsilon=1.0)
    tensor(0.5822)
    """
    log_q = cosines(target.detach(), prototypes.detach()) / epsilon
    there = taking_part(weight, input).unsqueeze(1)
    for _ in range(int(iterations)):
        log_q = log_q - torch.where(there, log_q, NEVER).logsumexp(0)
        log_q = log_q.log_softmax(1)
    log_p = (cosines(input, prototypes) / temperature).log_softmax(1)
    return reduce(-(log_q.exp() * log_p).sum(1), weight, reduction)


class SwAVLoss(PrototypeLoss):
    """Module form of :func:`swav_loss`.

    It owns the prototypes and is called with ``(input, target)``. They are drawn from a
    normal distribution; only their directions matter. The paper holds them fixed in the first
    epoch.

    Args:
        in_features: the length D of the embeddings.
        num_prototypes: the number C of clusters.
    """

    function = staticmethod(swav_loss)

    def __init__(
        self,
        in_features: int,
        num_prototypes: int,
        *,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_prototypes,
            reduction,
            temperature=temperature,
            epsilon=epsilon,
            iterations=iterations,
        )

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, target, self.prototypes


_FIXED = "the code of the other view is a constant to the gradient, by definition"

SPEC = LossSpec(
    function=swav_loss,
    module=SwAVLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"temperature": 0.5, "epsilon": 0.5, "iterations": 1}),
    paper="arXiv:2006.09882",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_prototypes": "C"},
    exempt={
        "parts_add": "codes fill the clusters equally over the whole batch",
        "gradient": _FIXED,
        "second_gradient": _FIXED,
    },
)
