"""``lossary.migrate.optax`` gives the numbers of Optax, kept in golden/optax.json."""

import inspect
from typing import Any

import pytest
import torch

import lossary
import lossary.migrate.optax as ours
from migrate.outcomes import golden, of_optax

GOLDEN = golden("optax")
CASES, SIGNATURES = GOLDEN["cases"], GOLDEN["signatures"]

X, LABELS = torch.tensor([[0.5, -1.0, 2.0]]), torch.tensor([1])
SOFT = torch.tensor([[0.2, 0.3, 0.5]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=[f"{c['name']}-{i}" for i, c in enumerate(CASES)])
def test_value_shape_and_gradient(case: dict[str, Any], dtype: str) -> None:
    """Every loss equals Optax's, within the rounding of the dtype."""
    outcome = of_optax(case, dtype)
    rtol, atol = (1e-9, 1e-12) if dtype == "float64" else (3e-5, 3e-6)
    for found, wanted in ((outcome.value, outcome.wanted), *outcome.gradients):
        torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol, equal_nan=True)


def test_every_name_has_a_case() -> None:
    assert {c["name"] for c in CASES} == set(SIGNATURES)


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_are_those_of_optax(name: str) -> None:
    """In name, order, kind and default, but for the two that the module leaves out."""
    left_out = {"dice_loss": {"axis"}, "ctc_loss": {"log_epsilon"}}.get(name, set())
    found = [
        [
            p.name,
            p.kind is p.KEYWORD_ONLY,
            "required" if p.default is p.empty else getattr(p.default, "__name__", p.default),
        ]
        for p in inspect.signature(getattr(ours, name)).parameters.values()
    ]
    assert found == [p for p in SIGNATURES[name] if p[0] not in left_out]


def test_a_fenchel_young_loss_of_the_log_sum_exp_is_cross_entropy() -> None:
    """The loss that a function generates: Blondel et al., JMLR 2020, table 1."""
    loss = ours.make_fenchel_young_loss(lambda scores: scores.logsumexp(0))
    one_hot = torch.tensor([[0.0, 1.0, 0.0]])
    torch.testing.assert_close(loss(X, one_hot), lossary.cross_entropy(X, LABELS, reduction="none"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ours.squared_error(X, X[0]), "mse_loss: target must have shape"),
        (lambda: ours.softmax_cross_entropy(X, SOFT[0]), "logits and labels must have one shape"),
        (lambda: ours.hinge_loss(X, 0 * X), "hinge_loss: target must hold labels -1 or 1"),
        (
            lambda: ours.softmax_cross_entropy_with_integer_labels(X, LABELS - 2),
            "cross_entropy: target must hold class indices",
        ),
        (
            lambda: ours.multiclass_hinge_loss(X, LABELS - 101),
            "crammer_singer_loss: target must hold class indices",
        ),
        (lambda: ours.kl_divergence(X, SOFT), "kl_divergence: input must hold logarithms"),
        (lambda: ours.dice_loss(X, SOFT, reduction="avg"), "reduction must be 'none', 'mean' or"),
        (lambda: ours.dice_loss(X, SOFT, apply_softmax=False), "predictions must sum to 1"),
        (
            lambda: ours.ctc_loss(
                torch.zeros(1, 2, 3), torch.zeros(1, 2), torch.tensor([[1, 1]]), torch.zeros(1, 2)
            ),
            "ctc_loss: sample 0 has 2 labels",
        ),
    ],
)
def test_what_optax_computes_silently_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
