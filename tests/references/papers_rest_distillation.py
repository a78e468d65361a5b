"""The equations of further papers on distillation, one unit at a time in many digits."""

import torch
from mpmath import exp, fsum, log, mpf, sqrt, workdps


def _softmax(row, temperature=1):
    powers = [exp(mpf(v) / temperature) for v in row]
    return [v / fsum(powers) for v in powers]


def _kl(p, q):
    return fsum(a * log(a / b) for a, b in zip(p, q, strict=True))


def _correlation(x, y, eps):
    a, b = ([v - fsum(row) / len(row) for v in row] for row in (x, y))
    product = fsum(u * v for u, v in zip(a, b, strict=True))
    sizes = [max(sqrt(fsum(u**2 for u in row)), eps) for row in (a, b)]
    return product / sizes[0] / sizes[1]


def _places(function):
    """Bring (N, C, ...) to rows of classes, and the results back."""

    def units(x, y, *labels, **hyper):
        rows = [t.movedim(1, -1).reshape(-1, x.shape[1]).tolist() for t in (x, y)]
        others = [t.reshape(-1).tolist() for t in labels]
        with workdps(60):
            found = [float(function(*row, **hyper)) for row in zip(*rows, *others, strict=True)]
        return torch.tensor(found, dtype=torch.float64).reshape(x.movedim(1, -1).shape[:-1])

    return units


def _standardized(x, y, *, temperature=2.0):
    """Sun et al. 2024, algorithms 1 and 2, with the deviation over all classes."""

    def scores(row):
        mean = fsum(row) / len(row)
        deviation = sqrt(fsum((v - mean) ** 2 for v in row) / len(row))
        return [(v - mean) / deviation for v in row]

    return temperature**2 * _kl(_softmax(scores(y), temperature), _softmax(scores(x), temperature))


def _inter(x, y, *, temperature=1.0, eps=1e-5):
    """Huang et al. 2022, inter-class."""
    return 1 - _correlation(_softmax(x, temperature), _softmax(y, temperature), eps)


def _intra(x, y, *, temperature=1.0, eps=1e-5):
    """Huang et al. 2022, intra-class: the same for the columns."""
    with workdps(60):
        q, p = ([_softmax(row, temperature) for row in t.tolist()] for t in (x, y))
        columns = zip(zip(*q, strict=True), zip(*p, strict=True), strict=True)
        found = [float(1 - _correlation(a, b, eps)) for a, b in columns]
    return torch.tensor(found, dtype=torch.float64)


def _mutual(x, y, label, *, alpha=1.0):
    """Zhang et al. 2018, the losses of both networks."""
    p, q = _softmax(x), _softmax(y)
    return -log(p[label]) - log(q[label]) + alpha * (_kl(q, p) + _kl(p, q))


REFERENCES = {
    "standardized_distillation_loss": _places(_standardized),
    "interclass_relation_loss": _places(_inter),
    "intraclass_relation_loss": _intra,
    "mutual_learning_loss": _places(_mutual),
}
