"""Losses for unbalanced classes, one sample after the other."""

import torch
from mpmath import exp, fsum, log, mpf, workdps


def _softmax(row):
    powers = [exp(mpf(v)) for v in row]
    total = fsum(powers)
    return [p / total for p in powers]


def _cyclical(x, y, *, share=0.5, gamma=2.0, confident_gamma=3.0, class_weight=None):
    """Smith 2022: a share of the loss of sure examples, and the rest of that of hard ones."""
    rows = x.movedim(1, -1)
    out = torch.empty(y.shape, dtype=torch.float64)
    with workdps(60):
        for place in range(y.numel()):
            label = int(y.reshape(-1)[place])
            p = _softmax(rows.reshape(-1, x.shape[1])[place].tolist())
            rest = fsum(q for c, q in enumerate(p) if c != label)
            sure = -((1 + p[label]) ** mpf(confident_gamma)) * log(p[label])
            hard = -(rest ** mpf(gamma)) * log(p[label])
            own = 1.0 if class_weight is None else float(class_weight[label])
            out.view(-1)[place] = float(own * (mpf(share) * sure + (1 - mpf(share)) * hard))
    return out


def _lade(x, y, *, class_prior, alpha=0.1, penalty=0.1, eps=1e-8):
    """Hong et al. 2021; the terms of a class are shared out among its samples."""
    x, y = x.tolist(), y.tolist()
    size, classes = len(x), len(class_prior)
    with workdps(60):
        prior = [mpf(v) for v in class_prior.tolist()]
        source = [max(p, mpf(eps)) for p in prior]
        uniform = mpf(1) / classes
        common = mpf(0)
        for c in range(classes):
            means = [uniform / source[y[i]] * exp(mpf(x[i][c])) for i in range(size)]
            e = log(fsum(means) / size)
            common += prior[c] * (e + mpf(penalty) * e**2)
        out = []
        for row, label in zip(x, y, strict=True):
            odds = [source[c] * exp(mpf(row[c])) for c in range(classes)]
            first = -log(odds[label] / fsum(odds))
            mine = prior[label] / y.count(label) * mpf(row[label])  # of a sum over samples
            out.append(float(first + mpf(alpha) * (common - size * mine)))
    return torch.tensor(out, dtype=torch.float64)


REFERENCES = {"cyclical_focal_loss": _cyclical, "label_disentangling_loss": _lade}
