"""Parametric contrastive learning, one sample after the other."""

import torch
from mpmath import exp, fsum, log, mpf, sqrt, workdps


def _unit(row):
    size = sqrt(fsum(mpf(v) ** 2 for v in row))
    return [mpf(v) / size if size else mpf(0) for v in row]


def _parametric(x, logits, y, queue, queue_target, *, alpha=0.05, temperature=0.2):
    """Cui et al. 2021: samples and centres as partners, weighted alpha and 1."""
    found = []
    with workdps(60):
        batch = [_unit(row) for row in x.tolist()]
        pool = batch + [_unit(row) for row in queue.tolist()]
        classes = y.tolist() + queue_target.tolist()
        for i, (z, row) in enumerate(zip(batch, logits.tolist(), strict=True)):
            centres = [exp(mpf(v)) for v in row]
            powers = {}
            for j, other in enumerate(pool):
                if j != i:
                    dot = fsum(a * b for a, b in zip(z, other, strict=True))
                    powers[j] = exp(dot / mpf(temperature))
            total = fsum(centres) + fsum(powers.values())
            pairs = [(mpf(1), centres[classes[i]])]
            pairs += [(mpf(alpha), p) for j, p in powers.items() if classes[j] == classes[i]]
            loss = fsum(-w * log(p / total) for w, p in pairs)
            found.append(float(loss / fsum(w for w, _ in pairs)))
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {"parametric_contrastive_loss": _parametric}
