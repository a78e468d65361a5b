"""A loss of one's own has everything that a loss of the library has."""

import pytest
import torch
from torch import Tensor

from lossary import LossBase, Reduction, SampledSoftmaxLoss, check, parts

X, Y = torch.tensor([1.0, 5.0, 2.0]), torch.tensor([3.0, 5.0, 1.0])


class CubicLoss(LossBase):
    takes = "real *, real * -> *"

    def __init__(self, *, power: float = 3.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, power=power)

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - target).abs() ** self.power


class BareLoss(LossBase):
    """Five lines, no signature."""

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - target) ** 2


class MaskedLoss(LossBase):
    """Units below zero do not take part."""

    takes = "real N, real N -> N"

    def units(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return (input - target) ** 2, target >= 0


def test_weights_masks_reductions_and_parts() -> None:
    assert CubicLoss()(X, Y) == 3
    assert CubicLoss(reduction="sum")(X, Y) == 9
    assert CubicLoss(power=1.0, reduction="none")(X, Y).tolist() == [2, 0, 1]
    assert CubicLoss()(X, Y, weight=torch.tensor([1, 0, 3])) == 11 / 4
    assert CubicLoss()(X, Y, weight=torch.tensor([True, True, False])) == 4
    pair = parts(CubicLoss(), X, Y)
    assert (pair.total, pair.weight) == (9, 3)


def test_own_weights_multiply() -> None:
    target = torch.tensor([3.0, -1.0, 1.0])
    assert MaskedLoss()(X, target) == 2.5
    assert MaskedLoss()(X, target, weight=torch.tensor([1, 1, 3])) == 7 / 4


def test_masked_units_may_hold_nan_without_a_signature() -> None:
    x = torch.tensor([1.0, torch.nan, 2.0], requires_grad=True)
    loss = BareLoss()(x, Y, weight=torch.tensor([True, False, True]))
    (gradient,) = torch.autograd.grad(loss, x)
    assert loss == 2.5
    assert gradient.tolist() == [-2, 0, 1]


def test_half_precision_is_widened() -> None:
    x = torch.tensor([300.0, 0.0], dtype=torch.float16)
    loss = BareLoss()(x, torch.zeros(2, dtype=torch.float16))  # 300 ** 2 overflows float16
    assert loss.dtype == torch.float16
    assert loss.item() == pytest.approx(45000, rel=1e-3)


def test_shapes_are_checked_by_the_signature() -> None:
    with pytest.raises(ValueError, match="CubicLoss: target must have shape"):
        CubicLoss()(X, Y.unsqueeze(1))


def test_tensors_become_buffers_that_are_not_saved() -> None:
    class Scaled(LossBase):
        def __init__(self) -> None:
            super().__init__(scale=torch.ones(3))

        def units(self, input: Tensor) -> Tensor:
            return input * self.scale

    assert [name for name, _ in Scaled().named_buffers()] == ["scale"]
    assert Scaled().state_dict() == {}


def test_parameters_among_the_hyperparameters_are_trained_and_saved() -> None:
    bias = torch.nn.Parameter(torch.zeros(20))
    loss = SampledSoftmaxLoss(4, 20, class_bias=bias)
    assert {name for name, _ in loss.named_parameters()} == {"class_bias", "class_vectors"}
    loss(torch.randn(3, 4), torch.tensor([0, 1, 2])).backward()
    assert bias.grad is not None
    assert "class_bias" in loss.state_dict()


def test_units_must_be_defined() -> None:
    class Empty(LossBase):
        pass

    with pytest.raises(TypeError, match="Empty must define units"):
        Empty()


def test_a_signature_without_a_unit_is_refused() -> None:
    with pytest.raises(TypeError, match=r"takes must name the unit, as in \"real N -> N\""):

        class NoUnit(LossBase):
            takes = "real N"

            def units(self, input: Tensor) -> Tensor:
                return input


def test_repr_names_the_hyperparameters() -> None:
    assert repr(CubicLoss(power=2.0)) == "CubicLoss(power=2.0, reduction='mean')"


def test_own_losses_obey_the_contract() -> None:
    check(CubicLoss).raise_if_failed()
    check(BareLoss, "real *, real * -> *").raise_if_failed()
