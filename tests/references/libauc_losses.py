"""LibAUC, sample by sample; a target between the labels mixes them, in which the loss is linear."""

import warnings

import torch
from libauc.losses import AUCMLoss


def _auc_margin(x, a, b, alpha, y, positive_share, margin=1.0):
    loss = AUCMLoss(margin=margin, imratio=positive_share, device="cpu").double()
    with torch.no_grad():
        for name, value in (("a", a), ("b", b), ("alpha", alpha)):
            getattr(loss, name).fill_(float(value))

    def cost(score, label):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a batch without positives
            return loss(score.reshape(1), torch.tensor([label]), auto=False).item()

    return [float(q) * cost(s, 1) + (1 - float(q)) * cost(s, 0) for s, q in zip(x, y, strict=True)]


REFERENCES = {"auc_margin_loss": _auc_margin}
