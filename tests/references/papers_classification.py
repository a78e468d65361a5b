"""Equations of classification losses, transcribed sample by sample with Python's own numbers."""

import math

import torch
from mpmath import digamma, loggamma, mp


def _logits(function):
    """Apply a function of a list of logits and a label to every unit."""

    def units(x, y, **hyper):
        plain = {n: v.double().tolist() if hasattr(v, "tolist") else v for n, v in hyper.items()}
        rows = x.double().movedim(1, -1).reshape(-1, x.shape[1]).tolist()
        found = [
            function(row, k, **plain) for row, k in zip(rows, y.flatten().tolist(), strict=True)
        ]
        return torch.tensor(found, dtype=torch.float64).reshape(y.shape)

    return units


def _margins(function):
    """Apply a function of the margin y f to every element."""

    def units(x, y, **hyper):
        found = [function(m, **hyper) for m in (x * y).double().flatten().tolist()]
        return torch.tensor(found, dtype=torch.float64).reshape(x.shape)

    return units


def _log_p(row):
    top = max(row)
    total = top + math.log(math.fsum(math.exp(v - top) for v in row))
    return [v - total for v in row]


def _p(row):
    return [math.exp(v) for v in _log_p(row)]


def _lack(row, k):
    """1 - p_k without cancellation."""
    return math.fsum(v for c, v in enumerate(_p(row)) if c != k)


def _generalized(row, k, q=0.7):
    # 1 - p^q by the series of expm1, which Python has
    return -math.expm1(q * _log_p(row)[k]) / q


def _soft_bootstrapping(row, k, beta=0.95):
    p, log_p = _p(row), _log_p(row)
    return -math.fsum((beta * (c == k) + (1 - beta) * p[c]) * log_p[c] for c in range(len(row)))


def _label_relaxation(row, k, alpha=0.1):
    p, rest = _p(row)[k], _lack(row, k)
    if p >= 1 - alpha:
        return 0.0
    log_rest = math.log(rest) if rest else -math.inf
    return (1 - alpha) * (math.log(1 - alpha) - _log_p(row)[k]) + alpha * (
        math.log(alpha) - log_rest
    )


def _adjusted(row, k, class_prior, tau=1.0, eps=1e-8):
    return -_log_p(
        [v + tau * math.log(max(q, eps)) for v, q in zip(row, class_prior, strict=True)]
    )[k]


def _balanced(row, k, class_count):
    """Ren et al. 2020, eq. 3, as it stands: a softmax weighted by the counts."""
    top = max(row)
    n = [max(1.0, c) for c in class_count]
    parts = [c * math.exp(v - top) for c, v in zip(n, row, strict=True)]
    return math.log(math.fsum(parts)) - math.log(n[k]) - (row[k] - top)


def _vector_scaling(row, k, scale, shift):
    return -_log_p([a * v + b for a, v, b in zip(scale, row, shift, strict=True)])[k]


def _ldam(row, k, class_count, max_margin=0.5, scale=30.0):
    n = [max(1.0, c) for c in class_count]
    factor = max_margin / max(c**-0.25 for c in n)
    row = list(row)
    row[k] -= factor * n[k] ** -0.25
    return -_log_p([scale * v for v in row])[k]


def _class_balanced(row, k, class_count, beta=0.999):
    weights = [(1 - beta) / (1 - beta ** max(1.0, c)) for c in class_count]
    return -weights[k] * len(weights) / math.fsum(weights) * _log_p(row)[k]


def _brier(row, k):
    return math.fsum((p - (c == k)) ** 2 for c, p in enumerate(_p(row)))


def _spherical(row, k):
    p = _p(row)
    return 1 - p[k] / math.sqrt(math.fsum(v**2 for v in p))


def _sparsemax(row, k):
    """The nearest point of the simplex by bisection, then eq. 14's squared distances."""
    low, high = max(row) - 1, max(row)
    for _ in range(200):
        middle = (low + high) / 2
        if sum(max(v - middle, 0.0) for v in row) > 1:
            low = middle
        else:
            high = middle
    p = [max(v - high, 0.0) for v in row]
    own = [(c == k) - v for c, v in enumerate(row)]
    near = [a - v for a, v in zip(p, row, strict=True)]
    # a difference of squares, multiplied out so that large logits do not cancel
    return math.fsum((a - b) * (a + b) / 2 for a, b in zip(own, near, strict=True))


def _entmax15(row, k):
    """The entmax by bisection on its threshold, then eq. 13."""
    half = [v / 2 for v in row]
    low, high = max(half) - 1, max(half)
    for _ in range(200):
        middle = (low + high) / 2
        if sum(max(v - middle, 0.0) ** 2 for v in half) > 1:
            low = middle
        else:
            high = middle
    p = [max(v - high, 0.0) ** 2 for v in half]
    linear = math.fsum((a - (c == k)) * v for c, (a, v) in enumerate(zip(p, row, strict=True)))
    return linear + (1 - math.fsum(a**1.5 for a in p)) / 0.75


def _evidential(row, k, divergence_weight=1.0):
    """Sensoy et al. 2018, eq. 5, and the divergence between Dirichlet distributions."""
    alpha = [v + 1 for v in row]
    total = sum(alpha)
    cost = 0.0
    for c, a in enumerate(alpha):
        p = a / total
        cost += ((c == k) - p) ** 2 + p * (1 - p) / (total + 1)
    with mp.workdps(30):
        other = [1.0 if c == k else a for c, a in enumerate(alpha)]
        whole = sum(other)
        divergence = loggamma(whole) - loggamma(len(row)) - sum(map(loggamma, other))
        divergence += sum((a - 1) * (digamma(a) - digamma(whole)) for a in other)
        return cost + divergence_weight * float(divergence)


def _modified_huber(m):
    return -4 * m if m < -1 else max(0.0, 1 - m) ** 2


def _smooth_hinge(m, gamma=1.0):
    if m >= 1:
        return 0.0
    return (1 - m) ** 2 / (2 * gamma) if m >= 1 - gamma else 1 - m - gamma / 2


def _sigmoid(t):
    return 1 / (1 + math.exp(-t)) if t > -700 else math.exp(t)


REFERENCES = {
    "poly_cross_entropy": _logits(
        lambda row, k, epsilon=1.0: -_log_p(row)[k] + epsilon * _lack(row, k)
    ),
    "generalized_cross_entropy": _logits(_generalized),
    "taylor_cross_entropy": _logits(
        lambda row, k, terms=2: sum(_lack(row, k) ** i / i for i in range(1, terms + 1))
    ),
    "symmetric_cross_entropy": _logits(
        lambda row, k, alpha=0.1, beta=1.0, log_zero=-4.0: (
            -alpha * _log_p(row)[k] - beta * log_zero * _lack(row, k)
        )
    ),
    "soft_bootstrapping_loss": _logits(_soft_bootstrapping),
    "hard_bootstrapping_loss": _logits(
        lambda row, k, beta=0.8: -beta * _log_p(row)[k] - (1 - beta) * max(_log_p(row))
    ),
    "normalized_cross_entropy": _logits(lambda row, k: _log_p(row)[k] / math.fsum(_log_p(row))),
    "confidence_penalty_loss": _logits(
        lambda row, k, beta=0.1: (
            -_log_p(row)[k]
            + beta * math.fsum(a * b for a, b in zip(_p(row), _log_p(row), strict=True))
        )
    ),
    "label_relaxation_loss": _logits(_label_relaxation),
    "logit_adjusted_loss": _logits(_adjusted),
    "balanced_softmax_loss": _logits(_balanced),
    "vector_scaling_loss": _logits(_vector_scaling),
    "label_distribution_margin_loss": _logits(_ldam),
    "class_balanced_cross_entropy": _logits(_class_balanced),
    "brier_loss": _logits(_brier),
    "spherical_loss": _logits(_spherical),
    "sparsemax_loss": _logits(_sparsemax),
    "entmax15_loss": _logits(_entmax15),
    "evidential_loss": _logits(_evidential),
    "multi_class_perceptron_loss": _logits(lambda row, k: max(row) - row[k]),
    "categorical_hinge_loss": _logits(
        lambda row, k: max(
            0.0, 1 + max(0.0, *(v for c, v in enumerate(row) if c != k), 0.0) - row[k]
        )
    ),
    "modified_huber_loss": _margins(_modified_huber),
    "smooth_hinge_loss": _margins(_smooth_hinge),
    "perceptron_loss": _margins(lambda m: max(0.0, -m)),
    "ramp_loss": _margins(lambda m, ceiling=2.0: min(ceiling, max(0.0, 1 - m))),
    "savage_loss": _margins(lambda m: _sigmoid(-2 * m) ** 2),
    "tangent_loss": _margins(lambda m: (2 * math.atan(m) - 1) ** 2),
    "sigmoid_loss": _margins(lambda m: _sigmoid(-m)),
    "unhinged_loss": _margins(lambda m: 1 - m),
}
