"""What a loss takes is checked, and what cannot take part is taken out."""

import pytest
import torch
from torch import Tensor

from lossary import cross_entropy, l1_loss, reduce, signature
from lossary.signature import Interval, Operand, Signature, signature_of

X, Y = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: l1_loss(torch.zeros(4, 1), torch.zeros(4)),
            ValueError,
            r"l1_loss: target must have shape .* \(4, 1\), got \(4,\); .*target.unsqueeze\(1\)",
        ),
        (
            lambda: l1_loss(torch.zeros(4), torch.zeros(4, 1)),
            ValueError,
            r"use target.squeeze\(1\)",
        ),
        (lambda: l1_loss(torch.zeros(4), torch.zeros(5)), ValueError, r"= \(4,\), got \(5,\)"),
        (
            lambda: l1_loss(Y, X[:, 0]),
            TypeError,
            r"input must hold real numbers of a floating-point",
        ),
        (
            lambda: l1_loss(X, X.numpy()),
            TypeError,
            r"got numpy.ndarray; use torch.as_tensor\(target\)",
        ),
        (lambda: l1_loss(X, X.to("meta")), ValueError, r"target must be on cpu .* got meta"),
        (
            lambda: l1_loss(X, X + 1j),
            TypeError,
            r"target must hold real numbers, got torch.complex64",
        ),
        (lambda: l1_loss(X), TypeError, r"missing 1 required positional argument: 'target'"),
        (lambda: l1_loss(X, X, X), TypeError, r"takes 2 tensors \(input, target\), got 3"),
        (
            lambda: cross_entropy(X, Y + 1),
            ValueError,
            r"class indices from 0 to 2, got 3 at \(2,\)",
        ),
        (
            lambda: cross_entropy(X, Y - 1),
            ValueError,
            r"class indices from 0 to 2, got -1 at \(0,\)",
        ),
        (
            lambda: cross_entropy(X, Y.float()),
            ValueError,
            r"target must have shape \(N, C, ...\) .*use target.long\(\)",
        ),
        (lambda: cross_entropy(X, X), ValueError, r"target must hold probabilities in \[0, 1\]"),
        (
            lambda: cross_entropy(torch.zeros(2, 5, 3), torch.zeros(2, 5).long()),
            ValueError,
            r"use input.movedim\(-1, 1\)",
        ),
        (
            lambda: cross_entropy(X, torch.eye(3)[Y].long()),
            ValueError,
            r"use target.argmax\(1\) if",
        ),
        (lambda: cross_entropy(X[0], Y[0]), ValueError, r"use input.unsqueeze\(0\)"),
        (
            lambda: cross_entropy(X, Y, class_weight=torch.ones(4)),
            ValueError,
            r"class_weight must have shape \(C\) = \(3,\), got \(4,\)",
        ),
        (
            lambda: cross_entropy(X, Y, class_weight=torch.tensor([1.0, -1.0, 1.0])),
            ValueError,
            r"class_weight must hold finite numbers, none below 0, got -1 at \(1,\)",
        ),
        (
            lambda: cross_entropy(X, Y, class_weight=[1.0, 1.0, 1.0]),
            TypeError,
            r"class_weight must be a tensor, got list",
        ),
        (
            lambda: cross_entropy(X, Y, label_smoothing=-0.1),
            ValueError,
            r"label_smoothing must lie in \[0, 1\], got -0.1",
        ),
        (
            lambda: cross_entropy(X, Y, weight=torch.tensor([1.0, torch.nan, 1.0, 1.0])),
            ValueError,
            r"weight must be finite and not negative",
        ),
    ],
)
def test_wrong_calls_say_what_was_wanted(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_any_integer_dtype_holds_labels(dtype: torch.dtype) -> None:
    assert cross_entropy(X, Y.to(dtype)) == cross_entropy(X, Y)


def test_integer_targets_become_numbers() -> None:
    assert l1_loss(torch.tensor([1.5]), torch.tensor([1])) == 0.5
    assert l1_loss(torch.tensor([0.25]), torch.tensor([True])) == 0.75


def test_result_has_the_dtype_of_the_input() -> None:
    assert l1_loss(X, X.double()).dtype == torch.float32
    assert l1_loss(X.bfloat16(), X).dtype == torch.bfloat16
    assert l1_loss(X.double(), X).dtype == torch.float64


def test_tensors_may_be_given_by_name() -> None:
    assert l1_loss(target=X, input=X + 1) == pytest.approx(1)


def test_ignored_labels_may_be_out_of_range_and_their_logits_nan() -> None:
    x = X.clone()
    x[3] = torch.nan
    x.requires_grad_()
    y = torch.tensor([0, 1, 2, 255])
    loss = cross_entropy(x, y, ignore_index=255)
    (gradient,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(loss, cross_entropy(X[:3], Y[:3]))  # summed in another order
    assert (gradient[3] == 0).all()
    assert gradient.isfinite().all()


def test_nan_prediction_shows_in_the_loss() -> None:
    """A model that diverged is no misuse: nan in, nan out."""
    assert l1_loss(torch.tensor([torch.nan]), torch.zeros(1)).isnan()


def test_whole_numbers_are_bounded_by_the_dimension_they_name() -> None:
    takes = Signature.parse("real N T V, label:V N, count:T N -> N")
    x, n = torch.zeros(2, 5, 3), torch.tensor([0, 5])
    takes.admit((x, torch.tensor([0, 2]), n))
    with pytest.raises(ValueError, match="target must hold class indices from 0 to 2, got 3"):
        takes.admit((x, torch.tensor([0, 3]), n))
    with pytest.raises(ValueError, match="third must hold whole numbers from 0 to 5, got 6"):
        takes.admit((x, torch.tensor([0, 2]), torch.tensor([0, 6])))
    assert [str(o) for (o,) in takes.operands] == ["real N T V", "label:V N", "count:T N"]


def test_matching_shapes_are_looked_up() -> None:
    found = signature_of(l1_loss)
    assert found is not None
    x = torch.zeros(7, 5)
    assert found.match((x, x), {}) is found.match((x.clone(), x), {})


def test_parse() -> None:
    parsed = Signature.parse("real N C *, label N * | prob N C * -> N *", ["input", "target"])
    assert parsed.operands[1] == (
        Operand("label", ("N", "*"), "C"),
        Operand("prob", ("N", "C", "*")),
    )
    assert parsed.unit == ("N", "*")
    assert parsed.left == "real N C *, label N * | prob N C *"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reel N -> N", "unknown domain 'reel'"),
        ("real * * -> *", "at most one"),
        ("count N -> N", "count names a dimension"),
        ("real:N N -> N", "count names a dimension"),
        ("real N -> M", "unknown dimensions"),
        ("real N, real N -> N", "describes 2 tensors, but loss takes 1"),
    ],
)
def test_wrong_signatures_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Signature.parse(text, ["input"])


def test_to_pick_from_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="loss takes no tensor 'scores' to pick from: input"):
        Signature.parse("logprob N C -> N", ["input"], picked="scores")


def test_constraint_on_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="no keyword-only"):

        @signature("real N -> N", gamma="[0, inf)")
        def loss(input: Tensor, *, weight: Tensor | None = None) -> Tensor:
            return reduce(input, weight)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[0, inf)", [0, 5.0], [-1, float("nan"), float("inf")]),
        ("(0, 1]", [0.1, 1], [0, 1.1]),
        ("int [1, inf)", [1, 3.0], [0, 1.5, float("nan"), float("inf")]),
    ],
)
def test_intervals(text: str, inside: list[float], outside: list[float]) -> None:
    interval = Interval.parse(text)
    assert all(value in interval for value in inside)
    assert not any(value in interval for value in outside)
