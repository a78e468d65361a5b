"""Neighbourhood component analysis with a proxy for each class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines
from ._batch import NEVER
from ._prototypes import PrototypeLoss


@signature("real N D, real C D, label N -> N", temperature="(0, inf)", class_weight="weight C")
def proxy_nca_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Proxy-NCA, :math:`-\log \frac{e^{-d_y / T}}{\sum_{c \ne y} e^{-d_c / T}}` with the squared
    distances :math:`d_c = 2 - 2 \cos\theta_c` from the proxies, all of length 1.

    For embeddings of many classes without choosing triplets: one proxy stands for each class. The
    true class is not in the denominator, so the loss goes on pulling at samples that are right,
    and is below 0 there; :func:`~lossary.proxy_nca_plus_plus_loss` leaves them in peace. Relations
    between the samples of a class are not learnt. With a single class there is nothing to tell
    apart, and the loss is 0.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: the proxy of each class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        temperature: :math:`T`, 1 in the paper.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Movshovitz-Attias et al., *No Fuss Distance Metric Learning Using Proxies*, ICCV 2017.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> proxy_nca_loss(x, w, torch.tensor([1]))  # the squared distances are 0 and 2
    tensor(2.)
    """
    logits = 2 / temperature * cosines(input, prototypes)  # less a constant, which cancels
    place = target.unsqueeze(1)
    near = logits.gather(1, place)
    if len(prototypes) > 1:
        others = logits.scatter(1, place, torch.full_like(near, NEVER))
        units = others.logsumexp(1) - near.squeeze(1)
    else:
        units = 0 * near.squeeze(1)
    own = None if class_weight is None else class_weight[target]
    return reduce(units, weigh(own, weight), reduction)


@signature("real N D, real C D, label N -> N", temperature="(0, inf)", class_weight="weight C")
def proxy_nca_plus_plus_loss(
    input: Tensor,
    prototypes: Tensor,
    target: Tensor,
    *,
    temperature: float = 1 / 9,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""ProxyNCA++, :math:`-\log \frac{e^{-d_y / T}}{\sum_c e^{-d_c / T}}` with the squared
    distances :math:`d_c = 2 - 2 \cos\theta_c` from the proxies, all of length 1.

    Proxy-NCA as the probability of the true class, at a low temperature: samples that are right
    and sure are left in peace. It is :func:`~lossary.normalized_softmax_loss` of scale 2 / T; the
    paper adds to it a faster learning rate of the proxies and other changes to the network.

    Args:
        input: embeddings, of shape (N, D).
        prototypes: the proxy of each class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        temperature: :math:`T`, 1 in many programs that call this Proxy-NCA.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Teh et al., *ProxyNCA++: Revisiting and Revitalizing Proxy Neighborhood Component
        Analysis*, ECCV 2020.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> proxy_nca_plus_plus_loss(x, w, torch.tensor([0]), temperature=1.0)
    tensor(0.1269)
    """
    logits = 2 / temperature * cosines(input, prototypes)
    own = None if class_weight is None else class_weight[target]
    units = F.cross_entropy(logits, target, reduction="none")
    return reduce(units, weigh(own, weight), reduction)


class ProxyNCALoss(PrototypeLoss):
    """Module form of :func:`proxy_nca_loss`.

    It owns the proxies and is called with ``(input, target)``. They are drawn from a normal
    distribution; only their directions matter. They like a larger learning rate than the network.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(proxy_nca_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        temperature: float = 1.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            temperature=temperature,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


class ProxyNCAPlusPlusLoss(PrototypeLoss):
    """Module form of :func:`proxy_nca_plus_plus_loss`.

    It owns the proxies and is called with ``(input, target)``. They are drawn from a normal
    distribution; only their directions matter. They like a larger learning rate than the network.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(proxy_nca_plus_plus_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        temperature: float = 1 / 9,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            temperature=temperature,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPECS = (
    LossSpec(
        function=proxy_nca_loss,
        module=ProxyNCALoss,
        variants=(
            {},
            {"temperature": 0.25},
            {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
        ),
        paper="arXiv:1703.07464",
        owned={"prototypes": "prototypes"},
        sizes={"in_features": "D", "num_classes": "C"},
    ),
    LossSpec(
        function=proxy_nca_plus_plus_loss,
        module=ProxyNCAPlusPlusLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"temperature": 1.0}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
        paper="arXiv:2004.01113",
        owned={"prototypes": "prototypes"},
        sizes={"in_features": "D", "num_classes": "C"},
    ),
)
