"""Network and loss exported as one program give value and gradient of the eager ones."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lossary
from lossary.interop.export import (
    ExportError,
    NetworkWithLoss,
    batch_dims,
    exported,
    repeated,
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


def batch(samples: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(samples)
    return torch.randn(samples, 4, generator=g), torch.randint(3, (samples,), generator=g)


LOSSES = {
    "module": lossary.FocalLoss(gamma=1.5),
    "function": lossary.focal_loss,
    "class weights": lossary.CrossEntropyLoss(class_weight=torch.tensor([1.0, 2.0, 3.0])),
    "sum": 2 * lossary.FocalLoss() + lossary.CrossEntropyLoss(),
    "torch": nn.CrossEntropyLoss(),
    "samples compared": lossary.BatchHardTripletLoss(),
    "units": lossary.CrossEntropyLoss(reduction="none"),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("samples", [1, 5])
def test_value_and_gradient_at_any_number_of_samples(loss: Any, samples: int) -> None:
    net = network()
    program = exported(net, loss, batch(samples)).module()
    for other in (2, 7):
        x, y = batch(other)
        want, got = loss(net(x), y), program(x, y)
        torch.testing.assert_close(got, want)
        slopes = torch.autograd.grad(want.sum(), list(net.parameters()))
        found = torch.autograd.grad(got.sum(), list(program.parameters()))
        torch.testing.assert_close(found, slopes)


def test_the_program_trains_as_the_network_does() -> None:
    net, loss, kept = network(), lossary.FocalLoss(), network()
    program = exported(kept, loss, batch(5)).module()
    for module in (NetworkWithLoss(net, loss), program):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        for step in range(3):
            optimizer.zero_grad()
            module(*batch(step + 3)).backward()
            optimizer.step()
    torch.testing.assert_close(list(program.parameters()), list(net.parameters()))
    # the program has the parameters of the network, and no copy
    torch.testing.assert_close(list(kept.parameters()), list(net.parameters()))


def test_ignored_labels_stay_ignored() -> None:
    net = network()
    program = exported(net, lossary.FocalLoss(), batch(4)).module()
    x, y = batch(6)
    y[1] = -100
    torch.testing.assert_close(program(x, y), lossary.focal_loss(net(x), y))
    nothing = torch.full((6,), -100)
    assert program(x, nothing) == 0


@pytest.mark.filterwarnings(
    "ignore:.isinstance.treespec, LeafSpec:FutureWarning"  # torch.export.save warns of its own code
)
def test_written_and_read() -> None:
    net, file = network(), io.BytesIO()
    torch.export.save(exported(net, lossary.FocalLoss(), batch(4)), file)
    file.seek(0)
    x, y = batch(3)
    read = torch.export.load(file).module()
    torch.testing.assert_close(read(x, y), lossary.focal_loss(net(x), y))


def test_one_number_of_samples() -> None:
    program = exported(network(), lossary.FocalLoss(), batch(4), dynamic=False).module()
    program(*batch(4))
    with pytest.raises(AssertionError, match=r"size\(\)\[0\] == 4"):
        program(*batch(5))


@pytest.mark.parametrize(
    ("loss", "columns", "dims"),
    [
        (lossary.focal_loss, ((4, 4), (4,)), [0, 0]),
        (lossary.huber_loss, ((4, 4), (4, 4)), [0, 0]),
        (nn.MSELoss(), ((4, 4), (4, 3), (5,), ()), [0, 0, None, None]),
    ],
)
def test_where_the_samples_are(loss: Any, columns: Any, dims: list[int | None]) -> None:
    made = [torch.zeros(shape) for shape in columns]
    assert batch_dims(loss, made) == dims
    twice = [8 if d == 0 else (c.shape or [0])[0] for c, d in zip(made, dims, strict=True)]
    assert [(c.shape or [0])[0] for c in repeated(made, dims)] == twice


def test_a_column_that_is_as_long_by_chance_stays_fixed() -> None:
    """Three proxies, one per class, and three samples."""
    columns = [torch.zeros(3, 5), torch.zeros(3, 5), torch.zeros(3, dtype=torch.long)]
    assert batch_dims(lossary.proxy_anchor_loss, columns) == [0, None, 0]


def test_what_depends_on_values_is_said() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return x.mean() if y.sum() > 3 else x.sum()

    with pytest.raises(ExportError, match=r"^loss cannot be exported: Guard.* data-dependent"):
        exported(network(), loss, batch(4))


def test_the_reason_of_the_catalog_is_given() -> None:
    spec = next(s for s in lossary.catalog() if "exports" in s.exempt)
    with pytest.raises(ExportError, match=spec.exempt["exports"]):
        exported(nn.Identity(), spec.function, (torch.zeros(2, 3),))


def test_one_that_is_for_one_number_of_samples_says_so() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return x.mean() + len(y) if len(y) == 4 else x.sum()

    with pytest.raises(ExportError, match=r"for one number of samples, once .*; dynamic=False"):
        exported(network(), loss, batch(4))
    program = exported(network(), loss, batch(4), dynamic=False).module()
    assert program(*batch(4)) > 3


def test_a_class_is_refused() -> None:
    with pytest.raises(TypeError, match="loss is the class FocalLoss: make one, with brackets"):
        exported(network(), lossary.FocalLoss, batch(4))
