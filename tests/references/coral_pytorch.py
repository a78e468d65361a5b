"""The losses of coral-pytorch, by the authors of CORAL and CORN."""

import torch
from coral_pytorch.losses import coral_loss, corn_loss


def _rows(x, y):
    return x.movedim(1, -1).reshape(-1, x.shape[1]), y.reshape(-1)


def _coral(x, y):
    rows, labels = _rows(x, y)
    levels = (labels[:, None] > torch.arange(rows.shape[1])).to(x.dtype)
    return coral_loss(rows, levels, reduction=None).reshape(y.shape)


def _corn(x, y):
    """Its loss is a mean over tasks: one sample at a time, times the number of its tasks."""
    rows, labels = _rows(x, y)
    units = [
        corn_loss(row[None], k[None], len(row) + 1) * min(int(k) + 1, len(row))
        for row, k in zip(rows, labels, strict=True)
    ]
    return torch.stack(units).reshape(y.shape)


REFERENCES = {"coral_loss": _coral, "corn_loss": _corn}
