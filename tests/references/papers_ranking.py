"""The papers' losses of rankings, transcribed one list at a time with Python's own numbers."""

import math

import torch


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _sigmoid(t):
    return math.exp(-_softplus(-t))


def _log_softmax(scores):
    top = max(scores)
    total = top + math.log(math.fsum(math.exp(s - top) for s in scores))
    return [s - total for s in scores]


def _lists(function):
    """Compute each list without its padding; a list of which nothing can be said counts nothing."""

    def units(x, y, **hyper):
        out = []
        for scores, relevances in zip(x.tolist(), y.tolist(), strict=True):
            kept = [(s, r) for s, r in zip(scores, relevances, strict=True) if r >= 0]
            out.append(function(*map(list, zip(*kept, strict=True)), **hyper) if kept else 0.0)
        return torch.tensor(out, dtype=torch.float64)

    return units


def _pairs(s, r):
    both = range(len(s))
    return [(s[i], s[j]) for i in both for j in both if r[i] > r[j]]


def _ranknet(s, r, *, sigma=1.0):
    costs = [_softplus(-sigma * (a - b)) for a, b in _pairs(s, r)]
    return sum(costs) / max(len(costs), 1)


def _pairwise_hinge(s, r, *, margin=1.0):
    costs = [max(0.0, margin - (a - b)) for a, b in _pairs(s, r)]
    return sum(costs) / max(len(costs), 1)


def _listnet(s, r):
    wanted = [math.exp(v) for v in _log_softmax(r)]
    return -math.fsum(q * v for q, v in zip(wanted, _log_softmax(s), strict=True))


def _ranking_softmax(s, r):
    return -math.fsum(q * v for q, v in zip(r, _log_softmax(s), strict=True))


def _listmle(s, r):
    order = [s[i] for i in sorted(range(len(s)), key=lambda i: (-r[i], i))]
    return -math.fsum(_log_softmax(order[i:])[0] for i in range(len(order)))


def _shares(r):
    """Return gains as shares of the ideal DCG, in units of the largest power."""
    top = max(r)
    gain = [
        2 ** (v - top) - 2**-top if v > 1e-3 else 2**-top * math.expm1(v * math.log(2)) for v in r
    ]
    ideal = sorted(gain, reverse=True)
    best = math.fsum(g / math.log2(1 + k) for k, g in enumerate(ideal, 1))
    return [g / best for g in gain] if best else None


def _approx_ndcg(s, r, *, alpha=10.0):
    gain = _shares(r)
    if gain is None:
        return 0.0
    total = 0.0
    for i in range(len(s)):
        rank = 1 + sum(_sigmoid(alpha * (s[j] - s[i])) for j in range(len(s)) if j != i)
        total += gain[i] / math.log2(1 + rank)
    return 1 - total


def _lambda(s, r, *, sigma=1.0, mu=10.0):
    gain = _shares(r)
    if gain is None:
        return 0.0
    order = sorted(range(len(s)), key=lambda i: (-s[i], i))
    rank = {i: place for place, i in enumerate(order, 1)}

    def d(place):
        return math.log2(1 + place)

    total = 0.0
    for i in range(len(s)):
        for j in range(len(s)):
            if r[i] > r[j]:
                rho = abs(1 / d(rank[i]) - 1 / d(rank[j]))
                gap = abs(rank[i] - rank[j])
                delta = abs(1 / d(gap) - 1 / d(gap + 1))
                weight = (rho + mu * delta) * abs(gain[i] - gain[j])
                total += weight * _softplus(-sigma * (s[i] - s[j])) / math.log(2)
    return total


def _neural_ndcg(s, r, *, temperature=1.0, sinkhorn_steps=30):
    gain = _shares(r)
    if gain is None:
        return 0.0
    n = len(s)
    spread = [sum(abs(a - b) for b in s) for a in s]
    # logarithms, because columns may hold nothing but very small numbers
    share = [
        _log_softmax([((n + 1 - 2 * k) * s[j] - spread[j]) / temperature for j in range(n)])
        for k in range(1, n + 1)
    ]
    for _ in range(sinkhorn_steps):
        columns = [_log_softmax([row[j] for row in share]) for j in range(n)]
        share = [_log_softmax([columns[j][k] for j in range(n)]) for k in range(n)]
    return 1 - sum(
        math.exp(share[k][j]) * gain[j] / math.log2(2 + k) for k in range(n) for j in range(n)
    )


def _top1(positive, negative):
    out = []
    for p, row in zip(positive.tolist(), negative.tolist(), strict=True):
        out.append(sum(_sigmoid(x - p) + _sigmoid(x * x) for x in row) / len(row))
    return torch.tensor(out, dtype=torch.float64)


def _bpr_max(positive, negative, *, regularization=1.0):
    out = []
    for p, row in zip(positive.tolist(), negative.tolist(), strict=True):
        share = _log_softmax(row)
        terms = [v - _softplus(-(p - x)) for v, x in zip(share, row, strict=True)]
        top = max(terms)
        likelihood = top + math.log(math.fsum(math.exp(t - top) for t in terms))
        penalty = math.fsum(math.exp(v) * x * x for v, x in zip(share, row, strict=True))
        out.append(-likelihood + regularization * penalty)
    return torch.tensor(out, dtype=torch.float64)


def _warp(x, y, *, margin=1.0):
    out = []
    for row, k in zip(x.tolist(), y.tolist(), strict=True):
        violations = [margin - row[k] + f for c, f in enumerate(row) if c != k]
        violations = [v for v in violations if v > 0]
        harmonic = math.fsum(1 / i for i in range(1, len(violations) + 1))
        out.append(sum(harmonic * v / len(violations) for v in violations))
    return torch.tensor(out, dtype=torch.float64)


def _each(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.reshape(-1).tolist() for t in tensors), strict=True)
        out = [function(*row, **hyper) for row in rows]
        return torch.tensor(out, dtype=torch.float64).reshape(tensors[0].shape)

    return units


REFERENCES = {
    "margin_ranking_loss": _each(lambda a, b, y, margin=0.0: max(0.0, -y * (a - b) + margin)),
    "bpr_loss": _each(lambda p, n: _softplus(n - p)),
    "margin_mse_loss": _each(lambda p, n, tp, tn: (p - n - tp + tn) ** 2),
    "ranknet_loss": _lists(_ranknet),
    "pairwise_hinge_loss": _lists(_pairwise_hinge),
    "listnet_loss": _lists(_listnet),
    "ranking_softmax_loss": _lists(_ranking_softmax),
    "listmle_loss": _lists(_listmle),
    "approx_ndcg_loss": _lists(_approx_ndcg),
    "lambda_loss": _lists(_lambda),
    "neural_ndcg_loss": _lists(_neural_ndcg),
    "top1_loss": _top1,
    "bpr_max_loss": _bpr_max,
    "warp_loss": _warp,
}
