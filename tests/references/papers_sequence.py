"""The definitions of the papers on sequences: all alignments, paths and orders, one by one."""

from itertools import groupby, pairwise, product

import torch
from mpmath import exp, fsum, inf, log, mpf, workdps


def _samples(function):
    """Apply a function of one sample's lists; log-probabilities are to be computed inside."""

    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        with workdps(60):
            found = [float(function(*row, **hyper)) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _log_softmax(row):
    total = log(fsum(exp(mpf(v)) for v in row))
    return [mpf(v) - total for v in row]


def _minus_log(p):
    return inf if p == 0 else -log(p)


def _read(path, blank):
    """Merge equal neighbours, then drop blanks."""
    return [label for label, _ in groupby(path) if label != blank]


def _aligned(frames, labels, blank):
    """The probability of the labels: Graves 2006, eq. 3."""
    classes = range(len(frames[0])) if frames else []
    paths = product(classes, repeat=len(frames))
    return fsum(
        exp(fsum(frame[c] for frame, c in zip(frames, path, strict=True)))
        for path in paths
        if _read(path, blank) == labels
    )


def _ctc(normalise):
    def sample(x, y, t, s, *, blank=0, infeasible="raise", per_label=False):
        loss = _minus_log(_aligned([normalise(row) for row in x[:t]], y[:s], blank))
        return loss / max(s, 1) if per_label else loss

    return _samples(sample)


def _focal_ctc(x, y, t, s, *, alpha=1.0, gamma=2.0, blank=0, infeasible="raise"):
    """Feng 2019: the focal factor of the probability of the whole sequence."""
    p = _aligned([_log_softmax(row) for row in x[:t]], y[:s], blank)
    return alpha * (1 - p) ** mpf(gamma) * _minus_log(p)


def _aggregation(x, y, t, s, *, blank=0):
    """Xie 2019: the cross-entropy of the shares of the classes over all frames."""
    frames = [[exp(v) for v in _log_softmax(row)] for row in x[:t]]
    labels = y[:s] + [blank] * (t - s)
    return -fsum(
        mpf(labels.count(k)) / t * log(fsum(frame[k] for frame in frames) / t) for k in set(labels)
    )


def _rnnt(x, y, t, u, *, blank=0, fastemit=0.0):
    """Graves 2012, section 2: every order of t - 1 blanks and u labels, and then the last blank."""
    total = mpf(0 if t else u == 0)
    for order in product([False, True], repeat=t - 1 + u) if t else ():
        if sum(order) != u:
            continue
        frame, place, path = 0, 0, []
        for emits in order:
            row = _log_softmax(x[frame][place])
            path.append(row[y[place] if emits else blank])
            frame, place = (frame, place + 1) if emits else (frame + 1, place)
        path.append(_log_softmax(x[t - 1][u])[blank])
        total += exp(fsum(path))
    return _minus_log(total)


def _crf(x, y, length, transitions, start, end):
    """Lafferty 2001: the share of one sequence of labels in the sum over all."""

    def score(path):
        found = start[path[0]] + fsum(x[t][c] for t, c in enumerate(path)) + end[path[-1]]
        return found + fsum(transitions[a][b] for a, b in pairwise(path))

    total = fsum(exp(score(path)) for path in product(range(len(start)), repeat=length))
    return log(total) - score(y[:length])


def _chain(x, y, lengths, *owned):
    owned = [t.tolist() for t in owned]
    with workdps(60):
        rows = zip(x.tolist(), y.tolist(), lengths.tolist(), strict=True)
        found = [float(_crf(*row, *owned)) for row in rows]
    return torch.tensor(found, dtype=torch.float64)


def _word_errors(x, errors):
    """Prabhavalkar 2018: probabilities renormalised over the list, times relative errors."""
    powers = [exp(mpf(v)) for v in x]
    mean = fsum(errors) / len(errors)
    return fsum(p / fsum(powers) * (w - mean) for p, w in zip(powers, errors, strict=True))


REFERENCES = {
    "ctc_loss": _ctc(_log_softmax),
    "ctc_nll_loss": _ctc(lambda row: [mpf(v) for v in row]),
    "focal_ctc_loss": _samples(_focal_ctc),
    "aggregation_cross_entropy_loss": _samples(_aggregation),
    "rnnt_loss": _samples(_rnnt),
    "crf_loss": _chain,
    "minimum_word_error_rate_loss": _samples(_word_errors),
}
