"""The equations of the papers on distances of distributions, transcribed point by point."""

import itertools
import math

import torch


def _sets(function):
    def units(x, y, **hyper):
        found = [function(a, b, **hyper) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _wasserstein(x, y, *, p=1.0):
    """The best of all assignments of the samples."""
    orders = itertools.permutations(y)
    return min(
        math.fsum(abs(a - b) ** p for a, b in zip(x, order, strict=True)) for order in orders
    ) / len(x)


def _earth_mover(x, y, *, p=1.0):
    """Hou et al. 2016, eq. 7 and 11."""
    x, y = x.movedim(1, -1), y.movedim(1, -1)
    out = torch.zeros(x.shape[:-1], dtype=torch.float64)
    for at in itertools.product(*map(range, out.shape)):
        a, b = x[at].tolist(), y[at].tolist()
        out[at] = math.fsum(
            abs(math.fsum(a[: c + 1]) - math.fsum(b[: c + 1])) ** p for c in range(len(a))
        )
    return out


def _sliced(x, y, *, num_projections, p=2.0):
    """Bonneel et al. 2015, eq. 8, along directions drawn again from the same random numbers."""
    drawn = torch.randn((num_projections, x.shape[2]), generator=torch.Generator().manual_seed(0))
    directions = [[v / math.hypot(*each) for v in each] for each in drawn.double().tolist()]

    def unit(a, b):
        total = 0.0
        for theta in directions:
            line = [
                [math.fsum(map(math.prod, zip(q, theta, strict=True))) for q in s] for s in (a, b)
            ]
            total += _wasserstein(*line, p=p)
        return total / len(directions)

    return _sets(unit)(x, y)


def _half_square(a, b):
    return math.dist(a, b) ** 2 / 2


def _log_sum(terms):
    top = max(terms)
    return top + math.log(math.fsum(math.exp(t - top) for t in terms))


def _transport(x, y, epsilon, iterations):
    """Feydy et al. 2019, eq. 8 to 10: the potentials in turn, and the dual."""
    f, g = [0.0] * len(x), [0.0] * len(y)
    for _ in range(iterations):
        g = [
            -epsilon
            * _log_sum(
                [(f[i] - _half_square(a, b)) / epsilon - math.log(len(x)) for i, a in enumerate(x)]
            )
            for b in y
        ]
        f = [
            -epsilon
            * _log_sum(
                [(g[j] - _half_square(a, b)) / epsilon - math.log(len(y)) for j, b in enumerate(y)]
            )
            for a in x
        ]
    return math.fsum(f) / len(x) + math.fsum(g) / len(y)


def _sinkhorn(x, y, *, epsilon=0.1, iterations=50):
    cost = [_transport(a, b, epsilon, iterations) for a, b in ((x, y), (x, x), (y, y))]
    return cost[0] - cost[1] / 2 - cost[2] / 2


def _mean(function, x, y):
    return math.fsum(function(a, b) for a in x for b in y) / (len(x) * len(y))


def _mmd(x, y, *, kernel="gaussian", bandwidths=(1.0,), unbiased=False):
    """Gretton et al. 2012, eq. 5; unbiased eq. 3."""

    def k(a, b):
        d = math.dist(a, b)
        return math.fsum(
            math.exp(-d * d / (2 * s * s) if kernel == "gaussian" else -d / s) for s in bandwidths
        )

    def within(points):
        if not unbiased:
            return _mean(k, points, points)
        n = len(points)
        return math.fsum(k(*pair) for pair in itertools.permutations(points, 2)) / (n * (n - 1))

    return within(x) + within(y) - 2 * _mean(k, x, y)


def _energy(x, y):
    return 2 * _mean(math.dist, x, y) - _mean(math.dist, x, x) - _mean(math.dist, y, y)


def _covariance(x):
    """Sun and Saenko 2016, eq. 2, an entry at a time."""
    n, d = len(x), len(x[0])
    sums = [math.fsum(row[i] for row in x) for i in range(d)]
    return [
        [
            (math.fsum(row[i] * row[j] for row in x) - sums[i] * sums[j] / n) / (n - 1)
            for j in range(d)
        ]
        for i in range(d)
    ]


def _coral(x, y):
    pairs = zip(itertools.chain(*_covariance(x)), itertools.chain(*_covariance(y)), strict=True)
    return math.fsum((a - b) ** 2 for a, b in pairs) / (4 * len(x[0]) ** 2)


REFERENCES = {
    "wasserstein_1d_loss": _sets(_wasserstein),
    "earth_mover_loss": _earth_mover,
    "sliced_wasserstein_loss": _sliced,
    "sinkhorn_divergence": _sets(_sinkhorn),
    "mmd_loss": _sets(_mmd),
    "energy_distance_loss": _sets(_energy),
    "deep_coral_loss": _sets(_coral),
}
