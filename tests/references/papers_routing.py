"""The papers' equations of mixture-of-experts auxiliaries, with Python's own numbers."""

import math


def _softmax(row):
    top = max(row)
    powers = [math.exp(v - top) for v in row]
    return [v / math.fsum(powers) for v in powers]


def _load_balancing(x, *, top_k=1):
    """Fedus et al. 2022, eq. 4 to 6; the product of the sums, told apart by tokens."""
    rows, experts = x.tolist(), x.shape[1]
    k = min(top_k, experts)
    counts = [0] * experts
    for row in rows:
        for c in sorted(range(experts), key=lambda c: -row[c])[:k]:
            counts[c] += 1
    share = [count / (k * len(rows)) for count in counts]
    return [
        experts * math.fsum(f * p for f, p in zip(share, _softmax(row), strict=True))
        for row in rows
    ]


def _router_z(x):
    """Zoph et al. 2022, eq. 5."""
    n, c = x.shape[:2]
    flat = x.movedim(1, -1).reshape(-1, c).tolist()
    units = []
    for row in flat:
        top = max(row)
        units.append((top + math.log(math.fsum(math.exp(v - top) for v in row))) ** 2)
    return x.new_tensor(units).reshape(n, *x.shape[2:])


def _variation(totals):
    mean = math.fsum(totals) / len(totals)
    return [((t - mean) / mean) ** 2 for t in totals]


def _importance(gates):
    """Shazeer et al. 2017, eq. 6 and 7."""
    return _variation([math.fsum(column) for column in gates.T.tolist()])


def _load(x, noisy, noise, *, top_k=1):
    """Shazeer et al. 2017, eq. 8 to 11, with the k-th largest of the others found by sorting."""
    experts = x.shape[1]
    loads = [0.0] * experts
    for clean, drawn, sigma in zip(x.tolist(), noisy.tolist(), noise.tolist(), strict=True):
        for c in range(experts):
            others = sorted((drawn[j] for j in range(experts) if j != c), reverse=True)
            if top_k > len(others):
                loads[c] += 1.0
                continue
            t = (clean[c] - others[top_k - 1]) / max(sigma[c], 1e-6)
            loads[c] += 0.5 * math.erfc(-t / math.sqrt(2))
    return _variation(loads)


REFERENCES = {
    "load_balancing_loss": _load_balancing,
    "router_z_loss": _router_z,
    "importance_loss": _importance,
    "load_loss": _load,
}
