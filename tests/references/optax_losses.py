"""Optax, in double precision."""

import jax
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)


def _arrays(loss):
    def units(*tensors, **hyper):
        return np.array(loss(*(t.numpy() for t in tensors), **hyper))

    return units


def _last(loss):
    """Move the classes last, where Optax has them."""

    def units(x, y, **hyper):
        return np.array(loss(np.moveaxis(x.numpy(), 1, -1), y.numpy(), **hyper))

    return units


def _poly(x, y, epsilon=1.0):
    return optax.poly_loss_cross_entropy(x, jax.nn.one_hot(y, x.shape[-1]), epsilon)


REFERENCES = {
    "mse_loss": _arrays(optax.squared_error),
    "half_mse_loss": _arrays(optax.l2_loss),
    "huber_loss": _arrays(lambda x, y, delta=1.0: optax.huber_loss(x, y, delta)),
    "perceptron_loss": _arrays(optax.perceptron_loss),
    "multi_class_perceptron_loss": _last(optax.multiclass_perceptron_loss),
    "crammer_singer_loss": _last(
        lambda x, y, margin=1.0: margin * optax.multiclass_hinge_loss(x / margin, y)
    ),
    "sparsemax_loss": _last(optax.multiclass_sparsemax_loss),
    "poly_cross_entropy": _last(_poly),
    "binary_cross_entropy_with_logits": _arrays(optax.sigmoid_binary_cross_entropy),
    "kl_divergence": _arrays(optax.kl_divergence),
    "cosine_distance_loss": _arrays(optax.cosine_distance),
    "logistic_loss": _arrays(lambda x, y: optax.sigmoid_binary_cross_entropy(x, (y + 1) / 2)),
}
