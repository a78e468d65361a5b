"""Keras 3 on torch: its losses by their own names, and ``y_true`` first."""

from __future__ import annotations

from .framework import Framework

_HOME = "lossary.migrate.keras"

KERAS = Framework(
    name="Keras",
    packages=("keras", "tensorflow"),
    homes={"keras.losses": _HOME, "tensorflow.keras.losses": _HOME},
    caution="lossary.migrate.keras takes torch tensors: Keras has to run on its torch backend",
)
