"""The checker finds what is wrong, and passes what is right."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lossary import LossBase, check, l1_loss
from lossary.check import LAWS

REGRESSION = "real N D, real N D -> N"
CLASSES = "real N C, label N -> N"


def correct(input: Tensor, target: Tensor) -> Tensor:
    return (input - target).square().mean()


def cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    return -input.log_softmax(1).gather(1, target[:, None]).mean()


def naive_log(input: Tensor, target: Tensor) -> Tensor:
    return -input.softmax(1).log().gather(1, target[:, None]).mean()


def accuracy(input: Tensor, target: Tensor) -> Tensor:
    return (input.argmax(1) != target).double().mean()


def item(input: Tensor, target: Tensor) -> Tensor:
    return torch.tensor((input - target).square().mean().item())


def wrong_gradient(input: Tensor, target: Tensor) -> Tensor:
    return (input - target.detach()).square().mean() + (input * (input.detach() - input)).mean()


def in_place(input: Tensor, target: Tensor) -> Tensor:
    target.mul_(1.5)
    return (input - target).square().mean()


def noisy(input: Tensor, target: Tensor) -> Tensor:
    return (input - target + 0.1 * torch.randn(input.shape)).square().mean()


def first_counts_more(input: Tensor, target: Tensor) -> Tensor:
    return (input - target).square().mean() + input[0].square().mean()


def root_at_zero(input: Tensor, target: Tensor) -> Tensor:
    return (input - target).square().mean().sqrt()


def branches(input: Tensor, target: Tensor) -> Tensor:
    loss = (input - target).square().mean()
    return loss if loss.item() > 0 else loss * 2


def flat(input: Tensor, target: Tensor) -> Tensor:
    return (input.view(-1) - target.reshape(-1)).square().mean()


def double_softmax(input: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(input.softmax(1), target)


def log_of_eps(input: Tensor, target: Tensor) -> Tensor:
    return -(input.softmax(1) + 1e-8).log().gather(1, target[:, None]).mean()


def clamped(input: Tensor, target: Tensor) -> Tensor:
    return -input.softmax(1).clamp(1e-6, 1).log().gather(1, target[:, None]).mean()


def wrong_dimension(input: Tensor, target: Tensor) -> Tensor:
    return -input.log_softmax(0).gather(1, target[:, None]).mean()


def total(input: Tensor, target: Tensor) -> Tensor:
    return (input - target).square().mean(1).sum()


def single_precision(input: Tensor, target: Tensor) -> Tensor:
    return (input.float() - target.float()).square().mean()


def rounds_inside(input: Tensor, target: Tensor) -> Tensor:
    return (input.float() - target.float()).square().mean().double()


class DeafBackward(torch.autograd.Function):
    """A backward that ignores the gradient that comes in, as fused kernels are tempted to."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square().mean()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x / x.numel()


def deaf(input: Tensor, target: Tensor) -> Tensor:
    return DeafBackward.apply(input - target)


class Moving:
    """Remembers what it saw."""

    def __init__(self) -> None:
        self.mean = torch.zeros((), dtype=torch.float64)

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        loss = (input - target).square().mean()
        self.mean = 0.9 * self.mean + 0.1 * loss.detach()
        return loss + self.mean


class KeepsGraph:
    """Remembers it with its graph."""

    def __init__(self) -> None:
        self.last: Tensor | None = None

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        loss = (input - target).square().mean()
        last, self.last = self.last, loss
        return loss if last is None else loss + 0 * last


SCALE = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0], dtype=torch.float64)


def fixed_device(input: Tensor, target: Tensor) -> Tensor:
    return ((input - target) * SCALE[: input.shape[1]]).square().mean()


def numpy_round_trip(input: Tensor, target: Tensor) -> Tensor:
    return torch.as_tensor(((input - target).detach().numpy() ** 2).mean())


WRONG: list[tuple[Callable[..., Tensor], str, str]] = [
    (naive_log, CLASSES, "extremes"),
    (accuracy, CLASSES, "gradient"),
    (item, REGRESSION, "gradient"),
    (wrong_gradient, REGRESSION, "gradient"),
    (in_place, REGRESSION, "pure"),
    (noisy, REGRESSION, "pure"),
    (first_counts_more, REGRESSION, "order"),
    (root_at_zero, REGRESSION, "extremes"),
    (branches, REGRESSION, "compiles"),
    (flat, REGRESSION, "layout"),
    (double_softmax, CLASSES, "rewards_right_answers"),
    (log_of_eps, CLASSES, "learns_from_errors"),
    (clamped, CLASSES, "learns_from_errors"),
    (wrong_dimension, CLASSES, "samples_stand_alone"),
    (total, REGRESSION, "samples_stand_alone"),
    (single_precision, REGRESSION, "keeps_precision"),
    (rounds_inside, REGRESSION, "keeps_precision"),
    (deaf, REGRESSION, "incoming_gradient"),
    (Moving(), REGRESSION, "forgets"),
    (KeepsGraph(), REGRESSION, "forgets"),
    (fixed_device, REGRESSION, "devices"),
    (numpy_round_trip, REGRESSION, "gradient"),
]

IGNORE = -100


def counts_ignored(input: Tensor, target: Tensor) -> Tensor:
    units = torch.nn.functional.cross_entropy(input, target, reduction="none")
    return units.mean()


def learns_ignored(input: Tensor, target: Tensor) -> Tensor:
    units = torch.nn.functional.cross_entropy(input, target.clamp(min=0), reduction="none")
    return units.sum() / (target != IGNORE).sum().clamp(min=1)


def nothing_over_nothing(input: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(input, target)


def ignores(input: Tensor, target: Tensor) -> Tensor:
    units = torch.nn.functional.cross_entropy(input, target, reduction="none")
    return units.sum() / (target != IGNORE).sum().clamp(min=1)


@pytest.mark.parametrize(
    ("loss", "law"),
    [
        (counts_ignored, "ignored_deletes"),
        (learns_ignored, "ignored_deletes"),
        (nothing_over_nothing, "mean_of_nothing"),
    ],
)
def test_wrong_treatment_of_ignored_labels(loss, law: str) -> None:
    report = check(loss, CLASSES, ignore_index=IGNORE)
    assert law in [result.law for result in report.failures]


def test_right_treatment_of_ignored_labels() -> None:
    check(ignores, CLASSES, ignore_index=IGNORE).raise_if_failed()


def test_a_failure_shows_the_smallest_tensors() -> None:
    found = next(r for r in check(naive_log, CLASSES).failures if r.law == "extremes")
    assert "(made from input = [[" in found.reason
    assert found.reason.count("], [") == 0  # one sample is enough


@pytest.mark.parametrize(
    ("loss", "takes", "law"),
    WRONG,
    ids=[getattr(w[0], "__name__", type(w[0]).__name__) for w in WRONG],
)
def test_wrong_loss_fails_the_law_it_breaks(loss, takes: str, law: str) -> None:
    assert law in [result.law for result in check(loss, takes).failures]


def smoothed(input: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(input, target, label_smoothing=0.1)


def hinge(input: Tensor, target: Tensor) -> Tensor:
    return (1 - target * input).clamp(min=0).mean()


def pseudo_huber(input: Tensor, target: Tensor) -> Tensor:
    return (((input - target).square() + 1).sqrt() - 1).mean()


def binary(input: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(input, target)


@pytest.mark.parametrize(
    ("loss", "takes"),
    [
        (correct, REGRESSION),
        (pseudo_huber, REGRESSION),
        (cross_entropy, CLASSES),
        (hinge, "real N, sign N"),
        (binary, "real *, prob *"),
    ],
)
def test_correct_function_raises_no_false_alarm(loss, takes: str) -> None:
    check(loss, takes).raise_if_failed()


class WrongUnits(LossBase):
    takes = REGRESSION

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - target).square()  # one per element, where the signature says one per sample


class SeesOthers(LossBase):
    takes = REGRESSION

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - target).square().mean(1) * len(input)


@pytest.mark.parametrize(("loss", "law"), [(WrongUnits, "unit_shape"), (SeesOthers, "parts_add")])
def test_wrong_module_fails_the_law_it_breaks(loss: type[LossBase], law: str) -> None:
    assert law in [result.law for result in check(loss).failures]


def test_reference_is_compared() -> None:
    def half(input: Tensor, target: Tensor) -> Tensor:
        return (input - target).abs() / 2

    assert check(l1_loss, reference=lambda x, y: (x - y).abs()).passed
    assert [r.law for r in check(l1_loss, reference=half).failures] == ["reference"]


def test_expected_failures_need_to_fail() -> None:
    assert check(SeesOthers, additive=False).passed
    expected = {
        "extremes": "the root has no slope at 0",
        "samples_stand_alone": "the root of a mean is not the mean of roots",
    }
    assert check(root_at_zero, REGRESSION, expected=expected).passed
    stale = check(correct, REGRESSION, expected={"pure": "no longer true"})
    assert [r.law for r in stale.failures] == ["pure"]


def test_report_shows_every_law_and_counts() -> None:
    report = check(naive_log, CLASSES)
    assert [result.law for result in report.results] == list(LAWS)
    assert "failed" in str(report).splitlines()[-1]
    with pytest.raises(AssertionError, match="extremes"):
        report.raise_if_failed()


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(TypeError, match="together with its signature"):
        check(correct)

    class NoSignature(LossBase):
        def units(self, input: Tensor, target: Tensor) -> Tensor:
            return input - target

    with pytest.raises(TypeError, match="NoSignature says not what it takes"):
        check(NoSignature)
