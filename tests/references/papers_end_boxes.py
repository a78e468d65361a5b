"""Repulsion of boxes in crowds, one pair after the other."""

import math

import torch


def _area(box):
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _common(a, b):
    return _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def _smooth_ln(x, sigma):
    """Wang et al. 2018: the logarithm, and from sigma on a line."""
    if x <= sigma:
        return -math.log(1 - x)
    return (x - sigma) / (1 - sigma) - math.log(1 - sigma)


def _truth(x, y, *, sigma=0.5):
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    found = [_smooth_ln(_common(box, other) / _area(other), sigma) for box, other in pairs]
    return torch.tensor(found, dtype=torch.float64)


def _boxes(x, y, *, sigma=0.0):
    """What each box adds to the sum over pairs; the library's units are weighted."""
    boxes, numbers = x.tolist(), y.tolist()
    out = []
    for a, i in zip(boxes, numbers, strict=True):
        total = 0.0
        for b, j in zip(boxes, numbers, strict=True):
            if i != j:
                common = _common(a, b)
                total += _smooth_ln(common / (_area(a) + _area(b) - common), sigma)
        out.append(total)
    return torch.tensor(out, dtype=torch.float64)


REFERENCES = {"repulsion_truth_loss": _truth, "repulsion_box_loss": _boxes}
