"""Every kind of task: what fits is compared, and learns; what does not is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lossary.compare import Comparison, compare
from lossary.compare.experiment import compute_once
from lossary.data.tables import table_of
from lossary.tasks.choice import ChoiceError, choose, fitting, given
from lossary.tasks.fit import Fit
from lossary.tasks.kind import Way
from lossary.tasks.networks import default_network, network_factory

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 4)).astype(np.float32)
SCORES = X @ RNG.normal(size=(4, 3)).astype(np.float32)
IMAGES = RNG.normal(size=(40, 1, 8, 8)).astype(np.float32)
TARGETS: dict[str, tuple[Any, Any]] = {
    "multilabel": (X, (SCORES > 0).astype(np.float32)),
    "regression": (X, SCORES),
    "quantile": (X, SCORES[:, 0] + 0.3 * RNG.normal(size=160).astype(np.float32)),
    "ordinal": (X, np.digitize(SCORES[:, 0], [-1, 0, 1])),
    "segmentation": (IMAGES, (IMAGES[:, 0] > 0.5).astype(np.int64)),  # few, as regions are
    "retrieval": (X, SCORES.argmax(1)),
}
CASES = {
    "multilabel": (["binary_cross_entropy_with_logits", "hinge_loss", "zlpr_loss"], 0.9),
    "regression": (["mse_loss", "huber_loss", "expectile_loss:expectile=0.5"], 1.5),
    "quantile": (["multi_quantile_loss", "quantile_loss", "smooth_quantile_loss:scale=0.1"], 0.5),
    "ordinal": (["cross_entropy", "coral_loss", "corn_loss", "cumulative_link_loss"], 0.5),
    "segmentation": (["cross_entropy", "dice_loss", "sigmoid_dice_loss", "hinge_loss"], 0.7),
    "retrieval": (["batch_hard_triplet_loss", "normalized_softmax_loss"], 0.6),
}


def run(task: str, losses: list[str], out: Path, **options: Any) -> Comparison:
    x, y = TARGETS[task]
    told = {"epochs": 10, "folds": 2, "learning_rates": (1e-2,), "progress": False, **options}
    return compare(table_of(x, y, task), losses, out=out, **told)


@pytest.mark.parametrize("task", CASES)
def test_losses_of_a_task_learn(task: str, tmp_path: Path) -> None:
    losses, good = CASES[task]
    result = run(task, losses, tmp_path / "out", epochs=25, batch_size=4)
    more = result.metrics[result.primary].better == "more"
    for row in result.rows:
        found = row.metrics[result.primary].mean
        assert found > good if more else found < good, row.loss
        assert row.cost.peak_memory > 0
    assert result.report.is_file()
    for curve in result.kind.curves:
        assert curve in result.metrics


def test_the_ways_of_ordinal_losses_agree(tmp_path: Path) -> None:
    """Steps, conditional steps, thresholds and centres all give classes that are near."""
    losses = ["coral_loss", "corn_loss", "cumulative_link_loss", "ordistic_loss"]
    result = run("ordinal", losses, tmp_path / "out", epochs=40)
    for row in result.rows:
        assert row.metrics["within_one"].mean > 0.95
        assert row.metrics["kappa"].mean > 0.8


@pytest.mark.parametrize(
    ("task", "loss", "instead"),
    [
        ("multilabel", "cross_entropy", "binary_cross_entropy_with_logits"),
        ("multilabel", "sigmoid_dice_loss", "asymmetric_loss"),
        ("regression", "cross_entropy", "mse_loss"),
        ("quantile", "mse_loss", "quantile_loss"),
        ("quantile", "expectile_loss", "multi_quantile_loss"),
        ("ordinal", "mse_loss", "coral_loss"),
        ("segmentation", "weighted_kappa_loss", "dice_loss"),
        ("retrieval", "cross_entropy", "supervised_contrastive_loss"),
    ],
)
def test_losses_that_do_not_fit_are_refused(task: str, loss: str, instead: str) -> None:
    x, y = TARGETS[task]
    with pytest.raises(ChoiceError, match=f"these do: .*{instead}"):
        choose(loss, table_of(x, y, task))


NEEDS = {"balanced_cross_entropy", "nnpu_loss", "pu_loss", "vector_scaling_loss"}


def test_nobody_offers_what_cannot_be_computed() -> None:
    """Each fitting loss can be, unless it needs a hyperparameter that only a user knows."""
    for task, (x, y) in TARGETS.items():
        table = table_of(x, y, task)
        names = fitting(table)
        few = table.take(torch.arange(24))
        assert len(names) > 3
        for name in names:
            if name not in NEEDS:
                compute_once(few, choose(name, table), network_factory("default", table.task))
            else:
                with pytest.raises(ChoiceError, match="missing"):
                    choose(name, table)


def test_a_loss_learns_the_frequencies_of_its_training_samples() -> None:
    """Not those of the samples held out."""
    y = np.repeat([0, 1, 2], [60, 30, 10])
    table = table_of(X[:100], y)
    choice = choose("balanced_softmax_loss", table)
    train = torch.tensor([*range(50), *range(60, 80), *range(90, 95)])
    made = Fit(table, choice, default_network, train, seed=0, learning_rate=1e-3)
    assert made.loss.class_count.tolist() == [50, 20, 5]
    given = choose("balanced_softmax_loss:class_count=[1,2,3]", table).build(table)
    assert given.class_count.tolist() == [1, 2, 3]


def test_a_quantile_of_ones_own_is_refused() -> None:
    x, y = TARGETS["quantile"]
    with pytest.raises(ChoiceError, match="leave quantile out"):
        choose("quantile_loss:quantile=0.9", table_of(x, y, "quantile"))


def test_a_users_loss_without_signature_gets_what_the_task_has() -> None:
    seen: dict[str, tuple[torch.Size, torch.Size]] = {}
    for task, (x, y) in TARGETS.items():
        table = table_of(x, y, task)
        way = given("own", lambda a, b: (a - b).sum(), table).way
        assert isinstance(way, Way)
        seen[task] = (way.outputs, tuple(way.target(table.y).shape))
    assert seen["multilabel"] == (3, (160, 3))
    assert seen["regression"] == (3, (160, 3))
    assert seen["quantile"] == (5, (160,))
    assert seen["segmentation"] == (2, (40, 8, 8))
