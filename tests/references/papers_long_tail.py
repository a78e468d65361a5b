"""The papers' equations for unbalanced, noisy and structured classes, with Python's own numbers."""

import math

import torch


def _rows(function):
    """Call ``function(row of x, ..., class, ...)`` for every unit of (N, C, ...) and (N, ...)."""

    def units(x, *rest, **hyper):
        x = x.movedim(1, -1)
        target = next(t for t in rest if t.shape == x.shape[:-1] and not t.is_floating_point())
        out = torch.zeros(target.shape, dtype=torch.float64)
        for index in torch.cartesian_prod(*(torch.arange(n) for n in target.shape)).reshape(
            -1, target.ndim
        ):
            at = tuple(index.tolist())
            given = [t[at].item() if t.shape == target.shape else t.tolist() for t in rest]
            out[at] = function(x[at].tolist(), *given, **hyper)
        return out

    return units


def _samples(function):
    """Call ``function`` with the row or number of each sample."""

    def units(*tensors, **hyper):
        hyper = {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in hyper.items()}
        return [
            function(*(t[n].tolist() for t in tensors), **hyper) for n in range(len(tensors[0]))
        ]

    return units


def _log_p(row):
    top = max(row)
    total = top + math.log(math.fsum(math.exp(v - top) for v in row))
    return [v - total for v in row]


def _p(row):
    return [math.exp(v) for v in _log_p(row)]


def _lack(row, k):
    """Return 1 - p_k."""
    return math.fsum(p for c, p in enumerate(_p(row)) if c != k)


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _sigmoid(t):
    return math.exp(-_softplus(-t))


def _seesaw(row, count, k, p=0.8, q=2.0, eps=0.0):
    """Wang et al. 2021: the fraction with the factors S = M C as written, in logarithms."""
    count = [max(n, 1.0) for n in count]
    log_sigma = _log_p(row)
    own = max(log_sigma[k], math.log(eps)) if eps else log_sigma[k]
    terms = []
    for j, z in enumerate(row):
        log_s = 0.0
        if j != k:
            if count[k] > count[j]:
                log_s += p * math.log(count[j] / count[k])
            if log_sigma[j] > own:
                log_s += q * (log_sigma[j] - own)
        terms.append(log_s + z)
    top = max(terms)
    return top + math.log(math.fsum(math.exp(t - top) for t in terms)) - row[k]


def _equalization(row, y, class_frequency, threshold=1.76e-3):
    """Tan et al. 2020: E is 1 for a row with a label; softmax targets sum up to 1."""
    total = 0.0
    for x, label, f in zip(row, y, class_frequency, strict=True):
        w = 1 - min(1.0, math.fsum(y)) * (1 if f < threshold else 0) * (1 - label)
        total += w * (label * _softplus(-x) + (1 - label) * _softplus(x))
    return total


def _equalization_v2(x, ratio, y, gamma=12.0, mu=0.8, alpha=4.0):
    out = []
    for row, labels in zip(x.tolist(), y.tolist(), strict=True):
        total = 0.0
        for z, g, label in zip(row, ratio.tolist(), labels, strict=True):
            f = 1 / (1 + math.exp(-gamma * (g - mu)))
            total += (1 + alpha * (1 - f)) * label * _softplus(-z)
            total += f * (1 - label) * _softplus(z)
        out.append(total)
    return out


def _multi_positive(row, y):
    """Pang et al. 2021: the double sum."""
    exponents = [0.0] + [
        row[j] - row[i] + math.log(y[i]) + math.log(1 - y[j])
        for i in range(len(row))
        for j in range(len(row))
        if y[i] > 0 and y[j] < 1
    ]
    top = max(exponents)
    return top + math.log(math.fsum(math.exp(e - top) for e in exponents))


def _consistency(x, second, third):
    """Hendrycks et al. 2020, by the entropies: that of the mean less the mean of theirs."""
    out = torch.zeros(x.movedim(1, -1).shape[:-1], dtype=torch.float64)
    views = [t.movedim(1, -1).reshape(-1, x.shape[1]).tolist() for t in (x, second, third)]

    def entropy(p):
        return -math.fsum(v * math.log(v) for v in p if v > 0)

    for n, rows in enumerate(zip(*views, strict=True)):
        ps = [_p(row) for row in rows]
        mean = [math.fsum(column) / 3 for column in zip(*ps, strict=True)]
        out.view(-1)[n] = entropy(mean) - math.fsum(entropy(p) for p in ps) / 3
    return out


def _mixup(x, y, other, share):
    """The cross-entropy with the mixed one-hot targets."""
    out = torch.zeros(y.shape, dtype=torch.float64)
    for n in range(len(y)):
        lam = float(share[n])
        for at in torch.cartesian_prod(*(torch.arange(s) for s in y.shape[1:])).reshape(
            -1, y.ndim - 1
        ):
            at = (n, *at.tolist())
            log_p = _log_p(x.movedim(1, -1)[at].tolist())
            soft = [0.0] * len(log_p)
            soft[int(y[at])] += lam
            soft[int(other[at])] += 1 - lam
            out[at] = -math.fsum(s * v for s, v in zip(soft, log_p, strict=True))
    return out


def _logit_norm(row, k, temperature=0.04):
    length = math.hypot(*row)
    return -_log_p([v / (temperature * length) for v in row])[k]


def _absolute(row, k):
    return math.fsum(abs(p - (c == k)) for c, p in enumerate(_p(row)))


def _active_passive(row, k, alpha=1.0, beta=1.0, log_zero=-4.0):
    """Ma et al. 2020: NCE, and RCE as the sum over the classes."""
    log_p = _log_p(row)
    nce = log_p[k] / math.fsum(log_p)
    rce = -math.fsum(p * (0.0 if c == k else log_zero) for c, p in enumerate(_p(row)))
    return alpha * nce + beta * rce


def _peer(row, k, other, j, alpha=1.0):
    return -_log_p(row)[k] + alpha * _log_p(other)[j]


def _early_learning(x, ensemble, y, index, strength=3.0):
    out = []
    for n, row in enumerate(x.tolist()):
        t = ensemble[int(index[n])].tolist()
        inner = math.fsum(p * v for p, v in zip(_p(row), t, strict=True))
        out.append(-_log_p(row)[int(y[n])] + strength * math.log(max(1 - inner, 1e-4)))
    return out


def _co_teaching(x, peer, y, keep=0.8):
    """Han et al. 2018, algorithm 1: the smallest set that has a share of at least ``keep``."""
    rows, others, labels = x.tolist(), peer.tolist(), y.tolist()
    order = sorted(range(len(rows)), key=lambda n: -_log_p(others[n])[labels[n]])
    size = next(s for s in range(len(rows) + 1) if s >= keep * len(rows) - 1e-9)
    chosen = set(order[:size])
    return [
        -_log_p(row)[k] if n in chosen else 0.0
        for n, (row, k) in enumerate(zip(rows, labels, strict=True))
    ]


def _entmax(row, k, alpha=1.5):
    """Blondel et al. 2020: Omega*(z) + Omega(y) - z_y, the threshold by halving to the last bit."""
    top = max(row)
    z = [v - top for v in row]

    def p_at(tau):
        return [max(0.0, (alpha - 1) * v - tau) ** (1 / (alpha - 1)) for v in z]

    low, high = -1.0, 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if math.fsum(p_at(middle)) >= 1:
            low = middle
        else:
            high = middle
    p = p_at(low)
    total = math.fsum(p)
    p = [v / total for v in p]
    tsallis = math.fsum(v - v**alpha for v in p) / (alpha * (alpha - 1))
    return math.fsum(a * b for a, b in zip(p, z, strict=True)) + tsallis - z[k]


def _dual_focal(row, k, gamma=5.0):
    p = _p(row)
    rival = max((v for v in p if v < p[k]), default=0.0)
    return -((_lack(row, k) + rival) ** gamma) * _log_p(row)[k]


def _influence(row, features, k, alpha=1000.0, eps=1e-3):
    influence = _absolute(row, k) * math.fsum(map(abs, features))
    return -alpha * _log_p(row)[k] / (influence + eps)


def _in_trust(row, k, alpha=1.0, beta=1.0, delta=0.5):
    """Huang et al. 2021; where p is 0, so is p times the logarithm."""
    log_p = _log_p(row)
    total = -alpha * log_p[k]
    for c, v in enumerate(_p(row)):
        mixed = delta * v + (1 - delta if c == k else 0.0)
        total -= beta * v * math.log(mixed) if mixed > 0 else 0.0
    return total


def _hierarchical(x, w, y, *, linear_bias=None, path_nodes=None, path_code=None):
    """Morin and Bengio 2005: the product of the turns, down the tree from the root."""
    classes = len(w) + 1
    out = []
    for row, k in zip(x.tolist(), y.tolist(), strict=True):
        if path_nodes is None:
            turns = [int(digit) for digit in bin(k + classes)[3:]]  # below the leading 1, the root
            nodes = [1]
            for turn in turns[:-1]:
                nodes.append(2 * nodes[-1] + turn)
            nodes = [node - 1 for node in nodes]
        else:
            turns = [int(t) for t in path_code[k].tolist() if t >= 0]
            nodes = path_nodes[k].tolist()[: len(turns)]
        total = 0.0
        for node, turn in zip(nodes, turns, strict=True):
            score = math.fsum(a * b for a, b in zip(row, w[node].tolist(), strict=True))
            score += 0.0 if linear_bias is None else float(linear_bias[node])
            total += _softplus(-score if turn else score)
        out.append(total)
    return out


REFERENCES = {
    "in_trust_loss": _rows(_in_trust),
    "hierarchical_softmax_loss": _hierarchical,
    "seesaw_loss": _rows(_seesaw),
    "equalization_loss": _samples(_equalization),
    "equalization_v2_loss": _equalization_v2,
    "multi_positive_cross_entropy_loss": _samples(_multi_positive),
    "jensen_shannon_consistency_loss": _consistency,
    "mixup_cross_entropy": _mixup,
    "logit_norm_loss": _rows(_logit_norm),
    "mean_absolute_probability_loss": _rows(_absolute),
    "active_passive_loss": _rows(_active_passive),
    "peer_loss": _samples(_peer),
    "early_learning_loss": _early_learning,
    "co_teaching_loss": _co_teaching,
    "entmax_loss": _rows(_entmax),
    "dual_focal_loss": _rows(_dual_focal),
    "influence_balanced_loss": _samples(_influence),
}
