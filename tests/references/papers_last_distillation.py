"""Further papers on distillation, one pair, channel or sample at a time."""

import math

import torch
from mpmath import exp, fsum, log, mpf, workdps


def _sets(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*row, **hyper)) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _cosine(a, b):
    dot = fsum(mpf(u) * v for u, v in zip(a, b, strict=True))
    size = fsum(mpf(u) ** 2 for u in a) * fsum(mpf(v) ** 2 for v in b)
    return dot / size**0.5 if size else mpf(0)


def _crd(x, y, others, *, num_samples, temperature=0.07):
    """Tian et al. 2020: h, its logarithm, and that of what is left, of each negative."""

    def h(a, b):
        power = exp(_cosine(a, b) / temperature)
        return power / (power + mpf(len(others)) / num_samples)

    return -log(h(x, y)) - fsum(log(1 - h(x, o)) for o in others)


@workdps(60)
def _vid(x, y, spread, *, eps=1e-5):
    """Ahn et al. 2019: the densities of normal distributions, without log sqrt(2 pi)."""
    out = []
    x, y = (t.reshape(*t.shape[:2], -1).tolist() for t in (x, y))
    for a, b in zip(x, y, strict=True):
        total = mpf(0)
        for ours, theirs, alpha in zip(a, b, spread.tolist(), strict=True):
            sigma = (log(1 + exp(mpf(alpha))) + eps) ** 0.5
            for u, v in zip(ours, theirs, strict=True):
                total -= log(exp(-((mpf(v) - u) ** 2) / (2 * sigma**2)) / sigma)
        out.append(float(total))
    return torch.tensor(out, dtype=torch.float64)


def _pkt(x, y, *, eps=1e-7):
    """Passalis and Tefas 2018: conditional probabilities and their divergence."""
    size = len(x)

    def share(points, j, i):
        near = [(_cosine(points[k], points[i]) + 1) / 2 + eps for k in range(size)]
        return near[j] / fsum(v for k, v in enumerate(near) if k != i)

    pairs = [(i, j) for i in range(size) for j in range(size) if i != j]
    return fsum(share(y, j, i) * log(share(y, j, i) / share(x, j, i)) for i, j in pairs) / size


def _congruence(x, y, *, gamma=0.4, order=2):
    """Peng et al. 2019."""

    def kernel(a, b):
        cosine = _cosine(a, b)
        series = ((2 * mpf(gamma)) ** p / math.factorial(p) * cosine**p for p in range(order + 1))
        return exp(-2 * mpf(gamma)) * fsum(series)

    size = len(x)
    pairs = [(i, j) for i in range(size) for j in range(size)]
    return fsum((kernel(x[i], x[j]) - kernel(y[i], y[j])) ** 2 for i, j in pairs) / size**2


REFERENCES = {
    "contrastive_representation_distillation_loss": _sets(_crd),
    "variational_information_distillation_loss": _vid,
    "probabilistic_knowledge_transfer_loss": _sets(_pkt),
    "correlation_congruence_loss": _sets(_congruence),
}
