"""Latents that differ must make samples that differ."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N *, real N *, real N D, real N D -> N", eps="(0, inf)")
def mode_seeking_loss(
    first: Tensor,
    second: Tensor,
    first_latent: Tensor,
    second_latent: Tensor,
    *,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Mode seeking, :math:`1 / \left( \frac{d(G(z_1), G(z_2))}{d(z_1, z_2)} + \epsilon \right)`
    with the mean absolute difference :math:`d`.

    For conditional generators that answer to the condition and ignore the noise: two samples of the
    same condition are pushed apart, the more the closer their latents are. Added to the generator's
    loss. It knows nothing of quality, so a large coefficient makes samples differ by artefacts.

    Args:
        first: samples, of shape (N, ...).
        second: samples of the same conditions and other latents, of the shape of ``first``.
        first_latent: the latents of the first samples, of shape (N, D).
        second_latent: those of the second, of the shape of ``first_latent``; equal latents ask for
            nothing.
        eps: bounds the loss by its inverse where two samples are the same.

    References:
        Mao et al., *Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis*, CVPR
        2019, as the inverse that its authors minimize.

    >>> first, second = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])
    >>> mode_seeking_loss(first, second, torch.tensor([[1.0]]), torch.tensor([[0.5]]))
    tensor(0.3333)
    """
    apart, asked = _distance(first, second), _distance(first_latent, second_latent)
    scale = apart + eps * asked
    return reduce(asked / torch.where(scale > 0, scale, 1.0), weight, reduction)


def _distance(x: Tensor, y: Tensor) -> Tensor:
    apart = (x - y).unsqueeze(-1).flatten(1).abs()
    return apart.sum(1) / max(1, apart.shape[1])


class ModeSeekingLoss(FunctionLoss):
    """Module form of :func:`mode_seeking_loss`."""

    function = staticmethod(mode_seeking_loss)

    def __init__(self, *, eps: float = 1e-5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPEC = LossSpec(
    function=mode_seeking_loss,
    module=ModeSeekingLoss,
    traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
    variants=({}, {"eps": 0.3}),
    paper="arXiv:1903.05628",
)
