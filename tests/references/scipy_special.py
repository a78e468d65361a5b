"""SciPy's special functions and statistics."""

import numpy as np
from scipy.special import huber, log_expit, log_softmax, rel_entr
from scipy.stats import entropy


def _log_softmax(x, y):
    return -np.take_along_axis(log_softmax(x.numpy(), 1), y.numpy()[:, None], 1).squeeze(1)


def _rel_entr(log_p, q):
    return rel_entr(q.numpy(), log_p.exp().numpy()).sum(1)


REFERENCES = {
    "entropy": lambda x: entropy(np.exp(log_softmax(x.numpy(), 1)), axis=1),
    "kl_divergence": _rel_entr,
    "huber_loss": lambda x, y, delta=1.0: huber(delta, (x - y).numpy()),
    "logistic_loss": lambda x, y: -log_expit((x * y).numpy()),
    "balanced_cross_entropy": lambda x, y, alpha: (
        alpha.double().numpy()[y.numpy()] * _log_softmax(x, y)
    ),
    "balanced_binary_cross_entropy": lambda x, y, alpha=0.5: (
        -(
            alpha * y.numpy() * log_expit(x.numpy())
            + (1 - alpha) * (1 - y.numpy()) * log_expit(-x.numpy())
        )
    ),
    "exponential_loss": lambda x, y, clip=64.0: np.where(
        -(x * y).numpy() < clip,
        np.exp(np.minimum(-(x * y).numpy(), clip)),
        np.exp(clip) * (1 - (x * y).numpy() - clip),
    ),
    "squared_hinge_loss": lambda x, y, margin=1.0: np.maximum(0, margin - (x * y).numpy()) ** 2,
}
