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
    """The correction makes the sum over the sample estimate the sum over the classes.

    The true class is counted for itself, so the candidates that hit it are removed.
    """
    got = sampled_softmax_loss(
        X,
        W,
        Y,
        num_sampled=200_000,
        sampler=sampler,
        class_bias=BIAS,
        generator=torch.Generator().manual_seed(0),
    )
    # the true logit is corrected as well, by how often it would have been drawn
    log_q = torch.full((20,), 1 / 20).log()
    if sampler == "log_uniform":
        rank = torch.arange(20.0)
        log_q = (((rank + 2) / (rank + 1)).log() / torch.tensor(21.0).log()).log()
    log_q = log_q + torch.tensor(200_000.0).log()
    logits = X @ W.T + BIAS
    others = logits.exp().sum(1) - logits.exp()[torch.arange(8), Y]
    true = (logits - log_q)[torch.arange(8), Y].exp()
    want = -(true / (true + others)).log().mean()
    assert got.item() == pytest.approx(want.item(), rel=0.02)


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
        ({"num_sampled": 0}, r"num_sampled must lie in \[1, inf\), got 0"),
        ({"class_bias": torch.zeros(3)}, r"class_bias must have shape \(C\) = \(20,\)"),
    ],
)
def test_wrong_options(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled_softmax_loss(X, W, Y, **options)
