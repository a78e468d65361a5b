"""Losses made of losses."""

import math

import pytest
import torch
from torch import nn

import lossary
from lossary import (
    DeepSupervision,
    HardUnits,
    UncertaintyWeightedSum,
    WeightedSum,
    WholeBatch,
    ramp,
)
from lossary.compose import DynamicWeightAverage, GradNorm
from lossary.train import Callback, Model

X, Y = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 0.0])


class _Cubes(lossary.LossBase):
    def units(self, input, target):
        return (input - target).abs() ** 3


def _grad_norm(losses):
    return GradNorm(losses, nn.Parameter(torch.ones(2)))


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


def test_parts_of_a_sum_add_up_to_the_whole_where_the_parts_count_differently():
    loss = WeightedSum(
        {"kept": lossary.MSELoss(), "hard": HardUnits(lossary.MSELoss(), share=1.0)}, {"kept": 2.0}
    )
    x = torch.randn(7, dtype=torch.float64, requires_grad=True)
    y, weight = torch.randn(7, dtype=torch.float64), torch.tensor([0.0, 1, 2, 0, 0, 1, 3]).double()
    whole = loss(x, y, weight=weight)
    pieces = [
        lossary.parts(loss, x[a:b], y[a:b], weight=weight[a:b]) for a, b in ((0, 2), (2, 3), (3, 7))
    ]
    added = sum(pieces)
    torch.testing.assert_close(added.mean(), whole)
    torch.testing.assert_close(added.means(), loss.named(x, y, weight=weight))
    found, wanted = (torch.autograd.grad(v, x)[0] for v in (added.mean(), whole))
    torch.testing.assert_close(found, wanted)
    means = torch.stack([piece.mean() for piece in pieces]).mean()
    assert not torch.isclose(means, whole)  # what the mean of means would have been


def test_parts_of_a_sum_keep_apart_what_has_masks_and_what_has_not():
    class Sharp(lossary.LossBase):
        def units(self, input, target):
            return lossary.entropy(input, reduction="none")

    loss = lossary.CrossEntropyLoss() + Sharp()
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, -100, -100, 1, 2, 0])
    pieces = [lossary.parts(loss, x[:3], y[:3]), lossary.parts(loss, x[3:], y[3:])]
    torch.testing.assert_close((pieces[0] + pieces[1]).mean(), loss(x, y))
    assert [p.weight.item() for p in pieces[0].named.values()] == [1, 3]


def test_parts_of_a_sum_of_sums_are_refused():
    loss = WeightedSum({"a": lossary.MSELoss(reduction="sum")})
    with pytest.raises(ValueError, match="'a' has no parts"):
        lossary.parts(loss, X, Y)
    other = lossary.parts(WeightedSum({"b": lossary.MSELoss()}), X, Y)
    with pytest.raises(ValueError, match=r"different sums do not add: \['a'\] and \['b'\]"):
        lossary.parts(WeightedSum({"a": lossary.MSELoss()}), X, Y) + other


@pytest.mark.parametrize("sum_of", [WeightedSum, UncertaintyWeightedSum, DynamicWeightAverage])
def test_a_fused_sum_is_the_same_sum(sum_of):
    loss = sum_of({"l1": lossary.L1Loss(), "mse": lossary.MSELoss(), "cubes": _Cubes()})
    fused = lossary.fuse(loss)
    assert type(fused) is sum_of
    x, y = torch.randn(2, 500, 500, requires_grad=True)
    for given, wanted in zip(fused.named(x, y).values(), loss.named(x, y).values(), strict=True):
        torch.testing.assert_close(given, wanted)
    torch.testing.assert_close(fused(x, y), loss(x, y))
    assert [each.reasons for each in fused.losses.values()] == [(), (), ()]
    assert list(fused.parameters()) == list(loss.parameters())
    torch.testing.assert_close(lossary.parts(fused, x, y).mean(), loss(x, y))
    with pytest.raises(ValueError, match="more than once"):
        lossary.fuse(loss, donate_input=True)


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


@pytest.mark.parametrize("make_sum", [UncertaintyWeightedSum, DynamicWeightAverage, _grad_norm])
def test_learned_coefficients_are_not_lost_by_an_operator(make_sum):
    learned = make_sum({"l1": lossary.L1Loss()})
    for make in (
        lambda: 2 * learned,
        lambda: learned * 2,
        lambda: learned + lossary.L1Loss(),
        lambda: lossary.L1Loss() + learned,
    ):
        with pytest.raises(TypeError, match="learned coefficients cannot be"):
            make()


def test_learned_coefficients_can_be_read():
    learned = UncertaintyWeightedSum({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})
    nn.init.constant_(learned.log_variance["mse"], math.log(4.0))
    assert learned.coefficient("l1") == 1.0
    assert learned.coefficient("mse") == pytest.approx(0.25)


def test_the_average_follows_the_ratio_of_the_last_two_epochs():
    loss = DynamicWeightAverage(
        {"l1": lossary.L1Loss(), "mse": lossary.MSELoss(), "huber": lossary.HuberLoss()},
        temperature=1.5,
    )
    epochs = [[5.0, 4.0, 0.0], [4.0, 1.0, 0.0], [3.0, 2.0, 1.0]]
    for last, means in enumerate(epochs):
        loss.update({"epoch": last, **dict(zip(loss.losses, means, strict=True))})
        found = [loss.coefficient(name) for name in loss.losses]
        if last == 0:
            assert found == [1.0, 1.0, 1.0]
        if last == 1:  # what stays at 0 neither falls nor rises
            powers = [math.exp(ratio / 1.5) for ratio in (4 / 5, 1 / 4, 1.0)]
            assert found == pytest.approx([3 * p / sum(powers) for p in powers])
    assert found == [0.0, 0.0, 3.0]  # from 0 to 1 is infinitely slow


def test_a_loss_that_comes_back_from_zero_does_not_break_the_average():
    loss = DynamicWeightAverage({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})
    for mean in (0.0, 1e6):
        loss.update({"l1": mean, "mse": mean})
    assert [loss.coefficient(name) for name in loss.losses] == [1.0, 1.0]


def test_the_total_of_the_average_is_saved_and_differentiated():
    loss = DynamicWeightAverage({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})
    loss.update({"l1": 1.0, "mse": 1.0})
    loss.update({"l1": 0.5, "mse": torch.tensor(0.25)})
    powers = [math.exp(0.25), math.exp(0.125)]
    a, b = (2 * p / sum(powers) for p in powers)
    x = X.clone().requires_grad_()
    value = loss(x, Y)
    assert value.item() == pytest.approx(a * 2.5 + b * 8.5)
    value.backward()
    assert x.grad.tolist() == pytest.approx([a / 2 + b, a / 2 + 4 * b])
    fresh = DynamicWeightAverage({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})
    fresh.load_state_dict(loss.state_dict())
    for each in (loss, fresh):
        each.update({"l1": 0.5, "mse": 0.5})
    assert fresh.coefficient("l1") == loss.coefficient("l1")


def test_means_that_say_nothing_are_refused():
    loss = DynamicWeightAverage({"l1": lossary.L1Loss()})
    with pytest.raises(ValueError, match=r"mean of 'l1' is missing; there are \['mse'\]"):
        loss.update({"mse": 1.0})
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"mean of 'l1' must be finite and not negative"):
            loss.update({"l1": wrong})
    with pytest.raises(ValueError, match=r"temperature must lie in \(0, inf\), got 0"):
        DynamicWeightAverage({"l1": lossary.L1Loss()}, temperature=0.0)


def test_a_callback_brings_the_average_its_epochs():
    loss = DynamicWeightAverage({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})

    class Balance(Callback):
        def on_epoch_end(self, run) -> None:
            loss.update(run.history[-1])

    torch.manual_seed(0)
    model = Model(nn.Linear(3, 1), loss, lambda p: torch.optim.SGD(p, lr=0.1))
    history = model.train(
        2, (torch.randn(8, 3), torch.randn(8, 1)), callbacks=[Balance()], progress=False
    )
    speeds = [history[1][name] / history[0][name] for name in ("l1", "mse")]
    powers = [math.exp(speed / 2) for speed in speeds]
    assert loss.coefficient("mse") == pytest.approx(2 * powers[1] / sum(powers))


def _two_tasks(seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return network.double(), torch.randn(8, 3).double(), torch.randn(8, 2).double()


def test_gradient_norms_are_balanced_as_the_paper_does():
    network, x, y = _two_tasks()
    losses = {"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}
    loss = GradNorm(losses, network[0].weight, alpha=0.7).double()
    optimizer = torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=0.05)
    naive, x2, y2 = _two_tasks()
    w, first = torch.ones(2, dtype=torch.float64, requires_grad=True), None
    for _ in range(6):
        optimizer.zero_grad()
        value = loss(network(x), y)
        value.backward()
        # algorithm 1, with the second derivative that the library saves itself
        parts = torch.stack([(naive(x2) - y2).abs().mean(), (naive(x2) - y2).square().mean()])
        first = parts.detach() if first is None else first
        assert value.item() == pytest.approx((w * parts).sum().item())
        norms = torch.stack(
            [
                torch.autograd.grad(w[i] * parts[i], naive[0].weight, create_graph=True)[0].norm()
                for i in range(2)
            ]
        )
        rate = (parts / first).detach()
        wanted = norms.mean().detach() * (rate / rate.mean()) ** 0.7
        (slope,) = torch.autograd.grad((norms - wanted).abs().sum(), w, retain_graph=True)
        torch.testing.assert_close(loss.factors.grad, slope)
        (w.detach() * parts).sum().backward()
        optimizer.step()
        with torch.no_grad():
            for p in naive.parameters():
                p -= 0.05 * p.grad
                p.grad = None
            w -= 0.05 * slope
            w *= 2 / w.sum()
    assert loss.coefficient("l1") == pytest.approx(w[0].item())
    assert abs(w[0].item() - 1) > 0.01
    for found, wanted in zip(network.parameters(), naive.parameters(), strict=True):
        torch.testing.assert_close(found, wanted)


def test_gradient_norms_rest_outside_of_training():
    network, x, y = _two_tasks()
    losses = {"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}
    loss = GradNorm(losses, network[0].weight, initial={"mse": 2.0}).double()
    with torch.no_grad():
        outside = loss(network(x), y)
    loss.eval()
    loss(network(x), y).backward()
    assert loss.factors.grad is None
    assert loss.first[0].isnan()
    loss.train()
    torch.testing.assert_close(loss(network(x), y), outside)
    assert loss.first.tolist() == [loss.named(network(x), y)["l1"].item(), 2.0]
    assert set(loss.state_dict()) == {"factors", "first"}  # what is shared is not the loss's


def test_a_part_of_nothing_is_no_beginning_of_gradient_norms():
    network, x, y = _two_tasks()
    losses = {"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}
    loss = GradNorm(losses, network[0].weight).double()
    loss(network(x), y, weight=torch.zeros_like(y)).backward()  # all is masked
    assert loss.first.isnan().all()
    assert loss.factors.grad.tolist() == [0.0, 0.0]
    parts = loss.named(network(x), y)
    loss.total({"l1": parts["l1"], "mse": 0 * parts["mse"]})
    loss.total(parts).backward()
    assert loss.factors.grad.isfinite().all()
    assert loss.first.tolist() == [part.item() for part in parts.values()]
    fresh = GradNorm(losses, network[0].weight).double()
    fresh.load_state_dict(loss.state_dict())
    assert fresh.first.tolist() == loss.first.tolist()


def test_gradient_norms_keep_coefficients_above_zero():
    network, x, y = _two_tasks()
    losses = {"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}
    loss = GradNorm(losses, list(network[0].parameters()))
    loss.factors.data = torch.tensor([-3.0, 1.0])
    loss(network(x), y)
    assert loss.factors.sum().item() == pytest.approx(2.0)
    assert 0 < loss.coefficient("l1") < 0.01


def test_the_trainer_learns_gradient_norms():
    network, x, y = _two_tasks()
    network.float()
    losses = {"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}
    loss = GradNorm(losses, network[0].weight)
    model = Model(network, loss, lambda p: torch.optim.SGD(p, lr=0.05))
    with pytest.warns(RuntimeWarning, match="GradNorm compares the gradients of each batch"):
        model.train(5, (x.float(), y.float()), batch_size=2, accumulate=2, progress=False)
    assert loss.coefficient("l1") + loss.coefficient("mse") == pytest.approx(2.0)
    assert loss.coefficient("l1") != 1.0


def test_what_gradient_norms_cannot_compare_is_refused():
    network, x, y = _two_tasks()
    losses = {"l1": lossary.L1Loss()}
    with pytest.raises(ValueError, match="'l1' does not depend on the shared parameters"):
        GradNorm(losses, nn.Parameter(torch.ones(2)))(network(x), y)
    with pytest.raises(ValueError, match="'l1' does not depend on the shared parameters"):
        GradNorm(losses, network[0].weight)(x, x)
    with pytest.raises(ValueError, match="at least one shared parameter"):
        GradNorm(losses, [])
    with pytest.raises(ValueError, match=r"initial losses of \['mse'\]"):
        GradNorm(losses, network[0].weight, initial={"mse": 1.0})
    with pytest.raises(ValueError, match=r"initial loss of 'l1' must lie in \(0, inf\), got 0"):
        GradNorm(losses, network[0].weight, initial={"l1": 0.0})
    with pytest.raises(ValueError, match=r"alpha must lie in \[0, inf\), got -1"):
        GradNorm(losses, network[0].weight, alpha=-1.0)


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


def test_all_units_are_hard_at_a_share_of_one():
    """Then the weighted mean is that of the loss itself, whatever the weights add up to."""
    x, y = torch.tensor([[5.0, 1.0], [2.0, 4.0]]), torch.zeros(2, 2)
    weight = torch.tensor([[0.1, 0.3], [0.0, 0.2]])
    for inner in (lossary.L1Loss(), _Cubes()):
        for reduction in ("none", "sum", "mean", "parts"):
            found = HardUnits(inner, share=1.0).reduced(x, y, weight=weight, reduction=reduction)
            wanted = inner.reduced(x, y, weight=weight, reduction=reduction)
            torch.testing.assert_close(found, wanted)


def test_hard_units_are_chosen_by_weighted_loss_and_averaged_by_weight():
    x, weight = torch.tensor([5.0, 1.0, 2.0, 4.0]), torch.tensor([0.1, 3.0, 1.0, 1.0])
    value = HardUnits(lossary.L1Loss(), share=0.5)(x, torch.zeros(4), weight=weight)
    assert value.item() == pytest.approx((3 * 1.0 + 4.0) / (3 + 1))  # 0.5, 3, 2 and 4


def test_several_outputs_have_a_coefficient_each():
    loss = DeepSupervision(
        lossary.L1Loss(), [1.0, 0.5], resize=lambda output, target: target[: len(output)]
    )
    assert loss([X, X[:1] + 1], Y) == 2.5 + 0.5 * 2
    with pytest.raises(ValueError, match="1 outputs for 2 coefficients"):
        loss([X], Y)
    with pytest.raises(TypeError, match="other tensors than those of one"):
        loss + lossary.L1Loss()
    with pytest.raises(TypeError, match="coefficients of each output"):
        2 * loss


def test_several_outputs_add_up_where_labels_are_ignored():
    loss = DeepSupervision(lossary.CrossEntropyLoss(), [1.0, 0.5])
    fine, coarse = torch.randn(2, 6, 3, dtype=torch.float64)
    y = torch.tensor([0, -100, -100, 1, 2, -100])
    pieces = [lossary.parts(loss, [fine[s], coarse[s]], y[s]) for s in (slice(0, 3), slice(3, 6))]
    torch.testing.assert_close((pieces[0] + pieces[1]).mean(), loss([fine, coarse], y))
    fused = lossary.fuse(loss)
    torch.testing.assert_close(fused([fine, coarse], y), loss([fine, coarse], y))


def _dice_by_hand(p, q, counts, smooth):
    """Return the Dice loss of one class of a whole batch, pixel by pixel."""
    both = total = 0.0
    for p_i, q_i, w in zip(p.flatten(), q.flatten(), counts.flatten(), strict=True):
        both += (w * p_i * q_i).item()
        total += (w * (p_i + q_i)).item()
    return 1 - (2 * both + smooth) / (total + smooth)


@pytest.mark.parametrize("form", ["labels", "shares"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_regions_of_the_whole_batch(form, weighted, masked):
    x = torch.randn(3, 4, 2, 5, dtype=torch.float64)
    y = torch.randint(0, 4, (3, 2, 5))
    one_hot = nn.functional.one_hot(y, 4).movedim(-1, 1).double()
    weight = torch.tensor([0.0, 2.0, 1.0]).double() if weighted else None
    mask = torch.rand(3, 2, 5).double() if masked else None
    counts = torch.ones(3, 2, 5).double()
    if mask is not None:
        counts = counts * mask
    if weight is not None:
        counts = counts * weight[:, None, None]
    p = x.softmax(1)
    wanted = sum(_dice_by_hand(p[:, c], one_hot[:, c], counts, 0.5) for c in range(4)) / 4
    loss = WholeBatch(lossary.DiceLoss(smooth=0.5, mask=mask))
    found = loss(x, y if form == "labels" else one_hot, weight=weight)
    assert found.item() == pytest.approx(wanted, rel=1e-12)


def test_regions_of_the_whole_batch_are_not_those_of_its_samples():
    x, y = torch.randn(2, 6), torch.tensor([[1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1]])
    loss = WholeBatch(lossary.SigmoidTverskyLoss())
    alone = lossary.SigmoidTverskyLoss()
    assert not torch.isclose(loss(x, y), alone(x, y))
    torch.testing.assert_close(loss(x, y), alone(x.flatten()[None], y.flatten()[None]))
    assert lossary.parts(loss, x, y).weight == 1


@pytest.mark.parametrize("loss", [lossary.MSELoss(), nn.MSELoss(), lossary.PSNRLoss()])
def test_only_losses_of_regions_are_those_of_a_whole_batch(loss):
    with pytest.raises(TypeError, match="a mask of pixels"):
        WholeBatch(loss)
