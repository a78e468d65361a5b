"""The papers' equations for preferences and policies, one unit at a time in many digits."""

import torch
from mpmath import exp, fsum, log, mpf, workdps


def _units(function):
    def units(*tensors, **hyper):
        flat = zip(*(t.reshape(-1).tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*map(mpf, row), **hyper)) for row in flat]
        return torch.tensor(found, dtype=torch.float64).reshape(tensors[0].shape)

    return units


def _rows(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*row, **hyper)) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _sigmoid(z):
    return 1 / (1 + exp(-z))


def _dpop(w, l, w0, l0, *, beta=0.3, penalty=50.0):  # noqa: E741 - the letters of the paper
    """Pal et al. 2024, eq. 3."""
    return -log(_sigmoid(beta * (w - w0 - (l - l0) - penalty * max(0, w0 - w))))


def _rpo(w, l, w0, l0, length, *, beta=0.1, alpha=1.0):  # noqa: E741
    """Pang et al. 2024, eq. 1."""
    return -w / max(1, length) - alpha * log(_sigmoid(beta * (w - w0) - beta * (l - l0)))


def _tdpo(w, l, w0, l0, dw, dl, *, beta=0.1, alpha=0.5, detach_chosen=True):  # noqa: E741
    """Zeng et al. 2024: u less alpha times delta."""
    u = beta * (w - w0) - beta * (l - l0)
    return -log(_sigmoid(u - alpha * (beta * dl - beta * dw)))


def _cal(w, l, w0, l0, *, beta=0.1):  # noqa: E741
    """Xiao et al. 2024."""
    half = 1 / (2 * mpf(beta))
    pull = -log(_sigmoid((w - w0) - (l - l0)))
    return pull + (w - w0 - half) ** 2 + (l - l0 + half) ** 2


def _rebel(a, b, a0, b0, gap, *, eta=1.0):
    """Gao et al. 2024, algorithm 1."""
    return ((a - a0 - b + b0) / mpf(eta) - gap) ** 2


def _plackett_luce(policy, reference, *, beta=0.1):
    """Rafailov et al. 2023, appendix A.3: the product over k."""
    powers = [exp(beta * (mpf(a) - b)) for a, b in zip(policy, reference, strict=True)]
    return -fsum(log(powers[k] / fsum(powers[k:])) for k in range(len(powers)))


def _gspo(x, old, a, mask, *, clip_low=3e-4, clip_high=4e-4, max_log_ratio=20.0):
    """Zheng et al. 2025; past the bound the exponential goes on along its tangent."""
    kept = [mpf(p) - q for p, q, m in zip(x, old, mask, strict=True) if m]
    if not kept:
        return 0
    mean = fsum(kept) / len(kept)
    s = exp(min(mean, max_log_ratio)) * (1 + max(0, mean - max_log_ratio))
    return -min(s * a, min(max(s, 1 - mpf(clip_low)), 1 + mpf(clip_high)) * a)


def _vespo(
    x, old, a, *, positive_power=2.0, positive_rate=3.0, negative_power=3.0, negative_rate=2.0
):
    """Shen et al. 2026: the kernel times the policy gradient."""
    k, rate = (positive_power, positive_rate) if a >= 0 else (negative_power, negative_rate)
    w = exp(x - old)
    return -(w**k) * exp(rate * (1 - w)) * a * x


REFERENCES = {
    "dpo_positive_loss": _units(_dpop),
    "rpo_loss": _units(_rpo),
    "tdpo_loss": _units(_tdpo),
    "cal_dpo_loss": _units(_cal),
    "rebel_loss": _units(_rebel),
    "plackett_luce_dpo_loss": _rows(_plackett_luce),
    "gspo_loss": _rows(_gspo),
    "vespo_loss": _units(_vespo),
}
