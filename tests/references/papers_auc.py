"""The papers' equations for ranking positives, many labels and gradients, with Python's numbers."""

import math


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _sigmoid(t):
    return math.exp(-_softplus(-t))


def _log_sum(values):
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def _two_way(x, y, positive_temperature=4.0, negative_temperature=1.0):
    """Kobayashi 2023: rows, then the columns of those that are present at all."""

    def loss(scores, labels):
        low = [-s / positive_temperature for s, q in zip(scores, labels, strict=True) if q > 0.5]
        high = [s / negative_temperature for s, q in zip(scores, labels, strict=True) if q <= 0.5]
        if not low:
            return None
        if not high:
            return 0.0
        return _softplus(
            negative_temperature * _log_sum(high) + positive_temperature * _log_sum(low)
        )

    rows = [loss(s, q) for s, q in zip(x.tolist(), y.tolist(), strict=True)]
    columns = [loss(s, q) for s, q in zip(x.T.tolist(), y.T.tolist(), strict=True)]
    columns = [c for c in columns if c is not None]
    shared = math.fsum(columns) / max(1, len(columns))
    return [0.0 if r is None else r + shared for r in rows]


def _distribution_balanced(
    x,
    y,
    class_count,
    num_samples,
    alpha=0.1,
    beta=10.0,
    mu=0.2,
    scale=2.0,
    kappa=0.05,
    gamma=0.0,
):
    """Wu et al. 2020, by the two probabilities of being drawn."""
    counts = [min(n, num_samples - 1) for n in class_count.tolist()]
    out = []
    for row, labels in zip(x.tolist(), y.tolist(), strict=True):
        classes = len(row)
        drawn = math.fsum(q / n for q, n in zip(labels, counts, strict=True)) / classes
        units = []
        for s, q, n in zip(row, labels, counts, strict=True):
            ratio = (1 / classes / n) / drawn
            r = alpha + _sigmoid(beta * (ratio - mu))
            nu = kappa * math.log(1 / (n / num_samples) - 1)
            z = s - nu
            present = _softplus(-z) * _sigmoid(-z) ** gamma
            absent = _softplus(scale * z) * _sigmoid(scale * z) ** gamma / scale
            units.append(r * (q * present + (1 - q) * absent))
        out.append(math.fsum(units) / classes)
    return out


def _harmony(sizes, bins):
    """Return N / GD, the density of those in the same bin of width 1 / bins."""
    edges = [(m / bins, (m + 1) / bins) for m in range(bins)]

    def place(g):
        return next((m for m, (a, b) in enumerate(edges) if a <= g < b), bins - 1)

    places = [place(g) for g in sizes]
    return [len(sizes) / (places.count(m) / (1 / bins)) for m in places]


def _gradient_harmonized(x, y, bins=10):
    """Li et al. 2019, classification."""
    pairs = list(zip(x.flatten().tolist(), y.flatten().tolist(), strict=True))
    harmony = _harmony([abs(_sigmoid(s) - q) for s, q in pairs], bins)
    costs = [q * _softplus(-s) + (1 - q) * _softplus(s) for s, q in pairs]
    units = [h * c for h, c in zip(harmony, costs, strict=True)]
    return x.new_tensor(units).reshape(x.shape)


def _gradient_harmonized_regression(x, y, mu=0.02, bins=10):
    """Li et al. 2019, regression."""
    errors = (x - y).flatten().tolist()
    harmony = _harmony([abs(d) / math.hypot(d, mu) for d in errors], bins)
    units = [h * (math.hypot(d, mu) - mu) for h, d in zip(harmony, errors, strict=True)]
    return x.new_tensor(units).reshape(x.shape)


def _auc_margin(x, a, b, alpha, y, positive_share, margin=1.0):
    """Yuan et al. 2021; a target between the labels mixes them."""
    p, a, b, alpha = positive_share, float(a), float(b), float(alpha)
    out = []
    for s, q in zip(x.tolist(), y.tolist(), strict=True):
        fixed = 2 * alpha * p * (1 - p) * margin - p * (1 - p) * alpha**2
        present = (1 - p) * (s - a) ** 2 - 2 * alpha * (1 - p) * s
        absent = p * (s - b) ** 2 + 2 * alpha * p * s
        out.append(q * present + (1 - q) * absent + fixed)
    return out


def _pairs(cost, combine):
    """Combine for each sample its costs against the others, which count as far as negative."""

    def units(x, y, **hyper):
        scores, labels = x.tolist(), y.tolist()
        return [
            q * combine([cost(s - t, **hyper) for t in scores], [1 - o for o in labels], **hyper)
            for s, q in zip(scores, labels, strict=True)
        ]

    return units


def _hinge(d, margin=1.0, **_):
    return max(0.0, margin - d) ** 2


def _mean(costs, shares, **_):
    return math.fsum(c * s for c, s in zip(costs, shares, strict=True)) / math.fsum(shares)


def _robust(costs, shares, temperature=1.0, **_):
    """Zhu et al. 2022: the closed form of the robust mean."""
    logs = [c / temperature + math.log(s) for c, s in zip(costs, shares, strict=True)]
    return temperature * (_log_sum(logs) - math.log(math.fsum(shares)))


def _average_precision(x, y, margin=1.0):
    """Qi et al. 2021: one plus the objective."""
    scores, labels = x.tolist(), y.tolist()
    out = []
    for s, q in zip(scores, labels, strict=True):
        costs = [_hinge(s - t, margin) for t in scores]
        present = math.fsum(c * o for c, o in zip(costs, labels, strict=True))
        out.append(q * (1 - present / math.fsum(costs)))
    return out


def _running_average_precision(x, running, y, index, margin=1.0):
    """Qi et al. 2021: the mean of p_ij times the cost, p_ij as in their algorithm."""
    scores, labels = x.tolist(), y.tolist()
    out = []
    for s, q, i in zip(scores, labels, index.tolist(), strict=True):
        u, v = running[i].tolist()
        terms = [
            (v - u * o) / u**2 * _hinge(s - t, margin) for t, o in zip(scores, labels, strict=True)
        ]
        out.append(q * math.fsum(terms) / len(terms))
    return out


def _pu(bounded):
    def units(x, y, prior, beta=0.0):
        scores, labels = x.tolist(), y.tolist()
        n, marked = len(scores), math.fsum(labels)
        rest = n - marked
        positive = [
            prior * q / marked * n * _softplus(-s) for s, q in zip(scores, labels, strict=True)
        ]
        negative = [
            ((1 - q) / rest - prior * q / marked) * n * _softplus(s)
            for s, q in zip(scores, labels, strict=True)
        ]
        if bounded and math.fsum(negative) / n <= -beta:
            negative = [-beta] * n
        return [a + b for a, b in zip(positive, negative, strict=True)]

    return units


def _soft_f(x, y, beta=1.0):
    """By precision and recall, and their weighted harmonic mean."""
    out = []
    for scores, labels in zip(x.T.tolist(), y.T.tolist(), strict=True):
        p = [_sigmoid(s) for s in scores]
        both = math.fsum(a * b for a, b in zip(p, labels, strict=True))
        precision, recall = both / math.fsum(p), both / math.fsum(labels)
        out.append(1 - (1 + beta**2) * precision * recall / (beta**2 * precision + recall))
    return out


def _partial_asymmetric(
    x,
    y,
    annotated,
    gamma_positive=0.0,
    gamma_negative=1.0,
    gamma_unannotated=2.0,
    alpha_unannotated=1.0,
):
    """Ben-Baruch et al. 2022, one label at a time."""
    flat = zip(
        x.flatten().tolist(), y.flatten().tolist(), annotated.flatten().tolist(), strict=True
    )
    units = []
    for s, q, known in flat:
        p, rest = _sigmoid(s), _sigmoid(-s)
        present = rest**gamma_positive * _softplus(-s)
        absent = p**gamma_negative * _softplus(s)
        unknown = alpha_unannotated * p**gamma_unannotated * _softplus(s)
        units.append(known * (q * present + (1 - q) * absent) + (1 - known) * unknown)
    return x.new_tensor(units).reshape(x.shape)


REFERENCES = {
    "partial_asymmetric_loss": _partial_asymmetric,
    "two_way_loss": _two_way,
    "distribution_balanced_loss": _distribution_balanced,
    "gradient_harmonized_loss": _gradient_harmonized,
    "gradient_harmonized_regression_loss": _gradient_harmonized_regression,
    "auc_margin_loss": _auc_margin,
    "auc_squared_hinge_loss": _pairs(_hinge, _mean),
    "auc_logistic_loss": _pairs(lambda d, scale=1.0: _softplus(-scale * d), _mean),
    "partial_auc_loss": _pairs(_hinge, _robust),
    "average_precision_loss": _average_precision,
    "running_average_precision_loss": _running_average_precision,
    "pu_loss": _pu(False),
    "nnpu_loss": _pu(True),
    "soft_f_loss": _soft_f,
}
