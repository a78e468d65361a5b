"""The comparison is paired, survives being killed, and refuses what it cannot do."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lossary import CrossEntropyLoss, LossBase
from lossary.compare import CompareError, compare
from lossary.files import write_whole

TIMES = ("seconds", "seconds_per_step")
QUICK = {"epochs": 2, "folds": 3, "learning_rates": (3e-3,), "progress": False}


class FlatLoss(LossBase):
    """A user's loss without a signature."""

    def units(self, output: Tensor, label: Tensor) -> Tensor:
        return -output.log_softmax(1)[torch.arange(len(label)), label]


def without_times(record: dict) -> dict:
    return {k: v for k, v in record.items() if k not in (*TIMES, "loss")}


def test_every_loss_gets_the_same_split_weights_and_batches(tmp_path: Path) -> None:
    """The same loss under three names, one of them written by a user, gives the same results."""
    losses = {"one": CrossEntropyLoss(), "two": CrossEntropyLoss(), "own": FlatLoss()}
    result = compare("iris", losses, out=tmp_path / "out", seeds=2, **QUICK)
    assert len(result.records) == 3 * 3 * 2
    for i in range(0, len(result.records), 3):
        one, two, own = result.records[i : i + 3]
        assert without_times(one) == without_times(two)
        assert own["metrics"] == pytest.approx(one["metrics"], abs=1e-4)
    row = result.rows[1]
    assert row.difference["accuracy"].mean == 0
    assert row.odds.same == 1
    assert result.verdict.startswith("No sure difference in balanced accuracy from one")


def test_learning_rates_are_chosen_per_loss_and_fold(tmp_path: Path) -> None:
    """A rate of 1e-9 learns nothing; the other is chosen."""
    options = {**QUICK, "epochs": 10, "learning_rates": (1e-9, 1e-2)}
    result = compare("iris", ["cross_entropy"], out=tmp_path / "out", **options)
    assert {r["learning_rate"] for r in result.records} == {1e-2}


@pytest.mark.parametrize(
    ("data", "losses"),
    [
        ("wine", ["cross_entropy", "focal_loss:gamma=0.5", "multi_margin_loss:p=2"]),
        ("breast_cancer", ["cross_entropy", "hinge_loss", "binary_cross_entropy_with_logits"]),
        ("diabetes", ["mse_loss", "HuberLoss:delta=0.5"]),
        ("digits", ["balanced_cross_entropy:alpha=[1,1,1,1,1,1,1,1,1,2]"]),
    ],
)
def test_tasks(tmp_path: Path, data: str, losses: list[str]) -> None:
    result = compare(data, losses, out=tmp_path / "out", **{**QUICK, "epochs": 5, "folds": 2})
    assert [row.loss for row in result.rows] == losses
    for row in result.rows:
        assert row.diverged == 0
        if result.settings.task == "classification":
            assert row.metrics["accuracy"].mean > 0.6
            for recall in result.details(row.loss, "recall"):
                assert len(recall) == len(result.settings.classes)
        else:
            assert row.metrics["r2"].mean > -1
    assert result.report.exists()


def test_a_loss_that_diverges_is_recorded_and_does_not_end_the_comparison(tmp_path: Path) -> None:
    class Explodes(LossBase):
        takes = "real N C, label N -> N"

        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def units(self, output: Tensor, label: Tensor) -> Tensor:
            self.calls += 1
            return output.sum(1) * (torch.nan if self.calls > 3 else 1.0)

    losses = {"fine": CrossEntropyLoss(), "explodes": Explodes()}
    result = compare("iris", losses, out=tmp_path / "out", **QUICK)
    assert [row.diverged for row in result.rows] == [0, 3]


def test_files_of_every_kind(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.integers(0, 2, 60)
    rows = "\n".join(f"{a},{b},{'yes' if k else 'no'}" for (a, b), k in zip(x, y, strict=True))
    (tmp_path / "t.csv").write_text(f"width,height,answer\n{rows}\n")
    np.savez(tmp_path / "t.npz", x=x, y=y)
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"width": x[:, 0], "height": x[:, 1], "answer": y})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    found = []
    for name, target in (("t.csv", "answer"), ("t.npz", None), ("t.parquet", "answer")):
        out = tmp_path / f"out-{name}"
        result = compare(tmp_path / name, ["cross_entropy"], target=target, out=out, **QUICK)
        assert result.settings.task == "classification"
        found.append([r["metrics"]["nll"] for r in result.records])
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert found[1] == found[2]
    arrays = compare((x, x[:, 0]), ["l1_loss"], out=tmp_path / "arrays", **QUICK)
    assert arrays.settings.task == "regression"


CSV = "a,b,y\n" + "\n".join(f"{i},{i % 7},{i % 2}" for i in range(40)) + "\n"


@pytest.mark.parametrize(
    ("text", "target", "losses", "options", "message"),
    [
        (CSV, None, ["cross_entropy"], {}, "say which column is the target; there are a, b, y"),
        (CSV, "yy", ["cross_entropy"], {}, "no column 'yy'; did you mean 'y'?"),
        (CSV, "y", ["cros_entropy"], {}, "no loss 'cros_entropy'; did you mean cross_entropy"),
        (CSV, "y", ["l1_loss"], {}, r"does not fit the 2 classes of t; these do: .*cross_entropy"),
        (CSV, "y", ["zero_one_loss"], {}, "is a metric: it has no gradient to train with"),
        (CSV, "y", ["arcface_loss"], {}, "does not fit the 2 classes"),
        (CSV, "y", ["focal_loss:gamma=-1"], {}, r"gamma must lie in \[0, inf\), got -1"),
        (CSV, "y", ["focal_loss:gama=1"], {}, "unexpected keyword argument 'gama'"),
        (CSV, "y", ["focal_loss:gamma=__import__('os')"], {}, "is not a plain value"),
        (CSV, "y", ["focal_loss:2=3"], {}, "write hyperparameters as key=value"),
        (CSV, "y", ["nowhere:Loss"], {}, "no module 'nowhere' here or installed"),
        (CSV, "y", ["lossary:FocalLos"], {}, "lossary has no 'FocalLos'; it has FocalLoss"),
        (CSV, "y", ["cross_entropy"] * 2, {}, "a loss is named twice"),
        (CSV, "y", [], {}, "give at least one loss"),
        (CSV, "y", ["cross_entropy"], {"baseline": "l1"}, "baseline 'l1' is not among the losses"),
        (CSV, "y", ["cross_entropy"], {"folds": 1}, "at least 2 folds are needed, got 1"),
        (CSV, "y", ["cross_entropy"], {"folds": 30}, "has 20 samples, too few for 30 folds"),
        (CSV, "y", ["cross_entropy"], {"epochs": 0}, "epochs must be at least 1, got 0"),
        (CSV, "y", ["cross_entropy"], {"imbalance": 2}, r"must lie in \(0, 1\], got 2"),
        (CSV, "y", ["cross_entropy"], {"network": "nonsense"}, "write module:name"),
        (CSV, "y", ["cross_entropy"], {"label_noise": 1}, "label_noise is a share .* got 1"),
        (CSV, "y", ["cross_entropy"], {"outliers": 0.1}, "classes get label noise"),
        (CSV, "y", ["cross_entropy"], {"fraction": 0}, "fraction is a share .* got 0"),
        (CSV, "y", ["cross_entropy"], {"fraction": 0.01}, "leaves too few samples"),
        (CSV, "y", ["cross_entropy"], {"jobs": 0}, "jobs must be at least 1, or -1"),
        (CSV, "y", ["cross_entropy"], {"backend": "slurm"}, "the backend is one of"),
        (CSV, "y", ["cross_entropy"], {"formats": ["pdf"]}, "the report is one of"),
        (CSV, "y", ["cross_entropy"], {"search": "random"}, "the search is one of"),
        (CSV, "y", ["cross_entropy"], {"trials": 0}, "trials must be at least 1, got 0"),
        (CSV, "y", ["focal_loss:gamma=1|-1"], {}, r"gamma must lie in \[0, inf\), got -1"),
        (CSV, "y", ["mse_loss"], {"task": "regression", "label_noise": 0.1}, "gets outliers"),
        (CSV, "y", ["gaussian_nll_loss"], {"task": "regression"}, "does not fit the number"),
        (CSV, "y", ["minimax_discriminator_loss"], {"task": "regression"}, "these do: .*mse_loss"),
        (CSV, "a", ["cross_entropy"], {}, r"class '0' has 1 samples.*say --task regression"),
        (
            CSV.replace("3,3,1", "3,3,"),
            "y",
            ["cross_entropy"],
            {},
            "target 'y' has no value in",
        ),
        (
            CSV.replace("3,3,1", "3,3"),
            "y",
            ["cross_entropy"],
            {},
            "line 5: 2 cells, the header",
        ),
        ("a,a\n1,2\n", "a", ["l1_loss"], {}, "has the column 'a' more than once"),
        ("a,y\n", "y", ["l1_loss"], {}, "needs a header and at least one row"),
        ("y\n1\n2\n", "y", ["l1_loss"], {}, "no column besides the target"),
        ("a,y\n1,1\n2,1\n", "y", ["cross_entropy"], {}, "only one class, '1'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, text: str, target: str | None, losses: list[str], options: dict, message: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CompareError, match=message):
        compare(
            tmp_path / "t.csv",
            losses,
            target=target,
            out=tmp_path / "out",
            **{**QUICK, **options},
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.npz", b"no archive", "is not an NPZ file of plain arrays"),
        ("t.parquet", b"no parquet", "is not a Parquet file"),
        ("t.csv", b"\xff\xfe\x00", "is not a CSV file in UTF-8"),
        ("t.xlsx", b"", "give a .csv, .parquet or .npz file"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CompareError, match=message):
        compare(tmp_path / name, ["cross_entropy"], target="y", out=tmp_path / "out", **QUICK)


def test_pickled_arrays_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.array([{}], dtype=object), y=np.zeros(1))
    with pytest.raises(CompareError, match="plain arrays"):
        compare(tmp_path / "t.npz", ["cross_entropy"], out=tmp_path / "out", **QUICK)


def test_a_misspelt_name_of_bundled_data_is_helped(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match=r"no data 'digit'.*did you mean digits\?"):
        compare("digit", ["cross_entropy"], out=tmp_path / "out", **QUICK)


def test_a_network_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_networks.py").write_text(
        "from torch import nn\n"
        "def linear(shape, outputs):\n"
        "    assert shape == (4,)\n"
        "    return nn.Linear(4, outputs)\n"
    )
    result = compare("iris", ["cross_entropy"], network="my_networks:linear", out="out", **QUICK)
    assert result.settings.network == "my_networks:linear"


def test_imbalance_shrinks_the_classes_geometrically(tmp_path: Path) -> None:
    result = compare("iris", ["cross_entropy"], imbalance=0.25, out=tmp_path / "out", **QUICK)
    assert result.settings.samples == 50 + 25 + 12  # 50 * 0.25 ** (k / 2), rounded


PROGRAM = """
import sys
from lossary.compare import compare
compare("iris", ["cross_entropy", "focal_loss"], epochs=20, folds=3, seeds=4,
        learning_rates=(3e-3,), out=sys.argv[1], progress=None)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """SIGKILL after some cells, half a line written: the results are those of an unkilled run."""
    out, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(out)],
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    results = out / "results.jsonl"
    deadline = time.monotonic() + 120
    while not results.exists() or results.read_text().count("\n") < 4:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run made no progress"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = results.read_text().count("\n")
    assert done < 24
    with results.open("a") as file:
        file.write('{"loss": "cross_en')
    run = [sys.executable, "-c", PROGRAM]
    resumed = subprocess.run([*run, str(out)], capture_output=True, text=True, check=True)
    assert f"{done} of 24 cells are there already" in resumed.stderr
    subprocess.run([*run, str(whole)], capture_output=True, check=True)

    def records(folder: Path) -> list[dict]:
        lines = (folder / "results.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]

    assert records(out) == records(whole)


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    compare("iris", ["cross_entropy"], out=tmp_path / "out", **QUICK)
    with pytest.raises(CompareError, match=r"other settings .*epochs was 2, is 3"):
        compare("iris", ["cross_entropy"], out=tmp_path / "out", **{**QUICK, "epochs": 3})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(CompareError, match=r"is no comparison"):
        compare("iris", ["cross_entropy"], out=tmp_path / "other", **QUICK)
    (tmp_path / "out" / "settings.json").write_text("{")
    with pytest.raises(CompareError, match=r"settings\.json is damaged"):
        compare("iris", ["cross_entropy"], out=tmp_path / "out", **QUICK)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails_half_way(place: Path) -> None:
        place.write_text("half")
        raise OSError("disk full")

    write_whole(tmp_path / "file", "old")
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "file", fails_half_way)
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_report_needs_nothing_else_and_holds_the_numbers(tmp_path: Path) -> None:
    losses = {"<b>bold</b>": CrossEntropyLoss(), "plain": CrossEntropyLoss()}
    result = compare("iris", losses, out=tmp_path / "out", command="lossary compare …", **QUICK)
    html = result.report.read_text(encoding="utf-8")
    page = html.replace(re.search(r"<script>.*?</script>", html, re.DOTALL).group(), "")
    assert not re.search(r"""(src|href)=["'](?!data:,|#)""", page)
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert result.verdict.replace("<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;") in page
    for row in result.rows:
        assert f"{row.metrics['accuracy'].mean:.4g}" in page
    assert "lossary compare …" in page
