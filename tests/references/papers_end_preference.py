"""Direct preference optimization whose strength follows the batch."""

import torch
from mpmath import exp, fsum, log1p, mpf, workdps


def _beta_dpo(chosen, rejected, was_chosen, was_rejected, threshold, *, beta=0.1, alpha=0.6):
    """Wu et al. 2024: rewards are beta times log-ratios, and a batch has one beta."""
    with workdps(40):
        won = [mpf(a) - mpf(b) for a, b in zip(chosen.tolist(), was_chosen.tolist(), strict=True)]
        pairs = zip(rejected.tolist(), was_rejected.tolist(), strict=True)
        lost = [mpf(a) - mpf(b) for a, b in pairs]
        rewards = [mpf(beta) * (w - r) for w, r in zip(won, lost, strict=True)]
        mean = fsum(rewards) / len(rewards)
        strength = (1 + mpf(alpha) * (mean - mpf(float(threshold)))) * mpf(beta)
        strength = max(strength, mpf(1e-3))
        found = [log1p(exp(-strength * (w - r))) for w, r in zip(won, lost, strict=True)]
    return torch.tensor([float(v) for v in found], dtype=torch.float64)


REFERENCES = {"beta_dpo_loss": _beta_dpo}
