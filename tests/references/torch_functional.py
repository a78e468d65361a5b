"""PyTorch's own functions, where they are right; see docs/migrating.md for where they are not."""

import torch
import torch.nn.functional as F


def _none(function, **renamed):
    def units(*tensors, **hyper):
        return function(
            *tensors, **{renamed.get(k, k): v for k, v in hyper.items()}, reduction="none"
        )

    return units


def _cross_entropy(x, y, *, class_weight=None, **hyper):
    """Per unit; the class weights of soft and smoothed targets are compared in tests/losses."""
    if class_weight is None:
        return F.cross_entropy(x, y, **hyper, reduction="none")
    return F.cross_entropy(x, y, weight=class_weight.to(x.dtype), **hyper, reduction="none")


def _nll(x, y, *, class_weight=None):
    class_weight = None if class_weight is None else class_weight.to(x.dtype)
    return F.nll_loss(x, y, weight=class_weight, reduction="none")


def _multi_margin(x, y, *, p=1.0, margin=1.0, class_weight=None):
    # torch takes two dimensions and multiplies by the class weight inside
    flat = x.movedim(1, -1).reshape(-1, x.shape[1])
    class_weight = None if class_weight is None else class_weight.to(x.dtype)
    units = F.multi_margin_loss(
        flat, y.reshape(-1), p=int(p), margin=margin, weight=class_weight, reduction="none"
    )
    return units.reshape(y.shape)


def _pos_weight(x, y, *, pos_weight=None):
    pos_weight = None if pos_weight is None else pos_weight.to(x.dtype)
    return F.binary_cross_entropy_with_logits(x, y, pos_weight=pos_weight, reduction="none")


def _linear_cross_entropy(
    x, matrix, y, *, linear_bias=None, class_weight=None, z_loss=0.0, softcap=None,
    temperature=1.0, label_smoothing=0.0,
):  # fmt: skip
    scores = F.linear(x, matrix, None if linear_bias is None else linear_bias.to(x.dtype))
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores / temperature
    class_weight = None if class_weight is None else class_weight.to(x.dtype)
    units = F.cross_entropy(
        scores, y, weight=class_weight, label_smoothing=label_smoothing, reduction="none"
    )
    return units + z_loss * scores.logsumexp(1) ** 2


REFERENCES = {
    "poisson_rate_nll_loss": lambda x, y, full=False, eps=1e-8: F.poisson_nll_loss(
        x, y, log_input=False, full=full, eps=eps, reduction="none"
    ),
    "hinge_embedding_loss": _none(F.hinge_embedding_loss),
    "triplet_margin_loss": lambda a, p, n, **hyper: F.triplet_margin_loss(
        a, p, n, **hyper, eps=0.0, reduction="none"
    ),
    "multi_label_soft_margin_loss": _none(F.multilabel_soft_margin_loss),
    "linear_cross_entropy": _linear_cross_entropy,
    "l1_loss": _none(F.l1_loss),
    "mse_loss": _none(F.mse_loss),
    "smooth_l1_loss": _none(F.smooth_l1_loss),
    "huber_loss": _none(F.huber_loss),
    "cross_entropy": _cross_entropy,
    "nll_loss": _nll,
    "binary_cross_entropy": _none(F.binary_cross_entropy),
    "binary_cross_entropy_with_logits": _pos_weight,
    "multi_margin_loss": _multi_margin,
    "cosine_embedding_loss": _none(F.cosine_embedding_loss),
    "kl_divergence": lambda log_p, q: F.kl_div(log_p, q, reduction="none").sum(1),
    "minimax_discriminator_loss": lambda real, fake, label_smoothing=0.0: (
        F.binary_cross_entropy_with_logits(
            real, torch.full_like(real, 1 - label_smoothing), reduction="none"
        )
        + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake), reduction="none")
    ),
    "minimax_generator_loss": lambda fake: (
        -F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake), reduction="none")
    ),
    "non_saturating_generator_loss": lambda fake: F.binary_cross_entropy_with_logits(
        fake, torch.ones_like(fake), reduction="none"
    ),
}
