"""PyTorch's distributions: log-probabilities and divergences."""

import torch
from torch.distributions import (
    Categorical,
    Laplace,
    MixtureSameFamily,
    NegativeBinomial,
    Normal,
    StudentT,
    kl_divergence,
)

FREE = {"validate_args": False}  # counts between whole numbers too


def _gaussian(x, y, v, full=False, eps=1e-6):
    found = -Normal(x, v.clamp(min=eps).sqrt()).log_prob(y)
    return found if full else found - torch.log(torch.tensor(2 * torch.pi, dtype=x.dtype)) / 2


def _gaussian_kl(mean, log_variance, clip=64.0):
    found = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0 * mean, 1.0))
    line = torch.tensor(clip, dtype=mean.dtype).exp() * (1 + log_variance - clip)
    beyond = (line + mean.square() - 1 - log_variance) / 2  # its own, there is no such Gaussian
    return torch.where(log_variance > clip, beyond, found).sum(1)


def _mixture(x, mean, scale, y, eps=1e-3):
    parts = Normal(mean, scale.clamp(min=eps))
    return -MixtureSameFamily(Categorical(logits=x), parts, **FREE).log_prob(y)


REFERENCES = {
    "gaussian_nll_loss": _gaussian,
    "laplace_nll_loss": lambda x, y, s, eps=1e-6: -Laplace(x, s.clamp(min=eps)).log_prob(y),
    "student_t_nll_loss": lambda x, y, s, degrees_of_freedom=4.0, eps=1e-6: (
        -StudentT(degrees_of_freedom, x, s.clamp(min=eps)).log_prob(y)
    ),
    "gaussian_mixture_nll_loss": _mixture,
    "gaussian_kl_divergence": _gaussian_kl,
    "negative_binomial_nll_loss": lambda x, y, dispersion=1.0: (
        -NegativeBinomial(
            1 / dispersion, logits=x + torch.tensor(dispersion, dtype=x.dtype).log(), **FREE
        ).log_prob(y)
    ),
}
