"""The package pytorch-metric-learning, whose VICReg halves the terms of variance."""

import torch
from pytorch_metric_learning import losses
from pytorch_metric_learning.reducers import DoNothingReducer


def _vicreg(
    x,
    y,
    *,
    invariance_weight=25.0,
    variance_weight=25.0,
    covariance_weight=1.0,
    gamma=1.0,
    eps=1e-4,
):
    # everything by 1 / gamma, so that its threshold of 1 is that of gamma
    loss = losses.VICRegLoss(
        invariance_lambda=invariance_weight * gamma**2,
        variance_mu=2 * variance_weight * gamma,
        covariance_v=covariance_weight * gamma**4,
        eps=eps / gamma**2,
        reducer=DoNothingReducer(),
    )
    with torch.no_grad():
        found = loss(x / gamma, ref_emb=y / gamma)
    spread = sum(found[f"variance_loss{i}"]["losses"].mean() for i in (1, 2))
    return found["invariance_loss"]["losses"] + spread + found["covariance_loss"]["losses"]


REFERENCES = {"vicreg_loss": _vicreg}
