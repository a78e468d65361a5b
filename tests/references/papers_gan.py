"""The papers' equations of adversarial games, in sums of Python's numbers."""

import math

import torch


def _softplus(t):
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _each(function):
    """Apply a function of numbers to every unit."""

    def units(*tensors, **hyper):
        rows = zip(*(t.reshape(-1).tolist() for t in tensors), strict=True)
        found = [function(*row, **hyper) for row in rows]
        return torch.tensor(found, dtype=torch.float64).reshape(tensors[0].shape)

    return units


def _average(of_real, of_fake):
    """Jolicoeur-Martineau 2019, of functions of what is beyond the mean of the other kind."""

    def units(real, fake):
        reals, fakes = real.reshape(-1).tolist(), fake.reshape(-1).tolist()
        mean_real = math.fsum(reals) / len(reals)
        mean_fake = math.fsum(fakes) / len(fakes)
        found = [
            of_real(r - mean_fake) + of_fake(f - mean_real)
            for r, f in zip(reals, fakes, strict=True)
        ]
        return torch.tensor(found, dtype=torch.float64).reshape(real.shape)

    return units


def _high(x):
    """Minus the logarithm of the probability of being real."""
    return _softplus(-x)


def _low(x):
    return _softplus(x)


def _slope(critic, point):
    """The gradient of the checker's critic, softplus(w . x + b), by the chain rule."""
    linear = critic[1].requires_grad_(False)
    w, x = linear.weight[0].tolist(), point.reshape(-1).tolist()
    score = math.fsum(a * b for a, b in zip(w, x, strict=True)) + float(linear.bias[0])
    # torch's softplus is a line beyond 20
    inside = 1.0 if score > 20 else 1 / (1 + math.exp(-score)) if score > -700 else 0.0
    return [a * inside for a in w]


def _norm(vector):
    return math.sqrt(math.fsum(v * v for v in vector))


def _zero_centred(critic, samples, *, gamma=10.0):
    """Mescheder et al. 2018, eq. 9 and 10."""
    found = [gamma / 2 * _norm(_slope(critic, x)) ** 2 for x in samples]
    return torch.tensor(found, dtype=torch.float64)


def _dragan(critic, real, *, deviation=1.0, target_norm=1.0):
    """Kodali et al. 2017, the penalty, with the checker's random numbers."""
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0)).double()
    found = [
        (_norm(_slope(critic, x + deviation * n)) - target_norm) ** 2
        for x, n in zip(real, noise, strict=True)
    ]
    return torch.tensor(found, dtype=torch.float64)


def _lipschitz(critic, real, fake):
    """Petzka et al. 2018, WGAN-LP, with the checker's random numbers."""
    t = torch.rand((len(real), 1, 1), generator=torch.Generator().manual_seed(0)).double()
    found = [
        max(0.0, _norm(_slope(critic, (1 - u) * x + u * y)) - 1) ** 2
        for u, x, y in zip(t, real, fake, strict=True)
    ]
    return torch.tensor(found, dtype=torch.float64)


def _path_length(network, latent, *, target_norm=0.0):
    """Karras et al. 2020, eq. 4, of a generator of single numbers and the checker's noise."""
    y = torch.randn((len(latent), 1), generator=torch.Generator().manual_seed(0)).tolist()
    found = [
        (abs(noise) * _norm(_slope(network, z)) - target_norm) ** 2
        for (noise,), z in zip(y, latent, strict=True)
    ]
    return torch.tensor(found, dtype=torch.float64)


def _feature_matching(real, fake):
    """Salimans et al. 2016, section 3.1, feature by feature."""
    found = [
        (math.fsum(r) / len(r) - math.fsum(f) / len(f)) ** 2
        for r, f in zip(real.T.tolist(), fake.T.tolist(), strict=True)
    ]
    return torch.tensor(found, dtype=torch.float64)


def _pulling_away(x):
    """Zhao et al. 2017, the pulling-away term, of each sample against the others."""
    rows = x.tolist()

    def cosine(a, b):
        return sum(p * q for p, q in zip(a, b, strict=True)) / (_norm(a) * _norm(b))

    found = [
        math.fsum(cosine(a, b) ** 2 for j, b in enumerate(rows) if j != i) / (len(rows) - 1)
        for i, a in enumerate(rows)
    ]
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {
    "hinge_discriminator_loss": _each(lambda r, f: max(0.0, 1 - r) + max(0.0, 1 + f)),
    "hinge_generator_loss": _each(lambda f: -f),
    "relativistic_discriminator_loss": _each(lambda r, f: _high(r - f)),
    "relativistic_generator_loss": _each(lambda r, f: _high(f - r)),
    "relativistic_average_discriminator_loss": _average(_high, _low),
    "relativistic_average_generator_loss": _average(_low, _high),
    "relativistic_average_least_squares_discriminator_loss": _average(
        lambda x: (x - 1) ** 2, lambda x: (x + 1) ** 2
    ),
    "relativistic_average_least_squares_generator_loss": _average(
        lambda x: (x + 1) ** 2, lambda x: (x - 1) ** 2
    ),
    "relativistic_average_hinge_discriminator_loss": _average(
        lambda x: max(0.0, 1 - x), lambda x: max(0.0, 1 + x)
    ),
    "relativistic_average_hinge_generator_loss": _average(
        lambda x: max(0.0, 1 + x), lambda x: max(0.0, 1 - x)
    ),
    "r1_penalty": _zero_centred,
    "r2_penalty": _zero_centred,
    "dragan_penalty": _dragan,
    "lipschitz_penalty": _lipschitz,
    "boundary_equilibrium_discriminator_loss": _each(lambda r, f, balance=0.0: r - balance * f),
    "boundary_equilibrium_generator_loss": _each(lambda f: f),
    "energy_based_discriminator_loss": _each(lambda r, f, margin=1.0: r + max(0.0, margin - f)),
    "energy_based_generator_loss": _each(lambda f: f),
    "path_length_penalty": _path_length,
    "feature_matching_loss": _feature_matching,
    "pulling_away_loss": _pulling_away,
}
