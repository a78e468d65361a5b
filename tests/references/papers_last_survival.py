"""Further papers on survival, one sample or pair at a time, in many digits."""

import torch
from mpmath import exp, fsum, log, mpf, ncdf, npdf, workdps


def _samples(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*row, **hyper)) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _lognormal(mu, scale, time, e, *, eps=1e-6):
    """Density and survival of the logarithm of time."""
    scale, time = mpf(max(scale, eps)), mpf(max(time, eps))
    z = (log(time) - mu) / scale
    return -e * log(npdf(z) / (scale * time)) - (1 - e) * log(ncdf(-z))


def _loglogistic(mu, scale, time, e, *, eps=1e-6):
    """Survival 1 / (1 + (t / a)^b) and its density."""
    a, b, time = exp(mpf(mu)), 1 / mpf(max(scale, eps)), mpf(max(time, eps))
    survival = 1 / (1 + (time / a) ** b)
    density = b / a * (time / a) ** (b - 1) * survival**2
    return -e * log(density) - (1 - e) * log(survival)


def _deep_hit(x, time, event, *, sigma=0.1):
    """Lee et al. 2018: the pairs of which the first had the event before the other's time."""
    x, time, event = x.tolist(), time.tolist(), event.tolist()
    found = []
    with workdps(60):

        def until(i, t):
            powers = [exp(mpf(v)) for v in x[i]] + [mpf(1)]
            return fsum(powers[: t + 1]) / fsum(powers)

        for i, t in enumerate(time):
            later = [j for j in range(len(x)) if t < time[j]]
            total = fsum(exp(-(until(i, t) - until(j, t)) / sigma) for j in later)
            found.append(float(event[i] * total))
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {
    "lognormal_survival_loss": _samples(_lognormal),
    "loglogistic_survival_loss": _samples(_loglogistic),
    "deep_hit_ranking_loss": _deep_hit,
}
