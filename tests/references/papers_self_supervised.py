"""Equations of learning without labels, transcribed with Python's own numbers."""

import math
import statistics

import torch


def _batch(function):
    """Apply a function of the whole batch and the place of a sample in it."""

    def units(*tensors, **hyper):
        lists = [t.tolist() for t in tensors]
        found = [function(i, *lists, **hyper) for i in range(len(lists[0]))]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _dot(a, b):
    return math.fsum(u * v for u, v in zip(a, b, strict=True))


def _cosine(a, b):
    return _dot(a, b) / math.sqrt(_dot(a, a) * _dot(b, b))


def _log_sum(values):
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def _vicreg(
    i,
    x,
    y,
    invariance_weight=25.0,
    variance_weight=25.0,
    covariance_weight=1.0,
    gamma=1.0,
    eps=1e-4,
):
    width = len(x[0])
    total = invariance_weight * math.dist(x[i], y[i]) ** 2 / width
    for view in (x, y):
        features = list(zip(*view, strict=True))
        for j, f in enumerate(features):
            deviation = math.sqrt(statistics.variance(f) + eps)
            total += variance_weight * max(0.0, gamma - deviation) / width
            for k, g in enumerate(features):
                if j != k:
                    total += covariance_weight * statistics.covariance(f, g) ** 2 / width
    return total


def _barlow_twins(i, x, y, off_diagonal_weight=5e-3, eps=1e-5):
    total = 0.0
    for j, f in enumerate(zip(*x, strict=True)):
        for k, g in enumerate(zip(*y, strict=True)):
            mean_f, mean_g = statistics.fmean(f), statistics.fmean(g)
            joint = statistics.fmean((a - mean_f) * (b - mean_g) for a, b in zip(f, g, strict=True))
            c = joint / math.sqrt((statistics.pvariance(f) + eps) * (statistics.pvariance(g) + eps))
            total += (1 - c) ** 2 if j == k else off_diagonal_weight * c**2
    return total


def _dino(i, x, y, centre, temperature=0.1, target_temperature=0.04):
    student = [v / temperature for v in x[i]]
    teacher = [(v - c) / target_temperature for v, c in zip(y[i], centre, strict=True)]
    of_student, of_teacher = _log_sum(student), _log_sum(teacher)
    return math.fsum(
        math.exp(t - of_teacher) * (of_student - s) for s, t in zip(student, teacher, strict=True)
    )


def _swav(i, x, y, prototypes, temperature=0.1, epsilon=0.05, iterations=3):
    """Sinkhorn-Knopp of the authors' listing: rows of prototypes to 1 / C, columns to 1 / N."""
    q = [[math.exp(_cosine(z, w) / epsilon) for z in y] for w in prototypes]
    for _ in range(iterations):
        q = [[v / math.fsum(row) / len(q) for v in row] for row in q]
        sums = [math.fsum(column) for column in zip(*q, strict=True)]
        q = [[v / s / len(y) for v, s in zip(row, sums, strict=True)] for row in q]
    scores = [_cosine(x[i], w) / temperature for w in prototypes]
    total = _log_sum(scores)
    return math.fsum(len(y) * q[c][i] * (total - s) for c, s in enumerate(scores))


def _moco(i, x, y, queue, temperature=0.07):
    scores = [_cosine(x[i], k) / temperature for k in (y[i], *queue)]
    return _log_sum(scores) - scores[0]


def _masked_patch(i, x, y, normalize=True, eps=1e-6):
    found = []
    for patch, truth in zip(x[i], y[i], strict=True):
        if normalize:
            mean, variance = statistics.fmean(truth), statistics.variance(truth)
            truth = [(v - mean) / math.sqrt(variance + eps) for v in truth]
        found.append(math.dist(patch, truth) ** 2 / len(patch))
    return found


REFERENCES = {
    "vicreg_loss": _batch(_vicreg),
    "barlow_twins_loss": _batch(_barlow_twins),
    "byol_loss": _batch(lambda i, x, y: 2 - 2 * _cosine(x[i], y[i])),
    "simsiam_loss": _batch(lambda i, x, y: -_cosine(x[i], y[i])),
    "dino_loss": _batch(_dino),
    "swav_loss": _batch(_swav),
    "moco_loss": _batch(_moco),
    "masked_patch_loss": _batch(_masked_patch),
}
