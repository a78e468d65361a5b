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


REFERENCES = {
    "mse_loss": _arrays(optax.losses.squared_error),
    "half_mse_loss": _arrays(optax.losses.l2_loss),
    "log_cosh_loss": _arrays(
        lambda x, y, scale=1.0: scale * optax.losses.log_cosh(x / scale, y / scale)
    ),
    "perceptron_loss": _arrays(optax.losses.perceptron_loss),
    "multi_class_perceptron_loss": _last(optax.losses.multiclass_perceptron_loss),
    "crammer_singer_loss": _last(
        lambda x, y, margin=1.0: margin * optax.losses.multiclass_hinge_loss(x / margin, y)
    ),
    "cosine_distance_loss": _arrays(optax.losses.cosine_distance),
    "logistic_loss": _arrays(
        lambda x, y: optax.losses.sigmoid_binary_cross_entropy(x, (y + 1) / 2)
    ),
}
