"""Liger Kernel, one pair or response at a time: the losses behind its fused projections."""

from unittest import mock

import torch
from liger_kernel.chunked_loss.cpo_loss import LigerFusedLinearCPOFunction
from liger_kernel.chunked_loss.dpo_loss import LigerFusedLinearDPOFunction
from liger_kernel.chunked_loss.fused_linear_unpaired_preference import (
    LigerFusedLinearUnpairedPreferenceBase,
)
from liger_kernel.chunked_loss.kto_loss import LigerFusedLinearKTOFunction
from liger_kernel.chunked_loss.orpo_loss import LigerFusedLinearORPOFunction
from liger_kernel.chunked_loss.simpo_loss import LigerFusedLinearSimPOFunction

PAIR = torch.zeros(2, 1)  # what it counts pairs by


def _each(function, shape, *tensors):
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # it makes tensors of its hyperparameters
    try:
        rows = zip(*(t.reshape(-1, 1) for t in tensors), strict=True)
        return torch.stack([function(*row).reshape(()) for row in rows]).reshape(shape)
    finally:
        torch.set_default_dtype(default)


def _dpo(loss_type, **renamed):
    """The variants of one function; ``renamed`` are our names of its hyperparameters."""

    def units(chosen, rejected, reference_chosen, reference_rejected, **hyper):
        options = {renamed.get(name, name): value for name, value in hyper.items()}
        if loss_type in ("exo_pair", "robust"):
            options.setdefault("label_smoothing", 1e-3 if loss_type == "exo_pair" else 0.1)

        def unit(w, other, ref_w, ref_other):
            return LigerFusedLinearDPOFunction.preference_loss_fn(
                w, other, PAIR, ref_w, ref_other, loss_type=loss_type, **options
            )[0]

        tensors = chosen, rejected, reference_chosen, reference_rejected
        return _each(unit, chosen.shape, *tensors)

    return units


def _orpo(chosen, rejected, *, coefficient=0.1):
    """Its part that is preference; the likelihood is added elsewhere."""

    def unit(w, other):
        odds = LigerFusedLinearORPOFunction.preference_loss_fn(w, other, PAIR, beta=coefficient)
        return odds[0] - w

    return _each(unit, chosen.shape, chosen, rejected)


def _cpo(chosen, rejected, *, beta=0.1, coefficient=1.0):
    def unit(w, other):
        found = LigerFusedLinearCPOFunction.preference_loss_fn(w, other, PAIR, beta=beta)
        return found[0] - coefficient * w

    return _each(unit, chosen.shape, chosen, rejected)


def _simpo(chosen, rejected, *, beta=2.0, gamma=0.5):
    def unit(w, other):
        found = LigerFusedLinearSimPOFunction.preference_loss_fn(
            w, other, PAIR, beta=beta, gamma=gamma
        )
        return found[0]

    return _each(unit, chosen.shape, chosen, rejected)


def _kto(
    policy, reference, target, *, kl=None, beta=0.1, desirable_weight=1.0, undesirable_weight=1.0
):
    """It has no weights of the two kinds."""

    def unit(a, b, y):
        found = LigerFusedLinearKTOFunction.preference_loss_fn(
            a, y > 0, torch.zeros(1, 1), b, beta=beta, kl=kl
        )
        return found[0] * torch.where(y > 0, desirable_weight, undesirable_weight)

    return _each(unit, policy.shape, policy, reference, target)


def _log_prob(hidden, head, tokens, bias, average):
    """Its projection, which asks for single precision; here it gets double."""
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
        return LigerFusedLinearUnpairedPreferenceBase.chunk_forward(
            hidden, head, tokens, torch.zeros(len(hidden), 1).bool(), bias, average_log_prob=average
        )[0]


def _linear(loss, average):
    def units(
        chosen,
        rejected,
        head,
        chosen_tokens,
        rejected_tokens,
        *reference,
        linear_bias=None,
        **hyper,
    ):
        w = _log_prob(chosen, head, chosen_tokens, linear_bias, average)
        other = _log_prob(rejected, head, rejected_tokens, linear_bias, average)
        return REFERENCES[loss](w, other, *reference, **hyper)

    return units


def _linear_kto(hidden, head, tokens, reference, target, *, linear_bias=None, **hyper):
    return _kto(_log_prob(hidden, head, tokens, linear_bias, False), reference, target, **hyper)


# Its ORPO is infinite where a policy is sure, which hidden states, unlike probabilities, make it.
REFERENCES = {
    "dpo_loss": lambda *pair, beta=0.1, label_smoothing=0.0: (
        (1 - label_smoothing) * _dpo("sigmoid")(*pair, beta=beta)
        + label_smoothing * _dpo("sigmoid")(*(pair[i] for i in (1, 0, 3, 2)), beta=beta)
    ),
    "robust_dpo_loss": _dpo("robust"),
    "hinge_dpo_loss": _dpo("hinge"),
    "exo_pair_loss": _dpo("exo_pair"),
    "nca_pair_loss": _dpo("nca_pair"),
    "sppo_hard_loss": _dpo("sppo_hard"),
    "apo_zero_loss": _dpo("apo_zero"),
    "apo_down_loss": _dpo("apo_down"),
    "discopop_loss": _dpo("discopop", temperature="discopop_tau"),
    "orpo_loss": _orpo,
    "cpo_loss": _cpo,
    "simpo_loss": _simpo,
    "kto_loss": _kto,
    "linear_dpo_loss": _linear("dpo_loss", average=False),
    "linear_cpo_loss": _linear("cpo_loss", average=False),
    "linear_simpo_loss": _linear("simpo_loss", average=True),
    "linear_kto_loss": _linear_kto,
}
