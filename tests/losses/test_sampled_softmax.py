"""Sampled softmax: what the sample is, and what it converges to."""

import pytest
import torch

from lossary import SampledSoftmaxLoss, cross_entropy, parts, sampled_softmax_loss

RNG = torch.Generator().manual_seed(0)
X, W = torch.randn(8, 4, generator=RNG), torch.randn(20, 4, generator=RNG)
Y, BIAS = torch.randint(20, (8,), generator=RNG), torch.randn(20, generator=RNG)
FULL = cross_entropy(X @ W.T + BIAS, Y)


def test_all_classes_are_the_full_loss() -> None:
    got = sampled_softmax_loss(X, W, Y, candidates=torch.arange(20), class_bias=BIAS)
    torch.testing.assert_close(got, FULL)


@pytest.mark.parametrize("sampler", ["uniform", "log_uniform"])
def test_large_samples_come_near_the_full_loss(sampler: str) -> None:
    """Every class is drawn sooner or later, and takes part once: the correction goes to 0."""
    got = sampled_softmax_loss(
        X,
        W,
        Y,
        num_sampled=5_000,
        sampler=sampler,
        class_bias=BIAS,
        generator=torch.Generator().manual_seed(0),
    )
    torch.testing.assert_close(got, FULL)


@pytest.mark.parametrize("sampler", ["uniform", "log_uniform"])
def test_repeated_draws_leave_the_true_probabilities_the_best_answer(sampler: str) -> None:
    """At the logits log P the mean gradient over targets from P and over samples vanishes.

    Were a class counted as often as it is drawn, with counts above 1, it would not: by 0.3 here.
    """
    truth = torch.tensor([0.77, 0.15, 0.08], dtype=torch.float64)
    bias = truth.log().requires_grad_()
    target = torch.tensor([0] * 77 + [1] * 15 + [2] * 8)
    hidden, vectors = torch.zeros(100, 1).double(), torch.zeros(3, 1).double()
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        sampled_softmax_loss(
            hidden,
            vectors,
            target,
            num_sampled=16,
            sampler=sampler,
            class_bias=bias,
            generator=generator,
        ).backward()
    assert bias.grad is not None
    # candidates are not quite independent of each other, and 300 samples leave some noise
    assert bias.grad.abs().max() / 300 < 0.005


def test_accidental_hits() -> None:
    """Two examples with classes 0 and 1; the candidates are 0, 1, 2."""
    logits = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    hidden, vectors = torch.eye(2), logits.T
    y, candidates = torch.tensor([0, 1]), torch.tensor([0, 1, 2])

    def loss(hits: str) -> list[float]:
        return sampled_softmax_loss(
            hidden,
            vectors,
            y,
            candidates=candidates,
            remove_accidental_hits=hits,  # type: ignore[arg-type]  # each in turn
            reduction="none",
        ).tolist()

    def negative_log_share(true: float, others: list[float]) -> float:
        all_of_them = torch.tensor([true, *others], dtype=torch.float32)
        return -all_of_them.log_softmax(0)[0].item()

    assert loss("none") == pytest.approx(
        [negative_log_share(1, [1, 2, 3]), negative_log_share(5, [4, 5, 6])]
    )
    assert loss("example") == pytest.approx(
        [negative_log_share(1, [2, 3]), negative_log_share(5, [4, 6])]
    )
    assert loss("batch") == pytest.approx([negative_log_share(1, [3]), negative_log_share(5, [6])])


def test_masked_examples_remove_nothing_from_the_batch() -> None:
    options = {"candidates": torch.tensor([0, 1, 2]), "remove_accidental_hits": "batch"}
    mask = torch.tensor([True] * 4 + [False] * 4)
    torch.testing.assert_close(
        sampled_softmax_loss(X, W, Y, weight=mask, **options),
        sampled_softmax_loss(X[:4], W, Y[:4], **options),
    )


def test_parts_add_for_given_candidates() -> None:
    loss = SampledSoftmaxLoss(4, 20, candidates=torch.arange(7))
    added = parts(loss, X[:3], Y[:3]) + parts(loss, X[3:], Y[3:])
    torch.testing.assert_close(added.mean(), loss(X, Y))


def test_the_generator_makes_it_reproducible() -> None:
    def loss(seed: int) -> torch.Tensor:
        return sampled_softmax_loss(X, W, Y, generator=torch.Generator().manual_seed(seed))

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": torch.tensor([20])}, "candidates must hold class indices from 0 to 19"),
        ({"candidates": torch.tensor([-1])}, "candidates must hold class indices from 0 to 19"),
        ({"sampler": "zipf"}, "sampler must be 'log_uniform' or 'uniform', got 'zipf'"),
        ({"remove_accidental_hits": "all"}, "remove_accidental_hits must be 'example', 'batch'"),
        ({"log_expected_counts": torch.zeros(20)}, "log_expected_counts belong to candidates"),
        ({"num_sampled": 0}, r"num_sampled must lie in the whole numbers of \[1, inf\), got 0"),
        ({"num_sampled": 2.5}, r"the whole numbers of \[1, inf\), got 2\.5"),
        ({"class_bias": torch.zeros(3)}, r"class_bias must have shape \(C\) = \(20,\)"),
    ],
)
def test_wrong_options(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled_softmax_loss(X, W, Y, **options)
