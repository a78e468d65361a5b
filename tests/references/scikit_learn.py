"""scikit-learn's metrics, sample by sample."""

import numpy as np
import torch
from sklearn.metrics import (
    hinge_loss,
    mean_pinball_loss,
    mean_squared_log_error,
    mean_tweedie_deviance,
    zero_one_loss,
)


def _rows(x, y):
    """Bring (N, C, ...) and (N, ...) to (units, C) and (units,)."""
    return x.movedim(1, -1).reshape(-1, x.shape[1]).numpy(), y.reshape(-1).numpy()


def _zero_one(x, y):
    rows, labels = _rows(x, y)
    wrong = [zero_one_loss([k], [row.argmax()]) for row, k in zip(rows, labels, strict=True)]
    return torch.tensor(wrong, dtype=torch.float64).reshape(y.shape)


def _crammer_singer(x, y, *, margin=1.0):
    rows, labels = _rows(x, y)
    classes = np.arange(rows.shape[1])
    # its margin is 1, and the loss scales: margin * loss(x / margin)
    units = [
        margin * hinge_loss([k], [row / margin], labels=classes)
        for row, k in zip(rows, labels, strict=True)
    ]
    return torch.tensor(units, dtype=torch.float64).reshape(y.shape)


def _hinge(x, y, *, margin=1.0):
    pairs = zip(x.reshape(-1).numpy(), y.reshape(-1).numpy(), strict=True)
    # it wants both labels in the data: a second sample, far beyond the margin, adds the other
    units = [margin * hinge_loss([k, -k], [f / margin, -k * 1e9]) * 2 for f, k in pairs]
    return torch.tensor(units, dtype=torch.float64).reshape(x.shape)


def _one_by_one(metric):
    """Apply a metric of a target and a prediction to each pair."""

    def units(x, y, **hyper):
        pairs = zip(x.reshape(-1).tolist(), y.reshape(-1).tolist(), strict=True)
        found = [metric([b], [a], **hyper) for a, b in pairs]
        return torch.tensor(found, dtype=torch.float64).reshape(x.shape)

    return units


def _tweedie(y, x, *, power=1.5, eps=1e-6):
    return mean_tweedie_deviance(y, np.maximum(x, eps), power=power)


REFERENCES = {
    "quantile_loss": _one_by_one(
        lambda y, x, quantile=0.5: mean_pinball_loss(y, x, alpha=quantile)
    ),
    "msle_loss": _one_by_one(mean_squared_log_error),
    "tweedie_deviance_loss": _one_by_one(_tweedie),
    "poisson_deviance_loss": _one_by_one(lambda y, x, eps=1e-6: _tweedie(y, x, power=1, eps=eps)),
    "gamma_deviance_loss": _one_by_one(
        lambda y, x, eps=1e-6: _tweedie(np.maximum(y, eps), x, power=2, eps=eps)
    ),
    "zero_one_loss": _zero_one,
    "crammer_singer_loss": _crammer_singer,
    "hinge_loss": _hinge,
}
