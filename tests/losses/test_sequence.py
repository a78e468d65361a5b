"""What losses of sequences take and refuse, and that their kernels and formulas agree."""

import pytest
import torch
from torch import Tensor, tensor

from lossary import validation
from lossary.losses.sequence import _alignment
from lossary.losses.sequence.aggregation import aggregation_cross_entropy_loss
from lossary.losses.sequence.crf import CRFLoss, crf_loss
from lossary.losses.sequence.ctc import ctc_loss, ctc_nll_loss
from lossary.losses.sequence.focal_ctc import focal_ctc_loss
from lossary.losses.sequence.transducer import rnnt_loss
from lossary.losses.sequence.word_error import minimum_word_error_rate_loss

ALIGNED = [ctc_loss, ctc_nll_loss, focal_ctc_loss]
LENGTHS = tensor([5, 4]), tensor([3, 2])
LABELS = tensor([[1, 2, 1], [2, 1, 0]])


def scores(*shape: int, seed: int = 0) -> Tensor:
    normal = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return normal.log_softmax(-1)


def slope(loss: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("loss", [*ALIGNED, aggregation_cross_entropy_loss, rnnt_loss])
@pytest.mark.parametrize(
    ("label", "of"), [(3, "class"), (-1, "class"), (-100, "class"), (0, "blank")]
)
def test_wrong_labels_are_refused_within_the_length_only(loss, label: int, of: str) -> None:
    x = scores(2, 5, 4, 3) if loss is rnnt_loss else scores(2, 5, 3)
    inside, padding = LABELS.clone(), LABELS.clone()
    inside[1, 1] = padding[1, 2] = label
    with pytest.raises(ValueError, match=rf"{loss.__name__}: target .* got {label} at \(1, 1\)"):
        loss(x, inside, *LENGTHS)
    torch.testing.assert_close(loss(x, padding, *LENGTHS), loss(x, LABELS, *LENGTHS))


@pytest.mark.parametrize("loss", [*ALIGNED, aggregation_cross_entropy_loss, rnnt_loss])
def test_a_wrong_label_reaches_no_other_memory_when_nothing_is_checked(loss) -> None:
    x = scores(2, 5, 4, 3) if loss is rnnt_loss else scores(2, 5, 3)
    with validation("off"):
        assert loss(x, LABELS * 10**12, *LENGTHS).isfinite()


@pytest.mark.parametrize("loss", [*ALIGNED, aggregation_cross_entropy_loss, rnnt_loss])
def test_the_blank_must_be_a_class(loss) -> None:
    x = scores(2, 5, 4, 3) if loss is rnnt_loss else scores(2, 5, 3)
    with pytest.raises(ValueError, match="blank must be one of the 3 classes, got 3"):
        loss(x, LABELS, *LENGTHS, blank=3)


@pytest.mark.parametrize("loss", [*ALIGNED, aggregation_cross_entropy_loss, rnnt_loss])
def test_frames_beyond_the_length_do_not_matter(loss) -> None:
    x = scores(2, 5, 4, 3) if loss is rnnt_loss else scores(2, 5, 3)
    other = x.clone()
    other[1, 4] = -1e4
    if loss is rnnt_loss:
        other[1, :, 3] = -1e4
    torch.testing.assert_close(loss(other, LABELS, *LENGTHS), loss(x, LABELS, *LENGTHS))
    other.requires_grad_()
    assert not slope(loss(other, LABELS, *LENGTHS), other)[1, 4].any()


@pytest.mark.parametrize("loss", ALIGNED)
def test_what_does_not_fit_is_an_error_or_weighs_nothing(loss) -> None:
    """1-1-2 needs a blank between its equal labels: four frames."""
    x, lengths = scores(2, 4, 3).requires_grad_(), (tensor([3, 4]), tensor([3, 3]))
    labels = tensor([[1, 1, 2], [1, 1, 2]])
    with pytest.raises(ValueError, match=r"sample 0 has 3 labels that need 4 frames.* gives it 3"):
        loss(x, labels, *lengths)
    total, weight = loss(x, labels, *lengths, infeasible="ignore", reduction="parts")
    assert weight == 1
    alone = loss(x[1:], labels[1:], *(n[1:] for n in lengths))
    torch.testing.assert_close(total, alone)
    gradient = slope(total, x)
    assert not gradient[0].any()
    torch.testing.assert_close(gradient, slope(alone, x))


@pytest.mark.parametrize("kernel", [True, False])
def test_unseen_what_does_not_fit_is_infinite_and_without_gradient(monkeypatch, kernel) -> None:
    if not kernel:
        monkeypatch.setattr(_alignment, "_has_kernel", lambda scores: False)
    x = scores(2, 3, 3).requires_grad_()
    with validation("shapes"):
        loss = ctc_loss(x, tensor([[1, 1, 2], [1, 2, 0]]), tensor([3, 3]), tensor([3, 2]))
    assert loss == torch.inf
    gradient = slope(loss, x)
    assert not gradient[0].any()
    assert gradient[1].isfinite().all()
    assert gradient[1].any()


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="infeasible must be 'raise' or 'ignore', got 'zero'"):
        ctc_loss(scores(2, 5, 3), LABELS, *LENGTHS, infeasible="zero")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("places", [0, 2])
def test_nothing_said_is_all_blanks(places: int) -> None:
    x = scores(1, 4, 3)
    labels = torch.full((1, places), -1)
    none = tensor([0])
    blanks = -x[0, :3, 0].sum()
    torch.testing.assert_close(ctc_loss(x, labels, tensor([3]), none), blanks)
    grid = x.unsqueeze(2).expand(-1, -1, places + 1, -1)
    torch.testing.assert_close(rnnt_loss(grid, labels, tensor([3]), none), blanks)


@pytest.mark.parametrize("frames", [0, 3])
def test_nothing_said_in_no_frames_is_certain(frames: int) -> None:
    none = tensor([0])
    for x in (scores(1, frames, 3), scores(1, frames, 2, 3)):
        loss = ctc_loss if x.ndim == 3 else rnnt_loss
        x = x.clone().requires_grad_()
        value = loss(x, tensor([[5]]), none, none)
        assert value == 0
        assert not slope(value, x).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [1.0, 100.0, 1e4])
def test_the_kernel_agrees_with_the_formula(monkeypatch, dtype, factor: float) -> None:
    generator = torch.Generator().manual_seed(1)
    x = (factor * torch.randn(6, 12, 5, generator=generator)).to(dtype).requires_grad_()
    labels = torch.randint(1, 4, (6, 5), generator=generator)
    lengths = tensor([12, 11, 9, 12, 1, 12]), tensor([5, 5, 2, 0, 1, 4])
    found = []
    for kernel in (True, False):
        if not kernel:
            monkeypatch.setattr(_alignment, "_has_kernel", lambda scores: False)
        units = ctc_nll_loss(x.log_softmax(2), labels, *lengths, reduction="none")
        found.append((units, slope(units.sum(), x)))
    (units, gradient), (want, wanted) = found
    torch.testing.assert_close(units, want)
    tolerance = 1e-9 if dtype == torch.float64 else 1e-3
    torch.testing.assert_close(gradient, wanted, rtol=0, atol=tolerance)


def test_the_gradient_keeps_its_digits_in_long_sequences() -> None:
    """Where that of torch's kernel has none left: the shares of the classes are in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    x = 1e3 * torch.randn(4, 200, 50, generator=generator)
    labels = torch.randint(1, 50, (4, 30), generator=generator)
    lengths = torch.full((4,), 200), torch.full((4,), 30)
    single = x.clone().requires_grad_()
    double = x.double().requires_grad_()
    got = slope(ctc_loss(single, labels, *lengths, reduction="sum"), single)
    want = slope(ctc_loss(double, labels, *lengths, reduction="sum"), double)
    torch.testing.assert_close(got.double(), want, rtol=0, atol=0.02)


@pytest.mark.parametrize("kernel", [True, False])
def test_a_class_may_be_impossible(monkeypatch, kernel: bool) -> None:
    if not kernel:
        monkeypatch.setattr(_alignment, "_has_kernel", lambda scores: False)
    x = scores(2, 5, 3)
    x[:, 2, 1] = -torch.inf  # a detour is left
    x[1, :, 2] = -torch.inf  # the second sample cannot be read at all
    x.requires_grad_()
    units = ctc_loss(x, LABELS, *LENGTHS, reduction="none")
    assert units[0].isfinite()
    assert units[1] == torch.inf
    gradient = slope(units.sum(), x)
    assert gradient.isfinite().all()
    assert gradient[0].any()


def test_per_label_is_the_mean_of_torch() -> None:
    x = scores(2, 5, 3)
    want = torch.nn.functional.ctc_loss(x.transpose(0, 1), LABELS, *LENGTHS)
    torch.testing.assert_close(ctc_loss(x, LABELS, *LENGTHS, per_label=True), want)


def test_fast_emission_raises_the_gradient_of_labels_alone() -> None:
    """That of the logarithm of a label's probability, which is minus its share of the paths."""
    x = scores(2, 5, 4, 3).double().requires_grad_()
    plain, fast = (
        rnnt_loss(x, LABELS, *LENGTHS, fastemit=strength, reduction="sum")
        for strength in (0.0, 0.5)
    )
    assert fast == plain
    before, after = slope(plain, x), slope(fast, x)
    p = x.detach().softmax(3)
    for n in range(2):
        for u, label in enumerate(LABELS[n, : LENGTHS[1][n]].tolist()):
            third = 3 - label  # neither blank nor label: the softmax's share of the whole
            through = before[n, :, u, third] / p[n, :, u, third]
            emitted = p[n, :, u, label] * through - before[n, :, u, label]
            own = torch.nn.functional.one_hot(tensor(label), 3)
            want = 0.5 * emitted.unsqueeze(1) * (p[n, :, u] - own)
            torch.testing.assert_close(after[n, :, u] - before[n, :, u], want)
        torch.testing.assert_close(after[n, :, LENGTHS[1][n]], before[n, :, LENGTHS[1][n]])


def test_scores_of_another_number_of_places_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"\(N, T, U \+ 1, V\) = \(2, 5, 4, 3\).* got \(2, 5, 3, 3\)"
    ):
        rnnt_loss(scores(2, 5, 3, 3), LABELS, *LENGTHS)


def test_labels_without_frames_are_refused() -> None:
    with pytest.raises(ValueError, match=r"input_lengths must be above 0 .* got 0 at \(1,\)"):
        rnnt_loss(scores(2, 5, 4, 3), LABELS, tensor([5, 0]), LENGTHS[1])


def test_more_labels_than_frames_have_no_shares() -> None:
    with pytest.raises(ValueError, match=r"got 1 frames for 2 labels at \(1,\)"):
        aggregation_cross_entropy_loss(scores(2, 5, 3), LABELS, tensor([5, 1]), LENGTHS[1])


def test_the_order_of_labels_does_not_matter_to_their_shares() -> None:
    x, length = scores(1, 5, 4), (tensor([5]), tensor([3]))
    one, other = (
        aggregation_cross_entropy_loss(x, tensor([labels]), *length)
        for labels in ([1, 2, 3], [3, 1, 2])
    )
    torch.testing.assert_close(one, other)


def test_padding_of_a_chain_may_hold_anything() -> None:
    x, labels, lengths = (
        scores(2, 5, 3),
        tensor([[1, 2, 0, 1, 1], [0, 2, -100, 9, -1]]),
        tensor([5, 2]),
    )
    loss = CRFLoss(3)
    want = loss(x[1:, :2], labels[1:, :2], lengths[1:])
    x[1, 2:] = torch.nan
    x.requires_grad_()
    total = loss(x, labels, lengths, weight=tensor([0.0, 1.0]))
    torch.testing.assert_close(total, want)
    assert not slope(total, x)[1, 2:].any()
    with pytest.raises(
        ValueError, match=r"crf_loss: target must hold class .* got -100 at \(1, 2\)"
    ):
        loss(x, labels, tensor([5, 3]))


def test_a_chain_may_forbid_steps() -> None:
    """From 0 to 1 is forbidden: of the four sequences of two classes three are left."""
    x, zeros = torch.zeros(1, 2, 2), torch.zeros(2)
    steps = tensor([[0.0, -torch.inf], [0.0, 0.0]], requires_grad=True)
    value = crf_loss(x, tensor([[1, 1]]), tensor([2]), steps, zeros, zeros)
    torch.testing.assert_close(value, tensor(3.0).log())
    assert slope(value, steps).isfinite().all()
    assert crf_loss(x, tensor([[0, 1]]), tensor([2]), steps, zeros, zeros) == torch.inf


def test_a_chain_without_places_costs_nothing() -> None:
    x, labels, none = scores(1, 2, 3), tensor([[7, 7]]), tensor([0])
    assert CRFLoss(3)(x, labels, none) == 0
    assert CRFLoss(3)(x[:, :0], labels[:, :0], none) == 0


def test_a_list_may_be_shorter_than_others() -> None:
    x, errors = tensor([[-1.0, -2.0, -torch.inf]]), tensor([[0.0, 2.0, 50.0]])
    x.requires_grad_()
    value = minimum_word_error_rate_loss(x, errors)
    torch.testing.assert_close(value, minimum_word_error_rate_loss(x[:, :2], errors[:, :2]))
    assert slope(value, x).isfinite().all()
    assert minimum_word_error_rate_loss(torch.full((1, 3), -torch.inf), errors) == 0


def test_what_the_kernel_leaves_unwritten_is_not_read() -> None:
    """Beyond the lengths its sums are whatever was in the memory, here nan."""
    lengths = tensor([5, 0, 4, 3]), tensor([3, 0, 0, 2])
    labels = tensor([[1, 2, 1], [-1, -1, -1], [-1, -1, -1], [1, 1, -1]])
    found = []
    for filled in (False, True):
        x = scores(4, 5, 3).requires_grad_()
        torch.use_deterministic_algorithms(filled)
        try:
            units = ctc_loss(x, labels, *lengths, reduction="none")
            found.append((units, slope(units.sum(), x)))
        finally:
            torch.use_deterministic_algorithms(False)
    assert found[1][1].isfinite().all()
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=0)
