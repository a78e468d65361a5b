"""What the criteria of torch.nn are compared at, at random and at the edges."""

import itertools

import torch
from torch import Tensor

RNG = torch.Generator().manual_seed(0)


def randn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=RNG, dtype=torch.float64)


def rand(*shape: int) -> Tensor:
    return torch.rand(shape, generator=RNG, dtype=torch.float64)


X, Y, Z = randn(6, 4), randn(6, 4), randn(6, 4)
WIDE, LABELS = randn(3, 4, 2, 2), torch.randint(4, (3, 2, 2), generator=RNG)
LABEL = torch.tensor([0, 3, 1, 1, 2, 0])
IGNORED = torch.tensor([0, -100, 1, 1, 2, -100])
NOTHING = torch.full((6,), -100)
P, Q = rand(6, 4), rand(6, 4)
EDGE_P, EDGE_Y = torch.tensor([0.0, 0, 1, 1, 1e-8]).double(), torch.tensor([0.0, 1, 0, 1, 1])
SIGN, SIGNS = torch.tensor([1.0, -1, 1, 1, -1, -1]), randn(6, 4).sign()
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 4.0]).double()
SMALL = torch.tensor([[0.0, 0, 0, 0], [1e-7, 2e-7, 0, -1e-7], [3.0, 4, 0, 0]]).double()
COUNTS = torch.tensor([0.0, 1, 2, 9]).repeat(6, 1)
LISTS = torch.tensor([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3], [2, -1, 2, -1]])
SPEECH = randn(7, 3, 5).log_softmax(2)
WORDS, SAID = torch.tensor([[1, 2, 2], [4, 3, 1], [1, 1, 4]]), torch.tensor([3, 1, 2])
HEARD = torch.tensor([7, 5, 6])
EMPTY = randn(0, 4)

# criterion, arguments of its constructor, tensors
CASES: list[tuple[str, dict[str, object], tuple[object, ...]]] = [
    *((name, {}, t) for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")
      for t in ((X, Y), (X, X), (EMPTY, EMPTY), (X[0, 0], Y[0, 0]), (1e4 * X, Y))),
    ("SmoothL1Loss", {"beta": 0.3}, (X, Y)),
    ("SmoothL1Loss", {"beta": 0.0}, (X, Y)),
    ("HuberLoss", {"delta": 0.3}, (X, Y)),
    *(("CrossEntropyLoss", {"weight": w, "label_smoothing": e}, t)
      for w, e in itertools.product((None, WEIGHT), (0.0, 0.2))
      for t in ((X, LABEL), (X, IGNORED), (X, NOTHING), (X, P), (X[0], LABEL[0]), (X[0], P[0]),
                (WIDE, LABELS), (100 * X, LABEL), (EMPTY, LABEL[:0]))),
    ("CrossEntropyLoss", {"ignore_index": 1, "weight": WEIGHT}, (X, LABEL)),
    *(("NLLLoss", {"weight": w}, t) for w in (None, WEIGHT)
      for t in ((X.log_softmax(1), LABEL), (X.log_softmax(1), IGNORED), (P.log(), NOTHING),
                (P[0].log(), LABEL[0]), (WIDE.log_softmax(1), LABELS))),
    *(("BCELoss", {"weight": w}, (P, Q)) for w in (None, WEIGHT, rand(6, 1))),
    ("BCELoss", {}, (EDGE_P, EDGE_Y.double())),
    *(("BCEWithLogitsLoss", {"weight": w, "pos_weight": p}, (X, Q))
      for w, p in ((None, None), (WEIGHT, None), (None, WEIGHT), (rand(6, 1), WEIGHT))),
    ("BCEWithLogitsLoss", {}, (1e3 * X, Q.round())),
    *(("MultiLabelSoftMarginLoss", {"weight": w}, t) for w in (None, WEIGHT)
      for t in ((X, Q.round()), (X[0], Q[0].round()))),
    ("MultiLabelMarginLoss", {}, (X[:3], LISTS[:3])),
    ("MultiLabelMarginLoss", {}, (X[0], LISTS[0])),
    *(("MultiMarginLoss", {"p": p, "margin": m, "weight": w}, t)
      for p, m, w in itertools.product((1, 2), (1.0, 0.3), (None, WEIGHT))
      for t in ((X, LABEL), (X[0], LABEL[0]))),
    ("SoftMarginLoss", {}, (X, SIGNS)),
    ("SoftMarginLoss", {}, (20 * X, SIGNS)),
    ("HingeEmbeddingLoss", {}, (X, SIGNS)),
    ("HingeEmbeddingLoss", {"margin": 0.3}, (X, SIGNS)),
    ("MarginRankingLoss", {}, (X, Y, SIGNS)),
    ("MarginRankingLoss", {"margin": 0.3}, (X[:, 0], Y[:, 0], SIGN)),
    ("CosineEmbeddingLoss", {}, (X, Y, SIGN)),
    ("CosineEmbeddingLoss", {"margin": 0.3}, (X, Y, SIGN)),
    ("CosineEmbeddingLoss", {}, (SMALL, Y[:3], SIGN[:3])),
    ("CosineEmbeddingLoss", {}, (X[0], Y[0], SIGN[0])),
    *(("TripletMarginLoss", {"p": p, "swap": s, "margin": m}, (X, Y, Z))
      for p, s, m in ((2.0, False, 1.0), (2.0, True, 0.3), (1.0, False, 1.0), (3.0, True, 1.0))),
    ("TripletMarginLoss", {}, (X[0], Y[0], Z[0])),
    ("TripletMarginLoss", {}, (X, X, Z)),
    ("TripletMarginWithDistanceLoss", {}, (X, Y, Z)),
    ("TripletMarginWithDistanceLoss", {"swap": True, "margin": 0.3}, (X, Y, Z)),
    *(("PoissonNLLLoss", {"log_input": log, "full": full}, (Q, COUNTS))
      for log, full in itertools.product((True, False), repeat=2)),
    ("PoissonNLLLoss", {"log_input": False}, (torch.zeros(3).double(), torch.tensor([0.0, 1, 2]))),
    *(("GaussianNLLLoss", {"full": full}, (X, Y, v))
      for full, v in itertools.product((True, False), (P, P[:, :1], P[:, 0], 0.7))),
    ("GaussianNLLLoss", {"eps": 0.5}, (X, Y, P)),
    ("GaussianNLLLoss", {}, (X[0], Y[0], torch.tensor([0.0, 1e-9, 1e-3, 1]).double())),
    ("KLDivLoss", {}, (X.log_softmax(1), P.softmax(1))),
    ("KLDivLoss", {"log_target": True}, (X.log_softmax(1), Y.log_softmax(1))),
    ("KLDivLoss", {}, (WIDE.log_softmax(1), WIDE.softmax(1))),
    ("CTCLoss", {}, (SPEECH, WORDS, HEARD, SAID)),
    ("CTCLoss", {"blank": 0}, (SPEECH, torch.tensor([1, 2, 2, 4, 1, 1]), HEARD, SAID)),
    ("CTCLoss", {}, (SPEECH, WORDS, (7, 5, 6), (3, 1, 2))),
    ("CTCLoss", {"zero_infinity": True}, (SPEECH, WORDS, torch.tensor([7, 5, 1]), SAID)),
    ("CTCLoss", {}, (SPEECH[:, 0], WORDS[0], torch.tensor(7), torch.tensor(3))),
]  # fmt: skip


# how many of the first tensors torch gives gradients of; 1 if not said
LEARNT = {"CosineEmbeddingLoss": 2, "GaussianNLLLoss": 3, "KLDivLoss": 2, "MarginRankingLoss": 2,
          "TripletMarginLoss": 3, "TripletMarginWithDistanceLoss": 3}  # fmt: skip
