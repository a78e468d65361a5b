"""Regions of an image: what the losses of overlap sum over pixels, and how classes are averaged."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...reduction import Reduction, reduce, weigh
from ._both import both_of_classes, both_of_region


class Maps(NamedTuple):
    """Images with their pixels in the last dimension.

    Attributes:
        logits: of shape (N, C, pixels), or (N, pixels) for one region.
        p: the probabilities of ``logits``.
        rest: 1 - p, with the digits that the difference loses where p is near 1.
        q: the target: the share of each class in each pixel, or of the region.
        mask: how much each pixel counts, in a shape that broadcasts to ``p``; or None.
    """

    logits: Tensor
    p: Tensor
    rest: Tensor
    q: Tensor
    mask: Tensor | None


def pixels(x: Tensor, start: int) -> Tensor:
    """Make one dimension of those from ``start`` on, of which there may be none."""
    return x.unsqueeze(-1).flatten(start)


def one_hot(target: Tensor, input: Tensor) -> Tensor:
    """Return the shares (N, C, ...) of the classes, of class indices or of shares."""
    if target.is_floating_point():
        return target
    classes = torch.arange(input.shape[1], device=target.device)
    return (target.unsqueeze(1) == classes.view(-1, *[1] * (target.ndim - 1))).to(input.dtype)


def class_maps(input: Tensor, target: Tensor, mask: Tensor | None) -> Maps:
    """Bring logits (N, C, ...) and their target to probabilities by a softmax over the classes."""
    logits, q = pixels(input, 2), pixels(one_hot(target, input), 2)
    if mask is not None:
        mask = pixels(mask.unsqueeze(1), 2)
        logits, q = logits.masked_fill(mask == 0, 0.0), q.masked_fill(mask == 0, 0.0)
    return Maps(logits, *both_of_classes(logits), q, mask)


def region_maps(input: Tensor, target: Tensor, mask: Tensor | None) -> Maps:
    """Bring logits (N, ...) of one region and their target to probabilities by a sigmoid."""
    logits, q = pixels(input, 1), pixels(target, 1)
    if mask is not None:
        mask = pixels(mask, 1)
        logits, q = logits.masked_fill(mask == 0, 0.0), q.masked_fill(mask == 0, 0.0)
    return Maps(logits, *both_of_region(logits), q, mask)


def total(x: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over the pixels, as much as each counts."""
    return (x if mask is None else mask * x).sum(-1)


def average(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean over the pixels, as much as each counts; 0 of none."""
    if mask is None:
        return x.sum(-1) / max(1, x.shape[-1])
    return ratio((mask * x).sum(-1), mask.expand_as(x).sum(-1))


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Return ``part / whole``, and 0 where the whole is nothing."""
    nothing = whole < torch.finfo(whole.dtype).tiny
    return torch.where(nothing, 0.0, part / torch.where(nothing, 1.0, whole))


def power(x: Tensor, exponent: float) -> Tensor:
    """Raise numbers that are not negative; at 0 the slope is 0 where it would be infinite."""
    nothing = x < torch.finfo(x.dtype).tiny
    return torch.where(nothing, 0.0**exponent, torch.where(nothing, 1.0, x) ** exponent)


def overlap(maps: Maps) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sums of p q, p (1 - q) and (1 - p) q: hits, false alarms and misses."""
    p, q, mask = maps.p, maps.q, maps.mask
    return total(p * q, mask), total(p * (1 - q), mask), total(maps.rest * q, mask)


def difference(maps: Maps) -> Tensor:
    """Return p - q of each pixel."""
    return maps.p * (1 - maps.q) - maps.rest * maps.q


def dice(maps: Maps, *, squared: bool = False, smooth: float = 0.0) -> Tensor:
    """Return one minus the Dice coefficient, from what differs: it cancels nothing near 0."""
    p, q, mask = maps.p, maps.q, maps.mask
    if squared:
        apart, sizes = difference(maps).square(), p.square() + q.square()
    else:
        apart, sizes = p * (1 - q) + maps.rest * q, p + q
    return ratio(total(apart, mask), total(sizes, mask) + smooth)


def tversky(maps: Maps, *, alpha: float, beta: float, smooth: float) -> Tensor:
    """Return one minus the Tversky index."""
    hits, false_alarms, misses = overlap(maps)
    apart = alpha * false_alarms + beta * misses
    return ratio(apart, hits + apart + smooth)


def class_mean(losses: Tensor, class_weight: Tensor | None) -> Tensor:
    """Average the losses (N, C) of the classes."""
    if class_weight is None:
        return losses.mean(1)
    return ratio((class_weight * losses).sum(1), class_weight.sum().expand(len(losses)))


def pixel_mean(losses: Tensor, maps: Maps, class_weight: Tensor | None) -> Tensor:
    """Average the losses (N, pixels) of pixels, which contain the weights of their classes."""
    mask = None if maps.mask is None else maps.mask.squeeze(1)
    if class_weight is None:
        return average(losses, mask)
    shares = (maps.q * class_weight.unsqueeze(-1)).sum(1)
    return ratio(total(losses, mask), total(shares, mask))


def reduce_classes(
    losses: Tensor,
    maps: Maps,
    class_weight: Tensor | None,
    skip_absent: bool,
    weight: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """Average the losses (N, C) of the classes of each sample, and reduce the samples."""
    if class_weight is None and not skip_absent:
        return reduce_samples(losses.mean(1), maps, weight, reduction)
    shares = torch.ones_like(losses) if class_weight is None else class_weight.expand_as(losses)
    if skip_absent:
        shares = shares * (total(maps.q, maps.mask) > 0)
    whole = shares.sum(1)
    units = ratio((shares * losses).sum(1), whole)
    return reduce_samples(units, maps, weigh((whole > 0).to(units.dtype), weight), reduction)


def reduce_samples(
    units: Tensor, maps: Maps, weight: Tensor | None, reduction: Reduction
) -> Tensor:
    """Reduce the losses (N,) of the samples; one whose pixels are all masked weighs nothing."""
    if maps.mask is not None:
        counts = (maps.mask.flatten(1) > 0).any(1).to(units.dtype)
        weight = weigh(counts, weight)
    return reduce(units, weight, reduction)
