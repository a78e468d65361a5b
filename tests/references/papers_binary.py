"""Equations of losses of yes and no, and of divergences, transcribed number by number."""

import math

import torch


def _each(function):
    """Apply a function of numbers to every element of the tensors."""

    def units(*tensors, **hyper):
        found = [
            function(*numbers, **hyper)
            for numbers in zip(*(t.double().flatten().tolist() for t in tensors), strict=True)
        ]
        return torch.tensor(found, dtype=torch.float64).reshape(tensors[0].shape)

    return units


def _row(function):
    """Apply a function of lists to every row."""

    def units(*tensors, **hyper):
        rows = zip(*(t.double().tolist() for t in tensors), strict=True)
        return torch.tensor([function(*row, **hyper) for row in rows], dtype=torch.float64)

    return units


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _sigmoid(t):
    return math.exp(-_softplus(-t))


def _bce(x, y):
    return y * _softplus(-x) + (1 - y) * _softplus(x)


def _asymmetric(x, y, gamma_positive=0.0, gamma_negative=4.0, margin=0.05):
    present = _sigmoid(-x) ** gamma_positive * _softplus(-x)
    p = max(0.0, _sigmoid(x) - margin)
    log_rest = -_softplus(x) if margin == 0 else math.log(1 - p)
    absent = -(p**gamma_negative) * log_rest
    return y * present + (1 - y) * absent


def _hill(x, y, gamma=2.0, margin=1.0, height=1.5):
    shifted, p = x - margin, _sigmoid(x)
    present = _sigmoid(-shifted) ** gamma * _softplus(-shifted)
    return y * present + (1 - y) * (height - p) * p**2


def _zlpr(x, y):
    """Su et al. 2022, eq. 6, with the largest exponent taken out."""

    def part(exponents, shares):
        top = max(0.0, *exponents)
        rest = math.fsum(q * math.exp(e - top) for e, q in zip(exponents, shares, strict=True))
        return top + math.log(math.exp(-top) + rest)

    return part([-v for v in x], y) + part(x, [1 - q for q in y])


def _varifocal(x, q, alpha=0.75, gamma=2.0):
    return q * _bce(x, q) if q > 0 else alpha * _sigmoid(x) ** gamma * _softplus(x)


def _gaussian_focal(x, y, alpha=2.0, beta=4.0):
    if y == 1:
        return _sigmoid(-x) ** alpha * _softplus(-x)
    return (1 - y) ** beta * _sigmoid(x) ** alpha * _softplus(x)


def _quality(x, y, beta=2.0):
    return abs(y * _sigmoid(-x) - (1 - y) * _sigmoid(x)) ** beta * _bce(x, y)


def _distribution(row, y):
    top = max(row)
    total = top + math.log(math.fsum(math.exp(v - top) for v in row))
    y = min(y, len(row) - 1.0)
    left = min(int(y), len(row) - 2)
    return -((left + 1 - y) * (row[left] - total) + (y - left) * (row[left + 1] - total))


def _contrastive(x, z, log_q, log_qs):
    count = math.log(len(z))
    drawn = math.fsum(_softplus(v - q - count) for v, q in zip(z, log_qs, strict=True))
    return _softplus(-(x - log_q - count)) + drawn


def _margins(x, y, margin=1.0):
    total = 0.0
    for i, a in enumerate(x):
        for j, b in enumerate(x):
            total += y[i] * (1 - y[j]) * max(0.0, margin - a + b)
    return total / len(x)


def _kl(p, q):
    return math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def _jensen_shannon(p, q, beta=0.5):
    mean = [beta * b + (1 - beta) * a for a, b in zip(p, q, strict=True)]
    return beta * _kl(q, mean) + (1 - beta) * _kl(p, mean)


def _sum(function):
    """Sum a function of two probabilities over the classes."""

    def row(p, q, **hyper):
        return math.fsum(function(a, b, **hyper) for a, b in zip(p, q, strict=True))

    return _row(row)


def _power_sum(p, q, alpha, eps):
    return math.fsum(
        max(b, eps) ** alpha * max(a, eps) ** (1 - alpha) for a, b in zip(p, q, strict=True)
    )


def _gaussian_kl(mean, log_variance, clip=64.0):
    total = 0.0
    for m, s in zip(mean, log_variance, strict=True):
        variance = math.exp(s) if s <= clip else math.exp(clip) * (1 + s - clip)
        total += (variance + m**2 - 1 - s) / 2
    return total


REFERENCES = {
    "poly_binary_cross_entropy": _each(
        lambda x, y, epsilon=1.0: _bce(x, y) + epsilon * (y * _sigmoid(-x) + (1 - y) * _sigmoid(x))
    ),
    "asymmetric_loss": _each(_asymmetric),
    "hill_loss": _each(_hill),
    "multi_label_margin_loss": _row(_margins),
    "zlpr_loss": _row(_zlpr),
    "quality_focal_loss": _each(_quality),
    "varifocal_loss": _each(_varifocal),
    "gaussian_focal_loss": _each(_gaussian_focal),
    "distribution_focal_loss": _row(_distribution),
    "negative_sampling_loss": _row(lambda x, z: _softplus(-x) + math.fsum(_softplus(v) for v in z)),
    "noise_contrastive_loss": _row(_contrastive),
    "jensen_shannon_divergence": _row(_jensen_shannon),
    "jeffreys_divergence": _sum(
        lambda p, q, eps=1e-12: (q - p) * math.log(max(q, eps) / max(p, eps))
    ),
    "reverse_kl_divergence": _sum(lambda p, q, eps=1e-12: p * math.log(p / max(q, eps))),
    "total_variation_distance": _sum(lambda p, q: abs(p - q) / 2),
    "squared_hellinger_distance": _sum(
        lambda p, q, eps=1e-12: (math.sqrt(max(p, eps)) - math.sqrt(max(q, eps))) ** 2 / 2
    ),
    "bhattacharyya_distance": _row(lambda p, q, eps=1e-12: -math.log(_power_sum(p, q, 0.5, eps))),
    "chi_squared_divergence": _sum(lambda p, q, eps=1e-6: (q - p) ** 2 / max(p, eps)),
    "alpha_divergence": _row(
        lambda p, q, alpha=0.5, eps=1e-12: (
            (1 - _power_sum(p, q, alpha, eps)) / (alpha * (1 - alpha))
        )
    ),
    "renyi_divergence": _row(
        lambda p, q, alpha=0.5, eps=1e-12: math.log(_power_sum(p, q, alpha, eps)) / (alpha - 1)
    ),
    "gaussian_kl_divergence": _row(_gaussian_kl),
}
