"""Equations of losses of embeddings, transcribed pair by pair with Python's own numbers."""

import math

import torch


def _row(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.double().tolist() for t in tensors), strict=True)
        return torch.tensor([function(*row, **hyper) for row in rows], dtype=torch.float64)

    return units


def _batch(function):
    """Apply a function of the whole batch and the place of a sample in it."""

    def units(*tensors, **hyper):
        lists = [t.tolist() for t in tensors]
        found = [function(i, *lists, **hyper) for i in range(len(lists[0]))]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _dot(a, b):
    return math.fsum(u * v for u, v in zip(a, b, strict=True))


def _distance(a, b):
    return math.dist(a, b)


def _cosine(a, b):
    return _dot(a, b) / math.sqrt(_dot(a, a) * _dot(b, b))


def _log_sum(values):
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _contrastive(a, b, y, margin=1.0):
    d = _distance(a, b)
    return (d**2 if y > 0 else max(0.0, margin - d) ** 2) / 2


def _triplet(a, p, n, margin=1.0, swap=False):
    far = min(_distance(a, n), _distance(p, n)) if swap else _distance(a, n)
    return max(0.0, _distance(a, p) - far + margin)


def _info_nce(i, x, y, temperature=0.1):
    scores = [_cosine(x[i], other) / temperature for other in y]
    return _log_sum(scores) - scores[i]


def _clip(i, x, y, temperature=0.07):
    return (_info_nce(i, x, y, temperature) + _info_nce(i, y, x, temperature)) / 2


def _multiple_negatives(i, x, y, negatives, temperature=0.05):
    candidates = [*y, *(n for own in negatives for n in own)]
    scores = [_cosine(x[i], other) / temperature for other in candidates]
    return _log_sum(scores) - scores[i]


def _siglip(i, x, y, temperature=0.1, bias=-10.0):
    total = []
    for j, other in enumerate(y):
        z = 1 if i == j else -1
        total.append(_softplus(-z * (_cosine(x[i], other) / temperature + bias)))
    return math.fsum(total)


def _pairs(i, labels):
    alike = [j for j, k in enumerate(labels) if k == labels[i] and j != i]
    return alike, [j for j, k in enumerate(labels) if k != labels[i]]


def _supervised(i, x, labels, temperature=0.1):
    alike, unlike = _pairs(i, labels)
    if not alike:
        return 0.0
    score = {j: _cosine(x[i], x[j]) / temperature for j in alike + unlike}
    total = _log_sum(list(score.values()))
    return math.fsum(total - score[j] for j in alike) / len(alike)


def _multi_similarity(i, x, labels, alpha=2.0, beta=50.0, base=0.5):
    alike, unlike = _pairs(i, labels)
    near = _log_sum([0.0, *(-alpha * (_cosine(x[i], x[j]) - base) for j in alike)]) / alpha
    return near + _log_sum([0.0, *(beta * (_cosine(x[i], x[j]) - base) for j in unlike)]) / beta


def _circle(i, x, labels, margin=0.4, gamma=80.0):
    alike, unlike = _pairs(i, labels)
    if not alike or not unlike:
        return 0.0
    near = []
    for j in alike:
        s = _cosine(x[i], x[j])
        near.append(-gamma * max(0.0, 1 + margin - s) * (s - (1 - margin)))
    far = []
    for j in unlike:
        s = _cosine(x[i], x[j])
        far.append(gamma * max(0.0, s + margin) * (s - margin))
    return _softplus(_log_sum(near) + _log_sum(far))


def _batch_hard(i, x, labels, margin=0.2):
    alike, unlike = _pairs(i, labels)
    if not alike or not unlike:
        return 0.0
    farthest = max(_distance(x[i], x[j]) for j in alike)
    return max(0.0, farthest - min(_distance(x[i], x[j]) for j in unlike) + margin)


def _lifted(i, x, labels, margin=1.0):
    alike, unlike = _pairs(i, labels)
    if not alike or not unlike:
        return 0.0
    near = _log_sum([_distance(x[i], x[j]) for j in alike])
    return max(0.0, near + _log_sum([margin - _distance(x[i], x[j]) for j in unlike]))


REFERENCES = {
    "contrastive_loss": _row(_contrastive),
    "cosine_distance_loss": _row(lambda a, b: 1 - _cosine(a, b)),
    "triplet_margin_loss": _row(_triplet),
    "squared_triplet_loss": _row(
        lambda a, p, n, margin=0.2: max(0.0, _distance(a, p) ** 2 - _distance(a, n) ** 2 + margin)
    ),
    "soft_triplet_loss": _row(lambda a, p, n: _softplus(_distance(a, p) - _distance(a, n))),
    "info_nce_loss": _batch(_info_nce),
    "clip_loss": _batch(_clip),
    "multiple_negatives_ranking_loss": _batch(_multiple_negatives),
    "siglip_loss": _batch(_siglip),
    "supervised_contrastive_loss": _batch(_supervised),
    "multi_similarity_loss": _batch(_multi_similarity),
    "circle_loss": _batch(_circle),
    "batch_hard_triplet_loss": _batch(_batch_hard),
    "lifted_structure_loss": _batch(_lifted),
}
