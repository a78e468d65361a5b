"""Metrics and statistics against independent programs and worked examples."""

import json

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn import metrics
from sklearn.metrics import brier_score_loss, log_loss

from lossary.compare.statistics import (
    holm,
    interval,
    p_value,
    posterior,
    seeds_to_tell,
    sign_flip,
)
from lossary.data.tables import table_of
from lossary.tasks.calibration import (
    expected_calibration_error,
    reliability,
    scaled,
    temperature,
)
from lossary.tasks.choice import given
from lossary.tasks.fit import Fit
from lossary.tasks.kind import sigmoid_answer, softmax_answer
from lossary.tasks.kinds import KINDS
from lossary.tasks.quantile import LEVELS

P = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]]).double()
P /= P.sum(1, keepdim=True)
Y = torch.tensor([0, 1, 2, 2])


def test_probability_scores_are_those_of_scikit_learn() -> None:
    found = KINDS["classification"].measure(P.log(), Y)
    assert found["nll"] == pytest.approx(log_loss(Y, P))
    assert found["brier"] == pytest.approx(brier_score_loss(Y, P, scale_by_half=False))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)


def test_calibration_error_of_a_worked_example() -> None:
    """Two bins: confidences 0.4, 0.5 with one right of two; 0.6, 0.7 with both right."""
    found = expected_calibration_error(P, Y, bins=2)
    first, second = abs(0.9 - 1) / 4, abs(1.3 - 2) / 4
    assert found == pytest.approx(first + second)


def test_calibration_error_of_honest_confidence_is_zero() -> None:
    p = torch.tensor([[0.75, 0.25]] * 4, dtype=torch.float64)
    assert expected_calibration_error(p, torch.tensor([0, 0, 0, 1])) == pytest.approx(0)


def test_a_single_logit_is_a_softmax_over_two() -> None:
    logits = torch.tensor([2.0, -30.0])
    pairs = torch.stack([torch.zeros(2), logits], 1)
    assert torch.allclose(sigmoid_answer(logits, None), softmax_answer(pairs, None))


def test_scores_of_classes_are_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 4, (200,), generator=generator)
    logits = torch.randn(200, 4, generator=generator) + 2 * torch.nn.functional.one_hot(y, 4)
    log_p = logits.double().log_softmax(1)
    found, said = KINDS["classification"].measure(log_p, y), log_p.argmax(1)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, said))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(y, said))
    truth = torch.nn.functional.one_hot(y, 4)
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(truth, log_p.exp()))
    details = KINDS["classification"].details(log_p, y)
    assert details["precision"] == pytest.approx(
        metrics.precision_score(y, said, average=None).tolist()
    )


def test_an_absent_class_does_not_count() -> None:
    """Class 2 is answered but not there: scikit-learn warns of it, and so cannot be asked."""
    found = KINDS["classification"].measure(P.log()[:2], torch.tensor([0, 2]))
    assert found["balanced_accuracy"] == 0.5


def test_the_temperature_undoes_a_factor() -> None:
    """Logits of which the labels are drawn, times three: the temperature is three."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 3, generator=generator, dtype=torch.float64)
    y = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    over = (3 * logits).log_softmax(1)
    assert temperature(over, y) == pytest.approx(3, rel=0.05)
    before = expected_calibration_error(over.exp(), y)
    after = expected_calibration_error(scaled(over, y).exp(), y)
    assert before > 0.15
    assert after < 0.02


def test_a_half_without_mistakes_does_not_make_certain() -> None:
    """Its likelihood has its maximum at a temperature of 0, which the first mistake refutes."""
    log_p = torch.tensor([[0.9, 0.1]] * 20, dtype=torch.float64).log()
    assert temperature(log_p, torch.zeros(20, dtype=torch.long)) == pytest.approx(0.721, abs=0.01)


def test_the_bins_hold_every_answer() -> None:
    bins = torch.tensor(reliability(P, Y, bins=2))
    assert bins[:, 0].tolist() == [2, 2]
    assert bins[:, 1].tolist() == pytest.approx([0.9, 1.3])
    assert bins[:, 2].tolist() == [1, 2]


def test_scores_of_labels_are_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (50, 3), generator=generator).float()
    logits = torch.randn(50, 3, generator=generator, dtype=torch.float64) + y
    found = KINDS["multilabel"].measure(logits, y)
    p = logits.sigmoid()
    assert found["mean_average_precision"] == pytest.approx(
        metrics.average_precision_score(y, p, average="macro")
    )
    assert found["nll"] == pytest.approx(log_loss(y.flatten(), p.flatten()))
    assert found["hamming"] == pytest.approx(metrics.hamming_loss(y, logits > 0))
    assert found["exact_match"] == pytest.approx(metrics.accuracy_score(y, logits > 0))


def test_scores_of_quantiles_are_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(60, generator=generator, dtype=torch.float64)
    answer = torch.randn(60, len(LEVELS), generator=generator, dtype=torch.float64).sort(1).values
    found = KINDS["quantile"].measure(answer, y)
    pinball = [
        metrics.mean_pinball_loss(y, answer[:, i], alpha=level) for i, level in enumerate(LEVELS)
    ]
    assert found["pinball"] == pytest.approx(np.mean(pinball))
    inside = ((answer[:, 0] <= y) & (y <= answer[:, -1])).double().mean()
    assert found["coverage_gap"] == pytest.approx(abs(float(inside) - 0.9))
    assert found["crossing"] == 0
    assert KINDS["quantile"].measure(answer.flip(1), y)["crossing"] == 1


def test_scores_of_an_order_are_those_of_scikit_learn() -> None:
    y, answer = torch.tensor([0, 1, 2, 3, 3, 0]), torch.tensor([0, 2, 2, 1, 3, 1])
    found = KINDS["ordinal"].measure(answer, y)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(y, answer))
    assert found["kappa"] == pytest.approx(
        metrics.cohen_kappa_score(y, answer, weights="quadratic")
    )
    assert found["macro_mae"] == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert found["within_one"] == pytest.approx(5 / 6)


def test_overlaps_of_masks_are_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (2, 5, 6), generator=generator)
    log_p = torch.randn(2, 3, 5, 6, generator=generator, dtype=torch.float64).log_softmax(1)
    found, said = KINDS["segmentation"].measure(log_p, y), log_p.argmax(1).flatten()
    iou = metrics.jaccard_score(y.flatten(), said, average="macro")
    assert found["mean_iou"] == pytest.approx(iou)
    dice = metrics.f1_score(y.flatten(), said, average="macro")
    assert found["mean_dice"] == pytest.approx(dice)


def test_retrieval_of_a_worked_example() -> None:
    """On a circle: two of class 0 side by side, then 1, 0, 1."""
    angle = torch.tensor([0.0, 0.1, 0.3, 0.6, 1.0], dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 0, 1])
    points = torch.stack([angle.cos(), angle.sin()], 1)
    found = KINDS["retrieval"].measure(points, y)
    # the nearest two of each: 0: 0 1; 1: 0 1; 2 (one of its class): 0; 3: 1 1; 4: 0
    assert found["recall_at_1"] == pytest.approx((1 + 1 + 0 + 0 + 0) / 5)
    assert found["r_precision"] == pytest.approx((0.5 + 0.5 + 0 + 0 + 0) / 5)
    assert found["map_at_r"] == pytest.approx((0.5 + 0.5 + 0 + 0 + 0) / 5)
    assert found["recall_at_5"] == 1


DIFFERENCES = [0.02, 0.01, -0.005, 0.03, 0.012]


def test_interval_is_that_of_nadeau_and_bengio() -> None:
    """Their standard error, written out for 5 folds, in SciPy's interval."""
    d = np.array(DIFFERENCES)
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * d.var(ddof=1))
    low, high = stats.t.interval(0.95, 4, d.mean(), error)
    found = interval(DIFFERENCES, folds=5)
    assert (found.mean, found.low, found.high) == pytest.approx((d.mean(), low, high))


def test_posterior_is_the_integral_of_the_density() -> None:
    d = np.array(DIFFERENCES)
    error = np.sqrt((1 / 5 + 0.2 / (1 - 0.2)) * d.var(ddof=1))

    def mass(low: float, high: float) -> float:
        density = stats.t(4, d.mean(), error).pdf
        return integrate.quad(density, low, high, limit=200)[0]

    found = posterior(DIFFERENCES, folds=5, same=0.01)
    assert found.same == pytest.approx(mass(-0.01, 0.01), abs=1e-6)
    assert found.above == pytest.approx(mass(0.01, np.inf), abs=1e-6)
    assert found.below + found.same + found.above == pytest.approx(1)


def test_equal_results_are_surely_the_same() -> None:
    found = posterior([0.0] * 4, folds=4, same=0.01)
    assert (found.below, found.same, found.above) == (0, 1, 0)
    assert posterior([0.5] * 4, folds=4, same=0.01).above == 1


def test_p_value_is_that_of_the_corrected_test() -> None:
    d = np.array(DIFFERENCES)
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * d.var(ddof=1))
    want = 2 * stats.t.sf(abs(d.mean()) / error, 4)
    assert p_value(DIFFERENCES, folds=5) == pytest.approx(want)
    assert p_value([0.0, 0.0], folds=2) == 1


@pytest.mark.parametrize("count", [5, 17, 25])
def test_sign_flips_are_those_of_scipy(count: int) -> None:
    d = np.random.default_rng(0).normal(0.3, 1, count)
    want = stats.permutation_test(
        (d,), np.sum, permutation_type="samples", n_resamples=2**17, rng=0
    ).pvalue
    assert sign_flip(d.tolist()) == pytest.approx(want, abs=0.01 if count > 17 else 1e-12)


def test_holm_is_that_of_statsmodels_example() -> None:
    """0.01 * 4, 0.02 * 3, 0.03 * 2 (not below the one before), 0.5."""
    assert holm([0.02, 0.5, 0.01, 0.03]) == pytest.approx([0.06, 0.5, 0.04, 0.06])


def test_no_spread_is_no_certainty() -> None:
    """Two cells of a few samples are often equal: of two signs nothing can be said."""
    assert p_value([0.02, 0.02], folds=2) == 0.5
    assert p_value([0.3 - 0.2, 0.9 - 0.8], folds=2) == 0.5  # equal but for rounding


def test_seeds_that_can_show_a_difference() -> None:
    for comparisons in (1, 2, 5):
        seeds = seeds_to_tell(comparisons)
        assert holm([sign_flip([1.0] * seeds)] + [1.0] * (comparisons - 1))[0] <= 0.05
        assert holm([sign_flip([1.0] * (seeds - 1))] + [1.0] * (comparisons - 1))[0] > 0.05


def test_steps_over_classes_that_nobody_has_count() -> None:
    """Scikit-learn would number the classes 0, 1 and 4 anew, unless it is told all."""
    y, answer = torch.tensor([0, 1, 4, 4]), torch.tensor([0, 4, 4, 1])
    off, chance = (answer - y).square().double(), (answer[:, None] - y).square().double()
    found = KINDS["ordinal"].measure(answer, y)
    assert found["kappa"] == pytest.approx(1 - float(off.mean() / chance.mean()))


def test_a_single_label_is_a_label() -> None:
    """And not two classes, which scikit-learn takes a column of 0 and 1 for."""
    y, answer = torch.tensor([[1.0], [0.0], [0.0]]), torch.ones(3, 1).double()
    found = KINDS["multilabel"].measure(answer, y)
    assert found["macro_f1"] == found["micro_f1"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression", "quantile"])
def test_the_largest_outputs_have_metrics(task: str) -> None:
    """As of a network that is about to diverge."""
    shapes = {"classification": 3, "multilabel": 3, "regression": 1, "quantile": len(LEVELS)}
    x = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    y = {
        "classification": np.arange(30) % 3,
        "multilabel": (np.arange(90).reshape(30, 3) % 4 == 0).astype(np.float32),
    }.get(task, 100 * x[:, 0])

    class Vast(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found = x[:, :1].sign() * torch.inf
            return found.expand(-1, shapes[task]) if shapes[task] > 1 else found

    table = table_of(x, y, task)
    choice = given("own", lambda output, target: output.sum(), table)
    fit = Fit(table, choice, lambda *_: Vast(), torch.arange(30), seed=0, learning_rate=1.0)
    found, details = fit.report(torch.arange(30))
    assert np.isfinite(list(found.values())).all(), found
    json.dumps(details, allow_nan=False)
