"""kornia's losses of segmentation, sample by sample."""

import torch
from kornia.losses import lovasz_hinge_loss, lovasz_softmax_loss


def _softmax(x, y, *, class_weight=None, skip_absent=False):
    """Its mean divides by the count of classes; each class is asked for on its own."""
    count, out = x.shape[1], []
    for sample, target in zip(x, y, strict=True):
        image, labels = sample.reshape(1, count, 1, -1), target.reshape(1, 1, -1)
        above = below = 0.0
        for c, own in enumerate(torch.eye(count, dtype=x.dtype)):
            if skip_absent and not (target == c).any():
                continue
            w = 1.0 if class_weight is None else float(class_weight[c])
            above += w * lovasz_softmax_loss(image, labels, weight=own) * count
            below += w
        out.append(above / below)
    return torch.stack(out)


def _hinge(x, y):
    pairs = zip(x, y, strict=True)
    return torch.stack(
        [lovasz_hinge_loss(a.reshape(1, 1, 1, -1), b.reshape(1, 1, -1)) for a, b in pairs]
    )


REFERENCES = {"lovasz_softmax_loss": _softmax, "lovasz_hinge_loss": _hinge}
