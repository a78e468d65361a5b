"""What losses of ordered classes mean: probabilities, tasks and agreement."""

import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from lossary.losses.ordinal.corn import corn_loss
from lossary.losses.ordinal.cumulative_link import CumulativeLinkLoss, cumulative_link_loss
from lossary.losses.ordinal.emd import emd_squared_loss
from lossary.losses.ordinal.ordinal_hinge import OrdinalHingeLoss
from lossary.losses.ordinal.weighted_kappa import weighted_kappa_loss


def test_the_intervals_share_all_probability() -> None:
    thresholds = torch.tensor([0.5, -1.0, 2.0])
    losses = cumulative_link_loss(
        torch.full((4,), 0.3), thresholds, torch.arange(4), reduction="none"
    )
    assert (-losses).exp().sum().item() == pytest.approx(1)


def test_an_empty_interval_is_pushed_open() -> None:
    thresholds = torch.tensor([0.0, 1e-6], requires_grad=True)
    loss = cumulative_link_loss(torch.tensor([0.0]), thresholds, torch.tensor([1]))
    (slope,) = torch.autograd.grad(loss, thresholds)
    assert slope[0] > 1e5
    assert slope[1] < -1e5


@pytest.mark.parametrize("make", [CumulativeLinkLoss, OrdinalHingeLoss])
def test_thresholds_begin_in_order_around_zero(make: type) -> None:
    thresholds = make(4).thresholds
    assert (thresholds.diff() > 0).all()
    assert thresholds.sum() == 0


def test_corn_is_the_mean_over_tasks() -> None:
    """Labels 0, 1 and 3 of three thresholds are in 1, 2 and 3 of the subsets."""
    x, y = torch.randn(3, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 3])
    total, tasks = corn_loss(x, y, reduction="parts")
    assert tasks == 6
    torch.testing.assert_close(corn_loss(x, y), total / 6)


def test_corn_does_not_look_beyond_the_first_threshold_that_holds() -> None:
    x = torch.tensor([[1.0, 5.0, -1e4]], requires_grad=True)
    (slope,) = torch.autograd.grad(corn_loss(x, torch.tensor([0])), x)
    assert slope[0, 0] > 0
    assert not slope[0, 1:].any()


@pytest.mark.parametrize(("power", "weights"), [(1.0, "linear"), (2.0, "quadratic")])
def test_of_sure_answers_it_is_one_minus_kappa(power: float, weights: str) -> None:
    generator = torch.Generator().manual_seed(0)
    guess, truth = torch.randint(4, (2, 50), generator=generator)
    sure = 1e3 * torch.nn.functional.one_hot(guess, 4)
    kappa = cohen_kappa_score(truth.numpy(), guess.numpy(), weights=weights)
    loss = weighted_kappa_loss(sure.float(), truth, power=power)
    assert loss.item() == pytest.approx(1 - kappa, rel=1e-5)


def test_weights_are_repetitions_in_the_mean_of_kappa() -> None:
    x, y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1])
    times = torch.tensor([1, 2, 0, 3])
    repeated = weighted_kappa_loss(x.repeat_interleave(times, 0), y.repeat_interleave(times))
    torch.testing.assert_close(weighted_kappa_loss(x, y, weight=times.float()), repeated)


def test_a_label_and_its_one_hot_vector_are_the_same_to_emd() -> None:
    x, y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1])
    one_hot = torch.nn.functional.one_hot(y, 3).float()
    torch.testing.assert_close(emd_squared_loss(x, y), emd_squared_loss(x, one_hot))
