"""The equations of further papers on games, one sample at a time."""

import math

import torch


def _surprise(t):
    """Minus the logarithm of a sigmoid."""
    return max(-t, 0.0) + math.log1p(math.exp(-abs(t)))


def _class(logits, label):
    largest = max(logits)
    return largest - logits[label] + math.log(math.fsum(math.exp(v - largest) for v in logits))


def _samples(function):
    def units(*tensors, **hyper):
        rows = zip(*(t.tolist() for t in tensors), strict=True)
        return torch.tensor([function(*row, **hyper) for row in rows], dtype=torch.float64)

    return units


def _discriminator(real, fake, real_logits, fake_logits, real_label, fake_label):
    """Odena et al. 2017: less L_S + L_C."""
    source = -_surprise(real) - _surprise(-fake)
    classes = -_class(real_logits, real_label) - _class(fake_logits, fake_label)
    return -(source + classes)


def _mode_seeking(x, y, a, b, *, eps=1e-5):
    """Mao et al. 2019."""
    found = []
    for images, latents in zip(zip(x, y, strict=True), zip(a, b, strict=True), strict=True):
        d_image, d_latent = (
            math.fsum(abs(u - v) for u, v in zip(p.flatten(), q.flatten(), strict=True)) / p.numel()
            for p, q in (images, latents)
        )
        found.append(1 / (d_image / d_latent + eps))
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {
    "auxiliary_classifier_discriminator_loss": _samples(_discriminator),
    "auxiliary_classifier_generator_loss": _samples(lambda f, x, y: _surprise(f) + _class(x, y)),
    "mode_seeking_loss": _mode_seeking,
}
