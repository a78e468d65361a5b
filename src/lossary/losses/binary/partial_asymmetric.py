"""Losses for images of which not every label was looked at."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real *, prob *, prob * -> *",
    gamma_positive="[0, inf)",
    gamma_negative="[0, inf)",
    gamma_unannotated="[0, inf)",
    alpha_unannotated="[0, inf)",
)
def partial_asymmetric_loss(
    input: Tensor,
    target: Tensor,
    annotated: Tensor,
    *,
    gamma_positive: float = 0.0,
    gamma_negative: float = 1.0,
    gamma_unannotated: float = 2.0,
    alpha_unannotated: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Partial asymmetric loss, :math:`-(1 - p)^{\gamma_+} \log p` for labels annotated as present,
    :math:`-p^{\gamma_-} \log(1 - p)` as absent, and :math:`-\alpha_u p^{\gamma_u} \log(1 - p)` for
    labels without annotation, with :math:`p = \sigma(x)`.

    For many labels of which few were looked at: a label without annotation is most likely absent,
    but a network that finds it present may be right, so it is focused more than one that is known
    to be absent. The paper also leaves out labels without annotation that are frequent, or among
    the likeliest of their image: give those zero ``weight``. One number per label; the paper adds
    them up over the labels of an image. Where all labels are annotated, see
    :func:`~lossary.asymmetric_loss`.

    Args:
        input: logits, of any shape.
        target: labels 0 and 1, of the shape of ``input``; without annotation they do not matter.
        annotated: 1 where the label is annotated and 0 elsewhere, of the shape of ``input``.
        gamma_positive: :math:`\gamma_+`, the focus of labels that are present.
        gamma_negative: :math:`\gamma_-`, the focus of labels that are absent.
        gamma_unannotated: :math:`\gamma_u`, the focus of labels without annotation.
        alpha_unannotated: the factor :math:`\alpha_u` of labels without annotation; with 0 they
            cost nothing, but count in the mean.

    References:
        Ben-Baruch et al., *Multi-label Classification with Partial Annotations using Class-aware
        Selective Loss*, CVPR 2022.

    >>> x, y, a = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])
    >>> partial_asymmetric_loss(x, y, a)
    tensor(0.4332)
    """
    # powers of probabilities by their logarithms: those have a slope where the power has none
    log_p, log_rest = F.logsigmoid(input), F.logsigmoid(-input)
    present = torch.exp(gamma_positive * log_rest) * -log_p
    absent = torch.exp(gamma_negative * log_p) * -log_rest
    unknown = alpha_unannotated * torch.exp(gamma_unannotated * log_p) * -log_rest
    known = target * present + (1 - target) * absent
    return reduce(annotated * known + (1 - annotated) * unknown, weight, reduction)


class PartialAsymmetricLoss(FunctionLoss):
    """Module form of :func:`partial_asymmetric_loss`."""

    function = staticmethod(partial_asymmetric_loss)

    def __init__(
        self,
        *,
        gamma_positive: float = 0.0,
        gamma_negative: float = 1.0,
        gamma_unannotated: float = 2.0,
        alpha_unannotated: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            gamma_positive=gamma_positive,
            gamma_negative=gamma_negative,
            gamma_unannotated=gamma_unannotated,
            alpha_unannotated=alpha_unannotated,
        )


SPEC = LossSpec(
    function=partial_asymmetric_loss,
    module=PartialAsymmetricLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {
            "gamma_positive": 0.5,
            "gamma_negative": 4.0,
            "alpha_unannotated": 0.3,
            "gamma_unannotated": 1.0,
        },
    ),
    paper="arXiv:2110.10955",
)
