"""The papers' equations for preferences and policies, one unit at a time in Python's numbers."""

import math

import torch


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _sigmoid(t):
    return 1 / (1 + math.exp(-t)) if t >= 0 else math.exp(t) / (1 + math.exp(t))


def _each(function):
    """Apply a function of numbers to every unit."""

    def units(*tensors, **hyper):
        rows = zip(*(t.reshape(-1).tolist() for t in tensors), strict=True)
        found = [function(*row, **hyper) for row in rows]
        return torch.tensor(found, dtype=torch.float64).reshape(tensors[0].shape)

    return units


def _pairs(function):
    """The same for functions of the two log-ratios of a policy and its reference."""

    def unit(chosen, rejected, reference_chosen, reference_rejected, **hyper):
        return function(chosen - reference_chosen, rejected - reference_rejected, **hyper)

    return _each(unit)


def _exp(x, bound):
    """The exponential, and from the bound on its tangent."""
    return math.exp(x) if x <= bound else math.exp(bound) * (1 + x - bound)


def _bradley_terry(chosen, rejected, margin=0.0):
    """Ouyang et al. 2022, eq. 1; Touvron et al. 2023 (Llama 2), eq. 2."""
    return _softplus(-(chosen - rejected - margin))


def _dpo(better, worse, beta=0.1, label_smoothing=0.0):
    """Rafailov et al. 2023, eq. 7, of both orders of the pair."""
    right, flipped = _softplus(-beta * (better - worse)), _softplus(-beta * (worse - better))
    return (1 - label_smoothing) * right + label_smoothing * flipped


def _robust(better, worse, beta=0.1, label_smoothing=0.1):
    """Chowdhury et al. 2024, the robust loss."""
    right, flipped = _softplus(-beta * (better - worse)), _softplus(-beta * (worse - better))
    return ((1 - label_smoothing) * right - label_smoothing * flipped) / (1 - 2 * label_smoothing)


def _ipo(better, worse, beta=0.1):
    """Azar et al. 2024, eq. 17."""
    return ((better - worse) - 1 / (2 * beta)) ** 2


def _hinge(better, worse, beta=0.1):
    """Liu et al. 2024 (RSO), the normalised hinge."""
    return max(0.0, 1 - (beta * better - beta * worse))


def _exo(better, worse, beta=0.1, label_smoothing=1e-3):
    """Ji et al. 2024, of pairs: the divergence of two pairs of numbers."""
    z = beta * (better - worse)
    model = (_sigmoid(z), _sigmoid(-z))
    log_model = (-_softplus(-z), -_softplus(z))
    human = (1 - label_smoothing, label_smoothing)
    return sum(p * (a - math.log(q)) for p, a, q in zip(model, log_model, human, strict=True))


def _nca(better, worse, beta=0.1):
    """Chen et al. 2024, of two responses."""
    return _softplus(-beta * better) + sum(0.5 * _softplus(beta * r) for r in (better, worse))


def _sppo(better, worse, beta=0.1):
    """Wu et al. 2024, with probabilities 1 and 0."""
    eta = 1 / beta
    return (better - eta * (1 - 0.5)) ** 2 + (worse - eta * (0 - 0.5)) ** 2


def _apo_zero(better, worse, beta=0.1):
    """D'Oosterlinck et al. 2024, APO-zero, plus 1."""
    return 1 - _sigmoid(beta * better) + _sigmoid(beta * worse)


def _apo_down(better, worse, beta=0.1):
    """D'Oosterlinck et al. 2024, APO-down, plus 1."""
    return 1 + _sigmoid(beta * better) - _sigmoid(beta * better - beta * worse)


def _discopop(better, worse, beta=0.1, temperature=0.05):
    """Lu et al. 2024, with the product of its last term in logarithms."""
    rho = beta * (better - worse)
    blend = _sigmoid(rho / temperature)
    exponential = math.exp(-rho - _softplus(-rho / temperature))
    return (1 - blend) * _softplus(-rho) + exponential


def _alpha_divergence(better, worse, beta=0.1, alpha=0.5, clip=64.0):
    """Wang et al. 2024, table 1: f'(u) = (1 - u^-alpha) / alpha."""

    def slope(log_u):
        return log_u if alpha == 0 else (1 - _exp(-alpha * log_u, clip)) / alpha

    return _softplus(-(beta * slope(better) - beta * slope(worse)))


def _jensen_shannon(better, worse, beta=0.1):
    """Wang et al. 2024, table 1: f'(u) = log(2u / (1 + u))."""

    def slope(log_u):
        return math.log(2) + log_u - _softplus(log_u)

    return _softplus(-(beta * slope(better) - beta * slope(worse)))


def _aot(over, under, beta, label_smoothing):
    """Melnyk et al. 2024: the k-th smallest of one against the k-th smallest of the other."""
    ranked = sorted(range(len(over)), key=over.__getitem__)
    found = [0.0] * len(over)
    for i, match in zip(ranked, sorted(under), strict=True):
        found[i] = _dpo(over[i], match, beta, label_smoothing)
    return torch.tensor(found, dtype=torch.float64)


def _aot_of_responses(w, other, ref_w, ref_other, beta=0.1, label_smoothing=0.0):
    return _aot((w - ref_w).tolist(), (other - ref_other).tolist(), beta, label_smoothing)


def _aot_of_pairs(w, other, ref_w, ref_other, beta=0.1, label_smoothing=0.0):
    return _aot((w - other).tolist(), (ref_w - ref_other).tolist(), beta, label_smoothing)


def _log_odds(log_p):
    return log_p - math.log(-math.expm1(log_p))


def _orpo(chosen, rejected, coefficient=0.1):
    """Hong et al. 2024, eq. 6 and 7."""
    return -chosen + coefficient * _softplus(-(_log_odds(chosen) - _log_odds(rejected)))


def _cpo(chosen, rejected, beta=0.1, coefficient=1.0):
    """Xu et al. 2024, the preference and the likelihood term."""
    return _softplus(-(beta * chosen - beta * rejected)) - coefficient * chosen


def _simpo(chosen, rejected, beta=2.0, gamma=0.5):
    """Meng et al. 2024, eq. 6."""
    return _softplus(-(beta * chosen - beta * rejected - gamma))


def _alphapo(chosen, rejected, beta=2.0, gamma=0.5, alpha=0.25, clip=64.0):
    """Gupta et al. 2025, the reward and its loss."""

    def reward(log_p):
        return beta * (log_p if alpha == 0 else (1 - _exp(-alpha * log_p, clip)) / alpha)

    return _softplus(-(reward(chosen) - reward(rejected) - gamma))


def _kto(policy, reference, y, kl=None, beta=0.1, desirable_weight=1.0, undesirable_weight=1.0):
    """Ethayarajh et al. 2024, eq. 8."""
    z0 = 0.0 if kl is None else max(0.0, float(kl))
    r = policy - reference
    if y > 0:
        return desirable_weight - desirable_weight * _sigmoid(beta * (r - z0))
    return undesirable_weight - undesirable_weight * _sigmoid(beta * (z0 - r))


def _bco(policy, reference, y, shift=None, beta=0.1):
    """Jung et al. 2024, with the reward shift."""
    reward = beta * (policy - reference) - (0.0 if shift is None else float(shift))
    return _softplus(-reward) if y > 0 else _softplus(reward)


def _clip_term(ratio, a, low, high, dual=None):
    term = min(ratio * a, min(max(ratio, 1 - low), 1 + high) * a)
    return term if dual is None or a >= 0 else max(term, dual * a)


def _ppo(new, old, a, clip_low=0.2, clip_high=0.2, dual_clip=None, max_log_ratio=20.0):
    """Schulman et al. 2017, eq. 7; Ye et al. 2020, the dual clip."""
    return -_clip_term(_exp(new - old, max_log_ratio), a, clip_low, clip_high, dual_clip)


def _ppo_value(value, old, target, clip=0.2):
    """Engstrom et al. 2020, the value loss."""
    near = min(max(value, old - clip), old + clip)
    return max((value - target) ** 2, (near - target) ** 2)


def _k3(new, reference, max_log_ratio=20.0):
    """Shao et al. 2024, eq. 4."""
    d = reference - new
    return math.expm1(d) - d if d <= max_log_ratio else _exp(d, max_log_ratio) - 1 - d


def _grpo(new, old, reference, a, beta=0.04, clip_low=0.2, clip_high=0.2, max_log_ratio=20.0):
    """Shao et al. 2024, eq. 3."""
    gain = _clip_term(_exp(new - old, max_log_ratio), a, clip_low, clip_high)
    return -(gain - beta * _k3(new, reference, max_log_ratio))


def _cispo(new, old, a, clip_low=1.0, clip_high=0.2):
    """MiniMax 2025, eq. 4 and 5."""
    ratio = math.exp(min(new - old, 700.0))
    return -min(max(ratio, 1 - clip_low), 1 + clip_high) * a * new


def _sapo(new, old, a, positive_temperature=1.0, negative_temperature=1.05):
    """Gao et al. 2025, the gate and its objective."""
    tau = positive_temperature if a > 0 else negative_temperature
    ratio = math.exp(min(new - old, 700.0))
    return -4 / tau * _sigmoid(tau * (ratio - 1)) * a


def _rloo(log_prob, reward):
    """Ahmadian et al. 2024, with k samples."""
    found = []
    for logs, rewards in zip(log_prob.tolist(), reward.tolist(), strict=True):
        total = 0.0
        for i, (log_p, r) in enumerate(zip(logs, rewards, strict=True)):
            others = [other for j, other in enumerate(rewards) if j != i]
            total -= (r - math.fsum(others) / len(others)) * log_p
        found.append(total / len(logs))
    return torch.tensor(found, dtype=torch.float64)


def _of_classes(function):
    """Apply a function of a unit's logits and label."""

    def units(x, y, **hyper):
        rows = x.movedim(1, -1).reshape(-1, x.shape[1]).tolist()
        found = [function(row, k, **hyper) for row, k in zip(rows, y.reshape(-1).tolist())]  # noqa: B905 - as many rows as labels
        return torch.tensor(found, dtype=torch.float64).reshape(y.shape)

    return units


def _log_sum(scores):
    top = max(scores)
    return top + math.log(math.fsum(math.exp(s - top) for s in scores))


def _unlikelihood(scores, k):
    """Welleck et al. 2020: 1 - p of the others' probabilities."""
    return _log_sum(scores) - _log_sum([s for c, s in enumerate(scores) if c != k])


def _dft(scores, k):
    """Wu et al. 2025, with a probability that carries no gradient."""
    log_p = scores[k] - _log_sum(scores)
    return -math.exp(log_p) * log_p


REFERENCES = {
    "bradley_terry_loss": _each(_bradley_terry),
    "dpo_loss": _pairs(_dpo),
    "robust_dpo_loss": _pairs(_robust),
    "ipo_loss": _pairs(_ipo),
    "hinge_dpo_loss": _pairs(_hinge),
    "exo_pair_loss": _pairs(_exo),
    "nca_pair_loss": _pairs(_nca),
    "sppo_hard_loss": _pairs(_sppo),
    "apo_zero_loss": _pairs(_apo_zero),
    "apo_down_loss": _pairs(_apo_down),
    "discopop_loss": _pairs(_discopop),
    "alpha_divergence_dpo_loss": _pairs(_alpha_divergence),
    "jensen_shannon_dpo_loss": _pairs(_jensen_shannon),
    "aot_loss": _aot_of_responses,
    "aot_pair_loss": _aot_of_pairs,
    "orpo_loss": _each(_orpo),
    "cpo_loss": _each(_cpo),
    "simpo_loss": _each(_simpo),
    "alphapo_loss": _each(_alphapo),
    "kto_loss": _each(_kto),
    "bco_loss": _each(_bco),
    "ppo_clip_loss": _each(_ppo),
    "ppo_value_loss": _each(_ppo_value),
    "grpo_loss": _each(_grpo),
    "cispo_loss": _each(_cispo),
    "sapo_loss": _each(_sapo),
    "rloo_loss": _rloo,
    "reinforce_loss": _each(lambda log_p, a: -log_p * a),
    "k1_kl_penalty": _each(lambda new, reference: new - reference),
    "k2_kl_penalty": _each(lambda new, reference: (new - reference) ** 2 / 2),
    "k3_kl_penalty": _each(_k3),
    "unlikelihood_loss": _of_classes(_unlikelihood),
    "dft_loss": _of_classes(_dft),
}
