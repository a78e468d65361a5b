"""Keras on PyTorch, one sample or number at a time; it takes the target first."""

import os

import torch

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # the backend has to be chosen before

keras.config.set_floatx("float64")


def _numbers(loss):
    """Apply a loss to each number on its own, because it averages the last dimension."""

    def units(x, y, **hyper):
        return torch.as_tensor(loss(y.reshape(-1, 1), x.reshape(-1, 1), **hyper)).reshape(x.shape)

    return units


def _one_hot(loss):
    """Apply a loss of one-hot labels to the rows of (N, C, ...)."""

    def units(x, y, **hyper):
        rows = x.movedim(1, -1)
        truth = torch.nn.functional.one_hot(y, x.shape[1]).to(x.dtype)
        return torch.as_tensor(loss(truth, rows, **hyper))

    return units


losses = keras.losses
REFERENCES = {
    "mse_loss": _numbers(losses.mean_squared_error),
    "l1_loss": _numbers(losses.mean_absolute_error),
    "huber_loss": _numbers(losses.huber),
    "hinge_loss": _numbers(
        lambda y, x, margin=1.0: margin * losses.hinge(y, x / margin) if margin else 0 * x[:, 0]
    ),
    "categorical_hinge_loss": _one_hot(losses.categorical_hinge),
}
