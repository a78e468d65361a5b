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
]


@pytest.mark.parametrize(("loss", "takes", "law"), WRONG, ids=[w[0].__name__ for w in WRONG])
def test_wrong_loss_fails_the_law_it_breaks(loss, takes: str, law: str) -> None:
    assert law in [result.law for result in check(loss, takes).failures]


@pytest.mark.parametrize(("loss", "takes"), [(correct, REGRESSION), (cross_entropy, CLASSES)])
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
    report = check(root_at_zero, REGRESSION, expected={"extremes": "the root has no slope at 0"})
    assert report.passed
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
