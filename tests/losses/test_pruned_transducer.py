"""What only the pruned transducer and the choice of its windows have."""

import pytest
import torch
from torch import Tensor

from lossary.losses.sequence.pruned_transducer import PrunedRNNTLoss, pruned_rnnt_loss
from lossary.losses.sequence.simple_transducer import simple_rnnt_loss
from lossary.losses.sequence.transducer import rnnt_loss


def _batch(seed: int) -> tuple[Tensor, ...]:
    """Logits of frames and of places, labels, and lengths of which some are too short to prune."""
    generator = torch.Generator().manual_seed(seed)
    x = 3 * torch.randn(4, 6, 5, generator=generator, dtype=torch.float64)
    z = 3 * torch.randn(4, 6, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(1, 5, (4, 5), generator=generator)
    return x, z, target, torch.tensor([6, 5, 2, 4]), torch.tensor([5, 0, 5, 3])


def _at(x: Tensor, z: Tensor, start: Tensor, width: int) -> Tensor:
    """The logits of each frame's window, of a network that adds."""
    place = start.unsqueeze(2) + torch.arange(width)
    return x.unsqueeze(2) + z[torch.arange(len(z))[:, None, None], place]


@pytest.mark.parametrize("seed", range(5))
def test_the_simple_loss_is_that_of_all_sums(seed: int) -> None:
    """The product of two matrices stands for the table of all sums."""
    x, z, *rest = _batch(seed)
    table = x.unsqueeze(2) + z.unsqueeze(1)
    simple = simple_rnnt_loss(x, z, *rest, reduction="none")
    torch.testing.assert_close(simple, rnnt_loss(table, *rest, reduction="none"))


@pytest.mark.parametrize("width", range(2, 7))
@pytest.mark.parametrize("seed", range(3))
def test_windows_have_a_path_where_there_can_be_one(seed: int, width: int) -> None:
    """Windows rise without a gap and cost at least what all paths do; of all places, just that."""
    x, z, target, frames, labels = _batch(seed)
    loss = PrunedRNNTLoss(reduction="none")
    start = loss.windows(x, z, target, frames, labels, size=width)
    steps = start.diff(dim=1)
    assert (start >= 0).all()
    assert (start <= 6 - width).all()
    assert (steps >= 0).all()
    assert (steps < width).all()
    pruned = loss(_at(x, z, start, width), start, target, frames, labels)
    every = simple_rnnt_loss(x, z, target, frames, labels, reduction="none")
    assert (pruned >= every - 1e-9).all()
    assert torch.equal(pruned.isfinite(), labels <= frames * (width - 1))
    if width == 6:
        torch.testing.assert_close(pruned, every)


def test_windows_without_a_path_cost_infinitely_much_without_a_gradient() -> None:
    """A gap between windows lets nothing through, and teaches nothing."""
    x = torch.zeros(1, 2, 1, 3, requires_grad=True)
    given = torch.tensor([[0, 1]]), torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1])
    value = pruned_rnnt_loss(x, *given)
    value.backward()
    assert value.item() == float("inf")
    assert x.grad is not None
    assert not x.grad.any()


def test_windows_must_lie_within_the_labels() -> None:
    """The error says how far a window may start, and where it does not."""
    lengths = torch.tensor([2]), torch.tensor([1])
    with pytest.raises(
        ValueError, match=r"start must be at most U \+ 1 - R = 0, got 1 at \(0, 1\)"
    ):
        pruned_rnnt_loss(
            torch.zeros(1, 2, 2, 3), torch.tensor([[0, 1]]), torch.tensor([[1]]), *lengths
        )
    with pytest.raises(ValueError, match=r"at most U \+ 1 = 2 places per frame"):
        pruned_rnnt_loss(
            torch.zeros(1, 2, 3, 3), torch.tensor([[0, 0]]), torch.tensor([[1]]), *lengths
        )
    with pytest.raises(ValueError, match=r"size must lie from 2 to U \+ 1 = 2, got 3"):
        PrunedRNNTLoss().windows(
            torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), torch.tensor([[1]]), *lengths, size=3
        )
