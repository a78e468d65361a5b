"""The equations of the papers on distillation, transcribed one class, place or pair at a time."""

import itertools
import math

import torch
from mpmath import exp, fsum, log, mpf, workdps


def _softmax(scores, temperature):
    powers = [exp(mpf(s) / temperature) for s in scores]
    total = fsum(powers)
    return [p / total for p in powers]


def _kl(p, q):
    return fsum(a * log(a / b) for a, b in zip(p, q, strict=True))


def _answers(function):
    """Give a function the logits of one unit, and gather the units, in many digits."""

    def units(x, t, *rest, **hyper):
        x, t = x.movedim(1, -1), t.movedim(1, -1)
        out = torch.zeros(x.shape[:-1], dtype=torch.float64)
        with workdps(60):
            for at in itertools.product(*map(range, out.shape)):
                labels = [int(y[at]) for y in rest]
                out[at] = float(function(x[at].tolist(), t[at].tolist(), *labels, **hyper))
        return out

    return units


def _distillation(x, t, y, *, temperature=2.0, alpha=0.5):
    """Hinton et al. 2015, section 2."""
    soft = _kl(_softmax(t, temperature), _softmax(x, temperature))
    return alpha * temperature**2 * soft - (1 - alpha) * log(_softmax(x, 1)[y])


def _decoupled(x, t, y, *, temperature=4.0, alpha=1.0, beta=8.0):
    """Zhao et al. 2022, eq. 5."""
    q, p = _softmax(x, temperature), _softmax(t, temperature)
    others = [c for c in range(len(x)) if c != y]
    wrong_q, wrong_p = fsum(q[c] for c in others), fsum(p[c] for c in others)
    pair = _kl([p[y], wrong_p], [q[y], wrong_q])
    rest = _kl([p[c] / wrong_p for c in others], [q[c] / wrong_q for c in others])
    return temperature**2 * (alpha * pair + beta * rest)


def _skew(p, q, alpha):
    return _kl(p, [alpha * a + (1 - alpha) * b for a, b in zip(p, q, strict=True)])


def _skew_kl(x, t, *, alpha=0.1, temperature=1.0):
    return temperature**2 * _skew(_softmax(t, temperature), _softmax(x, temperature), mpf(alpha))


def _skew_reverse_kl(x, t, *, alpha=0.1, temperature=1.0):
    return temperature**2 * _skew(_softmax(x, temperature), _softmax(t, temperature), mpf(alpha))


def _jsd(x, t, *, beta=0.5, temperature=1.0):
    """Agarwal et al. 2024, eq. 1; at the ends the limits of it divided by beta and 1 - beta."""
    q, p, beta = _softmax(x, temperature), _softmax(t, temperature), mpf(beta)
    if beta in (0, 1):
        return temperature**2 * (_kl(q, p) if beta else _kl(p, q))
    m = [beta * a + (1 - beta) * b for a, b in zip(p, q, strict=True)]
    return temperature**2 * (beta * _kl(p, m) + (1 - beta) * _kl(q, m))


def _samples(function):
    def units(x, y, **hyper):
        found = [function(a, b, **hyper) for a, b in zip(x, y, strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _unit(vector):
    size = math.hypot(*vector)
    return [v / size for v in vector]


def _dot(a, b):
    return math.fsum(p * q for p, q in zip(a, b, strict=True))


def _attention(a, b, *, p=2.0):
    """Zagoruyko and Komodakis 2017, eq. 2."""
    maps = [
        _unit([math.fsum(abs(v) ** p for v in place) for place in t.flatten(1).T.tolist()])
        for t in (a, b)
    ]
    return math.dist(*maps)


def _selectivity(a, b):
    """Huang and Wang 2017, eq. 5."""
    x, y = ([_unit(channel) for channel in t.flatten(1).tolist()] for t in (a, b))

    def mean(one, other):
        return math.fsum(_dot(u, v) ** 2 for u in one for v in other) / len(one) / len(other)

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def _huber(d):
    return d * d / 2 if abs(d) <= 1 else abs(d) - 0.5


def _rkd_distance(x, y):
    """Park et al. 2019, eq. 5 to 8."""
    x, y = x.tolist(), y.tolist()
    pairs = list(itertools.permutations(range(len(x)), 2))
    mu, nu = (math.fsum(math.dist(t[i], t[j]) for i, j in pairs) / len(pairs) for t in (x, y))
    terms = (_huber(math.dist(x[i], x[j]) / mu - math.dist(y[i], y[j]) / nu) for i, j in pairs)
    return math.fsum(terms) / len(pairs)


def _rkd_angle(x, y):
    """Park et al. 2019, eq. 9 and 10."""
    x, y = x.tolist(), y.tolist()
    triples = list(itertools.permutations(range(len(x)), 3))

    def cosine(t, i, j, k):
        e, f = ([a - b for a, b in zip(t[m], t[j], strict=True)] for m in (i, k))
        return _dot(_unit(e), _unit(f))

    return math.fsum(_huber(cosine(x, *t) - cosine(y, *t)) for t in triples) / len(triples)


def _similarity(x, y):
    """Tung and Mori 2019, eq. 2 to 4."""
    x, y = x.tolist(), y.tolist()
    g, h = ([_unit([_dot(a, b) for b in t]) for a in t] for t in (x, y))
    return math.fsum(math.dist(a, b) ** 2 for a, b in zip(g, h, strict=True)) / len(x) ** 2


REFERENCES = {
    "distillation_loss": _answers(_distillation),
    "decoupled_distillation_loss": _answers(_decoupled),
    "skew_kl_loss": _answers(_skew_kl),
    "skew_reverse_kl_loss": _answers(_skew_reverse_kl),
    "generalized_jsd_loss": _answers(_jsd),
    "hint_loss": _samples(
        lambda a, b: math.dist(a.reshape(-1).tolist(), b.reshape(-1).tolist()) ** 2 / 2
    ),
    "attention_transfer_loss": _samples(_attention),
    "neuron_selectivity_loss": _samples(_selectivity),
    "rkd_distance_loss": _samples(_rkd_distance),
    "rkd_angle_loss": _samples(_rkd_angle),
    "similarity_preserving_loss": _samples(_similarity),
}
