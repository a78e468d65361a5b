"""scikit-learn's metrics, sample by sample."""

import numpy as np
import torch
from sklearn.metrics import hinge_loss, zero_one_loss


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


REFERENCES = {
    "zero_one_loss": _zero_one,
    "crammer_singer_loss": _crammer_singer,
    "hinge_loss": _hinge,
}
