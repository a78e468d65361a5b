"""Densities of the textbooks and equations of the papers, one number at a time, in many digits."""

import math

import torch
from mpmath import exp, gamma, log, matrix, mpf, pi, workdps


def _units(function):
    def units(*tensors, **hyper):
        flat = zip(*(t.reshape(-1).tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*map(mpf, row), **hyper)) for row in flat]
        return torch.tensor(found, dtype=torch.float64).reshape(tensors[0].shape)

    return units


def _exponential(x, clip):
    """Past the clip its tangent."""
    return exp(x) if x < clip else exp(mpf(clip)) * (1 + x - clip)


def _gamma(x, y, *, dispersion=1.0, clip=64.0, eps=1e-6):
    k = 1 / mpf(dispersion)
    density = k**k / gamma(k) * max(y, eps) ** (k - 1)
    return -log(density) + k * x + k * y * _exponential(-x, clip)


def _lognormal(x, y, s, *, full=False, eps=1e-6):
    y, s = max(y, eps), max(s, eps)
    density = exp(-((log(y) - x) ** 2) / (2 * s**2)) / s
    return -log(density / (y * (2 * pi) ** 0.5) if full else density)


def _inflated(z, y, mass):
    certain = 1 / (1 + exp(-z))
    return -log((certain if y == 0 else 0) + (1 - certain) * mass)


def _poisson(x, y, z, *, clip=64.0):
    rate = _exponential(x, clip)
    return _inflated(z, y, exp(y * x - rate) / gamma(y + 1))


def _negative_binomial(x, y, z, *, dispersion=1.0):
    r, odds = 1 / mpf(dispersion), mpf(dispersion) * exp(x)
    mass = gamma(y + r) / gamma(r) / gamma(y + 1) * (odds / (1 + odds)) ** y / (1 + odds) ** r
    return _inflated(z, y, mass)


def _ziln(x, m, s, y, *, full=False, eps=1e-6):
    p = 1 / (1 + exp(-x))
    return -log(1 - p) if y == 0 else -log(p) + _lognormal(m, y, s, full=full, eps=eps)


def _evidential(x, y, nu, alpha, beta, *, regularization=0.01, eps=1e-6):
    """Amini et al. 2020: the scaled Student distribution of eq. 7, and the penalty of eq. 9."""
    nu, alpha, beta = (max(v, eps) for v in (nu, alpha, beta))
    freedom, width = 2 * alpha, beta * (1 + nu) / (nu * alpha)
    density = gamma((freedom + 1) / 2) / gamma(freedom / 2) / (freedom * pi * width) ** 0.5
    density *= (1 + (y - x) ** 2 / (freedom * width)) ** (-(freedom + 1) / 2)
    return -log(density) + regularization * abs(y - x) * (2 * nu + alpha)


def _multivariate(x, y, factor, *, full=False, eps=1e-6):
    """The density of the textbooks, with the precision multiplied out."""
    found = []
    for mean, truth, rows in zip(x.tolist(), y.tolist(), factor.tolist(), strict=True):
        size = len(mean)
        lower = matrix(size, size)
        for i in range(size):
            for j in range(i + 1):
                lower[i, j] = max(rows[i][j], eps) if i == j else rows[i][j]
        error = matrix([b - a for a, b in zip(mean, truth, strict=True)])
        precision = lower * lower.T
        square = sum(
            error[i] * precision[i, j] * error[j] for i in range(size) for j in range(size)
        )
        determinant = math.prod(lower[i, i] for i in range(size)) ** 2
        unit = square / 2 - log(determinant) / 2 + (size * log(2 * pi) / 2 if full else 0)
        found.append(float(unit))
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {
    "gamma_nll_loss": _units(_gamma),
    "lognormal_nll_loss": _units(_lognormal),
    "zero_inflated_poisson_nll_loss": _units(_poisson),
    "zero_inflated_negative_binomial_nll_loss": _units(_negative_binomial),
    "zero_inflated_lognormal_loss": _units(_ziln),
    "evidential_regression_loss": _units(_evidential),
    "multivariate_gaussian_nll_loss": _multivariate,
}
