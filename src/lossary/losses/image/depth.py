"""Losses of depth maps."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import mean_of_all, steps


@signature("nonneg N *, nonneg N * -> N", lambda_="[0, 1]", eps="(0, inf)")
def silog_loss(
    input: Tensor,
    target: Tensor,
    *,
    lambda_: float = 0.5,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Scale-invariant logarithmic loss, :math:`\overline{d^2} - \lambda\, \bar d^2` with
    :math:`d = \log x - \log y` and means over the pixels of each map.

    For depth from a single image, where distances near and far count alike and the scale of the
    scene is a guess: :math:`\lambda` says how much of an error in scale is forgiven. Some projects
    take the root, and multiply it by 10.

    Args:
        input: depths, above 0, of shape (N, ...).
        target: of the shape of ``input``. A pixel of depth 0 was not measured and takes no part.
        lambda_: 0 for the squared error of logarithms, 1 to ignore the scale of each map.
        eps: the smallest depth; what is below counts as this.

    References:
        Eigen, Puhrsch and Fergus, *Depth Map Prediction from a Single Image Using a Multi-Scale
        Deep Network*, NIPS 2014, eq. 4.

    >>> x = torch.tensor([[2.718282, 1.0, 5.0]])
    >>> silog_loss(x, torch.tensor([[1.0, 1.0, 0.0]]))  # 1 / 2 - 1 / 8: two pixels were measured
    tensor(0.3750)
    """
    error, measured = _log_ratio(input, target, eps)
    error, measured = (t.unsqueeze(-1).flatten(1) for t in (error, measured))
    count = measured.sum(1).clamp(min=1)
    shift = error.sum(1) / count
    spread = (measured * (error - shift.unsqueeze(1))).square().sum(1) / count
    return reduce(spread + (1 - lambda_) * shift.square(), weight, reduction)


@signature("nonneg N H W, nonneg N H W -> N", eps="(0, inf)")
def depth_gradient_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Depth gradient loss, :math:`\tfrac1n \sum_p (\partial_h d_p)^2 + (\partial_v d_p)^2` with
    :math:`d = \log x - \log y` and differences of neighbouring pixels.

    Added to :func:`~lossary.silog_loss`, it makes depth agree in its local shape. By itself it
    does not know the scale.

    Args:
        input: depths, above 0, of shape (N, H, W).
        target: of the shape of ``input``. A pixel of depth 0 was not measured; differences with
            it take no part, and it is not counted in n.
        eps: the smallest depth; what is below counts as this.

    References:
        Eigen and Fergus, *Predicting Depth, Surface Normals and Semantic Labels with a Common
        Multi-Scale Convolutional Architecture*, ICCV 2015, eq. 1, its last term.

    >>> x = torch.tensor([[[1.0, 2.718282], [1.0, 3.0]]])
    >>> depth_gradient_loss(x, torch.tensor([[[1.0, 1.0], [1.0, 0.0]]]))  # (1 + 0) / 3
    tensor(0.3333)
    """
    error, measured = _log_ratio(input, target, eps)
    total = torch.zeros_like(error[:, :0].sum((1, 2)))
    for dim in (1, 2):
        size = max(0, error.shape[dim] - 1)
        both = measured.narrow(dim, 0, size) * measured.narrow(dim, min(1, size), size)
        total = total + (both * steps(error, dim)).square().sum((1, 2))
    return reduce(total / measured.sum((1, 2)).clamp(min=1), weight, reduction)


def _log_ratio(input: Tensor, target: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return the error of the logarithms, 0 where nothing was measured, and where it was."""
    measured = target > 0
    ratio = input.clamp(min=eps).log() - target.clamp(min=eps).log()
    return torch.where(measured, ratio, 0.0), measured.to(input.dtype)


@signature("real N H W, real N C H W -> N")
def edge_aware_smoothness_loss(
    input: Tensor,
    image: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Edge-aware smoothness, :math:`\overline{|\partial_h d|\, e^{-\overline{|\partial_h I|}}} +
    \overline{|\partial_v d|\, e^{-\overline{|\partial_v I|}}}`, of an inverse depth d under an
    image I, whose differences are averaged over its channels.

    A regulariser of self-supervised depth and optical flow: smooth, but where the image has an
    edge. It shrinks the depth towards a constant; divide d by its mean to take that away.

    Args:
        input: inverse depths, or disparities, of shape (N, H, W).
        image: of shape (N, C, H, W), with values about as large as 1.

    References:
        Godard, Mac Aodha and Brostow, *Unsupervised Monocular Depth Estimation with Left-Right
        Consistency*, CVPR 2017, eq. 3.

    >>> d = torch.tensor([[[0.0, 2.0, 4.0]]])
    >>> edge_aware_smoothness_loss(d, torch.tensor([[[[0.0, 0.0, 1.0]]]]))  # (2 + 2 / e) / 2
    tensor(1.3679)
    """
    units = []
    for dim in (1, 2):
        edges = steps(image, dim + 1).abs().sum(1) / max(1, image.shape[1])
        units.append(mean_of_all(steps(input, dim).abs() * torch.exp(-edges)))
    return reduce(units[0] + units[1], weight, reduction)


class SILogLoss(FunctionLoss):
    """Module form of :func:`silog_loss`."""

    function = staticmethod(silog_loss)

    def __init__(
        self, *, lambda_: float = 0.5, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, lambda_=lambda_, eps=eps)


class DepthGradientLoss(FunctionLoss):
    """Module form of :func:`depth_gradient_loss`."""

    function = staticmethod(depth_gradient_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class EdgeAwareSmoothnessLoss(FunctionLoss):
    """Module form of :func:`edge_aware_smoothness_loss`."""

    function = staticmethod(edge_aware_smoothness_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=silog_loss,
        module=SILogLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
        variants=({}, {"lambda_": 1.0}, {"lambda_": 0.85, "eps": 0.5}),
        paper="arXiv:1406.2283",
    ),
    LossSpec(
        function=depth_gradient_loss,
        module=DepthGradientLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
        variants=({}, {"eps": 0.5}),
        paper="arXiv:1411.4734",
    ),
    LossSpec(
        function=edge_aware_smoothness_loss,
        module=EdgeAwareSmoothnessLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1609.03677",
    ),
)
