"""The papers' losses of ordered classes, transcribed one sample at a time."""

import math

import mpmath
import torch


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _log_softmax(scores):
    top = max(scores)
    total = top + math.log(math.fsum(math.exp(s - top) for s in scores))
    return [s - total for s in scores]


def _units(function):
    """Compute each unit from the row of its logits and its label."""

    def units(x, y, **hyper):
        out = torch.zeros([x.shape[0], *x.shape[2:]], dtype=torch.float64)
        for index in torch.cartesian_prod(*(torch.arange(n) for n in out.shape)).reshape(
            -1, out.ndim
        ):
            n, *rest = index.tolist()
            at = (n, slice(None), *rest)
            label = y[at].tolist() if y.is_floating_point() else int(y[(n, *rest)])
            out[(n, *rest)] = function(x[at].tolist(), label, **hyper)
        return out

    return units


def _coral(f, y):
    total = 0.0
    for k, v in enumerate(f):
        level = 1.0 if y > k else 0.0
        total += level * -_softplus(-v) + (1 - level) * -_softplus(v)
    return -total


def _corn(f, y):
    """The losses of a sample in the subsets that it is in."""
    total = 0.0
    for k, v in enumerate(f):
        if y > k - 1:
            total += _softplus(-v) if y > k else _softplus(v)
    return total


def _cumulative_link(x, thresholds, y):
    ends = [-mpmath.inf, *sorted(thresholds.tolist()), mpmath.inf]
    with mpmath.workdps(400):

        def sigmoid(t):
            return mpmath.mpf(0) if t == -mpmath.inf else 1 / (1 + mpmath.exp(-t))

        flat = zip(x.reshape(-1).tolist(), y.reshape(-1).tolist(), strict=True)
        out = [
            float(-mpmath.log(sigmoid(ends[k + 1] - mpmath.mpf(f)) - sigmoid(ends[k] - f)))
            for f, k in flat
        ]
    return torch.tensor(out, dtype=torch.float64).reshape(x.shape)


def _ordistic(x, means, y):
    out = [
        -_log_softmax([-((f - m) ** 2) / 2 for m in means.tolist()])[k]
        for f, k in zip(x.tolist(), y.tolist(), strict=True)
    ]
    return torch.tensor(out, dtype=torch.float64)


def _ordinal_hinge(x, thresholds, y, *, margin=1.0):
    out = []
    for f, label in zip(x.reshape(-1).tolist(), y.reshape(-1).tolist(), strict=True):
        total = 0.0
        for k, end in enumerate(thresholds.tolist()):
            side = 1 if label > k else -1
            total += max(0.0, margin - side * (f - end))
        out.append(total)
    return torch.tensor(out, dtype=torch.float64).reshape(x.shape)


def _emd(f, y):
    p = [math.exp(v) for v in _log_softmax(f)]
    q = y if isinstance(y, list) else [1.0 if c == y else 0.0 for c in range(len(f))]
    return sum((math.fsum(p[: c + 1]) - math.fsum(q[: c + 1])) ** 2 for c in range(len(f)))


def _sord(f, y, *, alpha=1.0, p=1.0):
    log_q = _log_softmax([-alpha * abs(c - y) ** p for c in range(len(f))])
    return -math.fsum(math.exp(a) * b for a, b in zip(log_q, _log_softmax(f), strict=True))


def _binomial(f, y, *, eta=1.0):
    n = len(f) - 1
    p = 0.1 + 0.8 * y / n
    q = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    q = [(1 - eta) * (c == y) + eta * v for c, v in enumerate(q)]
    return -math.fsum(a * b for a, b in zip(q, _log_softmax(f), strict=True))


def _distance_weighted(f, y, *, alpha=5.0):
    log_p = _log_softmax(f)
    total = 0.0
    for i in range(len(f)):
        if i != y:
            others = [v for j, v in enumerate(log_p) if j != i]
            top = max(others)
            log_rest = top + math.log(math.fsum(math.exp(v - top) for v in others))
            total -= log_rest * abs(i - y) ** alpha
    return total


def _weighted_kappa(x, y, *, power=2.0):
    """Through the matrices of counts that kappa is defined by."""
    n, classes = x.shape
    p = [[math.exp(v) for v in _log_softmax(row)] for row in x.tolist()]
    w = [[abs(i - j) ** power for j in range(classes)] for i in range(classes)]
    true = [sum(1 for k in y.tolist() if k == i) for i in range(classes)]
    guessed = [math.fsum(row[j] for row in p) for j in range(classes)]
    chance = math.fsum(
        w[i][j] * true[i] * guessed[j] / n for i in range(classes) for j in range(classes)
    )
    out = [
        n * math.fsum(w[k][j] * row[j] for j in range(classes)) / chance
        for row, k in zip(p, y.tolist(), strict=True)
    ]
    return torch.tensor(out, dtype=torch.float64)


REFERENCES = {
    "coral_loss": _units(_coral),
    "corn_loss": _units(_corn),
    "cumulative_link_loss": _cumulative_link,
    "ordistic_loss": _ordistic,
    "ordinal_hinge_loss": _ordinal_hinge,
    "emd_squared_loss": _units(_emd),
    "sord_loss": _units(_sord),
    "binomial_cross_entropy": _units(_binomial),
    "distance_weighted_cross_entropy": _units(_distance_weighted),
    "weighted_kappa_loss": _weighted_kappa,
}
