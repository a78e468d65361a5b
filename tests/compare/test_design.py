"""The design of a comparison: tuning, stress, a fixed test split, many processes, merged runs."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossary.compare import CompareError, Comparison, compare, merge_runs
from lossary.compare.cost import PeakMemory
from lossary.compare.tuning import spread
from lossary.data.tables import table_of

QUICK: dict[str, Any] = {"epochs": 2, "folds": 3, "progress": False}
ONE_RATE = {**QUICK, "learning_rates": (3e-3,)}
X = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)


def numbers(result: Comparison) -> list[Any]:
    return [(r["seed"], r["fold"], r["loss"], r["metrics"]) for r in result.records]


def test_every_loss_tries_equally_many_candidates(tmp_path: Path) -> None:
    losses = ["cross_entropy", "focal_loss:gamma=0|2|50"]
    result = compare("iris", losses, out=tmp_path / "out", trials=4, **QUICK)
    for record in result.records:
        assert len(record["trials"]) == 4
        best = max(record["trials"], key=lambda trial: trial["worth"])
        assert record["learning_rate"] == best["learning_rate"]
        assert record["hyperparameters"] == best["hyperparameters"]
    rates = {trial["learning_rate"] for trial in result.of_loss("cross_entropy")[0]["trials"]}
    assert sorted(rates) == pytest.approx(spread((1e-3, 1e-2), 4))


def test_a_hyperparameter_that_ruins_a_loss_is_not_chosen(tmp_path: Path) -> None:
    """Of Huber's thresholds 1e-9 has no gradient to speak of."""
    options = {**QUICK, "epochs": 8, "learning_rates": (1e-2,), "trials": 2}
    result = compare("diabetes", ["huber_loss:delta=1e-9|1"], out=tmp_path / "out", **options)
    assert {r["hyperparameters"]["delta"] for r in result.records} == {1}


def test_a_search_between_the_rates(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason='needs optuna: pip install "lossary[tune]"')
    options = {"trials": 5, "search": "optuna", "out": tmp_path / "out", **QUICK}
    result = compare("iris", ["focal_loss:gamma=0|2"], **options)
    for record in result.records:
        tried = [trial["learning_rate"] for trial in record["trials"]]
        assert len(set(tried)) == 5
        assert all(1e-3 <= rate <= 1e-2 for rate in tried)
        assert record["hyperparameters"]["gamma"] in (0, 2)


def test_label_noise_hurts_and_is_the_same_for_all(tmp_path: Path) -> None:
    losses = {"one": nn.CrossEntropyLoss(), "two": nn.CrossEntropyLoss()}
    options = {**ONE_RATE, "epochs": 15}
    clean = compare("iris", losses, out=tmp_path / "clean", **options)
    noisy = compare("iris", losses, out=tmp_path / "noisy", label_noise=0.6, **options)
    for row in range(2):
        assert noisy.rows[row].metrics["nll"].mean > 1.5 * clean.rows[row].metrics["nll"].mean
    assert noisy.values("one", "nll") == noisy.values("two", "nll")


def test_outliers_hurt_a_squared_error_most(tmp_path: Path) -> None:
    data = (X, X @ np.array([1.0, 2.0, 3.0], np.float32))
    options = {**ONE_RATE, "epochs": 25, "outliers": 0.2, "out": tmp_path / "out"}
    result = compare(data, ["mse_loss", "l1_loss"], **options)
    squared, absolute = (row.metrics["rmse"].mean for row in result.rows)
    assert absolute < 0.8 * squared


def test_a_fraction_is_drawn_of_every_class(tmp_path: Path) -> None:
    seen = []

    class Counts(nn.Module):
        def forward(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            if self.training:
                seen.append(torch.bincount(label, minlength=3))
            return nn.functional.cross_entropy(output, label)

    options = {**ONE_RATE, "epochs": 1, "folds": 2, "fraction": 0.2, "batch_size": 200}
    compare("iris", {"counts": Counts()}, out=tmp_path / "out", **options)
    assert any(found.tolist() == [5, 5, 5] for found in seen), seen  # of 25 in each fold


def test_a_fixed_test_split(tmp_path: Path) -> None:
    rows = [f"{a:.4f},{b:.4f},{'yes' if a + b > 0 else 'no'}" for a, b, _ in X.tolist()]
    (tmp_path / "train.csv").write_text("\n".join(["a,b,y", *rows[:90]]) + "\n")
    (tmp_path / "test.csv").write_text("\n".join(["a,b,y", *rows[90:]]) + "\n")
    options = {**ONE_RATE, "seeds": 6, "target": "y", "test": tmp_path / "test.csv"}
    losses = ["cross_entropy", "focal_loss"]
    result = compare(tmp_path / "train.csv", losses, out=tmp_path / "out", **options)
    assert (result.settings.held_out, result.settings.folds) == (30, 1)
    assert len(result.records) == 12
    accuracies = set(result.values("cross_entropy", "accuracy"))
    assert all(round(30 * a, 9) == round(30 * a) for a in accuracies)
    assert result.rows[1].p >= 2 / 2**6  # the least that six signs can show
    with pytest.raises(CompareError, match="one says nothing: --seeds 6"):
        compare(tmp_path / "train.csv", losses, out=tmp_path / "one", **{**options, "seeds": 1})


def test_processes_give_the_same_numbers(tmp_path: Path) -> None:
    losses = ["cross_entropy", "focal_loss:gamma=1|2"]
    one = compare("iris", losses, out=tmp_path / "one", **QUICK)
    two = compare("iris", losses, out=tmp_path / "two", jobs=2, **QUICK)
    assert numbers(one) == numbers(two)


ON_CLUSTER = """
import sys
import lossary
lossary.compare("iris", ["cross_entropy"], epochs=2, folds=3, learning_rates=(3e-3,), jobs=2,
                backend=sys.argv[1], out=sys.argv[2], progress=False)
"""


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_cluster_gives_the_same_numbers(tmp_path: Path, backend: str) -> None:
    """In a process of its own: Ray replaces Python's print, and leaves it so."""
    pytest.importorskip(
        {"dask": "distributed", "ray": "ray"}[backend],
        reason=f'needs {backend}: pip install "lossary[{backend}]"',
    )
    here = compare("iris", ["cross_entropy"], out=tmp_path / "here", **ONE_RATE)
    command = [sys.executable, "-c", ON_CLUSTER, backend, str(tmp_path / "there")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "there" / "results.jsonl").read_text().splitlines()
    there = {(r["seed"], r["fold"]): r["metrics"] for r in map(json.loads, lines)}
    assert there == {(r["seed"], r["fold"]): r["metrics"] for r in here.records}


def test_runs_with_other_losses_or_seeds_merge(tmp_path: Path) -> None:
    options = {**ONE_RATE, "out": tmp_path / "whole", "seeds": 2}
    whole = compare("iris", ["cross_entropy", "focal_loss"], **options)
    for name, losses, seed in (
        ("a0", ["cross_entropy"], 0),
        ("a1", ["cross_entropy"], 1),
        ("b", ["focal_loss"], None),
    ):
        told = {"seeds": 2} if seed is None else {"first_seed": seed}
        compare("iris", losses, out=tmp_path / name, **ONE_RATE, **told)
    folders = [tmp_path / name for name in ("a0", "a1", "b")]
    merged = merge_runs(folders, tmp_path / "merged")
    assert numbers(merged) == numbers(whole)
    assert merged.report.is_file()
    with pytest.raises(CompareError, match="3 cells are in none of them, such as cross_entropy"):
        merge_runs([tmp_path / "a0", tmp_path / "b"], tmp_path / "gap")
    compare("iris", ["cross_entropy"], out=tmp_path / "longer", **{**ONE_RATE, "epochs": 3})
    with pytest.raises(CompareError, match="cannot be merged: epochs is 2 and 3"):
        merge_runs([tmp_path / "a0", tmp_path / "longer"], tmp_path / "other")
    with pytest.raises(CompareError, match="holds no comparison"):
        merge_runs([tmp_path / "a0", tmp_path], tmp_path / "none")
    assert not (tmp_path / "gap").exists()
    assert not (tmp_path / "other").exists()


def test_the_results_can_be_queried(tmp_path: Path) -> None:
    losses = ["cross_entropy", "focal_loss"]
    formats = ("html", "markdown", "json")
    result = compare("iris", losses, out=tmp_path / "out", formats=formats, **ONE_RATE)
    with closing(sqlite3.connect(tmp_path / "out" / "results.sqlite")) as database:
        rows = database.execute("SELECT loss, AVG(nll) FROM cells GROUP BY loss").fetchall()
        epochs = database.execute("SELECT MAX(epoch), COUNT(*) FROM curves").fetchone()
    assert dict(rows) == pytest.approx({r.loss: r.metrics["nll"].mean for r in result.rows})
    assert epochs == (2, 12)
    said = json.loads((tmp_path / "out" / "report.json").read_text())
    assert said["verdict"] == result.verdict
    assert result.verdict in (tmp_path / "out" / "report.md").read_text()
    assert len(result.reports) == 3
    assert set(result.figures()) >= {"Held out, with 95 % intervals", "Recall of each class"}
    assert "<td>focal_loss</td>" in result._repr_html_()


def test_pictures_for_pages_without_scripts(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: "lossary[pictures]"')
    losses = ["cross_entropy", "focal_loss"]
    compare("iris", losses, out=tmp_path / "out", formats=["pictures"], **ONE_RATE)
    for name in ("intervals", "curves"):
        picture = (tmp_path / "out" / "pictures" / f"{name}.svg").read_text()
        assert "focal_loss" in picture


def test_the_verdict_needs_more_than_a_lucky_loss(tmp_path: Path) -> None:
    """Ten equal losses and one that learns nothing: only that one is named."""
    losses: dict[str, Any] = {f"same{i}": nn.CrossEntropyLoss() for i in range(3)}
    losses["none"] = lambda output, label: (output * 0).sum()
    result = compare("iris", losses, out=tmp_path / "out", **{**ONE_RATE, "epochs": 20, "folds": 5})
    assert result.verdict.startswith("Worse than same0 in balanced accuracy: none (")
    assert "same1" not in result.verdict
    assert result.rows[3].p < 0.05
    assert result.rows[1].p == 1


def test_peak_memory_counts_what_lives_together() -> None:
    """Of 1 MB each: the product and its exponential; then the gradient and the exponential."""
    x = torch.randn(1000, 250, requires_grad=True)
    memory = PeakMemory()
    with memory:
        (x * 2).exp().sum().backward()
    assert memory.peak == pytest.approx(2e6, rel=0.01)
    again = PeakMemory()
    with again:
        for _ in range(5):
            x.detach() * 2
    assert again.peak == pytest.approx(1e6, rel=0.01)


def test_a_table_of_columns_is_prepared_inside_each_fold(tmp_path: Path) -> None:
    rows = [
        f"{a:.4f},{'red' if b > 0 else 'blue'},{'' if c > 1 else f'{c:.3f}'},{int(a + b > 0)}"
        for a, b, c in X.tolist()
    ]
    (tmp_path / "t.csv").write_text("\n".join(["a,colour,c,y", *rows]) + "\n")
    options = {**ONE_RATE, "epochs": 20, "target": "y", "out": tmp_path / "out"}
    result = compare(tmp_path / "t.csv", ["cross_entropy"], **options)
    assert result.rows[0].metrics["accuracy"].mean > 0.8


def test_tables_that_came_apart_are_joined_by_name(tmp_path: Path) -> None:
    from lossary.data.join import join
    from lossary.data.tables import DataError

    first = table_of(X[:4], np.array(["a", "b", "c", "a"]))
    second = table_of(X[4:6], np.array(["c", "b"]))
    joined = join(first, second)
    assert joined.y.tolist() == [0, 1, 2, 0, 2, 1]
    assert torch.equal(joined.x, torch.from_numpy(X[:6]))
    with pytest.raises(DataError, match="has the class 'd'"):
        join(first, table_of(X[4:6], np.array(["c", "d"])))
    with pytest.raises(DataError, match="differ in shape"):
        join(first, table_of(X[4:6, :2], np.array(["c", "b"])))


def test_the_package_is_called_like_a_function(tmp_path: Path) -> None:
    """``lossary.compare(...)``, which loads what it needs then and not before."""
    program = (
        "import sys, lossary\n"
        "assert 'sklearn' not in sys.modules\n"
        f"result = lossary.compare('iris', ['cross_entropy'], out={str(tmp_path / 'out')!r}, "
        "epochs=1, folds=2, progress=False)\n"
        "from lossary.compare import Comparison, compare\n"
        "assert isinstance(result, Comparison)\n"
        "assert callable(lossary.compare)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
