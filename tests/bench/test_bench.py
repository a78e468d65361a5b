"""The benchmark measures what it says, and its tables say what was measured."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

import lossary
from lossary.bench import bench
from lossary.bench.peers import NAIVE, TORCH
from lossary.bench.report import chart, speedup, tables
from lossary.bench.run import SIZES
from lossary.bench.worker import differentiable, measurable, tensors_for, ways

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
        if measurable(spec):
            tensors = differentiable(spec, tensors_for(spec, 8, 5))
            assert any(t.requires_grad for t in tensors), spec.name
            assert ways(spec, 5, compiled=False)["eager"](*tensors).isfinite(), spec.name


@pytest.fixture(scope="module")
def result():
    return bench(["hinge_loss", "mse_loss"], ["32x10"], ["caching allocator"])


def test_times_and_memory_are_measured(result):
    rows = result["settings"]["caching allocator"]
    assert [row["loss"] for row in rows] == ["hinge_loss", "mse_loss"]
    for row in rows:
        assert {"peer", "eager", "fused", "floor"} <= row["seconds"].keys()
        assert all(seconds > 0 for seconds in row["seconds"].values())
    assert set(result["memory"]) == {"hinge_loss", "mse_loss"}
    assert result["machine"]["torch"] == torch.__version__


def test_the_tables_show_each_loss(result):
    (title, head, rows), (_, _, memory) = tables(result)
    assert title == "32x10 elements, caching allocator"
    assert [row[0] for row in rows] == ["hinge_loss", "mse_loss", "geometric mean"]
    assert all(len(row) == len(head) for row in rows)
    assert [row[0] for row in memory] == ["hinge_loss", "mse_loss"]


def test_the_mean_is_geometric():
    rows = [
        {"seconds": {"peer": 2.0, "eager": 9.0, "fused": 1.0}},
        {"seconds": {"eager": 8.0, "fused": 1.0}},
    ]
    assert speedup(rows) == pytest.approx(4.0)


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
    assert written["settings"]["glibc as it comes"][0]["size"] in SIZES
