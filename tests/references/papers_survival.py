"""The equations of the papers on survival, transcribed one sample at a time, in many digits."""

import torch
from mpmath import exp, fsum, log, mpf, workdps


def _samples(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*row, **hyper)) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _cox(x, time, event, *, ties="breslow"):
    """Cox 1972, eq. 12; of events that share a time, Efron 1977: the mean of their terms."""
    x, time, event = x.tolist(), time.tolist(), event.tolist()
    found = []
    with workdps(60):
        hazards = [exp(mpf(v)) for v in x]
        for i, t in enumerate(time):
            risk = fsum(h for h, s in zip(hazards, time, strict=True) if s >= t)
            dying = [h for h, s, e in zip(hazards, time, event, strict=True) if s == t and e > 0]
            if ties == "efron" and event[i] > 0:
                d = len(dying)
                term = fsum(log(risk - mpf(k) / d * fsum(dying)) for k in range(d)) / d
            else:
                term = log(risk)
            found.append(float(event[i] * (term - x[i])))
    return torch.tensor(found, dtype=torch.float64)


def _discrete_time(x, t, e):
    """Gensheimer and Narasimhan 2019, eq. 3."""
    survive = [1 / (1 + exp(mpf(v))) for v in x]
    likely = e * log(1 - survive[t]) + (1 - e) * log(survive[t])
    return -likely - fsum(log(survive[k]) for k in range(t))


def _pmf(x, t, e):
    """Kvamme and Borgan 2021, eq. 9."""
    powers = [exp(mpf(v)) for v in x] + [mpf(1)]
    total = fsum(powers)
    return -e * log(powers[t] / total) - (1 - e) * log(fsum(powers[t + 1 :]) / total)


def _weibull(scale, shape, time, e, *, clip=32.0, eps=1e-6):
    """Survival and density of the distribution; past the clip the tangent in the logarithm."""
    scale, shape, time = (mpf(max(v, eps)) for v in (scale, shape, time))
    power = (time / scale) ** shape
    hazard = shape / scale * (time / scale) ** (shape - 1)
    if log(power) > clip:
        power = exp(mpf(clip)) * (1 + log(power) - clip)
    return power - e * log(hazard)


REFERENCES = {
    "cox_partial_likelihood_loss": _cox,
    "discrete_time_survival_loss": _samples(_discrete_time),
    "pmf_survival_loss": _samples(_pmf),
    "weibull_survival_loss": _samples(_weibull),
}
