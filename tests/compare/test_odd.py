"""Odd losses, odd data, odd names, full disks: each is told plainly, or does no harm."""

import io
import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from lossary.compare import CompareError, Comparison, compare, merge_runs
from lossary.compare.output import finish
from lossary.compare.store import RECORD, Store
from lossary.data.tables import table_of
from lossary.files import write_whole
from lossary.tasks.choice import ChoiceError, choose, given
from lossary.tasks.fit import Fit
from lossary.tasks.networks import default_network

QUICK: dict[str, Any] = {"epochs": 2, "folds": 3, "learning_rates": (3e-3,), "progress": False}
X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A comparison that tests may copy."""
    out = tmp_path_factory.mktemp("done") / "out"
    return compare("iris", ["cross_entropy", "focal_loss"], out=out, **QUICK)


def again(done: Comparison, out: Path, **options: Any) -> Comparison:
    return compare("iris", ["cross_entropy", "focal_loss"], out=out, **{**QUICK, **options})


def dropping(shape: tuple[int, ...], outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 32), nn.Dropout(0.5), nn.Linear(32, outputs))


def test_dropout_is_a_function_of_the_seed(tmp_path: Path) -> None:
    """Of two equal losses the second must not get the random numbers after those of the first."""
    losses = {"one": nn.CrossEntropyLoss(), "two": nn.CrossEntropyLoss()}
    result = compare("iris", losses, out=tmp_path / "out", network=dropping, **QUICK)
    assert result.values("one", "nll") == result.values("two", "nll")


def test_a_loss_that_a_module_holds_is_new_for_each_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights would carry what they learnt into the fold where that is held out."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "held_loss.py").write_text(
        "import torch\n"
        "class Biased(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.bias = torch.nn.Parameter(torch.zeros(3))\n"
        "    def forward(self, output, label):\n"
        "        return torch.nn.functional.cross_entropy(output + self.bias, label)\n"
        "loss = Biased()\n"
    )
    table = table_of(X, np.arange(60) % 3)
    choice = choose("held_loss:loss", table)
    train = torch.arange(40)
    fit = Fit(table, choice, default_network, train, seed=0, learning_rate=0.1)
    fit.model.train(1, fit.columns(train), progress=False)
    assert fit.loss.bias.abs().sum() > 0
    assert choice.build(table).bias.abs().sum() == 0


class Explodes(nn.Module):
    """Cross entropy, until the last step of the last fold's training, or the one after it."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, output: Tensor, label: Tensor) -> Tensor:
        self.steps -= self.training
        loss = nn.functional.cross_entropy(output, label)
        return loss * (torch.nan if self.steps < 0 else 1.0)


def test_a_loss_that_explodes_after_its_training_ends_nothing(tmp_path: Path) -> None:
    """Memory is measured in one more step: 100 samples are 4 batches, in 2 epochs 8 steps."""
    result = compare("iris", {"late": Explodes(8)}, out=tmp_path / "out", **QUICK)
    assert result.rows[0].diverged == 0
    assert result.rows[0].cost.peak_memory is None


def with_metric(done: Comparison, loss: str, plus: float, diverged: bool) -> Comparison:
    """Return a comparison in which a loss is better by about so much, and diverged or not."""
    primary, records = done.primary, []
    for i, record in enumerate(done.records):
        metrics = dict(record["metrics"])
        if record["loss"] == loss:
            metrics[primary] += plus + 1e-3 * i
        mine = record["loss"] == loss and diverged
        records.append({**record, "metrics": metrics, "diverged": mine})
    return replace(done, records=tuple(records))


def test_a_loss_that_diverged_is_never_better(done: Comparison, tmp_path: Path) -> None:
    fine = with_metric(done, "focal_loss", 0.5, diverged=False)
    assert fine.verdict.startswith("Better than cross_entropy in balanced accuracy: focal_loss (")
    worse = with_metric(done, "focal_loss", 0.5, diverged=True)
    assert worse.verdict.startswith("No sure difference")
    assert worse.verdict.endswith("Trainings diverged: focal_loss in 3 of 3.")
    assert "focal_loss has" not in worse.verdict
    page = finish(replace(worse, folder=tmp_path), ["html"]).report.read_text(encoding="utf-8")
    assert "such a loss is never called better" in page


def test_a_fixed_test_split_says_how_many_seeds_it_takes(tmp_path: Path) -> None:
    y = np.arange(60) % 2
    options = {**QUICK, "seeds": 2, "epochs": 1, "out": tmp_path / "out"}
    losses = ["cross_entropy", "focal_loss", "hinge_loss"]
    result = compare((X[:40], y[:40]), losses, test=(X[40:], y[40:]), **options)
    assert result.verdict.endswith("2 seeds cannot show one, --seeds 7 can.")
    assert "not what other test samples would" in result.report.read_text(encoding="utf-8")


def test_values_are_never_drawn_without_a_trial(tmp_path: Path) -> None:
    """With one learning rate there is still a choice of the loss's own values."""
    losses = ["focal_loss:gamma=0|2", "cross_entropy"]
    result = compare("iris", losses, out=tmp_path / "out", **QUICK)
    assert [len(r["trials"]) for r in result.of_loss(losses[0])] == [2, 2, 2]
    with pytest.raises(CompareError, match="one trial leaves nothing to choose"):
        compare("iris", losses, out=tmp_path / "one", trials=1, **QUICK)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([nn.CrossEntropyLoss()], "a list holds names of losses, got a CrossEntropyLoss"),
        ({1: nn.CrossEntropyLoss()}, "the names of the losses are texts, got 1"),
        ({"ce": nn.CrossEntropyLoss}, "got the class CrossEntropyLoss"),
        ({"ce": 3}, "ce: a loss is a Module, .* got 3"),
    ],
)
def test_losses_of_another_kind_are_refused(tmp_path: Path, losses: Any, message: str) -> None:
    with pytest.raises(CompareError, match=message):
        compare("iris", losses, out=tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


def test_a_metric_given_from_python_is_refused() -> None:
    import lossary

    table = table_of(X, np.arange(60) % 3)
    with pytest.raises(ChoiceError, match="no gradient to train with"):
        given("own", lossary.ZeroOneLoss(), table)
    assert given("short", "cross_entropy", table).name == "short"


@pytest.mark.parametrize(
    ("task", "y", "options", "message"),
    [
        ("retrieval", np.arange(56) % 7, {"folds": 2}, "held out to choose by: too few"),
        ("regression", X[:, 0], {"fraction": 0.05}, "2 training samples are too few"),
        ("classification", np.arange(60) % 2, {"first_seed": -1}, r"seeds must lie in \[0"),
        ("classification", np.arange(60) % 2, {"learning_rates": (float("nan"),)}, "be positive"),
        (
            "classification",
            np.arange(12) % 2,
            {"folds": 2, "label_noise": 0.5, "first_seed": 1, "seeds": 10},
            "too few samples to choose by",
        ),
    ],
)
def test_data_that_are_too_few_are_refused_at_once(
    tmp_path: Path, task: Any, y: Any, options: dict[str, Any], message: str
) -> None:
    losses = {"own": lambda output, target: (output * 0).sum()}
    out = tmp_path / "out"
    with pytest.raises(CompareError, match=message):
        compare(table_of(X[: len(y)], y, task), losses, out=out, **{**QUICK, **options})
    assert not out.exists()


@pytest.mark.parametrize(
    ("task", "y"), [("classification", np.zeros(5, int)), ("regression", X[:1, 0])]
)
def test_a_test_split_that_tells_nothing_is_refused(tmp_path: Path, task: Any, y: Any) -> None:
    train = (X, np.arange(60) % 2) if task == "classification" else (X, X[:, 0])
    losses = {"own": lambda output, target: (output * 0).sum()}
    options = {**QUICK, "seeds": 6, "task": task, "out": tmp_path / "out"}
    with pytest.raises(CompareError, match=r"held out are too few, or too alike"):
        compare(train, losses, test=(X[: len(y)], y), **options)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, done: Comparison) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CompareError, match="exists and is no comparison"):
        again(done, tmp_path / "file")
    with pytest.raises(CompareError, match=r"cannot be written: .*Not a directory"):
        again(done, tmp_path / "file" / "out")


def test_a_full_disk_leaves_what_is_whole(tmp_path: Path, done: Comparison) -> None:
    """A file that may grow by 20 bytes takes them without an error, as a full disk does."""
    shutil.copytree(done.folder, tmp_path / "out")
    store, results = Store(tmp_path / "out"), tmp_path / "out" / "results.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (results.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(CompareError, match=r"cannot be written: .*No space left"):
            store.append(done.records[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(again(done, tmp_path / "out").records) == 6
    assert results.read_text() == (done.folder / "results.jsonl").read_text()


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k != key}


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (b"\xff\xfe\n", "results.jsonl is damaged"),
        (b'{"loss": "cross_entropy"}\n', "results.jsonl is of another version"),
        (b"[1]\n", "results.jsonl is of another version"),
        (None, "results.jsonl is of another version"),
    ],
)
def test_records_that_cannot_be_used(
    tmp_path: Path, done: Comparison, results: bytes | None, message: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(done.folder, out)
    if results is None:  # a metric that came later
        record = {**done.records[0], "metrics": without(done.records[0]["metrics"], "mcc")}
        results = json.dumps(record).encode() + b"\n"
    (out / "results.jsonl").write_bytes(results)
    for use in (lambda: again(done, out), lambda: merge_runs([out, out], tmp_path / "merged")):
        with pytest.raises(CompareError, match=message):
            use()


def test_a_record_tells_what_it_should(done: Comparison) -> None:
    assert done.records[0].keys() == RECORD


def test_settings_that_cannot_be_used(tmp_path: Path, done: Comparison) -> None:
    for name, text in (("list", "[]"), ("bare", '{"settings": {}}'), ("half", '{"settings"')):
        write_whole(_new(tmp_path / name) / "settings.json", text)
        with pytest.raises(CompareError, match="is damaged"):
            merge_runs([tmp_path / name, done.folder], tmp_path / "merged")
    told = json.loads((done.folder / "settings.json").read_text())
    told["settings"]["from_later"] = 1
    write_whole(_new(tmp_path / "later") / "settings.json", json.dumps(told))
    with pytest.raises(CompareError, match=r"other settings .from_later was 1, is None"):
        again(done, tmp_path / "later")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_merge_that_was_killed_goes_on(tmp_path: Path, done: Comparison) -> None:
    other = again(done, tmp_path / "other", first_seed=1, command="lossary two")
    merged = merge_runs([done.folder, other.folder], tmp_path / "merged")
    assert merged.about["command"] == "lossary two"
    lines = (tmp_path / "merged" / "results.jsonl").read_text().splitlines(keepends=True)
    assert len(lines) == 12
    (tmp_path / "merged" / "results.jsonl").write_text("".join(lines[:5]) + lines[5][:30])
    (tmp_path / "merged" / "results.sqlite.part").write_bytes(b"half of a database")
    once_more = merge_runs([done.folder, other.folder], tmp_path / "merged")
    assert once_more.records == merged.records
    assert (tmp_path / "merged" / "results.jsonl").read_text() == "".join(lines)


ODD = [
    "[/b]plain",
    "损失",
    "a$b$c",
    "loss<b>i</b>",
    "2020",
    f"my.{'very_' * 12}long:gamma=1,alpha=2",
]


def many(done: Comparison, out: Path) -> Comparison:
    """Return a comparison of 30 losses with odd names, all diverged at once."""
    names = ("cross_entropy", *ODD, *(f"loss{i}" for i in range(23)))
    cells = done.of_loss("cross_entropy")
    told = {"diverged": True, "curve": [], "epochs_to_near_best": None, "peak_memory": None}
    records = [{**r, **told, "loss": name} for r in cells for name in names]
    return Comparison(replace(done.settings, losses=names), done.about, tuple(records), out)


def test_many_losses_of_odd_names_that_all_diverged(tmp_path: Path, done: Comparison) -> None:
    result = finish(many(done, tmp_path), ("html", "markdown", "json"))
    page = result.report.read_text(encoding="utf-8")
    assert "loss&lt;b&gt;i&lt;/b&gt;" in page
    assert "损失" in page
    said = (tmp_path / "report.json").read_text(encoding="utf-8")
    json.loads(said, parse_constant=pytest.fail)  # nan and infinity are no JSON
    assert "[/b]plain" in (tmp_path / "report.md").read_text(encoding="utf-8")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(result.table())
    assert "[/b]plain" in console.export_text()


def test_thirty_losses_can_be_told_apart(tmp_path: Path, done: Comparison) -> None:
    figures = many(done, tmp_path).figures()
    lines = figures["Learning curves: held out after each epoch"].data[::2]
    assert len({(line.line.color, line.line.dash) for line in lines}) == 30
    bars = figures["Recall of each class"].data
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in bars}) == 30
    names = [bar.name for bar in bars]
    assert names[4] == "loss&lt;b&gt;i&lt;/b&gt;"
    assert max(len(part) for name in names for part in name.split("<br>")) < 40
    panels = figures["Held out, with 95 % intervals"].layout
    assert panels.yaxis.type == "category"  # 2020 is a name
    height = 34 * 30 * 4  # four rows of panels
    assert panels.height > height


def test_pictures_of_many_losses(tmp_path: Path, done: Comparison) -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: "lossary[pictures]"')
    finish(many(done, tmp_path), ["pictures"])
    picture = (tmp_path / "pictures" / "intervals.svg").read_text(encoding="utf-8")
    for name in ("a$b$c", "损失", "[/b]plain"):
        assert name in picture
