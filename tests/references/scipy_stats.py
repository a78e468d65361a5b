"""SciPy's distributions, and scores and costs computed from them."""

import numpy as np
from mpmath import exp as mexp, gamma, log, mpf, workdps
from scipy import integrate
from scipy.spatial.distance import cityblock
from scipy.special import pseudo_huber, rel_entr
from scipy.stats import cauchy, laplace, logistic, norm, pearsonr, t, vonmises


def _arrays(function):
    """Give a function NumPy arrays, and plain numbers as they are."""
    return lambda *tensors, **hyper: function(*(x.numpy() for x in tensors), **hyper)


def _rows(function):
    return _arrays(lambda *arrays: np.array([function(*row) for row in zip(*arrays, strict=True)]))


def _gaussian(x, y, v, full=False, eps=1e-6):
    found = -norm.logpdf(y, x, np.sqrt(np.maximum(v, eps)))
    return found if full else found - np.log(2 * np.pi) / 2


def _crps(x, y, s, eps=1e-6):
    """The integral that defines the score, numerically: of (F(t) - 1[t > y]) squared."""

    def unit(m, y, s):
        s = max(s, eps)
        low = integrate.quad(lambda u: norm.cdf(u) ** 2, -np.inf, min((y - m) / s, 38), **fine)[0]
        high = integrate.quad(lambda u: norm.sf(u) ** 2, max((y - m) / s, -38), np.inf, **fine)[0]
        z = (y - m) / s
        # beyond 38 deviations the integrand is 1
        return s * (low + high + max(0.0, z - 38) + max(0.0, -38 - z))

    fine = {"epsabs": 1e-13, "epsrel": 1e-12, "limit": 500}
    return np.vectorize(unit)(x, y, s)


def _mixture(x, mean, scale, y, eps=1e-3):
    logs = x - np.logaddexp.reduce(x, axis=1, keepdims=True)
    logs = logs + norm.logpdf(y[:, None], mean, np.maximum(scale, eps))
    return -np.logaddexp.reduce(logs, axis=1)


def _negative_binomial(x, y, dispersion=1.0):
    """The probability of the second parametrisation, with the gamma functions in many digits."""

    def unit(x, y):
        r, odds = 1 / mpf(dispersion), mpf(dispersion) * mexp(x)
        chance = gamma(y + r) / gamma(r) / gamma(mpf(y) + 1)
        return float(-log(chance * (odds / (1 + odds)) ** mpf(y) / (1 + odds) ** r))

    with workdps(40):
        return np.vectorize(unit)(x, y)


REFERENCES = {
    "jensen_shannon_divergence": _arrays(
        lambda p, q, beta=0.5: (
            beta * rel_entr(q, beta * q + (1 - beta) * p).sum(1)
            + (1 - beta) * rel_entr(p, beta * q + (1 - beta) * p).sum(1)
        )
    ),
    "reverse_kl_divergence": _arrays(
        lambda p, q, eps=1e-12: rel_entr(p, np.maximum(q, eps)).sum(1)
    ),
    "total_variation_distance": _arrays(
        lambda p, q: np.array([cityblock(*r) / 2 for r in zip(p, q, strict=True)])
    ),
    "gaussian_nll_loss": _arrays(_gaussian),
    "beta_nll_loss": _arrays(
        lambda x, y, v, beta=0.5, eps=1e-6: np.maximum(v, eps) ** beta * _gaussian(x, y, v, eps=eps)
    ),
    "laplace_nll_loss": _arrays(
        lambda x, y, s, eps=1e-6: -laplace.logpdf(y, x, np.maximum(s, eps))
    ),
    "logistic_nll_loss": _arrays(
        lambda x, y, s, eps=1e-6: -logistic.logpdf(y, x, np.maximum(s, eps))
    ),
    "student_t_nll_loss": _arrays(
        lambda x, y, s, degrees_of_freedom=4.0, eps=1e-6: (
            -(
                cauchy.logpdf(y, x, np.maximum(s, eps))
                if degrees_of_freedom == 1
                else t.logpdf(y, degrees_of_freedom, x, np.maximum(s, eps))
            )
        )
    ),
    "negative_binomial_nll_loss": _arrays(_negative_binomial),
    "gaussian_crps_loss": _arrays(_crps),
    "von_mises_nll_loss": _arrays(lambda x, y, k: -vonmises.logpdf(y, k, x)),
    "gaussian_mixture_nll_loss": _arrays(_mixture),
    "pseudo_huber_loss": _arrays(lambda x, y, delta=1.0: pseudo_huber(delta, x - y)),
    "pearson_correlation_loss": _rows(lambda x, y: 1 - pearsonr(x, y).statistic),
}
