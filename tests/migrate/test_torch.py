"""``lossary.migrate.torch`` gives the numbers and shapes of ``torch.nn``."""

import inspect
import itertools
import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lossary
import lossary.migrate.torch as ours

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


def _copies(tensors: tuple[object, ...], learnt: int, dtype: torch.dtype) -> list[object]:
    """Copy the tensors; those of floating point among the first ``learnt`` with gradients."""
    return [
        t.to(dtype).detach().clone().requires_grad_(i < learnt)
        if isinstance(t, Tensor) and t.is_floating_point()
        else t
        for i, t in enumerate(tensors)
    ]


def _gradients(value: Tensor, tensors: list[object]) -> list[Tensor]:
    asked = [t for t in tensors if isinstance(t, Tensor) and t.requires_grad]
    ramp = torch.linspace(1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    return list(torch.autograd.grad((ramp * value).sum(), asked))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("name", "options", "tensors"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # torch's, of its own KLDivLoss
def test_value_shape_and_gradient(
    name: str,
    options: dict[str, object],
    tensors: tuple[object, ...],
    reduction: str,
    dtype: torch.dtype,
) -> None:
    """Every criterion equals torch's, within the rounding of the dtype."""
    found = []
    for library in (ours, nn):
        given = _copies(tensors, LEARNT.get(name, 1), dtype)
        criterion = getattr(library, name)(**options, reduction=reduction).to(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if library is nn else "error")
            if name == "CTCLoss":  # through the log-softmax: see the module
                value = criterion(given[0].log_softmax(-1), *given[1:])
            else:
                value = criterion(*given)
        found.append((value, _gradients(value, given)))
    (value, gradients), (wanted, those) = found
    assert value.shape == wanted.shape
    assert value.dtype == wanted.dtype
    close = (
        {"rtol": 1e-9, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 2e-5, "atol": 2e-6}
    )
    torch.testing.assert_close(value, wanted, equal_nan=True, **close)
    for gradient, that in zip(gradients, those, strict=True):
        torch.testing.assert_close(gradient, that, equal_nan=True, **close)


def test_batchmean() -> None:
    args = X.log_softmax(1), P.softmax(1)
    torch.testing.assert_close(
        ours.KLDivLoss(reduction="batchmean")(*args), nn.KLDivLoss(reduction="batchmean")(*args)
    )


def test_every_criterion_is_here() -> None:
    """All criteria of torch.nn but those with parameters, which are torch's own."""
    criteria = {name for name in dir(nn) if name.endswith("Loss")}
    with_parameters = {"AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"}
    assert criteria - set(vars(ours)) <= with_parameters
    for name in criteria - with_parameters:
        assert issubclass(getattr(ours, name), getattr(nn, name))


def test_every_other_name_is_torchs() -> None:
    assert ours.Linear is nn.Linear
    assert ours.AdaptiveLogSoftmaxWithLoss is nn.AdaptiveLogSoftmaxWithLoss
    assert ours.relu is F.relu
    with pytest.raises(AttributeError, match=r"neither torch\.nn nor .* has 'Lossy'"):
        _ = ours.Lossy


FUNCTIONS = sorted(n for n in vars(ours) if n in vars(F) and inspect.isfunction(vars(ours)[n]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_named_and_take_what_torchs_take(name: str) -> None:
    """A criterion's tensors and then its arguments are the parameters of torch's function."""
    criterion = inspect.getclosurevars(getattr(ours, name)).nonlocals["criterion"]
    tensors = list(inspect.signature(criterion.forward).parameters)[1:]
    built = list(inspect.signature(criterion).parameters)
    wanted = [n for n in inspect.signature(getattr(F, name)).parameters if n != "weight"]
    # torch calls the first tensor of some criteria and their functions differently
    assert [n for n in built if n != "weight"] == wanted[len(tensors) :]


def test_functions() -> None:
    torch.testing.assert_close(
        ours.cross_entropy(X, LABEL, WEIGHT, ignore_index=1, label_smoothing=0.1),
        F.cross_entropy(X, LABEL, WEIGHT, ignore_index=1, label_smoothing=0.1),
    )
    torch.testing.assert_close(
        ours.mse_loss(X, target=Y, reduction="sum"), F.mse_loss(X, target=Y, reduction="sum")
    )


def test_a_missing_tensor() -> None:
    with pytest.raises(TypeError, match=r"input, target are wanted, got 1 and \['reduction'\]"):
        ours.mse_loss(X, reduction="sum")


def test_legacy_arguments_are_honoured_as_torch_does() -> None:
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
        criterion = ours.MSELoss(size_average=False)
    assert criterion.reduction == "sum"


def test_pickle_and_state() -> None:
    criterion = ours.CrossEntropyLoss(WEIGHT)
    assert criterion.state_dict().keys() == nn.CrossEntropyLoss(WEIGHT).state_dict().keys()
    torch.testing.assert_close(pickle.loads(pickle.dumps(criterion))(X, LABEL), criterion(X, LABEL))


@pytest.mark.parametrize(
    ("name", "tensors", "message"),
    [
        ("MSELoss", (X, Y[:, :1]), "mse_loss: target must have shape"),
        ("L1Loss", (X, Y[0]), "l1_loss: target must have shape"),
        ("TripletMarginLoss", (X, Y[:1], Z), "triplet_margin_loss: all tensors must have one"),
        ("KLDivLoss", (X.log_softmax(1), P[:1]), "kl_div: all tensors must have one shape"),
        ("NLLLoss", (1 + P, LABEL), "nll_loss: input must hold logarithms of probabilities"),
        ("HingeEmbeddingLoss", (X, Q), "hinge_embedding_loss: target must hold labels -1 or 1"),
        ("GaussianNLLLoss", (X, Y, -P), "variance must hold"),
        ("CTCLoss", (SPEECH, WORDS, torch.tensor([7, 5, 1]), SAID), "ctc_nll_loss: sample 2 has"),
        ("MultiLabelMarginLoss", (X[0], torch.tensor([1, 1, -1, 0])), "must hold probabilities"),
        ("MultiMarginLoss", (X, IGNORED), "multi_margin_loss: target must hold class indices"),
    ],
)
def test_what_torch_computes_silently_is_refused(
    name: str, tensors: tuple[Tensor, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(ours, name)()(*tensors)


def test_values_are_torchs_where_they_are_not_looked_at() -> None:
    with lossary.validation("shapes"):
        for name, tensors in (
            ("NLLLoss", (X, LABEL)),
            ("BCEWithLogitsLoss", (X, 3 * Y)),
            ("SoftMarginLoss", (X, Q)),
            ("PoissonNLLLoss", (X, Y)),
            ("CrossEntropyLoss", (X, 3 * Y)),
        ):
            torch.testing.assert_close(
                getattr(ours, name)()(*tensors), getattr(nn, name)()(*tensors)
            )


def test_compiles_without_graph_breaks() -> None:
    criterion = ours.CrossEntropyLoss(WEIGHT, label_smoothing=0.1)
    compiled = torch.compile(criterion, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(X, IGNORED), criterion(X, IGNORED))


def test_unknown_reduction() -> None:
    with pytest.raises(ValueError, match="reduction must be 'none', 'mean' or 'sum', got 'avg'"):
        ours.MSELoss(reduction="avg")(X, Y)
