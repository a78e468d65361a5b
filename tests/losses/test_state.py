"""What losses keep between calls: how it is updated, saved and left alone by the gradient."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn, tensor

import lossary
from lossary.base import FunctionLoss


def made() -> dict[str, tuple[FunctionLoss, tuple[Tensor, ...]]]:
    """Make a loss of each kind, and what its ``update`` takes."""
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(4, 3, generator=generator)
    classes = tensor([0, 1, 1, 0])
    return {
        "MoCo": (lossary.MoCoLoss(3, 5), (x,)),
        "DINO": (lossary.DINOLoss(3), (x,)),
        "AdaFace": (lossary.AdaFaceLoss(3, 2), (x,)),
        "CurricularFace": (lossary.CurricularFaceLoss(3, 2), (x, classes)),
    }


NAMES = list(made())
STATE = {
    "MoCo": ["queue", "oldest"],
    "DINO": ["center"],
    "AdaFace": ["mean_length", "length_deviation"],
    "CurricularFace": ["progress"],
}


def batch(name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the loss itself takes."""
    classes = tensor([0, 1, 1, 0])[: len(x)]
    return x, classes if name.endswith("Face") else x.flip(1)


def state(loss: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in loss.named_buffers()}


def test_the_oldest_keys_make_place() -> None:
    """He et al., algorithm 1: enqueue the keys of the batch, dequeue the oldest."""
    loss = lossary.MoCoLoss(2, 3)
    first = loss.queue.clone()
    torch.testing.assert_close(first.square().sum(1), torch.ones(3))
    loss.update(tensor([[3.0, 4.0], [0.0, -2.0]]))
    torch.testing.assert_close(loss.queue[:2], tensor([[0.6, 0.8], [0.0, -1.0]]))
    torch.testing.assert_close(loss.queue[2], first[2])
    loss.update(tensor([[5.0, 0.0], [0.0, 0.0]]))  # round the end
    torch.testing.assert_close(loss.queue, tensor([[0.0, 0.0], [0.0, -1.0], [1.0, 0.0]]))
    assert loss.oldest == 1


def test_of_more_keys_than_the_queue_holds_the_last_are_kept() -> None:
    angles = torch.arange(5.0)
    keys = torch.stack([angles.cos(), angles.sin()], 1)
    loss = lossary.MoCoLoss(2, 3)
    loss.update(keys)
    torch.testing.assert_close(loss.queue, keys[2:])
    loss.update(keys[:1])
    torch.testing.assert_close(loss.queue, keys[[0, 3, 4]])
    nothing = lossary.MoCoLoss(2, 0)
    nothing.update(keys)
    assert nothing(keys, keys) == 0


def test_the_centre_moves_by_a_tenth_of_the_way() -> None:
    """Caron et al., eq. 4, with the momentum 0.9 of their program."""
    loss = lossary.DINOLoss(2)
    loss.update(tensor([[1.0, 4.0], [3.0, -2.0]]))
    torch.testing.assert_close(loss.center, tensor([0.2, 0.1]))
    loss.update(tensor([[1.0, 0.0]]), momentum=0.5)
    torch.testing.assert_close(loss.center, tensor([0.6, 0.05]))
    x = tensor([[1.0, 0.0]])
    teacher = torch.softmax(tensor([0.4, -0.05]) / 0.04, 0)
    want = -(teacher * torch.log_softmax(x[0] / 0.1, 0)).sum()
    torch.testing.assert_close(loss(x, x), want)


def test_mean_and_deviation_of_lengths_move_by_a_hundredth_of_the_way() -> None:
    """Kim et al., section 3.2: lengths 5 and 13 have the mean 9 and the deviation sqrt(32)."""
    loss = lossary.AdaFaceLoss(2, 3)
    assert (loss.mean_length, loss.length_deviation) == (20, 100)
    loss.update(tensor([[3.0, 4.0], [-5.0, 12.0]]))
    torch.testing.assert_close(loss.mean_length, tensor(0.99 * 20 + 0.01 * 9))
    torch.testing.assert_close(loss.length_deviation, tensor(99 + 0.01 * math.sqrt(32)))
    before = state(loss)
    loss.update(tensor([[3.0, 4.0]]))  # one length has no deviation
    torch.testing.assert_close(state(loss), before, rtol=0, atol=0)


def test_progress_moves_by_a_hundredth_of_the_way() -> None:
    """Huang et al., section 3.3: the mean of cosines of 0.6 and -1 is -0.2."""
    loss = lossary.CurricularFaceLoss(2, 2)
    assert loss.progress == 0
    with torch.no_grad():
        loss.prototypes.copy_(tensor([[2.0, 0.0], [0.0, 3.0]]))
    loss.update(tensor([[3.0, 4.0], [0.0, -7.0]]), tensor([0, 1]))
    torch.testing.assert_close(loss.progress, tensor(-0.002))
    loss.update(tensor([[1.0, 0.0]]), tensor([0]), momentum=0.5)
    torch.testing.assert_close(loss.progress, tensor(0.499))


def test_progress_does_not_look_at_ignored_samples() -> None:
    """Of which -1 and -100 would be classes, counted from the end."""
    for ignored in (-1, -100):
        loss = lossary.CurricularFaceLoss(2, 200, ignore_index=ignored)
        other = copy.deepcopy(loss)
        x = tensor([[3.0, 4.0], [0.0, -7.0]])
        loss.update(x, tensor([5, ignored]))
        other.update(x[:1], tensor([5]))
        assert loss.progress == other.progress != 0
        loss.update(x, tensor([ignored, ignored]))
        assert loss.progress == other.progress


@pytest.mark.parametrize("name", NAMES)
def test_no_samples_change_nothing(name: str) -> None:
    loss, given = made()[name]
    loss.update(*given)
    before = state(loss)
    loss.update(*(t[:0] for t in given))
    torch.testing.assert_close(state(loss), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_state_is_saved_and_restored(name: str) -> None:
    loss, given = made()[name]
    loss.update(*given)
    saved = copy.deepcopy(loss.state_dict())
    assert set(STATE[name]) <= set(saved)
    other = made()[name][0]
    assert any(not torch.equal(value, saved[key]) for key, value in other.state_dict().items())
    other.load_state_dict(saved)
    for one in (loss, other, copy.deepcopy(loss)):  # and goes on in the same way
        one.update(*(t.flip(0) for t in given))
    torch.testing.assert_close(other.state_dict(), loss.state_dict(), rtol=0, atol=0)
    x = given[0]
    torch.testing.assert_close(other(*batch(name, x)), loss(*batch(name, x)), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_state_has_no_gradient(name: str) -> None:
    loss, given = made()[name]
    x = given[0].clone().requires_grad_()
    loss.update(x, *given[1:])
    assert x.grad is None
    assert not any(b.requires_grad or b.grad_fn is not None for b in loss.buffers())
    assert not set(STATE[name]) & {key for key, _ in loss.named_parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_leaves_state_alone(name: str) -> None:
    """In training, in evaluation and without gradients: only ``update`` changes it."""
    loss, given = made()[name]
    before = state(loss)
    values = [loss(*batch(name, given[0])).detach()]
    loss.eval()
    values.append(loss(*batch(name, given[0])).detach())
    with torch.no_grad():
        values.append(loss(*batch(name, given[0])))
    assert values[0] == values[1] == values[2]
    torch.testing.assert_close(state(loss), before, rtol=0, atol=0)
    with torch.inference_mode():
        loss.update(*given)
    assert any(not torch.equal(value, before[key]) for key, value in state(loss).items())


@pytest.mark.parametrize("name", NAMES)
def test_an_update_before_the_backward_pass_does_not_change_the_gradient(name: str) -> None:
    found = []
    for update in (False, True):
        torch.manual_seed(0)
        loss, given = made()[name]
        x = given[0].clone().requires_grad_()
        value = loss(*batch(name, x))
        if update:
            loss.update(*given)
        found.append(torch.autograd.grad(value, x)[0])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_updates_keep_the_dtype_of_the_state(name: str, dtype: torch.dtype) -> None:
    loss, given = made()[name]
    before = {key: b.dtype for key, b in loss.named_buffers()}
    loss.update(given[0].to(dtype), *given[1:])
    assert {key: b.dtype for key, b in loss.named_buffers()} == before
    assert loss(*batch(name, given[0])).isfinite()


def test_prototypes_learn_from_predictions_and_not_from_codes() -> None:
    """Caron et al., section 3: a code is a constant, so the target alone teaches nothing."""
    loss = lossary.SwAVLoss(3, 2, temperature=0.5, epsilon=0.5)
    assert list(loss.state_dict()) == ["prototypes"]
    torch.manual_seed(0)
    x, y = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    loss(x, y).backward()
    assert y.grad is None or not y.grad.any()
    assert x.grad is not None
    assert loss.prototypes.grad is not None

    def probability(rows: Tensor, prototypes: Tensor) -> Tensor:
        unit = nn.functional.normalize(rows) @ nn.functional.normalize(prototypes).T
        return (unit / 0.5).log_softmax(1)

    with torch.no_grad():
        unit = nn.functional.normalize(y) @ nn.functional.normalize(loss.prototypes).T
        q = (unit / 0.5).exp()
        for _ in range(3):
            q = q / q.sum(0)
            q = q / q.sum(1, keepdim=True)
    free = loss.prototypes.detach().clone().requires_grad_()
    want = -(q * probability(x.detach(), free)).sum(1).mean()
    torch.testing.assert_close(loss(x, y).detach(), want.detach())
    torch.testing.assert_close(loss.prototypes.grad, torch.autograd.grad(want, free)[0])
