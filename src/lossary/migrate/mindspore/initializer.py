"""What a training script needs of mindspore.common.initializer: what layers begin with."""

from __future__ import annotations

from torch import Tensor, nn


class Initializer:
    """Fills a tensor: ``Normal(0.02)(tensor)``."""

    def __call__(self, tensor: Tensor) -> None:
        # an initializer of the user's defines it
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, tensor)")


class Normal(Initializer):
    """Normally distributed numbers, drawn by torch."""

    def __init__(self, sigma: float = 0.01, mean: float = 0.0) -> None:
        self.sigma = sigma
        self.mean = mean

    def __call__(self, tensor: Tensor) -> None:
        nn.init.normal_(tensor, self.mean, self.sigma)


class Uniform(Initializer):
    """Numbers between ``-scale`` and ``scale``, drawn by torch."""

    def __init__(self, scale: float = 0.07) -> None:
        self.scale = scale

    def __call__(self, tensor: Tensor) -> None:
        nn.init.uniform_(tensor, -self.scale, self.scale)


class Constant(Initializer):
    """One number everywhere."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, tensor: Tensor) -> None:
        nn.init.constant_(tensor, self.value)


class Zero(Constant):
    """Zeros."""

    def __init__(self) -> None:
        super().__init__(0.0)


class One(Constant):
    """Ones."""

    def __init__(self) -> None:
        super().__init__(1.0)


NAMES: dict[str, type[Initializer]] = {
    "normal": Normal,
    "uniform": Uniform,
    "zeros": Zero,
    "zero": Zero,
    "ones": One,
    "one": One,
}
