"""Preference losses of hidden states, in Python's numbers: every logit is computed and kept."""

import math

import torch


def _token(hidden, head, token, bias, temperature):
    """The log-probability of one token."""
    logits = []
    for c, row in enumerate(head.tolist()):
        logit = sum(a * b for a, b in zip(hidden.tolist(), row, strict=True))
        logits.append((logit + (0.0 if bias is None else float(bias[c]))) / temperature)
    top = max(logits)
    return logits[token] - top - math.log(sum(math.exp(z - top) for z in logits))


def _tokens(hidden, head, tokens, bias, temperature=1.0):
    """The log-probabilities of the tokens of one response that are not -100."""
    pairs = zip(hidden, tokens.tolist(), strict=True)
    return [_token(h, head, y, bias, temperature) for h, y in pairs if y != -100]


def _sum(numbers):
    return math.fsum(numbers)


def _mean(numbers):
    return math.fsum(numbers) / len(numbers) if numbers else 0.0


def _log_sigmoid(z):
    return min(z, 0.0) - math.log1p(math.exp(-abs(z)))


def _pairs(of_response, loss):
    """The losses of pairs, of the log-probabilities of their responses."""

    def units(chosen, rejected, head, chosen_tokens, rejected_tokens, *rest, **hyper):
        bias = hyper.pop("linear_bias", None)
        out = []
        for i in range(len(chosen)):
            w = of_response(_tokens(chosen[i], head, chosen_tokens[i], bias))
            other = of_response(_tokens(rejected[i], head, rejected_tokens[i], bias))
            out.append(loss(w, other, *(float(t[i]) for t in rest), **hyper))
        return torch.tensor(out, dtype=torch.float64)

    return units


def _dpo(w, other, ref_w, ref_other, beta=0.1, label_smoothing=0.0):
    z = beta * ((w - ref_w) - (other - ref_other))
    return -(1 - label_smoothing) * _log_sigmoid(z) - label_smoothing * _log_sigmoid(-z)


def _cpo(w, other, beta=0.1, coefficient=1.0):
    return -_log_sigmoid(beta * w - beta * other) - coefficient * w


def _simpo(w, other, beta=2.0, gamma=0.5):
    return -_log_sigmoid(beta * w - beta * other - gamma)


def _log_odds(log_p):
    """log p - log(1 - p); of p = 1 the largest that double precision tells apart."""
    return log_p - math.log(-math.expm1(min(log_p, -2.2250738585072014e-308)))


def _orpo(w, other, coefficient=0.1):
    return -w - coefficient * _log_sigmoid(_log_odds(w) - _log_odds(other))


def _kto(
    hidden, head, tokens, reference, target, *, linear_bias=None, kl=None, beta=0.1,
    desirable_weight=1.0, undesirable_weight=1.0,
):  # fmt: skip
    point = 0.0 if kl is None else max(0.0, float(kl))
    out = []
    for i in range(len(hidden)):
        reward = _sum(_tokens(hidden[i], head, tokens[i], linear_bias)) - float(reference[i])
        if target[i] > 0:
            out.append(desirable_weight * math.exp(_log_sigmoid(beta * (point - reward))))
        else:
            out.append(undesirable_weight * math.exp(_log_sigmoid(beta * (reward - point))))
    return torch.tensor(out, dtype=torch.float64)


def _tangent(z, bound=20.0):
    """The exponential, beyond ``bound`` its tangent there."""
    return math.exp(z) if z <= bound else math.exp(bound) * (1 + z - bound)


def _grpo(
    hidden, head, tokens, old, reference, advantage, *, linear_bias=None, temperature=1.0,
    beta=0.04, clip_low=0.2, clip_high=0.2, max_log_ratio=20.0,
):  # fmt: skip
    out = torch.zeros(tokens.shape, dtype=torch.float64)
    for i in range(tokens.shape[0]):
        for t in range(tokens.shape[1]):
            log_p = _token(hidden[i, t], head, int(tokens[i, t]), linear_bias, temperature)
            moved, a = _tangent(log_p - float(old[i, t]), max_log_ratio), float(advantage[i, t])
            gain = min(moved * a, min(max(moved, 1 - clip_low), 1 + clip_high) * a)
            back = float(reference[i, t]) - log_p
            out[i, t] = beta * (_tangent(back, max_log_ratio) - back - 1) - gain
    return out


REFERENCES = {
    "linear_dpo_loss": _pairs(_sum, _dpo),
    "linear_cpo_loss": _pairs(_sum, _cpo),
    "linear_simpo_loss": _pairs(_mean, _simpo),
    "linear_orpo_loss": _pairs(_mean, _orpo),
    "linear_kto_loss": _kto,
    "linear_grpo_loss": _grpo,
}
