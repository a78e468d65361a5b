"""Distance to the centre of the class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N D, real C D, label N -> N")
def center_loss(
    input: Tensor,
    centers: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Center loss, :math:`\tfrac12 \|x - c_y\|^2`.

    Draws the embeddings of a class together. Alone it is content with all embeddings at one
    point: add it, with a small coefficient, to a loss that keeps the classes apart, such as
    :func:`~lossary.cross_entropy`.

    The centres learn by gradient. The paper moves a centre by the mean of the differences to its
    own examples instead (eq. 4); an optimizer with a larger learning rate for the centres does
    much the same.

    Args:
        input: embeddings, of shape (N, D).
        centers: one vector per class, of shape (C, D).
        target: class indices in [0, C), of shape (N,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wen et al., *A Discriminative Feature Learning Approach for Deep Face Recognition*, ECCV
        2016, eq. 2.

    >>> x, c = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> center_loss(x, c, torch.tensor([1]))
    tensor(2.)
    """
    return reduce((input - centers[target]).square().sum(1) / 2, weight, reduction)


class CenterLoss(FunctionLoss):
    """Module form of :func:`center_loss`.

    It owns the centers and is called with ``(input, target)``. They are drawn from a normal
    distribution of standard deviation 1.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(center_loss)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, ignore_index=ignore_index)
        self.centers = nn.Parameter(torch.randn(num_classes, in_features))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.centers, target


SPEC = LossSpec(
    function=center_loss,
    module=CenterLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="doi:10.1007/978-3-319-46478-7_31",
    owned={"centers": "centers"},
    sizes={"in_features": "D", "num_classes": "C"},
)
