"""CTC with a prior and with an entropy: all alignments, one by one."""

from itertools import groupby, product

import torch
from mpmath import exp, fprod, fsum, inf, log, mpf, workdps


def _probs(row):
    powers = [exp(mpf(v)) for v in row]
    return [p / fsum(powers) for p in powers]


def _alignments(frames, labels, blank):
    """The probability of each path that reads as the labels (Graves 2006, eq. 2 and 3)."""
    found = []
    for path in product(range(len(frames[0])) if frames else (), repeat=len(frames)):
        if [k for k, _ in groupby(path) if k != blank] == labels:
            found.append(fprod(frame[k] for frame, k in zip(frames, path, strict=True)))
    return found


def _label_prior(x, y, t, s, log_prior, *, alpha=0.3, blank=0, infeasible="raise"):
    """Huang 2024: every probability over its prior to the power alpha."""
    q = [exp(alpha * mpf(v)) for v in log_prior]
    frames = [[p / q[k] for k, p in enumerate(_probs(row))] for row in x[:t]]
    total = fsum(_alignments(frames, y[:s], blank))
    return -log(total) if total else inf


def _entropy(x, y, t, s, *, beta=0.2, blank=0, infeasible="raise"):
    """Liu 2018: less beta times the entropy of the paths given the labels."""
    paths = _alignments([_probs(row) for row in x[:t]], y[:s], blank)
    total = fsum(paths)
    if not total:
        return inf
    return -log(total) + beta * fsum(p / total * log(p / total) for p in paths if p)


def _samples(function, shared):
    def units(*tensors, **hyper):
        each, same = tensors[: len(tensors) - shared], tensors[len(tensors) - shared :]
        rows = zip(*(t.tolist() for t in each), strict=True)
        with workdps(60):
            found = [float(function(*row, *(t.tolist() for t in same), **hyper)) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


REFERENCES = {
    "label_prior_ctc_loss": _samples(_label_prior, 1),
    "entropy_ctc_loss": _samples(_entropy, 0),
}
