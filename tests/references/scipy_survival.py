"""Distributions of times in scipy."""

import torch
from scipy import stats


def _likelihood(law):
    """Of a distribution of the logarithm of time, which scipy knows."""

    def units(mu, scale, time, e, *, eps=1e-6):
        scale, time = scale.clamp(min=eps), time.clamp(min=eps)
        known = law(mu.numpy(), scale.numpy())
        at = time.log().numpy()
        density = torch.as_tensor(known.logpdf(at)) - time.log()
        return -e * density - (1 - e) * torch.as_tensor(known.logsf(at))

    return units


REFERENCES = {
    "lognormal_survival_loss": _likelihood(stats.norm),
    "loglogistic_survival_loss": _likelihood(stats.logistic),
}
