"""The transducer whose scores are sums: every order of blanks and labels, one by one."""

from itertools import combinations

import torch
from mpmath import exp, fsum, inf, log, mpf, workdps


def _simple_rnnt(x, z, labels, frames, size, blank):
    """Graves 2012, section 2.

    Of the first t - 1 + u steps of a path u give labels; the last step is a blank.
    """
    if not frames:
        return mpf(0) if not size else inf

    def chance(t, u, k):
        exponentials = [exp(mpf(a) + mpf(b)) for a, b in zip(x[t], z[u], strict=True)]
        return exponentials[k] / fsum(exponentials)

    total = mpf(0)
    steps = frames - 1 + size
    for emitting in combinations(range(steps), size):
        t = u = 0
        path = mpf(1)
        for step in range(steps):
            if step in emitting:
                path *= chance(t, u, labels[u])
                u += 1
            else:
                path *= chance(t, u, blank)
                t += 1
        total += path * chance(t, u, blank)
    return -log(total)


def _samples(x, z, y, t, u, *, blank=0):
    with workdps(60):
        rows = zip(*(v.tolist() for v in (x, z, y, t, u)), strict=True)
        found = [float(_simple_rnnt(*row, blank)) for row in rows]
    return torch.tensor(found, dtype=torch.float64)


def _pruned_rnnt(x, start, labels, frames, size, blank):
    """Kuang et al. 2022: as above, but a path may only be in the windows of its frames."""
    if not frames:
        return mpf(0) if not size else inf
    total = mpf(0)
    steps = frames - 1 + size
    for emitting in combinations(range(steps), size):
        t = u = 0
        path = mpf(1)
        for step in range(steps + 1):
            if not start[t] <= u < start[t] + len(x[t]):
                path = mpf(0)
                break
            exponentials = [exp(mpf(v)) for v in x[t][u - start[t]]]
            path *= exponentials[labels[u] if step in emitting else blank] / fsum(exponentials)
            t, u = (t, u + 1) if step in emitting else (t + 1, u)
        total += path
    return -log(total) if total else inf


def _pruned(x, start, y, t, u, *, blank=0):
    with workdps(60):
        rows = zip(*(v.tolist() for v in (x, start, y, t, u)), strict=True)
        found = [float(_pruned_rnnt(*row, blank)) for row in rows]
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {"simple_rnnt_loss": _samples, "pruned_rnnt_loss": _pruned}
