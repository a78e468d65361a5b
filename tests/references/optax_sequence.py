"""Optax's CTC, in double precision; instead of lengths it takes masks of what is padding."""

import jax
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)


def _ctc(x, y, input_lengths, target_lengths, *, blank=0, infeasible="raise", per_label=False):
    classes = x.shape[2]
    frames = np.arange(x.shape[1]) >= input_lengths.numpy()[:, None]
    labels = np.arange(y.shape[1]) >= target_lengths.numpy()[:, None]
    units = optax.losses.ctc_loss(
        x.numpy(), frames.astype(float), y.clamp(0, classes - 1).numpy(), labels.astype(float),
        blank_id=blank, log_epsilon=-1e10,
    )  # fmt: skip
    return np.array(units) / (target_lengths.clamp(min=1).numpy() if per_label else 1)


REFERENCES = {"ctc_loss": _ctc, "ctc_nll_loss": _ctc}
