"""Unified focal loss: focal loss and focal Tversky loss under one pair of hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import Maps, average, power, reduce_samples, region_maps, tversky


@signature(
    "real N *, prob N * -> N",
    focal_share="[0, 1]",
    delta="[0, 1]",
    gamma="[0, 1)",
    smooth="[0, inf)",
    mask="weight N *",
)
def symmetric_unified_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    focal_share: float = 0.5,
    delta: float = 0.6,
    gamma: float = 0.5,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Symmetric unified focal loss, :math:`\lambda F + (1 - \lambda) G`, of one region in each
    sample. With :math:`p = \sigma(x)`, :math:`F` is the mean of :math:`-\delta q (1 - p)^\gamma
    \log p - (1 - \delta)(1 - q) p^\gamma \log(1 - p)` over the pixels, and :math:`G` the mean of
    :math:`(1 - T)^{1 - \gamma}` over region and background, with the Tversky index :math:`T` whose
    misses count :math:`\delta` and whose false alarms :math:`1 - \delta`.

    For imbalanced regions, with fewer numbers to choose than the losses that it contains: one
    ``gamma`` makes easy pixels count for less and regions that are nearly right for more. Where
    the rare region alone matters see :func:`~lossary.asymmetric_unified_focal_loss`. Its
    probabilities are not calibrated. Channels have losses of their own with ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        focal_share: the share :math:`\lambda` of the focal loss; the rest is that of the overlap.
        delta: the factor of the pixels inside the region, and of misses.
        gamma: focusing strength, in [0, 1).
        smooth: the number of pixels that are thought to agree beforehand in the Tversky index.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Yeung et al., *Unified Focal Loss*, Computerized Medical Imaging and Graphics 2022; the
        exponents, and the mean over the two classes, are those of the authors' program.

    >>> symmetric_unified_focal_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.4761)
    """
    maps = region_maps(input, target, mask)
    yes, no = F.logsigmoid(maps.logits), F.logsigmoid(-maps.logits)
    inside = -delta * maps.q * torch.exp(gamma * no) * yes
    outside = -(1 - delta) * (1 - maps.q) * torch.exp(gamma * yes) * no
    region, background = _tversky(maps, delta, smooth)
    overlap = (power(region, 1 - gamma) + power(background, 1 - gamma)) / 2
    units = focal_share * average(inside + outside, maps.mask) + (1 - focal_share) * overlap
    return reduce_samples(units, maps, weight, reduction)


@signature(
    "real N *, prob N * -> N",
    focal_share="[0, 1]",
    delta="[0, 1]",
    gamma="[0, 1)",
    smooth="[0, inf)",
    mask="weight N *",
)
def asymmetric_unified_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    focal_share: float = 0.5,
    delta: float = 0.6,
    gamma: float = 0.5,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Asymmetric unified focal loss, :math:`\lambda F + (1 - \lambda) G`, of one rare region in
    each sample. With :math:`p = \sigma(x)`, :math:`F` is the mean of :math:`-\delta q \log p -
    (1 - \delta)(1 - q) p^\gamma \log(1 - p)` over the pixels, and :math:`G` the mean of :math:`(1
    - T)^{1 - \gamma}` of the region and :math:`1 - T` of the background, with the Tversky index
    :math:`T` whose misses count :math:`\delta` and whose false alarms :math:`1 - \delta`.

    For a foreground that is rare: only the background is held down, and only the foreground lifted.
    For regions of similar size see :func:`~lossary.symmetric_unified_focal_loss`. Its
    probabilities are not calibrated. Channels have losses of their own with ``flatten(0, 1)``.

    Args:
        input: logits of the rare region, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        focal_share: the share :math:`\lambda` of the focal loss; the rest is that of the overlap.
        delta: the factor of the pixels inside the region, and of misses.
        gamma: focusing strength, in [0, 1).
        smooth: the number of pixels that are thought to agree beforehand in the Tversky index.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Yeung et al., *Unified Focal Loss*, Computerized Medical Imaging and Graphics 2022; the
        mean over the two classes is that of the authors' program.

    >>> asymmetric_unified_focal_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.4548)
    """
    maps = region_maps(input, target, mask)
    yes, no = F.logsigmoid(maps.logits), F.logsigmoid(-maps.logits)
    inside = -delta * maps.q * yes
    outside = -(1 - delta) * (1 - maps.q) * torch.exp(gamma * yes) * no
    region, background = _tversky(maps, delta, smooth)
    overlap = (power(region, 1 - gamma) + background) / 2
    units = focal_share * average(inside + outside, maps.mask) + (1 - focal_share) * overlap
    return reduce_samples(units, maps, weight, reduction)


def _tversky(maps: Maps, delta: float, smooth: float) -> tuple[Tensor, Tensor]:
    """Return the Tversky losses of the region and of the background."""
    rest = Maps(-maps.logits, maps.rest, maps.p, 1 - maps.q, maps.mask)
    region = tversky(maps, alpha=1 - delta, beta=delta, smooth=smooth)
    return region, tversky(rest, alpha=1 - delta, beta=delta, smooth=smooth)


class SymmetricUnifiedFocalLoss(FunctionLoss):
    """Module form of :func:`symmetric_unified_focal_loss`."""

    function = staticmethod(symmetric_unified_focal_loss)

    def __init__(
        self,
        *,
        focal_share: float = 0.5,
        delta: float = 0.6,
        gamma: float = 0.5,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            focal_share=focal_share,
            delta=delta,
            gamma=gamma,
            smooth=smooth,
            mask=mask,
        )


class AsymmetricUnifiedFocalLoss(FunctionLoss):
    """Module form of :func:`asymmetric_unified_focal_loss`."""

    function = staticmethod(asymmetric_unified_focal_loss)

    def __init__(
        self,
        *,
        focal_share: float = 0.5,
        delta: float = 0.6,
        gamma: float = 0.5,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            focal_share=focal_share,
            delta=delta,
            gamma=gamma,
            smooth=smooth,
            mask=mask,
        )


_VARIANTS: tuple[Mapping[str, object], ...] = (
    {},
    {"focal_share": 0.2, "delta": 0.8, "gamma": 0.2, "smooth": 0.0},
)

SPECS = (
    LossSpec(
        function=symmetric_unified_focal_loss,
        module=SymmetricUnifiedFocalLoss,
        traits=Trait.NONNEGATIVE,
        variants=_VARIANTS,
        paper="arXiv:2102.04525",
    ),
    LossSpec(
        function=asymmetric_unified_focal_loss,
        module=AsymmetricUnifiedFocalLoss,
        traits=Trait.NONNEGATIVE,
        variants=_VARIANTS,
        paper="arXiv:2102.04525",
    ),
)
