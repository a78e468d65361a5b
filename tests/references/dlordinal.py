"""The losses of dlordinal, which are means: one sample at a time."""

import torch
from dlordinal.losses import CORNLoss, EMDLoss, SORDLoss

from .papers_ordinal import REFERENCES as PAPERS


def _each(make):
    def units(x, y, **hyper):
        loss = make(x.shape[1], **hyper)
        rows = x.movedim(1, -1).reshape(-1, x.shape[1])
        labels = y.movedim(1, -1).reshape(rows.shape) if y.ndim == x.ndim else y.reshape(-1)
        out = [loss(row[None], label[None]) for row, label in zip(rows, labels, strict=True)]
        return torch.stack(out).reshape(x.shape[0], *x.shape[2:])

    return units


def _corn(x, y):
    means = _each(lambda thresholds: CORNLoss(thresholds + 1))(x, y)
    return means * (y + 1).clamp(max=x.shape[1])


def _sord(x, y, *, alpha=1.0, p=1.0):
    if p != 1:  # it has the absolute distance only
        return PAPERS["sord_loss"](x, y, alpha=alpha, p=p)
    return _each(lambda classes: SORDLoss(alpha, classes, y))(x, y)


REFERENCES = {
    "corn_loss": _corn,
    "emd_squared_loss": _each(EMDLoss),
    "sord_loss": _sord,
}
