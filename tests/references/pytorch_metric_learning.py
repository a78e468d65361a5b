"""The package pytorch-metric-learning: prototypes as columns, angles in degrees."""

import math

import torch
from pytorch_metric_learning import losses
from pytorch_metric_learning.reducers import DoNothingReducer


def _per_sample(cls, prototypes, x, y, **options):
    loss = cls(len(prototypes), prototypes.shape[1], reducer=DoNothingReducer(), **options)
    loss.W = torch.nn.Parameter(prototypes.T.clone())
    with torch.no_grad():
        return loss(x, y)["loss"]["losses"]


def _arcface(x, w, y, *, margin=0.5, scale=64.0, class_weight=None):
    units = _per_sample(losses.ArcFaceLoss, w, x, y, margin=math.degrees(margin), scale=scale)
    return units if class_weight is None else units * class_weight[y]


def _cosface(x, w, y, *, margin=0.35, scale=64.0, class_weight=None):
    units = _per_sample(losses.CosFaceLoss, w, x, y, margin=margin, scale=scale)
    return units if class_weight is None else units * class_weight[y]


def _normalized(x, w, y, *, scale=20.0, class_weight=None):
    unit = torch.nn.functional.normalize(x)
    units = _per_sample(losses.NormalizedSoftmaxLoss, w, unit, y, temperature=1 / scale)
    return units if class_weight is None else units * class_weight[y]


REFERENCES = {
    "arcface_loss": _arcface,
    "cosface_loss": _cosface,
    "normalized_softmax_loss": _normalized,
}
