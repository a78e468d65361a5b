"""Equations of losses between real numbers, transcribed number by number."""

import math

import mpmath
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
        plain = {n: v.double().tolist() if hasattr(v, "tolist") else v for n, v in hyper.items()}
        return torch.tensor([function(*row, **plain) for row in rows], dtype=torch.float64)

    return units


def _tukey(x, y, scale=4.685):
    u = abs(x - y) / scale
    return scale**2 / 6 * (1 if u > 1 else 1 - (1 - u**2) ** 3)


def _andrews(x, y, scale=1.339):
    d = abs(x - y)
    return scale**2 * (2 if d > math.pi * scale else 1 - math.cos(d / scale))


def _general(x, y, alpha=1.0, scale=1.0):
    u = ((x - y) / scale) ** 2
    if alpha == 2:
        return u / 2
    if alpha == 0:
        return math.log(u / 2 + 1)
    if alpha == -math.inf:
        return 1 - math.exp(-u / 2)
    b = abs(alpha - 2)
    return b / alpha * ((u / b + 1) ** (alpha / 2) - 1)


def _wing(x, y, width=10.0, eps=2.0):
    d = abs(x - y)
    c = width - width * math.log(1 + width / eps)
    return width * math.log(1 + d / eps) if d < width else d - c


def _adaptive_wing(x, y, alpha=2.1, omega=14.0, eps=1.0, theta=0.5):
    d = abs(y - x)
    r = theta / eps
    a = omega * (1 / (1 + r ** (alpha - y))) * (alpha - y) * r ** (alpha - y - 1) / eps
    c = theta * a - omega * math.log(1 + r ** (alpha - y))
    return omega * math.log(1 + (d / eps) ** (alpha - y)) if d < theta else a * d - c


def _balanced_l1(x, y, alpha=0.5, gamma=1.5, beta=1.0):
    d, b = abs(x - y), math.exp(gamma / alpha) - 1
    if d < beta:
        return alpha / b * (b * d + 1) * math.log(b * d / beta + 1) - alpha * d
    return gamma * d + gamma / b - alpha * beta


def _smape(x, y):
    return 0.0 if x == y == 0 else 2 * abs(x - y) / (abs(x) + abs(y))


def _concordance(x, y):
    n = len(x)
    mx, my = math.fsum(x) / n, math.fsum(y) / n
    cov = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / n
    vx = math.fsum((a - mx) ** 2 for a in x) / n
    vy = math.fsum((b - my) ** 2 for b in y) / n
    return 1 - 2 * cov / (vx + vy + (mx - my) ** 2)


def _multi_quantile(x, y, quantiles):
    costs = [q * (y - a) if y > a else (1 - q) * (a - y) for a, q in zip(x, quantiles, strict=True)]
    return math.fsum(costs) / len(x)


def _quantile_huber(x, y, quantile=0.5, delta=1.0):
    d = y - x
    huber = d**2 / 2 if abs(d) <= delta else delta * (abs(d) - delta / 2)
    return abs(quantile - (d < 0)) * huber / delta


def _smooth_quantile(x, y, quantile=0.5, scale=1.0):
    z = -(y - x) / scale
    return quantile * (y - x) + scale * (max(z, 0.0) + math.log1p(math.exp(-abs(z))))


def _interval(lower, upper, y, alpha=0.1):
    below = 2 / alpha * (lower - y) if y < lower else 0.0
    above = 2 / alpha * (y - upper) if y > upper else 0.0
    return upper - lower + below + above


def _stirling(y):
    return y * math.log(y) - y + math.log(2 * math.pi * y) / 2 if y > 1 else 0.0


def _poisson(x, y, full=False, clip=64.0):
    rate = math.exp(x) if x <= clip else math.exp(clip) * (1 + x - clip)
    return rate - y * x + (_stirling(y) if full else 0.0)


def _poisson_rate(x, y, full=False, eps=1e-8):
    return x - y * math.log(x + eps) + (_stirling(y) if full else 0.0)


def _ensemble(x, y, fair=False):
    n = len(x)
    spread = math.fsum(abs(a - b) for a in x for b in x)
    return math.fsum(abs(a - y) for a in x) / n - spread / (2 * (n * (n - 1 if fair else n)))


def _log_cosh(x, y, scale=1.0):
    with mpmath.workdps(60):
        return float(scale * mpmath.log(mpmath.cosh((mpmath.mpf(x) - mpmath.mpf(y)) / scale)))


REFERENCES = {
    "log_cosh_loss": _each(_log_cosh),
    "cauchy_loss": _each(lambda x, y, scale=1.0: scale**2 / 2 * math.log1p(((x - y) / scale) ** 2)),
    "geman_mcclure_loss": _each(
        lambda x, y, scale=1.0: (x - y) ** 2 / 2 / (1 + ((x - y) / scale) ** 2)
    ),
    "welsch_loss": _each(
        lambda x, y, scale=1.0: scale**2 / 2 * (1 - math.exp(-(((x - y) / scale) ** 2)))
    ),
    "tukey_biweight_loss": _each(_tukey),
    "andrews_wave_loss": _each(_andrews),
    "fair_loss": _each(
        lambda x, y, scale=1.0: scale**2 * (abs(x - y) / scale - math.log(1 + abs(x - y) / scale))
    ),
    "charbonnier_loss": _each(lambda x, y, eps=1e-3, power=0.5: ((x - y) ** 2 + eps**2) ** power),
    "general_robust_loss": _each(_general),
    "wing_loss": _each(_wing),
    "adaptive_wing_loss": _each(_adaptive_wing),
    "balanced_l1_loss": _each(_balanced_l1),
    "epsilon_insensitive_loss": _each(lambda x, y, eps=0.1: max(0.0, abs(x - y) - eps)),
    "squared_epsilon_insensitive_loss": _each(
        lambda x, y, eps=0.1: max(0.0, abs(x - y) - eps) ** 2
    ),
    "half_mse_loss": _each(lambda x, y: (x - y) ** 2 / 2),
    "rmse_loss": _row(
        lambda x, y: math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / len(x))
    ),
    "absolute_percentage_loss": _each(lambda x, y, eps=1e-3: abs(x - y) / max(abs(y), eps)),
    "symmetric_absolute_percentage_loss": _each(_smape),
    "msle_loss": _each(lambda x, y: (math.log(1 + x) - math.log(1 + y)) ** 2),
    "concordance_correlation_loss": _row(_concordance),
    "multi_quantile_loss": _row(_multi_quantile),
    "quantile_huber_loss": _each(_quantile_huber),
    "smooth_quantile_loss": _each(_smooth_quantile),
    "expectile_loss": _each(lambda x, y, expectile=0.5: abs(expectile - (y < x)) * (y - x) ** 2),
    "interval_score_loss": _each(_interval),
    "poisson_nll_loss": _each(_poisson),
    "poisson_rate_nll_loss": _each(_poisson_rate),
    "ensemble_crps_loss": _row(_ensemble),
}
