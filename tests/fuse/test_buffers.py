"""Memory for gradients is used again, and never while anybody holds it."""

from __future__ import annotations

import pytest
import torch

import lossary
from lossary import fuse, gradient_buffers
from lossary.fuse import Buffers, buffers

SHAPE = (512, 1024)  # 2 MiB


@pytest.fixture
def pool():
    return Buffers(limit=8 << 20)


def address(pool: Buffers) -> int:
    return pool.empty(SHAPE, torch.float32).data_ptr()


def test_memory_that_nobody_holds_is_used_again(pool):
    assert address(pool) == address(pool)


def test_a_view_a_detached_tensor_and_an_array_hold_it(pool):
    for hold in (lambda t: t[3:5], lambda t: t.detach(), lambda t: t.numpy(), lambda t: t.T):
        kept = hold(pool.empty(SHAPE, torch.float32).fill_(7.0))
        pool.empty(SHAPE, torch.float32).fill_(1.0)
        assert (torch.as_tensor(kept) == 7).all()


def test_other_sizes_take_the_place_of_what_is_free(pool):
    address(pool)
    for rows in range(600, 640):
        pool.empty((rows, 1024), torch.float32)
    assert len(pool._kept) == 1


def test_no_more_is_kept_than_the_limit(pool):
    held = [pool.empty(SHAPE, torch.float32) for _ in range(7)]
    assert sum(s.nbytes() for s in pool._kept) <= pool.limit
    assert len({t.data_ptr() for t in held}) == 7


def test_it_can_be_turned_off_and_released(pool):
    address(pool)
    pool.release()
    assert pool._kept == []
    pool.limit = 0
    address(pool)
    assert pool._kept == []


def test_small_gradients_are_left_to_the_allocator(pool):
    pool.empty((8, 8), torch.float32)
    assert pool._kept == []


def test_without_the_private_count_nothing_is_kept(pool, monkeypatch):
    monkeypatch.setattr(buffers, "_holders", None)
    address(pool)
    assert pool._kept == []


def test_gradients_of_a_loss_are_never_written_over():
    gradient_buffers.release()
    loss = fuse(lossary.mse_loss)
    kept = []
    for i in range(4):
        x = torch.full(SHAPE, float(i), requires_grad=True)
        first, second = loss(x, torch.zeros(SHAPE)), loss(x, torch.ones(SHAPE))  # two at a time
        (first + second).backward()
        kept.append((i, x.grad))
    for i, grad in kept:
        expected = (2 * i + 2 * (i - 1)) / x.numel()
        torch.testing.assert_close(grad, torch.full(SHAPE, expected))


def test_training_steps_use_one_buffer():
    gradient_buffers.release()
    loss = fuse(lossary.mse_loss)
    weight = torch.randn(1024, 1024, requires_grad=True)
    x = torch.randn(512, 1024)
    for _ in range(5):
        weight.grad = None
        loss(x @ weight, torch.zeros(SHAPE)).backward()
    assert len(gradient_buffers._kept) == 1
    gradient_buffers.release()
