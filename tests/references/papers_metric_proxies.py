"""Equations of proxies, margins and ranks, transcribed one by one with Python's own numbers."""

import itertools
import math

import torch


def _batch(function):
    """Apply a function of the whole batch and the place of a sample in it."""

    def units(*tensors, **hyper):
        lists = [t.tolist() for t in tensors]
        weights = hyper.pop("class_weight", None)
        found = [function(i, *lists, **hyper) for i in range(len(lists[0]))]
        if weights is not None:
            found = [f * float(weights[y]) for f, y in zip(found, lists[-1], strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _dot(a, b):
    return math.fsum(u * v for u, v in zip(a, b, strict=True))


def _cosine(a, b):
    return _dot(a, b) / math.sqrt(_dot(a, a) * _dot(b, b))


def _angle(a, b):
    return math.acos(max(-1.0, min(1.0, _cosine(a, b))))


def _log_sum(values):
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else 0.0


def _pairs(i, labels):
    alike = [j for j, k in enumerate(labels) if k == labels[i] and j != i]
    return alike, [j for j, k in enumerate(labels) if k != labels[i]]


def _unit(a):
    size = math.sqrt(_dot(a, a))
    return [v / size for v in a]


def _cross_entropy(logits, y):
    return _log_sum(logits) - logits[y]


def _proxy_nca(i, x, proxies, labels, temperature=1.0):
    square = [math.dist(_unit(x[i]), _unit(p)) ** 2 / temperature for p in proxies]
    y = labels[i]
    return square[y] + _log_sum([-d for c, d in enumerate(square) if c != y])


def _proxy_nca_pp(i, x, proxies, labels, temperature=1 / 9):
    square = [math.dist(_unit(x[i]), _unit(p)) ** 2 / temperature for p in proxies]
    return _cross_entropy([-d for d in square], labels[i])


def _proxy_anchor(i, x, proxies, labels, margin=0.1, alpha=32.0):
    """The two sums of the paper, the term of each proxy shared equally by its samples."""
    present = len(set(labels))
    total = 0.0
    for c, proxy in enumerate(proxies):
        own = labels[i] == c
        company = [x[j] for j, y in enumerate(labels) if (y == c) == own]
        sign = -1 if own else 1
        term = _log_sum(
            [0.0, *(sign * alpha * (_cosine(a, proxy) + sign * margin) for a in company)]
        )
        total += term / len(company) / (present if own else len(proxies))
    return total * len(x)


def _soft_triple(i, x, centres, labels, scale=20.0, gamma=0.1, margin=0.01):
    soft = []
    for of_class in centres:
        s = [_cosine(x[i], c) for c in of_class]
        total = _log_sum([v / gamma for v in s])
        soft.append(math.fsum(math.exp(v / gamma - total) * v for v in s))
    y = labels[i]
    return _cross_entropy([scale * (s - margin * (c == y)) for c, s in enumerate(soft)], y)


def _n_pair(i, x, positives):
    own = _dot(x[i], positives[i])
    others = [_dot(x[i], p) - own for j, p in enumerate(positives) if j != i]
    return _log_sum([0.0, *others])


def _angular(i, x, labels, alpha=math.pi / 4):
    alike, unlike = _pairs(i, labels)
    if not unlike:
        return 0.0
    t = math.tan(alpha) ** 2
    a = _unit(x[i])
    found = []
    for p in (_unit(x[j]) for j in alike):
        both = [u + v for u, v in zip(a, p, strict=True)]
        f = [4 * t * _dot(both, _unit(x[n])) - 2 * (1 + t) * _dot(a, p) for n in unlike]
        found.append(_log_sum([0.0, *f]))
    return _mean(found)


def _margin(i, x, betas, labels, margin=0.2):
    alike, unlike = _pairs(i, labels)
    beta = betas[labels[i]]

    def cost(j, sign):
        return max(0.0, margin + sign * (math.dist(_unit(x[i]), _unit(x[j])) - beta))

    return _mean(cost(j, 1) for j in alike) + _mean(cost(j, -1) for j in unlike)


def _tuplet(i, x, labels, margin=0.1, scale=64.0):
    alike, unlike = _pairs(i, labels)
    if not unlike:
        return 0.0
    return _mean(
        _log_sum(
            [
                0.0,
                *(
                    scale * (math.cos(_angle(x[i], x[n])) - math.cos(_angle(x[i], x[p]) - margin))
                    for n in unlike
                ),
            ]
        )
        for p in alike
    )


def _batch_all(i, x, labels, margin=0.2, active_only=False):
    costs = [
        max(0.0, math.dist(x[i], x[p]) - math.dist(x[i], x[n]) + margin)
        for p, n in itertools.product(*_pairs(i, labels))
    ]
    return _mean(c for c in costs if c > 0 or not active_only)


def _semi_hard(i, x, labels, margin=0.2):
    alike, unlike = _pairs(i, labels)
    if not unlike:
        return 0.0
    far = [math.dist(x[i], x[n]) for n in unlike]
    found = []
    for near in (math.dist(x[i], x[p]) for p in alike):
        farther = [d for d in far if d > near]
        found.append(max(0.0, near - (min(farther) if farther else max(far)) + margin))
    return _mean(found)


def _widened(angle, m):
    return math.cos(angle + m) if angle + m <= math.pi else math.cos(angle) - m * math.sin(m)


def _sub_center(i, x, centres, labels, margin=0.5, scale=64.0):
    angles = [min(_angle(x[i], c) for c in of_class) for of_class in centres]
    y = labels[i]
    logits = [_widened(t, margin) if c == y else math.cos(t) for c, t in enumerate(angles)]
    return _cross_entropy([scale * v for v in logits], y)


def _adaface(i, x, w, mean, deviation, labels, margin=0.4, concentration=0.333, scale=64.0):
    z = (math.sqrt(_dot(x[i], x[i])) - mean) / (deviation / concentration)
    z = max(-1.0, min(1.0, z))
    logits = [_cosine(x[i], p) for p in w]
    y = labels[i]
    angle = max(0.0, min(math.pi, _angle(x[i], w[y]) - margin * z))
    logits[y] = math.cos(angle) - (margin * z + margin)
    return _cross_entropy([scale * v for v in logits], y)


def _magface(
    i,
    x,
    w,
    labels,
    low_length=10.0,
    high_length=110.0,
    low_margin=0.45,
    high_margin=0.8,
    regularization=35.0,
    scale=64.0,
):
    a = max(low_length, min(high_length, math.sqrt(_dot(x[i], x[i]))))
    share = (a - low_length) / (high_length - low_length)
    m = low_margin + share * (high_margin - low_margin)
    y = labels[i]
    logits = [scale * _cosine(x[i], p) for p in w]
    logits[y] = scale * _widened(_angle(x[i], w[y]), m)
    return _cross_entropy(logits, y) + regularization * (1 / a + a / high_length**2)


def _curricular(i, x, w, t, labels, margin=0.5, scale=64.0):
    y = labels[i]
    angle = _angle(x[i], w[y])
    logits = []
    for c, p in enumerate(w):
        s = _cosine(x[i], p)
        if c == y:
            logits.append(scale * _widened(angle, margin))
        else:
            logits.append(scale * (s * (t + s) if s > math.cos(angle + margin) else s))
    return _cross_entropy(logits, y)


def _combined(i, x, w, labels, m1=1.0, m2=0.3, m3=0.2, scale=64.0):
    y = labels[i]
    logits = [scale * _cosine(x[i], p) for p in w]
    angle, fallen = m1 * _angle(x[i], w[y]) + m2, 0.0
    while angle > math.pi:  # the cosine mirrored and set on, half a turn at a time
        angle, fallen = angle - math.pi, fallen - 2
    logits[y] = scale * (math.cos(angle) + fallen - m3)
    return _cross_entropy(logits, y)


def _smooth_ap(i, x, labels, temperature=0.01):
    alike, unlike = _pairs(i, labels)
    if not alike:
        return 0.0
    s = {j: _cosine(x[i], x[j]) for j in alike + unlike}

    def above(j, k):
        t = (s[k] - s[j]) / temperature
        return 1 / (1 + math.exp(-t)) if t > 0 else math.exp(t) / (1 + math.exp(t))

    found = []
    for j in alike:
        among = 1 + math.fsum(above(j, k) for k in alike if k != j)
        found.append(among / (among + math.fsum(above(j, k) for k in unlike)))
    return 1 - _mean(found)


def _fast_ap(i, x, labels, bins=10):
    alike, unlike = _pairs(i, labels)
    if not alike:
        return 0.0
    step = 4 / bins

    def histogram(others):
        z = [math.dist(_unit(x[i]), _unit(x[j])) ** 2 for j in others]
        return [
            math.fsum(max(0.0, 1 - abs(v - b * step) / step) for v in z) for b in range(bins + 1)
        ]

    plus, every = histogram(alike), histogram(alike + unlike)
    total = 0.0
    for b in range(bins + 1):
        if plus[b] > 0:
            total += plus[b] * math.fsum(plus[: b + 1]) / math.fsum(every[: b + 1])
    return 1 - total / len(alike)


def _histogram(i, x, labels, bins=100):
    step = 2 / bins

    def weights(s):
        return [max(0.0, 1 - abs(s - (-1 + r * step)) / step) for r in range(bins + 1)]

    couples = [(j, k) for j in range(len(x)) for k in range(len(x)) if j != k]
    alike = [(j, k) for j, k in couples if labels[j] == labels[k]]
    count = len(couples) - len(alike)
    if not alike or not count:
        return 0.0
    density = [0.0] * (bins + 1)
    for j, k in alike:
        for r, v in enumerate(weights(_cosine(x[j], x[k]))):
            density[r] += v / len(alike)
    below = list(itertools.accumulate(density))
    own = math.fsum(
        _dot(weights(_cosine(x[i], x[k])), below) for k in range(len(x)) if labels[k] != labels[i]
    )
    return len(x) * own / count


REFERENCES = {
    "proxy_nca_loss": _batch(_proxy_nca),
    "proxy_nca_plus_plus_loss": _batch(_proxy_nca_pp),
    "proxy_anchor_loss": _batch(_proxy_anchor),
    "soft_triple_loss": _batch(_soft_triple),
    "n_pair_loss": _batch(_n_pair),
    "angular_loss": _batch(_angular),
    "margin_loss": _batch(_margin),
    "tuplet_margin_loss": _batch(_tuplet),
    "batch_all_triplet_loss": _batch(_batch_all),
    "semi_hard_triplet_loss": _batch(_semi_hard),
    "sub_center_arcface_loss": _batch(_sub_center),
    "adaface_loss": _batch(_adaface),
    "magface_loss": _batch(_magface),
    "curricularface_loss": _batch(_curricular),
    "combined_margin_loss": _batch(_combined),
    "smooth_ap_loss": _batch(_smooth_ap),
    "fast_ap_loss": _batch(_fast_ap),
    "histogram_loss": _batch(_histogram),
}
