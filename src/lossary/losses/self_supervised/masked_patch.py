"""Reconstruction of the patches that were hidden."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N L P, real N L P -> N L", eps="(0, inf)")
def masked_patch_loss(
    input: Tensor,
    target: Tensor,
    *,
    normalize: bool = True,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Masked patch loss, :math:`\tfrac1P \sum_k (x_k - \frac{y_k - \bar y}{\sqrt{s^2 +
    \epsilon}})^2` with the mean and variance :math:`s^2`, over P - 1, of the numbers of a patch.

    For masked autoencoders: give the mask of hidden patches as ``weight``, so that the mean is
    over them alone. Normalized patches ask for contrast inside a patch, which makes better
    representations; without it the loss is the mean squared error of pixels, which makes better
    pictures.

    Args:
        input: the decoder's output, of shape (N, L, P), for L patches of P numbers.
        target: the patches of the image, of shape (N, L, P).
        normalize: whether the target is normalized.
        eps: :math:`\epsilon`, which keeps patches of one colour from being blown up.

    References:
        He et al., *Masked Autoencoders Are Scalable Vision Learners*, CVPR 2022, section 3.

    >>> x, y = torch.zeros(1, 2, 2), torch.tensor([[[1.0, 3.0], [5.0, 9.0]]])
    >>> masked_patch_loss(x, y, weight=torch.tensor([[True, False]]))
    tensor(0.5000)
    """
    size = max(1, input.shape[2])
    if normalize:
        spread = target - target.sum(2, keepdim=True) / size
        variance = spread.square().sum(2, keepdim=True) / max(1, size - 1)
        target = spread * (variance + eps).rsqrt()
    return reduce((input - target).square().sum(2) / size, weight, reduction)


class MaskedPatchLoss(FunctionLoss):
    """Module form of :func:`masked_patch_loss`."""

    function = staticmethod(masked_patch_loss)

    def __init__(
        self, *, normalize: bool = True, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, normalize=normalize, eps=eps)


SPEC = LossSpec(
    function=masked_patch_loss,
    module=MaskedPatchLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"normalize": False}, {"eps": 0.5}),
    paper="arXiv:2111.06377",
)
