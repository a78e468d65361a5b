"""The papers' equations, transcribed one sample at a time with Python's own numbers."""

import math

import torch


def _units(shape, function):
    """Compute a tensor of units from their indices."""
    out = torch.zeros(shape, dtype=torch.float64)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in shape)).reshape(-1, len(shape)):
        at = tuple(index.tolist())
        out[at] = function(at)
    return out


def _log_softmax(scores):
    top = max(scores)
    total = top + math.log(math.fsum(math.exp(s - top) for s in scores))
    return [s - total for s in scores]


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _focal(x, y, *, gamma=2.0, class_weight=None):
    """Lin et al. 2017, eq. 4; 1 - p_y as the sum of the other probabilities."""

    def unit(at):
        log_p = _log_softmax(x[(at[0], slice(None), *at[1:])].tolist())
        k = int(y[at])
        rest = math.fsum(math.exp(v) for c, v in enumerate(log_p) if c != k)
        factor = 1.0 if class_weight is None else float(class_weight[k])
        return -factor * (rest**gamma if gamma else 1.0) * log_p[k]

    return _units(y.shape, unit)


def _sigmoid_focal(x, y, *, alpha=0.25, gamma=2.0):
    """Lin et al. 2017, eq. 5; a target between the labels mixes them."""

    def unit(at):
        f, q = float(x[at]), float(y[at])
        total = 0.0
        for label, share in ((1, q), (0, 1 - q)):
            margin = f if label else -f
            wrong = math.exp(-_softplus(margin))  # 1 - p_t
            a = 1.0 if alpha is None else (alpha if label else 1 - alpha)
            total += share * a * (wrong**gamma if gamma else 1.0) * _softplus(-margin)
        return total

    return _units(x.shape, unit)


def _psi(cosine, m):
    """Liu et al. 2016, eq. 6, by the arc cosine."""
    theta = math.acos(max(-1.0, min(1.0, cosine)))
    k = min(int(theta * m / math.pi), m - 1)
    return (-1) ** k * math.cos(m * theta) - 2 * k


def _angular(x, w, y, margin, blend, class_weight, *, normalised):
    def unit(at):
        (n,) = at
        k = int(y[n])
        logits = []
        for c in range(len(w)):
            lengths = float(x[n].norm()) * (1.0 if normalised else float(w[c].norm()))
            cosine = float(x[n] @ w[c]) / float(x[n].norm() * w[c].norm())
            if c == k:
                cosine = (blend * cosine + _psi(cosine, margin)) / (1 + blend)
            logits.append(lengths * cosine)
        factor = 1.0 if class_weight is None else float(class_weight[k])
        return -factor * _log_softmax(logits)[k]

    return _units(y.shape, unit)


def _sphereface(x, w, y, *, margin=4, blend=0.0, class_weight=None):
    return _angular(x, w, y, margin, blend, class_weight, normalised=True)


def _large_margin(x, w, y, *, margin=4, blend=0.0, class_weight=None):
    return _angular(x, w, y, margin, blend, class_weight, normalised=False)


def _center(x, centers, y):
    """Wen et al. 2016, eq. 2."""
    return _units(
        y.shape,
        lambda at: (
            sum((a - b) ** 2 for a, b in zip(x[at].tolist(), centers[y[at]].tolist(), strict=True))
            / 2
        ),
    )


def _sampled_softmax(
    x,
    w,
    y,
    *,
    candidates=None,
    log_expected_counts=None,
    remove_accidental_hits="example",
    class_bias=None,
    num_sampled=0,
    sampler="log_uniform",
):
    """Jean et al. 2015, eq. 8; drawn candidates are drawn again from the same random numbers.

    A class is drawn at least once in S draws with probability 1 - (1 - p)^S.
    """
    classes = len(w)
    if candidates is None:
        if sampler == "uniform":
            p = [1 / classes] * classes
        else:
            p = [math.log((k + 2) / (k + 1)) / math.log(classes + 1) for k in range(classes)]
        generator = torch.Generator().manual_seed(0)
        drawn = torch.multinomial(
            torch.tensor(p, dtype=torch.float64), num_sampled, True, generator=generator
        )
        candidates = torch.tensor(sorted(set(drawn.tolist())))
        log_expected_counts = [math.log(1 - (1 - q) ** num_sampled) for q in p]

    def score(n, c):
        bias = 0.0 if class_bias is None else float(class_bias[c])
        correction = 0.0 if log_expected_counts is None else float(log_expected_counts[c])
        return float(x[n] @ w[c]) + bias - correction

    def unit(at):
        (n,) = at
        k = int(y[n])
        removed = {"example": {k}, "batch": set(y.tolist()), "none": set()}[remove_accidental_hits]
        kept = [c for c in candidates.tolist() if c not in removed]
        return -_log_softmax([score(n, k), *(score(n, c) for c in kept)])[0]

    return _units(y.shape, unit)


def _gradient_penalty(critic, real, fake, *, target_norm=1.0):
    """Gulrajani et al. 2017, eq. 3, for the checker's critic: softplus(w . x + b)."""
    linear = critic[1].requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    t = torch.rand((len(real), 1, 1), generator=generator).double()

    def unit(at):
        (n,) = at
        point = ((1 - t[n]) * real[n] + t[n] * fake[n]).reshape(-1)
        score = float(linear.weight[0] @ point + linear.bias[0])
        norm = float(linear.weight[0].norm()) / (1 + math.exp(-score))
        return (norm - target_norm) ** 2

    return _units(real.shape[:1], unit)


def _perceptual(extractor, x, y, *, layer_weights=(1.0, 1.0)):
    """Johnson et al. 2016, eq. 2."""
    total = 0.0
    for w, a, b in zip(layer_weights, extractor(x), extractor(y), strict=True):
        _, c, h, width = a.shape
        total = total + w * ((a - b) ** 2).sum((1, 2, 3)) / (c * h * width)
    return total.detach()


def _style(extractor, x, y, *, layer_weights=(1.0, 1.0)):
    """Johnson et al. 2016, eq. 3 and 4, entry by entry of the Gram matrix."""
    total = torch.zeros(len(x), dtype=torch.float64)
    for w, a, b in zip(layer_weights, extractor(x), extractor(y), strict=True):
        _, channels, h, width = a.shape
        for i in range(channels):
            for j in range(channels):
                of_a = (a[:, i] * a[:, j]).sum((1, 2)) / (channels * h * width)
                of_b = (b[:, i] * b[:, j]).sum((1, 2)) / (channels * h * width)
                total = total + w * (of_a - of_b).detach() ** 2
    return total


def _linear_focal(x, matrix, y, *, linear_bias=None, **hyper):
    scores = x @ matrix.T
    return _focal(scores if linear_bias is None else scores + linear_bias, y, **hyper)


def _distillation(x, matrix, teacher_x, teacher_matrix, *, beta=0.0, temperature=1.0):
    """Hinton et al. 2015, section 2, and Agarwal et al. 2024, eq. 1, in sums of numbers."""

    def unit(at):
        student, teacher = (
            _log_softmax((m @ h[at[0]] / temperature).tolist())
            for h, m in ((x, matrix), (teacher_x, teacher_matrix))
        )

        def divergence(a, b):
            return math.fsum(math.exp(u) * (u - v) for u, v in zip(a, b, strict=True))

        if beta in (0, 1):
            pair = (teacher, student) if beta == 0 else (student, teacher)
            return temperature**2 * divergence(*pair)
        middle = []
        for p, q in zip(teacher, student, strict=True):
            top = max(p, q)
            shares = beta * math.exp(p - top) + (1 - beta) * math.exp(q - top)
            middle.append(top + math.log(shares))
        mixed = beta * divergence(teacher, middle) + (1 - beta) * divergence(student, middle)
        return temperature**2 * mixed

    return _units(x.shape[:1], unit)


REFERENCES = {
    "linear_focal_loss": _linear_focal,
    "linear_distillation_loss": _distillation,
    "focal_loss": _focal,
    "sigmoid_focal_loss": _sigmoid_focal,
    "sphereface_loss": _sphereface,
    "large_margin_softmax_loss": _large_margin,
    "center_loss": _center,
    "sampled_softmax_loss": _sampled_softmax,
    "gradient_penalty": _gradient_penalty,
    "perceptual_loss": _perceptual,
    "style_loss": _style,
    "wasserstein_discriminator_loss": lambda real, fake: -(real - fake),
    "wasserstein_generator_loss": lambda fake: 0 - fake,
    "least_squares_discriminator_loss": lambda real, fake, real_label=1.0, fake_label=0.0: (
        0.5 * (real - real_label) ** 2 + 0.5 * (fake - fake_label) ** 2
    ),
    "least_squares_generator_loss": lambda fake, generated_label=1.0: (
        0.5 * (fake - generated_label) ** 2
    ),
    "loss_sensitive_discriminator_loss": lambda real, fake, distance, coefficient=1.0: _units(
        real.shape,
        lambda at: (
            float(real[at])
            + coefficient * max(0.0, float(distance[at]) + float(real[at]) - float(fake[at]))
        ),
    ),
    "generalized_loss_sensitive_discriminator_loss": (
        lambda real, fake, distance, slope=0.0, coefficient=1.0: _units(
            real.shape,
            lambda at: max(
                a := coefficient * float(distance[at]) + float(real[at]) - float(fake[at]),
                slope * a,
            ),
        )
    ),
    "loss_sensitive_generator_loss": lambda fake: fake.clone(),
}
