"""SciPy's distributions of amounts and vectors."""

import numpy as np
import torch
from scipy.stats import lognorm, multivariate_normal, t


def _arrays(function):
    return lambda *tensors, **hyper: torch.as_tensor(
        function(*(x.numpy() for x in tensors), **hyper)
    )


def _multivariate(x, y, factor, full=False, eps=1e-6):
    found = []
    for mean, truth, lower in zip(x, y, np.tril(factor), strict=True):
        np.fill_diagonal(lower, np.maximum(lower.diagonal(), eps))
        covariance = np.linalg.inv(lower @ lower.T)
        unit = -multivariate_normal.logpdf(truth, mean, covariance, allow_singular=True)
        found.append(unit - (0 if full else len(mean) * np.log(2 * np.pi) / 2))
    return np.array(found)


def _evidential(x, y, nu, alpha, beta, regularization=0.01, eps=1e-6):
    nu, alpha, beta = (np.maximum(v, eps) for v in (nu, alpha, beta))
    width = np.sqrt(beta * (1 + nu) / (nu * alpha))
    return regularization * np.abs(y - x) * (2 * nu + alpha) - t.logpdf(y, 2 * alpha, x, width)


REFERENCES = {
    "lognormal_nll_loss": _arrays(
        lambda x, y, s, full=False, eps=1e-6: (
            -lognorm.logpdf(np.maximum(y, eps), np.maximum(s, eps), scale=np.exp(x))
            - (0 if full else np.log(np.maximum(y, eps)) + np.log(2 * np.pi) / 2)
        )
    ),
    "multivariate_gaussian_nll_loss": _arrays(_multivariate),
    "evidential_regression_loss": _arrays(_evidential),
}
