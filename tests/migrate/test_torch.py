"""``lossary.migrate.torch`` gives the numbers and shapes of ``torch.nn``."""

import inspect
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lossary
import lossary.migrate.torch as ours
from migrate.outcomes import DTYPES, REDUCTIONS, WAYS, of_torch
from migrate.torch_cases import CASES, IGNORED, LABEL, SAID, SPEECH, WEIGHT, WORDS, P, Q, X, Y, Z


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "options", "tensors"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_value_shape_and_gradient(
    name: str,
    options: dict[str, object],
    tensors: tuple[object, ...],
    reduction: str,
    way: str,
    dtype: str,
) -> None:
    """Every criterion and its function equal torch's, within the rounding of the dtype."""
    outcome = of_torch(name, options, tensors, reduction, dtype, way)
    close = {"rtol": 1e-9, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-5, "atol": 2e-6}
    torch.testing.assert_close(outcome.value, outcome.wanted, equal_nan=True, **close)
    for gradient, that in outcome.gradients:
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
