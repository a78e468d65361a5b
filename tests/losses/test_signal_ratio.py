from __future__ import annotations

import pytest
import torch

import lossary


def test_many_sources_find_their_order():
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(2, 12, 40, generator=generator)
    guess = target + 0.3 * torch.randn(2, 12, 40, generator=generator)
    order = torch.randperm(12, generator=generator)
    shuffled = guess[:, order].requires_grad_()
    loss = lossary.pit_si_sdr_loss(shuffled, target)
    expected = lossary.si_sdr_loss(guess.flatten(0, 1), target.flatten(0, 1))
    torch.testing.assert_close(loss, expected)
    (slope,) = torch.autograd.grad(loss, shuffled)
    known = guess.requires_grad_()
    alone = lossary.si_sdr_loss(known.flatten(0, 1), target.flatten(0, 1))
    (wanted,) = torch.autograd.grad(alone, known)
    torch.testing.assert_close(slope, wanted[:, order])


def test_too_many_sources_are_refused():
    with pytest.raises(ValueError, match="17 sources, at most 16"):
        lossary.pit_si_sdr_loss(torch.randn(1, 17, 4), torch.randn(1, 17, 4))
