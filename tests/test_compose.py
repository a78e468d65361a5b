"""Losses made of losses."""

import math

import pytest
import torch
from torch import nn

import lossary
from lossary import DeepSupervision, HardUnits, UncertaintyWeightedSum, WeightedSum, ramp
from lossary.train import Callback, Model

X, Y = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 0.0])


def test_operators_make_a_sum_with_names():
    loss = 0.5 * lossary.L1Loss() + lossary.MSELoss() * 2 + lossary.MSELoss()
    assert loss.named(X, Y) == {"l1_loss": 2.5, "mse_loss": 8.5, "mse_loss_2": 8.5}
    assert loss(X, Y) == 0.5 * 2.5 + 2 * 8.5 + 8.5
    assert (2 * loss)(X, Y) == 2 * loss(X, Y)
    assert (loss + lossary.L1Loss()).named(X, Y)["l1_loss_2"] == 2.5


def test_a_mapping_names_the_parts():
    loss = WeightedSum({"far": lossary.MSELoss(), "near": lossary.L1Loss()}, {"near": 3.0})
    assert loss(X, Y) == 8.5 + 3 * 2.5


@pytest.mark.parametrize("other", [1.0, "loss", torch.nn.L1Loss()])
def test_what_is_no_loss_is_refused(other):
    with pytest.raises(TypeError, match="added to a loss"):
        lossary.L1Loss() + other
    if not isinstance(other, float):
        with pytest.raises(TypeError, match="multiplied by a number"):
            lossary.L1Loss() * other


def test_sums_of_nothing_and_coefficients_for_nobody_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        WeightedSum({})
    with pytest.raises(ValueError, match=r"coefficients for \['c'\]"):
        WeightedSum({"a": lossary.L1Loss()}, {"c": 1.0})


def test_weights_reach_every_part():
    loss = lossary.L1Loss() + lossary.MSELoss()
    assert loss(X, Y, weight=torch.tensor([True, False])) == 2.0


def test_a_sum_can_be_fused_and_saved():
    loss = WeightedSum({"a": lossary.fuse(lossary.MSELoss())})
    x = torch.randn(400, 400, requires_grad=True)
    torch.testing.assert_close(loss(x, torch.zeros(400, 400)), x.detach().square().mean())


def test_the_trainer_logs_parts_and_counts_steps():
    class Watch(Callback):
        def __init__(self) -> None:
            self.parts: list[dict[str, float]] = []

        def on_step_end(self, run) -> None:
            self.parts.append(dict(run.parts))

    loss = WeightedSum(
        {"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}, {"mse": ramp(0.0, 1.0, steps=4)}
    )
    watch = Watch()
    model = Model(nn.Linear(3, 1), loss, lambda p: torch.optim.SGD(p, lr=0.0))
    data = torch.randn(8, 3), torch.randn(8, 1)
    model.train(3, data, callbacks=[watch], batch_size=4, progress=False)
    assert loss.step == 6
    assert set(watch.parts[0]) == {"l1", "mse"}
    assert loss.coefficient("mse") == 1.0


def test_uncertainty_finds_the_minimum_of_its_formula():
    loss = UncertaintyWeightedSum({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})
    optimizer = torch.optim.LBFGS(loss.parameters(), max_iter=100)

    def step():
        optimizer.zero_grad()
        value = loss(X, Y)
        value.backward()
        return value

    optimizer.step(step)
    # at the minimum of exp(-s) L + s the number s is log L
    assert loss.log_variance["l1"].item() == pytest.approx(math.log(2.5), abs=1e-3)
    assert loss.log_variance["mse"].item() == pytest.approx(math.log(8.5), abs=1e-3)


def test_learned_coefficients_are_not_lost_by_an_operator():
    learned = UncertaintyWeightedSum({"l1": lossary.L1Loss()})
    for make in (
        lambda: 2 * learned,
        lambda: learned * 2,
        lambda: learned + lossary.L1Loss(),
        lambda: lossary.L1Loss() + learned,
    ):
        with pytest.raises(TypeError, match="learned coefficients cannot be"):
            make()


def test_ignored_units_are_none_of_the_hard_ones():
    logits, labels = torch.zeros(8, 2), torch.tensor([0, 1, -100, -100, -100, -100, -100, -100])
    logits[0, 1] = 3.0  # the hard one of the two that take part
    hard = HardUnits(lossary.CrossEntropyLoss(), share=0.5)
    torch.testing.assert_close(hard(logits, labels), lossary.cross_entropy(logits[:1], labels[:1]))


def test_hard_units_are_the_largest_of_those_that_take_part():
    x = torch.tensor([[5.0, 1.0], [2.0, 4.0]], requires_grad=True)
    hard = HardUnits(lossary.L1Loss(), share=0.5)
    value = hard(x, torch.zeros(2, 2))
    assert value == 4.5
    value.backward()
    assert x.grad.tolist() == [[0.5, 0.0], [0.0, 0.5]]
    masked = torch.tensor([[False, True], [True, True]])
    assert hard(x, torch.zeros(2, 2), weight=masked) == 3.0
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    assert hard(x, torch.zeros(2, 2), weight=nothing) == 0
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\]"):
        HardUnits(lossary.L1Loss(), share=0.0)


def test_several_outputs_have_a_coefficient_each():
    loss = DeepSupervision(
        lossary.L1Loss(), [1.0, 0.5], resize=lambda output, target: target[: len(output)]
    )
    assert loss([X, X[:1] + 1], Y) == 2.5 + 0.5 * 2
    with pytest.raises(ValueError, match="1 outputs for 2 coefficients"):
        loss([X], Y)
