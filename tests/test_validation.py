"""How much is checked, and that it can be set."""

import subprocess
import sys

import pytest
import torch

from lossary import binary_cross_entropy, cross_entropy, hinge_loss, mse_loss, validation
from lossary.validation import assert_values, check_values, level

X, ZERO = torch.tensor([0.5]), torch.tensor([0.0])


def test_values_are_checked_by_default() -> None:
    assert level() == "values"
    with pytest.raises(ValueError, match="target must hold labels -1 or 1"):
        hinge_loss(X, ZERO)


def test_levels_hold_for_a_block_and_are_restored_after_errors() -> None:
    with validation("shapes"):
        assert hinge_loss(X, ZERO) == 1
        with validation("off"), pytest.warns(UserWarning, match="due to broadcasting"):
            assert mse_loss(torch.zeros(2, 1), torch.ones(1, 2)) == 1  # as torch does
        with pytest.raises(ValueError, match="must have shape"):
            mse_loss(torch.zeros(2, 1), torch.ones(1, 2))
    with pytest.raises(ZeroDivisionError), validation("off"):
        1 / 0  # noqa: B018 - the error is what is tested
    assert level() == "values"


def test_masks_and_ignored_labels_work_at_every_level() -> None:
    x, y = torch.randn(3, 4), torch.tensor([0, -100, 3])
    want = cross_entropy(x, y)
    x[1] = torch.nan
    for name in ("off", "shapes", "values"):
        with validation(name):
            assert cross_entropy(x, y) == want


def test_setting_it_for_good() -> None:
    program = (
        "import torch, lossary\nlossary.validation('shapes')\n"
        "print(lossary.hinge_loss(torch.tensor([0.5]), torch.tensor([0.0])).item())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "1.0\n"


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the level must be one of .* got 'some'"):
        validation("some")  # type: ignore[arg-type]  # what is tested
    assert level() == "values"


@pytest.mark.parametrize(
    ("domain", "good", "bad"),
    [
        ("nonneg", [0.0, 3.5], [1.0, -0.5]),
        ("prob", [0.0, 0.5, 1.0], [0.5, 1.5]),
        ("prob", [0.5], [float("nan")]),
        ("logprob", [-float("inf"), -1.0, 0.0], [-1.0, 0.5]),
        ("sign", [-1.0, 1.0], [0.0, 1.0]),
        ("label", [0, 2], [0, 3]),
        ("label", [0, 2], [-1, 2]),
        ("count", [0, 2], [0, 3]),
        ("count", [0, 2], [-1, 2]),
        ("weight", [0.0, 3.5], [1.0, -0.5]),
        ("weight", [0.0], [float("inf")]),
    ],
)
def test_devices_assert_what_the_cpu_checks(domain: str, good: list, bad: list) -> None:
    """On the CPU torch's asynchronous assert raises at once, so both can be compared here."""
    for look, error in ((check_values, ValueError), (assert_values, RuntimeError)):
        look("loss: target", domain, torch.tensor(good), 3, nan=False)
        with pytest.raises(error, match="loss: target must hold"):
            look("loss: target", domain, torch.tensor(bad), 3, nan=False)


@pytest.mark.parametrize("place", [0, 65_535, 65_536, 199_999])
@pytest.mark.parametrize("wrong", [0.0, 0.5, -2.0, 1.5, float("nan")])
def test_one_wrong_sign_among_many_is_found(place: int, wrong: float) -> None:
    signs = torch.where(torch.arange(200_000) % 3 == 0, -1.0, 1.0)
    check_values("loss: target", "sign", signs, None, nan=False)
    signs[place] = wrong
    with pytest.raises(ValueError, match=rf"at \({place},\)"):
        check_values("loss: target", "sign", signs, None, nan=False)


def test_nan_in_a_prediction_passes_both_ways() -> None:
    p = torch.tensor([float("nan"), 0.5])
    for look in (check_values, assert_values):
        look("loss: input", "prob", p, None, nan=True)
    assert binary_cross_entropy(p, torch.ones(2)).isnan()
