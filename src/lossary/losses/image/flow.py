"""Errors of optical flow."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import length


@signature("real N D *, real N D * -> N *")
def end_point_error_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""End-point error, :math:`\lVert u - v \rVert_2` of two displacements.

    For optical flow, scene flow and registration with a known truth: the unit is a pixel, so a
    weight of shape (N, ...) masks those whose truth is not known, and the mean over the rest is the
    score of benchmarks. The gradient of a perfect pixel is 0.

    Args:
        input: predicted displacements, of shape (N, D, ...), in pixels.
        target: of the shape of ``input``; integers are converted.

    References:
        Otte and Nagel, *Optical Flow Estimation: Advances and Comparisons*, ECCV 1994.

    >>> end_point_error_loss(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]]))
    tensor(5.)
    """
    return reduce(length((input - target).movedim(1, -1)).squeeze(-1), weight, reduction)


@signature("real N D *, real N D * -> N *", q="(0, 1]", eps="(0, inf)")
def robust_flow_loss(
    input: Tensor,
    target: Tensor,
    *,
    q: float = 0.4,
    eps: float = 0.01,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Robust flow loss, :math:`\left( \lVert u - v \rVert_1 + \epsilon \right)^q`.

    As :func:`~lossary.end_point_error_loss` where some of the truth is wrong or hopeless: gross
    errors pull ever less. For the last phase of training, after a convex loss. It is not 0 at the
    target but :math:`\epsilon^q`.

    Args:
        input: predicted displacements, of shape (N, D, ...), in pixels.
        target: of the shape of ``input``; integers are converted.
        q: the power; the smaller, the less gross errors count.
        eps: the error, in pixels, around which small ones stop to count more.

    References:
        Sun et al., *PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume*, CVPR
        2018, section 3.

    >>> robust_flow_loss(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]]))
    tensor(2.1792)
    """
    return reduce(((input - target).abs().sum(1) + eps) ** q, weight, reduction)


class EndPointErrorLoss(FunctionLoss):
    """Module form of :func:`end_point_error_loss`."""

    function = staticmethod(end_point_error_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RobustFlowLoss(FunctionLoss):
    """Module form of :func:`robust_flow_loss`."""

    function = staticmethod(robust_flow_loss)

    def __init__(self, *, q: float = 0.4, eps: float = 0.01, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, q=q, eps=eps)


SPECS = (
    LossSpec(
        function=end_point_error_loss,
        module=EndPointErrorLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
        paper="doi:10.1007/3-540-57956-7_5",
    ),
    LossSpec(
        function=robust_flow_loss,
        module=RobustFlowLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
        variants=({}, {"q": 1.0, "eps": 0.5}),
        paper="arXiv:1709.02371",
    ),
)
