"""torch's adaptive softmax, with our weights."""

import torch


def _adaptive(x, head, tails, y, *, cutoffs, num_classes, div_value=4.0):
    loss = torch.nn.AdaptiveLogSoftmaxWithLoss(
        x.shape[1], num_classes, list(cutoffs), div_value=div_value, dtype=torch.float64
    )
    at = 0
    with torch.no_grad():
        loss.head.weight.copy_(head)
        for projection, classes in loss.tail:
            for weight in (projection.weight, classes.weight):
                weight.copy_(tails[at : at + weight.numel()].reshape(weight.shape))
                at += weight.numel()
    return -loss(x, y).output.detach()


REFERENCES = {"adaptive_softmax_loss": _adaptive}
