"""The papers' equations of segmentation, one sample at a time with Python's own numbers."""

import math

import torch


def _softmax(scores):
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    return [v / math.fsum(powers) for v in powers]


def _sigmoid(t):
    return 1 / (1 + math.exp(-t)) if t >= 0 else math.exp(t) / (1 + math.exp(t))


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _log_softmax(scores):
    top = max(scores)
    rest = math.log(math.fsum(math.exp(s - top) for s in scores))
    return [s - top - rest for s in scores]


def _classes(x, y):
    """Yield for each sample the pixels: logits, and shares of the classes."""
    count = x.shape[1]
    for sample, target in zip(x, y, strict=True):
        scores = sample.reshape(count, -1).T.tolist()
        if target.is_floating_point():
            shares = target.reshape(count, -1).T.tolist()
        else:
            shares = [[float(c == k) for c in range(count)] for k in target.reshape(-1).tolist()]
        yield scores, shares


def _regions(x, y):
    """Yield for each sample the logits and the shares of its pixels."""
    for sample, target in zip(x, y, strict=True):
        yield sample.reshape(-1).tolist(), target.reshape(-1).tolist()


def _mean_over_classes(loss):
    """Average a loss of (probabilities, shares) of one class over the classes of a sample."""

    def units(x, y, *, class_weight=None, skip_absent=False, **hyper):
        out = []
        for scores, shares in _classes(x, y):
            p = [_softmax(s) for s in scores]
            above = below = 0.0
            for c in range(x.shape[1]):
                own = [pixel[c] for pixel in shares]
                if skip_absent and not sum(own):
                    continue
                w = 1.0 if class_weight is None else float(class_weight[c])
                above += w * loss([pixel[c] for pixel in p], own, **hyper)
                below += w
            out.append(above / below)
        return torch.tensor(out, dtype=torch.float64)

    return units


def _of_logits(loss):
    def units(x, y, **hyper):
        found = [loss([_sigmoid(t) for t in f], q, **hyper) for f, q in _regions(x, y)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _of_probabilities(loss):
    def units(x, y, **hyper):
        return torch.tensor([loss(p, q, **hyper) for p, q in _regions(x, y)], dtype=torch.float64)

    return units


def _dice(p, q, *, squared=False, smooth=1e-5):
    """Milletari et al. 2016, section 3; Drozdzal et al. 2016."""
    both = math.fsum(a * b for a, b in zip(p, q, strict=True))
    if squared:
        sizes = math.fsum(a * a for a in p) + math.fsum(b * b for b in q)
    else:
        sizes = math.fsum(p) + math.fsum(q)
    return 1 - (2 * both + smooth) / (sizes + smooth) if sizes + smooth else 0.0


def _tversky(p, q, *, alpha=0.3, beta=0.7, smooth=1e-5):
    """Salehi et al. 2017: p0 g1 are false alarms, with alpha."""
    pairs = list(zip(p, q, strict=True))
    hits = math.fsum(a * b for a, b in pairs)
    false_alarms = math.fsum(a * (1 - b) for a, b in pairs)
    misses = math.fsum((1 - a) * b for a, b in pairs)
    whole = hits + alpha * false_alarms + beta * misses + smooth
    return 1 - (hits + smooth) / whole if whole else 0.0


def _focal_tversky(p, q, *, gamma=4 / 3, **hyper):
    """Abraham and Khan 2019."""
    return max(_tversky(p, q, **hyper), 0.0) ** (1 / gamma)


def _jaccard(p, q, *, smooth=1e-5):
    """Rahman and Wang 2016."""
    both = math.fsum(a * b for a, b in zip(p, q, strict=True))
    either = math.fsum(a + b - a * b for a, b in zip(p, q, strict=True))
    return 1 - (both + smooth) / (either + smooth) if either + smooth else 0.0


def _log_cosh_dice(p, q, **hyper):
    """Jadon 2020."""
    return math.log(math.cosh(_dice(p, q, **hyper)))


def _generalized_dice(x, y, *, exponent=2.0):
    """Sudre et al. 2017; an absent class has the largest weight of the others."""
    out = []
    for scores, shares in _classes(x, y):
        p = [_softmax(s) for s in scores]
        sizes = [math.fsum(s[c] for s in shares) for c in range(x.shape[1])]
        largest = max(size**-exponent for size in sizes if size)
        w = [size**-exponent if size else largest for size in sizes]
        both = math.fsum(
            w[c] * a[c] * b[c] for a, b in zip(p, shares, strict=True) for c in range(len(w))
        )
        all_of_it = math.fsum(
            w[c] * (a[c] + b[c]) for a, b in zip(p, shares, strict=True) for c in range(len(w))
        )
        out.append(1 - 2 * both / all_of_it)
    return torch.tensor(out, dtype=torch.float64)


def _pixel_mean(losses, weights):
    return math.fsum(losses) / math.fsum(weights)


def _dice_and_pixels(pixel, name):
    """A weighted sum of the Dice loss and the mean of a loss of (logits, shares) of pixels."""

    def units(x, y, *, dice_weight=1.0, squared=False, smooth=1e-5, class_weight=None, **hyper):
        factor = hyper.pop(name, 1.0)
        w = [1.0] * x.shape[1] if class_weight is None else class_weight.tolist()
        overlap = _mean_over_classes(_dice)(
            x, y, squared=squared, smooth=smooth, class_weight=class_weight
        )
        found = []
        for scores, shares in _classes(x, y):
            losses = [
                pixel(_log_softmax(s), [a * b for a, b in zip(q, w, strict=True)], **hyper)
                for s, q in zip(scores, shares, strict=True)
            ]
            found.append(
                _pixel_mean(
                    losses,
                    [math.fsum(a * b for a, b in zip(q, w, strict=True)) for q in shares],
                )
            )
        return dice_weight * overlap + factor * torch.tensor(found, dtype=torch.float64)

    return units


def _entropy(log_p, q):
    return -math.fsum(b * a for a, b in zip(log_p, q, strict=True))


def _focal(log_p, q, *, gamma=2.0):
    """Lin et al. 2017, eq. 4; 1 - p as the sum of the other probabilities."""
    total = 0.0
    for k, share in enumerate(q):
        rest = math.fsum(math.exp(v) for c, v in enumerate(log_p) if c != k)
        total -= share * rest**gamma * log_p[k]
    return total


def _dice_and_region(pixel, name):
    """A weighted sum of the Dice loss and the mean of a loss of (logit, share) of pixels."""

    def units(x, y, *, dice_weight=1.0, squared=False, smooth=1e-5, **hyper):
        factor = hyper.pop(name, 1.0)
        found = []
        for f, q in _regions(x, y):
            losses = [pixel(a, b, **hyper) for a, b in zip(f, q, strict=True)]
            overlap = _dice([_sigmoid(a) for a in f], q, squared=squared, smooth=smooth)
            found.append(dice_weight * overlap + factor * math.fsum(losses) / len(f))
        return torch.tensor(found, dtype=torch.float64)

    return units


def _binary_entropy(f, q):
    return q * _softplus(-f) + (1 - q) * _softplus(f)


def _binary_focal(f, q, *, alpha=None, gamma=2.0):
    """Lin et al. 2017, eq. 5."""
    inside, outside = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
    yes = inside * _sigmoid(-f) ** gamma * _softplus(-f)
    no = outside * _sigmoid(f) ** gamma * _softplus(f)
    return q * yes + (1 - q) * no


def _combo(x, y, *, alpha=0.5, beta=0.5, smooth=1.0):
    """Taghanaki et al. 2019, plus the constant 1 - alpha."""
    out = []
    for f, q in _regions(x, y):
        entropy = math.fsum(
            beta * b * -_softplus(-a) + (1 - beta) * (1 - b) * -_softplus(a)
            for a, b in zip(f, q, strict=True)
        )
        p = [_sigmoid(a) for a in f]
        both = math.fsum(a * b for a, b in zip(p, q, strict=True))
        coefficient = (2 * both + smooth) / (math.fsum(p) + math.fsum(q) + smooth)
        out.append(-alpha * entropy / len(f) - (1 - alpha) * coefficient + (1 - alpha))
    return torch.tensor(out, dtype=torch.float64)


def _unified(x, y, *, focal_share=0.5, delta=0.6, gamma=0.5, smooth=1e-5, symmetric):
    """Yeung et al. 2022, as the authors' program has it: two classes, background and region."""
    out = []
    for f, q in _regions(x, y):
        focal = 0.0
        for a, b in zip(f, q, strict=True):
            held = _sigmoid(-a) ** gamma if symmetric else 1.0
            focal += delta * b * held * _softplus(-a)
            focal += (1 - delta) * (1 - b) * _sigmoid(a) ** gamma * _softplus(a)
        p = [_sigmoid(a) for a in f]
        index = {"alpha": 1 - delta, "beta": delta, "smooth": smooth}
        region = max(_tversky(p, q, **index), 0.0)
        rest = max(_tversky([_sigmoid(-a) for a in f], [1 - b for b in q], **index), 0.0)
        overlap = region ** (1 - gamma) + (rest ** (1 - gamma) if symmetric else rest)
        out.append(focal_share * focal / len(f) + (1 - focal_share) * overlap / 2)
    return torch.tensor(out, dtype=torch.float64)


def _lovasz(errors, q):
    """Berman et al. 2018, section 2: the sets of the k worst pixels, one after the other."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    whole, before, total = math.fsum(q), 0.0, 0.0
    for k in range(1, len(order) + 1):
        wrong = order[:k]
        kept = whole - math.fsum(q[i] for i in wrong)
        jaccard = 1 - kept / (whole + math.fsum(1 - q[i] for i in wrong))
        total += errors[order[k - 1]] * (jaccard - before)
        before = jaccard
    return total


def _lovasz_hinge(x, y):
    found = [
        _lovasz([max(0.0, 1 - a * (2 * b - 1)) for a, b in zip(f, q, strict=True)], q)
        for f, q in _regions(x, y)
    ]
    return torch.tensor(found, dtype=torch.float64)


def _matthews(p, q):
    """Abhishek and Hamarneh 2021: the counts."""
    pairs = list(zip(p, q, strict=True))
    tp, fp = math.fsum(a * b for a, b in pairs), math.fsum(a * (1 - b) for a, b in pairs)
    fn, tn = (
        math.fsum((1 - a) * b for a, b in pairs),
        math.fsum((1 - a) * (1 - b) for a, b in pairs),
    )
    below = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return 1 - (tp * tn - fp * fn) / math.sqrt(below) if below else 1.0


def _boundary(x, distance, *, class_weight=None):
    """Kervadec et al. 2019: the sum over the image, divided by its size."""
    w = [1.0] * x.shape[1] if class_weight is None else class_weight.tolist()
    out = []
    for scores, distances in _classes(x, distance):
        terms = [
            w[c] * p * d[c]
            for s, d in zip(scores, distances, strict=True)
            for c, p in enumerate(_softmax(s))
        ]
        out.append(math.fsum(terms) / len(scores) / sum(w))
    return torch.tensor(out, dtype=torch.float64)


def _hausdorff(x, y, input_distance, target_distance, *, alpha=2.0):
    """Karimi and Salcudean 2020, the loss of distance transforms."""
    out = []
    rows = (_regions(x, y), _regions(input_distance, target_distance))
    for (f, q), (a, b) in zip(*rows, strict=True):
        terms = [
            (_sigmoid(f[i]) - q[i]) ** 2 * (a[i] ** alpha + b[i] ** alpha) for i in range(len(f))
        ]
        out.append(math.fsum(terms) / len(f))
    return torch.tensor(out, dtype=torch.float64)


def _sensitivity_specificity(p, q, *, sensitivity_share=0.05):
    """Brosch et al. 2015."""
    pairs = list(zip(p, q, strict=True))
    inside = math.fsum((a - b) ** 2 * b for a, b in pairs) / math.fsum(q)
    outside = math.fsum((a - b) ** 2 * (1 - b) for a, b in pairs)
    outside /= math.fsum(1 - b for b in q)
    return sensitivity_share * inside + (1 - sensitivity_share) * outside


def _exponential_logarithmic(
    x,
    y,
    *,
    dice_weight=0.8,
    cross_entropy_weight=0.2,
    dice_gamma=0.3,
    cross_entropy_gamma=0.3,
    smooth=1.0,
    class_weight=None,
):
    """Wong et al. 2018, section 2."""
    count, out = x.shape[1], []
    for scores, shares in _classes(x, y):
        p = [_softmax(s) for s in scores]
        overlap = 0.0
        for c in range(count):
            own, q = [a[c] for a in p], [b[c] for b in shares]
            both = math.fsum(a * b for a, b in zip(own, q, strict=True))
            rest = [math.fsum(v for k, v in enumerate(a) if k != c) for a in p]  # of one
            apart = math.fsum(a * (1 - b) + r * b for a, r, b in zip(own, rest, q, strict=True))
            coefficient = (2 * both + smooth) / (math.fsum(own) + math.fsum(q) + smooth)
            # the same, with the digits that the logarithm of nearly 1 needs
            near = -math.log1p(-apart / (math.fsum(own) + math.fsum(q) + smooth))
            overlap += (near if coefficient > 0.9 else -math.log(coefficient)) ** dice_gamma
        entropy = 0.0
        for s, q in zip(scores, shares, strict=True):
            k = q.index(1.0)
            ahead = [v - s[k] for c, v in enumerate(s) if c != k]
            if max(ahead) < 0:  # the digits that the logarithm of nearly 1 needs
                unlikely = math.log1p(math.fsum(math.exp(v) for v in ahead))
            else:
                unlikely = -_log_softmax(s)[k]
            factor = 1.0 if class_weight is None else float(class_weight[k])
            entropy += factor * unlikely**cross_entropy_gamma
        out.append(dice_weight * overlap / count + cross_entropy_weight * entropy / len(scores))
    return torch.tensor(out, dtype=torch.float64)


def _extreme(grid, pick, diagonal):
    """Take the extreme of each place and its neighbours, of a dict of places."""
    out = {}
    for at in grid:
        near = [
            value
            for to, value in grid.items()
            if max((abs(a - b) for a, b in zip(at, to, strict=True)), default=0) <= 1
            and (diagonal or sum(abs(a - b) for a, b in zip(at, to, strict=True)) <= 1)
        ]
        out[at] = pick(near)
    return out


def _soft_skeleton(grid, iterations):
    """Shit et al. 2021, algorithm 1."""

    def rest(image):
        opened = _extreme(_extreme(image, min, False), max, True)
        return {at: max(0.0, image[at] - opened[at]) for at in image}

    skeleton = rest(grid)
    for _ in range(iterations):
        grid = _extreme(grid, min, False)
        more = rest(grid)
        skeleton = {at: s + (1 - s) * more[at] for at, s in skeleton.items()}
    return skeleton


def _cl_dice(x, y, *, iterations=3, smooth=1.0):
    out = []
    for sample, target in zip(x, y, strict=True):
        shape = sample.shape
        places = [()] if not shape else [tuple(at) for at in torch.ones(shape).nonzero().tolist()]
        p = {at: _sigmoid(float(sample[at])) for at in places}
        q = {at: float(target[at]) for at in places}
        parts = []
        for mine, other in ((p, q), (q, p)):
            skeleton = _soft_skeleton(mine, iterations)
            inside = math.fsum(skeleton[at] * other[at] for at in places)
            parts.append((inside + smooth) / (math.fsum(skeleton.values()) + smooth))
        out.append(1 - 2 * parts[0] * parts[1] / (parts[0] + parts[1]))
    return torch.tensor(out, dtype=torch.float64)


def _dice_cl_dice(x, y, *, alpha=0.5, iterations=3, smooth=1.0):
    overlap = _of_logits(_dice)(x, y, smooth=smooth)
    return (1 - alpha) * overlap + alpha * _cl_dice(x, y, iterations=iterations, smooth=smooth)


def _wasserstein_dice(x, y, *, class_distance=None, background=0, smooth=1e-5):
    """Fidon et al. 2017, one minus the score; crisp labels, so the distance is a sum."""
    count, out = x.shape[1], []
    if class_distance is None:
        m = [[float(a != b) for b in range(count)] for a in range(count)]
    else:
        m = class_distance.tolist()
    for scores, shares in _classes(x, y):
        hits = errors = 0.0
        for s, q in zip(scores, shares, strict=True):
            k = q.index(1.0)
            moved = math.fsum(m[k][c] * p for c, p in enumerate(_softmax(s)))
            hits += m[k][background] * (1 - moved)
            errors += moved
        out.append(1 - (2 * hits + smooth) / (2 * hits + errors + smooth))
    return torch.tensor(out, dtype=torch.float64)


REFERENCES = {
    "dice_loss": _mean_over_classes(_dice),
    "sigmoid_dice_loss": _of_logits(_dice),
    "probability_dice_loss": _of_probabilities(_dice),
    "jaccard_loss": _mean_over_classes(_jaccard),
    "sigmoid_jaccard_loss": _of_logits(_jaccard),
    "tversky_loss": _mean_over_classes(_tversky),
    "sigmoid_tversky_loss": _of_logits(_tversky),
    "focal_tversky_loss": _mean_over_classes(_focal_tversky),
    "sigmoid_focal_tversky_loss": _of_logits(_focal_tversky),
    "log_cosh_dice_loss": _mean_over_classes(_log_cosh_dice),
    "sigmoid_log_cosh_dice_loss": _of_logits(_log_cosh_dice),
    "generalized_dice_loss": _generalized_dice,
    "dice_cross_entropy_loss": _dice_and_pixels(_entropy, "cross_entropy_weight"),
    "dice_binary_cross_entropy_loss": _dice_and_region(_binary_entropy, "cross_entropy_weight"),
    "dice_focal_loss": _dice_and_pixels(_focal, "focal_weight"),
    "sigmoid_dice_focal_loss": _dice_and_region(_binary_focal, "focal_weight"),
    "combo_loss": _combo,
    "symmetric_unified_focal_loss": lambda x, y, **h: _unified(x, y, symmetric=True, **h),
    "asymmetric_unified_focal_loss": lambda x, y, **h: _unified(x, y, symmetric=False, **h),
    "lovasz_hinge_loss": _lovasz_hinge,
    "lovasz_softmax_loss": _mean_over_classes(
        lambda p, q: _lovasz([abs(b - a) for a, b in zip(p, q, strict=True)], q)
    ),
    "matthews_correlation_loss": _of_logits(_matthews),
    "boundary_loss": _boundary,
    "sigmoid_boundary_loss": _of_logits(
        lambda p, d: math.fsum(a * b for a, b in zip(p, d, strict=True)) / len(p)
    ),
    "hausdorff_loss": _hausdorff,
    "sensitivity_specificity_loss": _of_logits(_sensitivity_specificity),
    "exponential_logarithmic_loss": _exponential_logarithmic,
    "cl_dice_loss": _cl_dice,
    "dice_cl_dice_loss": _dice_cl_dice,
    "wasserstein_dice_loss": _wasserstein_dice,
}
