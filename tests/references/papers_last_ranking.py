"""Further papers on recommendation and spread embeddings, one pair at a time."""

import math

import torch


def _unit(v):
    size = math.hypot(*v)
    return [u / size if size else 0.0 for u in v]


def _cosine(a, b):
    return math.fsum(u * v for u, v in zip(_unit(a), _unit(b), strict=True))


def _rows(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        return torch.tensor([function(*row, **hyper) for row in rows], dtype=torch.float64)

    return units


def _cosine_contrastive(user, chosen, others, *, margin=0.9, negative_weight=10.0):
    """Mao et al. 2021, eq. 1."""
    far = [max(0.0, _cosine(user, v) - margin) for v in others]
    return 1 - _cosine(user, chosen) + negative_weight / len(far) * sum(far)


def _alignment(x, y, *, alpha=2.0):
    return math.dist(_unit(x), _unit(y)) ** alpha


def _uniformity(points, *, t=2.0):
    """Wang and Isola 2020: over all pairs of two samples."""
    points = [_unit(v) for v in points]
    pairs = [(i, j) for i in range(len(points)) for j in range(i)]
    terms = [math.exp(-t * math.dist(points[i], points[j]) ** 2) for i, j in pairs]
    return math.log(sum(terms) / len(terms))


REFERENCES = {
    "cosine_contrastive_loss": _rows(_cosine_contrastive),
    "alignment_loss": _rows(_alignment),
    "uniformity_loss": _rows(_uniformity),
}
