"""Intersection over union, and its logarithm and powers."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap


@signature("real * 4, real * 4 -> *")
def iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""IoU loss, :math:`1 - \mathrm{IoU}(b, b^*)` with
    :math:`\mathrm{IoU} = |b \cap b^*| / |b \cup b^*|`.

    The measure that detections are judged by, whatever their size. Boxes that do not touch get no
    gradient: train with :func:`~lossary.giou_loss` or :func:`~lossary.diou_loss` unless they are
    known to overlap. The IoU of two boxes without area is 0.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.

    References:
        Rahman and Wang, *Optimizing Intersection-Over-Union in Deep Neural Networks for Image
        Segmentation*, ISVC 2016, of boxes in place of pixels.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> iou_loss(box, truth)
    tensor(0.9091)
    """
    return reduce(1 - overlap("iou_loss", input, target).iou, weight, reduction)


@signature("real * 4, real * 4 -> *", eps="(0, 1]")
def log_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Logarithmic IoU loss of UnitBox, :math:`-\ln \max(\mathrm{IoU}(b, b^*), \epsilon)`.

    Poor boxes pull harder than under :func:`~lossary.iou_loss`. For boxes that overlap by
    construction, such as those around a pixel of the object: others cost
    :math:`-\ln \epsilon` and get no gradient.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        eps: the IoU below which the loss grows no further.

    References:
        Yu et al., *UnitBox: An Advanced Object Detection Network*, ACM Multimedia 2016,
        algorithm 1.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> log_iou_loss(box, truth)
    tensor(2.3979)
    """
    iou = overlap("log_iou_loss", input, target).iou
    return reduce(-iou.clamp(min=eps).log(), weight, reduction)


@signature("real * 4, real * 4 -> *", alpha="[1, inf)")
def alpha_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 3.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Power IoU loss, :math:`1 - \mathrm{IoU}(b, b^*)^\alpha`.

    With a power above 1 the boxes that are nearly right pull harder, those that are far off less.
    A power of 2 is also known as the square form of the IoU loss. Powers below 1 are left out:
    their gradient is infinite where boxes begin to overlap.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        alpha: the power; 1 gives :func:`~lossary.iou_loss`.

    References:
        He et al., *Alpha-IoU: A Family of Power Intersection over Union Losses for Bounding Box
        Regression*, NeurIPS 2021, section 3.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> alpha_iou_loss(box, truth, alpha=2.0)
    tensor(0.9917)
    """
    return reduce(1 - overlap("alpha_iou_loss", input, target).iou ** alpha, weight, reduction)


class IoULoss(FunctionLoss):
    """Module form of :func:`iou_loss`."""

    function = staticmethod(iou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class LogIoULoss(FunctionLoss):
    """Module form of :func:`log_iou_loss`."""

    function = staticmethod(log_iou_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class AlphaIoULoss(FunctionLoss):
    """Module form of :func:`alpha_iou_loss`."""

    function = staticmethod(alpha_iou_loss)

    def __init__(self, *, alpha: float = 3.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


SPECS = (
    LossSpec(
        function=iou_loss,
        module=IoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        paper="doi:10.1007/978-3-319-50835-1_22",
        example=example,
    ),
    LossSpec(
        function=log_iou_loss,
        module=LogIoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"eps": 0.01}),
        paper="arXiv:1608.01471",
        example=example,
    ),
    LossSpec(
        function=alpha_iou_loss,
        module=AlphaIoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"alpha": 2.0}, {"alpha": 1.0}),
        paper="arXiv:2110.13675",
        example=example,
    ),
)
