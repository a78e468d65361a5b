"""Proxies as anchors, samples as their company."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines
from ._batch import NEVER, taking_part
from ._prototypes import PrototypeLoss


@signature("real N D, real C D, label N -> N", margin="[0, 1]", alpha="(0, inf)")
def proxy_anchor_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    margin: float = 0.1,
    alpha: float = 32.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Proxy-Anchor loss, :math:`\frac{1}{|P^+|} \sum_{c \in P^+} \log(1 + \sum_{i : y_i = c}
    e^{-\alpha (s_{ic} - \delta)}) + \frac1C \sum_c \log(1 + \sum_{i : y_i \ne c}
    e^{\alpha (s_{ic} + \delta)})` with cosines :math:`s` of samples and proxies, and the proxies
    :math:`P^+` whose classes the batch has.

    For retrieval: each proxy looks at the whole batch, so that hard samples count more, as they do
    among pairs, at the cost of proxies. The logarithm of a proxy is shared out equally among its
    samples, so that the mean over the batch is the paper's loss. Other samples of the batch decide
    about the cost of each, so micro-batches do not add up.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: the proxy of each class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        margin: :math:`\delta`.
        alpha: the scale :math:`\alpha`.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Kim et al., *Proxy Anchor Loss for Deep Metric Learning*, CVPR 2020.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> proxy_anchor_loss(x, w, torch.tensor([0]), margin=0.0, alpha=1.0)
    tensor(0.6598)
    """
    similarity = cosines(input, prototypes)
    there = taking_part(weight, input).unsqueeze(1)
    own = target.unsqueeze(1) == torch.arange(len(prototypes), device=target.device)
    alike, unlike = own & there, ~own & there
    near = _log_sum(-alpha * (similarity - margin), alike)
    far = _log_sum(alpha * (similarity + margin), unlike)
    present = alike.any(0).sum().clamp(min=1)
    near = near / (present * alike.sum(0).clamp(min=1))
    far = far / (len(prototypes) * unlike.sum(0).clamp(min=1))
    units = torch.where(own, near, far).sum(1) * there.sum()
    return reduce(units, weight, reduction)


def _log_sum(exponents: Tensor, mask: Tensor) -> Tensor:
    """Return log(1 + the sum of the exponentials of the masked entries) of each column."""
    return F.softplus(torch.where(mask, exponents, NEVER).logsumexp(0))


class ProxyAnchorLoss(PrototypeLoss):
    """Module form of :func:`proxy_anchor_loss`.

    It owns the proxies and is called with ``(input, target)``. They are drawn from a normal
    distribution; only their directions matter. They like a larger learning rate than the network.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(proxy_anchor_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        margin: float = 0.1,
        alpha: float = 32.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            margin=margin,
            alpha=alpha,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=proxy_anchor_loss,
    module=ProxyAnchorLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 0.0, "alpha": 4.0}),
    paper="arXiv:2003.13911",
    owned={"prototypes": "prototypes"},
    sizes={"in_features": "D", "num_classes": "C"},
    exempt={"parts_add": "each proxy looks at all samples of the batch"},
)
