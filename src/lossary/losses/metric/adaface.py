"""Margin by the quality of the image, which the length of its embedding tells."""

from __future__ import annotations

import torch
from torch import Tensor

from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import cosines, length, sine, softmax_loss
from ._prototypes import PrototypeLoss


@signature(
    "real N D, real C D, nonneg, nonneg, label N -> N",
    margin="[0, 1.57]",
    concentration="(0, inf)",
    scale="(0, inf)",
    class_weight="weight C",
)
def adaface_loss(
    input: Tensor,
    prototypes: Tensor,
    mean_length: Tensor,
    length_deviation: Tensor,
    target: Tensor,
    *,
    margin: float = 0.4,
    concentration: float = 0.333,
    scale: float = 64.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""AdaFace: cross-entropy of the logits :math:`s \cos\theta_c`, of the true class
    :math:`s (\cos(\theta_y - m q) - m q - m)` with the quality :math:`q = \mathrm{clip}((\|x\| -
    \mu) h / \sigma, -1, 1)`.

    For faces of mixed quality: long embeddings belong to clear images, of which hard ones are
    stressed, short ones to images that may show nothing, of which hard ones are not. The quality
    is a constant to the gradient. The angle is held in :math:`[0, \pi]`, as the authors' code
    does, where a longer one would reward being wrong.

    Args:
        input: embeddings, of shape (N, D); their lengths are used, so do not normalize them.
        prototypes: one vector per class, of shape (C, D).
        mean_length: the mean :math:`\mu` of the lengths of embeddings, a tensor of one number.
        length_deviation: their standard deviation :math:`\sigma`, a tensor of one number.
        target: class indices in [0, C), of shape (N,).
        margin: :math:`m`, in radians and as a difference of cosines.
        concentration: :math:`h`; the larger, the more qualities are -1 or 1.
        scale: the factor :math:`s`.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Kim et al., *AdaFace: Quality Adaptive Margin for Face Recognition*, CVPR 2022, section
        3.2.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> one = torch.tensor(1.0)  # a quality of 0, which leaves a logit of 1 - 0.4
    >>> adaface_loss(x, w, one, one, torch.tensor([0]), scale=1.0)
    tensor(0.4375)
    """
    spread = length_deviation.clamp(min=torch.finfo(input.dtype).tiny)
    quality = (concentration * (length(input) - mean_length) / spread).clamp(-1, 1)
    turn = -margin * quality.detach()
    cosine = cosines(input, prototypes)
    near = cosine.gather(1, target.unsqueeze(1))
    turned = near * torch.cos(turn) - sine(near) * torch.sin(turn)
    turned = torch.where((turn > 0) & (near < -torch.cos(turn)), -1.0, turned)
    turned = torch.where((turn < 0) & (near > torch.cos(turn)), 1.0, turned)
    true = turned - (margin - turn)
    return softmax_loss(scale * cosine, scale * true, target, class_weight, weight, reduction)


class AdaFaceLoss(PrototypeLoss):
    """Module form of :func:`adaface_loss`.

    It owns the prototypes and the running mean and deviation of the lengths, and is called with
    ``(input, target)``. Call ``update(input)`` in every step of training, before the loss. The
    prototypes are drawn from a normal distribution; only their directions matter.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
    """

    function = staticmethod(adaface_loss)
    mean_length: Tensor
    length_deviation: Tensor

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        margin: float = 0.4,
        concentration: float = 0.333,
        scale: float = 64.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            in_features,
            num_classes,
            reduction,
            margin=margin,
            concentration=concentration,
            scale=scale,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )
        self.register_buffer("mean_length", torch.tensor(20.0))
        self.register_buffer("length_deviation", torch.tensor(100.0))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.prototypes, self.mean_length, self.length_deviation, target

    @torch.no_grad()
    def update(self, input: Tensor, *, momentum: float = 0.99) -> None:
        """Move mean and deviation towards those of a batch, by 1 - ``momentum``.

        A batch of one has no deviation, and moves neither. On several devices, gather them first.
        """
        lengths = length(input.to(self.mean_length.dtype))
        if len(lengths) > 1:
            self.mean_length.lerp_(lengths.mean(), 1 - momentum)
            self.length_deviation.lerp_(lengths.std(), 1 - momentum)


SPEC = LossSpec(
    function=adaface_loss,
    module=AdaFaceLoss,
    variants=(
        {},
        {"margin": 0.7, "concentration": 1.0, "scale": 5.0},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
    ),
    traits=Trait.NONNEGATIVE,
    paper="arXiv:2204.00964",
    owned={
        "prototypes": "prototypes",
        "mean_length": "mean_length",
        "length_deviation": "length_deviation",
    },
    sizes={"in_features": "D", "num_classes": "C"},
    exempt={
        "gradient": "the quality is a constant to the gradient, by definition",
        "second_gradient": "the quality is a constant to the gradient, by definition",
    },
)
