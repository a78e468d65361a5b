"""SciPy's distances of distributions on a line."""

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance


def _each(function):
    def units(x, y, **hyper):
        pairs = zip(x.numpy(), y.numpy(), strict=True)
        found = [function(a, b, **hyper) for a, b in pairs]
        return torch.tensor(np.array(found), dtype=torch.float64)

    return units


def _energy(x, y):
    return 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()


def _earth_mover(x, y, p=1.0):
    """The distance of two histograms, column by column; its square is Cramér's."""
    places = np.arange(len(x))
    x, y = x.reshape(len(x), -1), y.reshape(len(x), -1)
    if p != 1:
        return (np.abs(x.cumsum(0) - y.cumsum(0)) ** p).sum(0)
    pairs = zip(x.T, y.T, strict=True)
    return [wasserstein_distance(places, places, a, b) for a, b in pairs]


REFERENCES = {
    "earth_mover_loss": _each(_earth_mover),
    "energy_distance_loss": _each(_energy),
    "deep_coral_loss": _each(
        lambda x, y: ((np.cov(x.T) - np.cov(y.T)) ** 2).sum() / (4 * x.shape[1] ** 2)
    ),
}
