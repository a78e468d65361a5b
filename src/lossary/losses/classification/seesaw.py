"""Cross-entropy for classes of very different frequency, counted while training."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ...validation import check_values, is_readable, level


@signature("real N C *, nonneg C, label N * -> N *", p="[0, inf)", q="[0, inf)", eps="[0, 1)")
def seesaw_loss(
    input: Tensor,
    class_count: Tensor,
    target: Tensor,
    *,
    p: float = 0.8,
    q: float = 2.0,
    eps: float = 0.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Seesaw loss, the cross-entropy of the logits :math:`x_c + \log M_{yc} + \log C_{yc}` with
    :math:`M_{yc} = \min(1, n_c / n_y)^p` and :math:`C_{yc} = \max(1, \sigma_c / \sigma_y)^q`, where
    :math:`\sigma = \mathrm{softmax}(x)`.

    For long-tailed data: examples of a frequent class punish rarer classes less, by the ratio of
    their numbers, unless the network takes the example for the rarer class. The numbers may be
    those seen so far, so nothing need be known of the data before. Predict from the plain logits.
    Where classes are about equally frequent it is the cross-entropy with harder errors.

    The compensation :math:`C` gets no gradient.

    Args:
        input: logits, of shape (N, C, ...).
        class_count: the number :math:`n_c` of examples of each class, of shape (C,); below 1 counts
            as 1. The Module owns it: call its ``update`` with the labels of every batch.
        target: class indices in [0, C), of shape (N, ...).
        p: the strength of the mitigation :math:`M`.
        q: the strength of the compensation :math:`C`.
        eps: the least :math:`\sigma_y` in the compensation, which bounds it; 0.01 in mmdetection.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wang et al., *Seesaw Loss for Long-Tailed Instance Segmentation*, CVPR 2021.

    >>> x, n, y = torch.tensor([[0.0, 0.0]]), torch.tensor([9.0, 3.0]), torch.tensor([0])
    >>> seesaw_loss(x, n, y, p=1.0)
    tensor(0.2877)
    """
    index = target.unsqueeze(1)
    log_count = class_count.clamp(min=1).log()
    of_class = log_count.reshape(-1, *(1,) * (input.ndim - 2))
    mitigation = p * (of_class - log_count[target].unsqueeze(1)).clamp(max=0)
    log_sigma = input.detach().log_softmax(1)
    own = log_sigma.gather(1, index)
    if eps:
        own = own.clamp(min=math.log(eps))
    compensation = q * (log_sigma - own).clamp(min=0)
    # a class does not compete with itself, also where its own share is raised to eps
    return reduce(
        F.cross_entropy(input + mitigation + compensation, target, reduction="none"),
        weight,
        reduction,
    )


class SeesawLoss(FunctionLoss):
    """Module form of :func:`seesaw_loss`.

    It owns the counts, which begin at 0, and is called with ``(input, target)``. ``update`` counts
    the labels of a batch; of several processes, give each the labels of all.

    Args:
        num_classes: the number C of classes.
    """

    function = staticmethod(seesaw_loss)
    class_count: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        p: float = 0.8,
        q: float = 2.0,
        eps: float = 0.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, p=p, q=q, eps=eps, ignore_index=ignore_index)
        self.register_buffer("class_count", torch.zeros(num_classes))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.class_count, target

    @torch.no_grad()
    def update(self, target: Tensor) -> None:
        """Count the labels of a batch; call it before or after the loss of that batch.

        Raises:
            ValueError: if a label is neither a class nor ``ignore_index``.
        """
        labels = target.reshape(-1)
        labels = labels[labels != self.ignore_index]
        if level() == "values" and is_readable((labels,)):
            classes = len(self.class_count)
            check_values("SeesawLoss.update: target", "label", labels, classes, nan=False)
        self.class_count += torch.bincount(labels, minlength=len(self.class_count))


SPEC = LossSpec(
    function=seesaw_loss,
    module=SeesawLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"p": 0.3, "q": 0.5}, {"eps": 0.3}),
    paper="arXiv:2008.10032",
    owned={"class_count": "class_count"},
    sizes={"num_classes": "C"},
    exempt={
        "gradient": "the compensation gets no gradient, by definition",
        "second_gradient": "the compensation gets no gradient, by definition",
    },
)
