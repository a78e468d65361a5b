"""The benchmark measures what it says, and its tables say what was measured."""

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

import lossary
from lossary.bench import bench, run
from lossary.bench.peers import NAIVE, TORCH
from lossary.bench.report import alone, chart, speedup, tables, whole
from lossary.bench.run import SIZES, _ask
from lossary.bench.worker import differentiable, obstacle, tensors_for, times, ways
from lossary.spec import Trait

SPECS = {spec.name: spec for spec in lossary.catalog()}


@pytest.mark.parametrize("name", sorted({**TORCH, **NAIVE}))
def test_peers_compute_the_same_loss(name):
    """A ratio to something else would mean nothing."""
    spec = SPECS[name]
    tensors = differentiable(spec, tensors_for(spec, 40, 7))
    found = ways(spec, 7, compiled=False)
    peer, ours = found["peer"](*tensors), found["eager"](*tensors)
    torch.testing.assert_close(peer, ours, rtol=1e-4, atol=1e-5)
    wanted = [t for t in tensors if t.requires_grad]
    for a, b in zip(
        torch.autograd.grad(peer, wanted), torch.autograd.grad(ours, wanted), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_every_loss_that_can_be_measured_has_tensors():
    for spec in lossary.catalog():
        if obstacle(spec, 8) is None:
            tensors = differentiable(spec, tensors_for(spec, 8, 5))
            assert any(t.requires_grad for t in tensors), spec.name
            assert ways(spec, 5, compiled=False)["eager"](*tensors).isfinite(), spec.name


def test_what_cannot_be_measured_has_a_reason():
    assert obstacle(SPECS["iou_loss"], 32) == "takes tensors of special shapes"
    assert obstacle(SPECS["clip_loss"], 32) is None
    assert obstacle(SPECS["clip_loss"], 16384) == "compares the samples of a batch"
    metric = next(s for s in SPECS.values() if Trait.NOT_DIFFERENTIABLE in s.traits)
    assert obstacle(metric, 32) == "no gradient"


def test_a_peer_that_does_not_compile_leaves_the_other_ways(monkeypatch):
    def broken(*tensors):
        raise RuntimeError("no compiler\nand much more")

    monkeypatch.setattr(torch, "compile", lambda peer: broken)
    row = times(SPECS["mse_loss"], 32, 10, compiled=True)
    assert row["failed"] == "torch.compile: RuntimeError: no compiler"
    assert "compiled" not in row["seconds"]
    assert "peer" in row["seconds"]


SETTING = "caching allocator"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return figures of a loss with a peer and of one without, and the file they were kept in."""
    out = tmp_path_factory.mktemp("bench") / "figures.json"
    told: list[str] = []
    result = bench(["cauchy_loss", "mse_loss"], ["32x10"], [SETTING], out=out, progress=told.append)
    return result, out, told


def test_times_and_memory_are_measured(measured):
    result, out, _ = measured
    rows = result["settings"][SETTING]["32x10"]
    for row in rows.values():
        assert {"eager", "fused", "floor", "floor_fresh"} <= row["seconds"].keys()
        assert all(seconds > 0 for seconds in row["seconds"].values())
    assert "peer" in rows["mse_loss"]["seconds"]
    memory = result["memory"]["32x10"]
    assert {loss: list(found) for loss, found in memory.items()} == {
        "cauchy_loss": ["eager", "fused"],
        "mse_loss": ["peer", "eager", "fused"],
    }
    assert result["machine"]["torch"] == torch.__version__
    assert json.loads(out.read_text()) == result


def test_losses_with_a_peer_come_first(measured):
    *_, told = measured
    assert [line.split(":", 1)[1] for line in told] == [
        f" {SETTING}, 32x10: mse_loss",
        *(f" memory of {way}, 32x10: mse_loss" for way in ("peer", "eager", "fused")),
        f" {SETTING}, 32x10: cauchy_loss",
        *(f" memory of {way}, 32x10: cauchy_loss" for way in ("eager", "fused")),
    ]
    assert told[0].startswith("1 of 7:")
    assert re.fullmatch(r"7 of 7, about \d+ min left: .*", told[-1])


def test_the_tables_show_each_loss(measured):
    (title, head, rows), _, (other, _, others), _ = tables(measured[0])
    assert title == "32x10 elements, caching allocator"
    assert [row[0] for row in rows] == [
        "mse_loss",
        "geometric mean, losses with a peer",
        "geometric mean, all 2 losses, against our own formula where no peer is",
    ]
    assert other == f"{title}: losses without a peer, against our own formula"
    assert [row[0] for row in others] == ["cauchy_loss", "geometric mean, against our own formula"]
    for _, head, rows in tables(measured[0]):
        assert all(len(row) == len(head) for row in rows)


def only(out: Path, **options):
    """Measure one loss at the smallest size, and return the figures and what was asked."""
    asked: list[str] = []
    options = {"losses": ["mse_loss"], "memory": False, **options}
    result = bench(sizes=["32x10"], settings=[SETTING], out=out, progress=asked.append, **options)
    return result, asked


def test_what_the_file_holds_is_not_measured_again(measured, tmp_path: Path):
    result, held, _ = measured
    out = Path(shutil.copy(held, tmp_path))
    assert only(out, losses=["mse_loss", "cauchy_loss"], memory=True) == (result, [])
    more, asked = only(out, losses=["mse_loss", "huber_loss"])
    assert [line.split(": ")[-1] for line in asked] == ["huber_loss"]
    assert more["memory"] == result["memory"]
    assert set(more["settings"][SETTING]["32x10"]) == {"cauchy_loss", "huber_loss", "mse_loss"}


def test_again_measures_anew(measured, tmp_path: Path):
    result, held, _ = measured
    new, asked = only(Path(shutil.copy(held, tmp_path)), again=True)
    assert len(asked) == 1
    was, now = (found["settings"][SETTING]["32x10"] for found in (result, new))
    assert was["mse_loss"] != now["mse_loss"]
    assert was["cauchy_loss"] == now["cauchy_loss"]


def test_figures_of_two_machines_are_never_mixed(measured, tmp_path: Path):
    result, *_ = measured
    out = tmp_path / "figures.json"
    other = {**result, "machine": {**result["machine"], "torch": "1.0"}}
    out.write_text(json.dumps(other))
    with pytest.raises(ValueError, match=r"other versions \(torch 1\.0, now .*--again"):
        only(out)
    assert json.loads(out.read_text()) == other
    new, _ = only(out, again=True)
    assert set(new["settings"][SETTING]["32x10"]) == {"mse_loss"}


def test_a_kernel_that_was_built_again_is_no_other_machine(monkeypatch):
    systems = []
    for release in ("6.1.0-13-amd64", "6.1.0-21-amd64", "6.2.0-1-amd64"):
        monkeypatch.setattr(platform, "release", lambda release=release: release)
        systems.append(run.machine()["system"])
    assert systems[0] == systems[1] != systems[2]


@pytest.mark.parametrize("content", ["{", "[]", '{"machine": {}}'])
def test_a_file_of_something_else_is_left_alone(content, tmp_path: Path):
    out = tmp_path / "other.json"
    out.write_text(content)
    with pytest.raises(ValueError, match="is not a file of `lossary bench`"):
        only(out, again=True)
    assert out.read_text() == content


def test_a_failure_is_recorded_and_ends_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(run, "TOGETHER", 1)
    out = tmp_path / "figures.json"
    result, asked = only(out, losses=["mse_loss", "huber_loss"], limit=0.01)
    assert len(asked) == 2
    rows = result["settings"][SETTING]["32x10"]
    assert rows["mse_loss"] == rows["huber_loss"] == {"failed": "no answer within 0.01 s"}
    shown = [
        ("huber_loss: 32x10 elements, caching allocator", "no answer within 0.01 s"),
        ("mse_loss: 32x10 elements, caching allocator", "no answer within 0.01 s"),
    ]
    assert list(tables(result)) == [("Failed", ("what", "why"), shown)]
    assert only(out, losses=["mse_loss", "huber_loss"]) == (result, [])
    anew, _ = only(out, again=True)
    assert "seconds" in anew["settings"][SETTING]["32x10"]["mse_loss"]


def test_a_question_that_crashes_leaves_what_was_answered_before_it():
    """And what comes after it is asked in another process."""
    good = {"kind": "times", "loss": "mse_loss", "size": [32, 10], "compiled": False}
    bad = {**good, "size": [32, -1]}
    first, second, third = _ask([good, bad, good], {}, 120)
    assert "seconds" in first
    assert second["failed"].startswith("RuntimeError: ")
    assert "seconds" in third


def test_one_process_measures_several_losses(tmp_path: Path):
    result, asked = only(tmp_path / "figures.json", losses=["huber_loss", "mse_loss"])
    assert [line.split(": ")[-1] for line in asked] == ["huber_loss, mse_loss"]
    assert all("seconds" in row for row in result["settings"][SETTING]["32x10"].values())


def test_a_run_of_some_minutes_can_be_continued(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(run, "TOGETHER", 1)
    out = tmp_path / "figures.json"
    losses = ["huber_loss", "mse_loss"]
    first, asked = only(out, losses=losses, minutes=0)
    assert len(asked) == 1
    assert set(first["settings"][SETTING]["32x10"]) == {"huber_loss"}
    both, asked = only(out, losses=losses, minutes=60)
    assert [line.split(": ")[-1] for line in asked] == ["mse_loss"]
    assert set(both["settings"][SETTING]["32x10"]) == {"huber_loss", "mse_loss"}


def test_losses_left_out_are_listed(tmp_path: Path):
    sizes = ["32x10", "16M"]
    result = bench(sizes=sizes, settings=[SETTING], memory=False, minutes=0, limit=0.01)
    assert result["left_out"]["iou_loss"] == dict.fromkeys(sizes, "takes tensors of special shapes")
    *_, (title, _, rows) = alone(result)
    assert title == "Not measured"
    assert ("clip_loss", "16M", "compares the samples of a batch") in rows
    assert ("iou_loss", "32x10, 16M", "takes tensors of special shapes") in rows


def test_the_mean_is_geometric():
    rows = [
        {"seconds": {"peer": 2.0, "eager": 9.0, "fused": 1.0}},
        {"seconds": {"eager": 8.0, "fused": 1.0}},
    ]
    assert speedup(rows) == pytest.approx(4.0)
    assert speedup(rows, "eager") == pytest.approx(72**0.5)
    assert whole(rows).startswith("geometric mean, all 2 losses")


def test_the_chart_has_a_bar_for_each_fused_loss():
    seconds = {"eager": 8.0, "fused": 2.0}
    rows = [
        {"loss": "a<b", "seconds": seconds, "reasons": []},
        {"loss": "not fused", "seconds": seconds, "reasons": ["it draws"]},
    ]
    drawn = ElementTree.fromstring(chart(rows, "title"))
    words = [e.text for e in drawn.iter() if e.tag.endswith("text")]
    assert words == ["title", "a<b", "4.0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"losses": ["no_such_loss"]}, "cannot measure"),
        ({"sizes": ["3x3"]}, "there are 16M"),
        ({"settings": ["none"]}, "there are caching allocator"),
        ({"linear": ["small"]}, "there are 4096 x 512"),
    ],
)
def test_unknown_names_are_refused_before_anything_runs(options, message):
    with pytest.raises(ValueError, match=message):
        bench(**options)


def test_the_command_prints_and_writes(tmp_path: Path):
    program = Path(sys.executable).parent / "lossary"
    command = [program, "bench", "mse_loss", "--size", "32x10"]
    command += ["--setting", "glibc as it comes", "--no-memory", "--out", tmp_path / "f.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mse_loss" in done.stdout
    written = json.loads((tmp_path / "f.json").read_text())
    assert set(written["settings"]["glibc as it comes"]) <= set(SIZES)
    again = subprocess.run([*command, "--minutes", "1"], capture_output=True, text=True)
    assert json.loads((tmp_path / "f.json").read_text()) == written
    assert again.stdout == done.stdout
