"""LossMetric: the true mean, over ragged batches and over processes."""

import copy
import pickle
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lossary

pytest.importorskip("torchmetrics", reason='needs "lossary[torchmetrics]"')

from torchmetrics import Accuracy, MeanMetric, MetricCollection

from interop.share_of_metrics_means import LOSSES, batches, whole
from lossary.interop.torchmetrics import LossMetric

ROOT = Path(__file__).parents[2]


def close(found, wanted) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12, check_dtype=False)


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_of_ragged_batches(name: str) -> None:
    """Ignored labels, class weights, weights; each epoch anew."""
    metric = LossMetric(LOSSES[name]())
    for _ in range(2):
        for x, y, weight in batches():
            metric.update(x, y, weight=weight)
        close(metric.compute(), whole(LOSSES[name](), batches()))
        metric.reset()


def test_the_mean_of_means_is_another() -> None:
    loss, mean = LOSSES["ignored"](), MeanMetric()
    for x, y, weight in batches():
        mean.update(loss(x, y, weight=weight))
    assert (mean.compute() - whole(loss, batches())).abs() > 1e-3


def test_forward_gives_the_batch_and_keeps_the_mean() -> None:
    loss = LOSSES["ignored"]()
    metric = LossMetric(loss)
    for x, y, weight in batches():
        close(metric(x.requires_grad_(), y, weight=weight), loss(x, y, weight=weight).detach())
    assert not metric.compute().requires_grad
    close(metric.compute(), whole(loss, batches()))


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")  # that is what is asked
def test_the_mean_of_nothing_is_zero() -> None:
    metric = LossMetric(lossary.CrossEntropyLoss())
    assert metric.compute() == 0
    metric.update(torch.zeros(2, 3), torch.tensor([-100, -100]))
    assert metric.compute() == 0


def test_single_precision_loses_nothing() -> None:
    """Sums are in double precision: 100,001 small losses after a large one."""
    metric = LossMetric(lossary.L1Loss())
    metric.update(torch.tensor([1e8]), torch.zeros(1))
    for _ in range(10):
        metric.update(torch.ones(10_000), torch.zeros(10_000))
    assert metric.compute().item() == pytest.approx((1e8 + 1e5) / 100_001, rel=1e-15)
    assert metric.half().compute().dtype == torch.float64  # as with every metric
    assert metric.set_dtype(torch.float32).compute().dtype == torch.float32


def test_in_a_collection() -> None:
    """With names of its parts, beside a metric that takes no weight."""
    loss = LOSSES["sum"]()
    found = MetricCollection(
        {"sum": LossMetric(loss), "accuracy": Accuracy("multiclass", num_classes=3)}, prefix="val_"
    )
    for x, y, weight in batches(ignored=False):
        found.update(x, y, weight=weight)
    computed = found.compute()
    wanted = whole(loss, batches(ignored=False))
    assert set(computed) == {"val_loss", "val_cross_entropy", "val_brier_loss", "val_accuracy"}
    for name, value in wanted.items():
        close(computed[f"val_{name}"], value)


def test_metrics_that_begin_alike_stay_apart() -> None:
    """A collection updates one metric alone of those whose first states are the same."""
    l1, mse = LossMetric(lossary.L1Loss()), LossMetric(lossary.MSELoss())
    both = MetricCollection({"l1": l1, "mse": mse})
    both.update(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    both.update(torch.tensor([3.0]), torch.tensor([0.0]))
    close(
        both.compute(),
        dict(zip(("l1", "mse"), torch.tensor([4.0, 10.0]).double() / 3, strict=True)),
    )


def test_states_merge() -> None:
    """Also of a metric that was pickled, as those of other workers."""
    loss = LOSSES["class weights"]()
    first, second = LossMetric(loss), LossMetric(copy.deepcopy(loss))
    for metric, share in ((first, slice(0, 2)), (second, slice(2, None))):
        for x, y, weight in batches()[share]:
            metric.update(x, y, weight=weight)
    first.merge_state(pickle.loads(pickle.dumps(second)))
    close(first.compute(), whole(loss, batches()))


def test_nothing_is_saved() -> None:
    assert not LossMetric(LOSSES["class weights"]()).state_dict()


@pytest.mark.parametrize(
    ("loss", "error", "said"),
    [
        (lossary.InfoNCELoss(), ValueError, "InfoNCELoss compares the samples of a batch"),
        (lossary.WholeBatch(lossary.DiceLoss()), ValueError, "compares the samples of a batch"),
        (lossary.MSELoss() + lossary.BarlowTwinsLoss(), ValueError, "barlow_twins_loss compares"),
        (lossary.fuse(lossary.InfoNCELoss()), ValueError, "compares the samples"),
        (torch.nn.MSELoss(), TypeError, "nobody knows what its mean divides by"),
        (lossary.mse_loss, TypeError, r"such as lossary.CrossEntropyLoss\(\)"),
        (lossary.MSELoss(reduction="sum"), ValueError, "must be 'mean': 'sum'"),
    ],
)
def test_losses_that_are_refused(loss, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        LossMetric(loss)


def test_two_processes(tmp_path: Path) -> None:
    """Gloo, with shares of other lengths, and a process that has none of one loss."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = Path(__file__).with_name("share_of_metrics_means.py")
    started = [
        subprocess.Popen([sys.executable, program, str(rank), port, tmp_path / f"{rank}.pt"])
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert set(found) == set(LOSSES)
        for name, value in found.items():
            close(value, whole(LOSSES[name](), batches()))


def test_the_page_runs() -> None:
    page = (ROOT / "docs" / "integrations" / "torchmetrics.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile("\n".join(blocks), "page", "exec"), {"__name__": "__main__"})
