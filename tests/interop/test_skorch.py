"""skorch's nets, with losses of this library: the real package, on small data."""

import io
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import lossary
from lossary.interop.probabilities import Probabilities

pytest.importorskip("skorch", reason="needs the extra skorch")

import joblib
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score

from lossary.interop.skorch import (
    NeuralNetBinaryClassifier,
    NeuralNetClassifier,
    NeuralNetRegressor,
)

QUIET = {"verbose": 0, "max_epochs": 3, "lr": 0.1}


class Net(nn.Module):
    def __init__(self, outputs: int = 3, flat: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(4, outputs)
        self.flat = flat

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.layer(x)
        return out.flatten() if self.flat else out


def data(classes: int = 3, n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    x, y = make_classification(
        n, 4, n_informative=4, n_redundant=0, n_classes=classes, random_state=0
    )
    return x.astype(np.float32), y.astype(np.int64)


def binary(loss: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return NeuralNetBinaryClassifier(
        Net, module__outputs=1, module__flat=True, criterion=loss, **{**QUIET, **options}
    )


def classifier(loss: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return NeuralNetClassifier(Net, criterion=loss, **{**QUIET, **options})


@pytest.mark.parametrize(
    "loss",
    [lossary.FocalLoss, lossary.BrierLoss, lossary.SparsemaxLoss, lossary.EntmaxLoss],
)
def test_probabilities_of_classes(loss: Any) -> None:
    x, y = data()
    net = classifier(loss).fit(x, y)
    p = net.predict_proba(x)
    assert p.shape == (90, 3)
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    assert (p >= 0).all()
    np.testing.assert_array_equal(p.argmax(1), net.predict(x))
    if loss in (lossary.FocalLoss, lossary.BrierLoss):
        expected = torch.from_numpy(net.decision_function(x)).softmax(1)
        np.testing.assert_allclose(p, expected, atol=1e-6)


@pytest.mark.parametrize(
    "loss", [lossary.BCEWithLogitsLoss, lossary.LogisticLoss, lossary.SigmoidFocalLoss]
)
def test_two_columns_of_two_classes(loss: Any) -> None:
    x, y = data(2)
    net = binary(loss).fit(x, y)
    p = net.predict_proba(x)
    np.testing.assert_allclose(p[:, 1], torch.from_numpy(net.decision_function(x)).sigmoid())
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(net.predict(x), (p[:, 1] > 0.5).astype(int))


def test_modules_that_give_probabilities() -> None:
    x, y = data(2)

    class Sure(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).sigmoid()

    class Logs(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).log_softmax(1)

    torch.manual_seed(0)
    one = NeuralNetBinaryClassifier(Sure, module__outputs=1, criterion=lossary.BCELoss, **QUIET)
    p = one.fit(x, y).predict_proba(x)
    np.testing.assert_allclose(p[:, 1], one.decision_function(x))
    many = NeuralNetClassifier(Logs, module__outputs=2, criterion=lossary.NLLLoss, **QUIET)
    p = many.fit(x, y).predict_proba(x)
    np.testing.assert_allclose(p, np.exp(many.decision_function(x)), atol=1e-6)


def test_plain_skorch_needs_only_the_nonlinearity() -> None:
    """Without it skorch gives raw logits: it knows the criteria of torch alone."""
    import skorch

    x, y = data()
    torch.manual_seed(0)
    made = {"criterion": lossary.FocalLoss, **QUIET}
    raw = skorch.NeuralNetClassifier(Net, **made).fit(x, y)
    assert abs(raw.predict_proba(x).sum(1) - 1).max() > 0.01
    made["predict_nonlinearity"] = Probabilities(lossary.FocalLoss)
    right = skorch.NeuralNetClassifier(Net, **made).fit(x, y)
    np.testing.assert_allclose(right.predict_proba(x).sum(1), 1, atol=1e-6)


def test_the_same_training_as_with_torch() -> None:
    x, y = data()
    ours, theirs = classifier(lossary.CrossEntropyLoss), classifier(nn.CrossEntropyLoss)
    for net in (ours, theirs):
        torch.manual_seed(0)
        net.fit(x, y)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-6)
    np.testing.assert_allclose(
        ours.history[:, "valid_loss"], theirs.history[:, "valid_loss"], rtol=1e-5
    )


def test_a_loss_without_probabilities_has_no_predict_proba() -> None:
    x, y = data(2)
    net = binary(lossary.HingeLoss, max_epochs=20).fit(x, y)
    assert not hasattr(net, "predict_proba")
    with pytest.raises(AttributeError, match=r"hinge_loss has no probabilities.*calibrate it"):
        net.predict_proba(x)
    np.testing.assert_array_equal(net.predict(x), net.decision_function(x) > 0)
    assert net.score(x, y) > 0.6
    assert cross_val_score(net, x, y, cv=2, scoring="roc_auc").min() > 0.5
    with pytest.raises(ValueError, match=r"threshold must be 0\.5"):
        net.set_params(threshold=0.3).predict(x)
    own = binary(lossary.HingeLoss, predict_nonlinearity=lambda s: torch.stack([-s, s], 1))
    assert own.fit(x, y).predict_proba(x).shape == (90, 2)


def test_many_classes_by_scores() -> None:
    x, y = data()
    net = classifier(lossary.MultiMarginLoss).fit(x, y)
    assert not hasattr(net, "predict_proba")
    np.testing.assert_array_equal(net.predict(x), net.decision_function(x).argmax(1))


def test_minus_one_is_no_class() -> None:
    x, y = data(2)
    with pytest.raises(ValueError, match="classes 0 and 1"):
        binary(lossary.HingeLoss).fit(x, 2 * y - 1)


def test_integer_weights_are_repetitions() -> None:
    x, y = data()
    weight = np.random.default_rng(0).integers(0, 4, 90)
    options = {"train_split": None, "batch_size": -1}
    weighted, repeated = (classifier(lossary.FocalLoss, **options) for _ in range(2))
    torch.manual_seed(0)
    weighted.fit(x, y, sample_weight=weight)
    torch.manual_seed(0)
    repeated.fit(np.repeat(x, weight, 0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(x), repeated.predict_proba(x), atol=1e-5)


# skorch 1.4 predicts from the read-only columns of pandas 3
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
@pytest.mark.parametrize("kind", ["array", "dict", "frame", "targets"])
def test_weights_go_with_every_kind_of_data(kind: str) -> None:
    """A weight of zero is deletion, even of nan."""
    x, y = data()
    weight = np.ones(90, np.float32)
    weight[::7] = 0
    if kind == "targets":
        torch.manual_seed(0)
        two = np.stack([y, y], 1).astype(np.float32)
        two[::7] = np.nan
        made = NeuralNetRegressor(
            Net, module__outputs=2, criterion=lossary.HuberLoss, train_split=None, **QUIET
        )
        made.fit(x, two, sample_weight=weight)
        assert np.isfinite(made.history[:, "train_loss"]).all()
        return
    given: Any = x
    module: Any = Net
    if kind != "array":

        class Columns(Net):
            def forward(self, **columns: torch.Tensor) -> torch.Tensor:
                return super().forward(torch.cat(list(columns.values()), 1))

        module = Columns
        given = {f"c{i}": x[:, i : i + 1] for i in range(4)}
    if kind == "frame":
        pandas = pytest.importorskip("pandas", reason="a data frame")
        given = pandas.DataFrame(x, columns=[f"c{i}" for i in range(4)])
    net = NeuralNetClassifier(module, criterion=lossary.CrossEntropyLoss, **QUIET)
    net.fit(given, y, sample_weight=weight)
    assert net.predict_proba(given).shape == (90, 3)


def test_weights_that_do_not_fit() -> None:
    x, y = data()
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(90,\), got \(3,\)"):
        classifier(lossary.FocalLoss).fit(x, y, sample_weight=[1, 2, 3])
    sparse = pytest.importorskip("scipy.sparse", reason="comes with scikit-learn")
    with pytest.raises(TypeError, match=r"sparse X: give X\.toarray"):
        classifier(lossary.FocalLoss).fit(sparse.csr_array(x), y, sample_weight=np.ones(90))
    with pytest.raises(TypeError, match="takes no sample_weight"):
        classifier(nn.CrossEntropyLoss).fit(x, y, sample_weight=np.ones(90))


def test_epoch_losses_are_exact_means() -> None:
    """With weights and batches of unequal size; skorch's own average is another number."""
    x, y = data()
    weight = np.random.default_rng(0).exponential(3.0, 90).astype(np.float32)
    net = classifier(lossary.CrossEntropyLoss, train_split=None, lr=0.0, batch_size=32)
    net.set_params(max_epochs=1).fit(x, y, sample_weight=weight)
    logits = torch.from_numpy(net.decision_function(x))
    exact = lossary.cross_entropy(logits, torch.from_numpy(y), weight=torch.from_numpy(weight))
    assert net.history[-1, "train_loss"] == pytest.approx(float(exact), rel=1e-6)
    sizes = net.history[-1, "batches", :, "train_batch_size"]
    means = net.history[-1, "batches", :, "train_loss"]
    assert abs(np.average(means, weights=sizes) - float(exact)) > 1e-4


def test_a_sum_of_losses() -> None:
    x, y = data()
    both = lossary.CrossEntropyLoss() + 0.5 * lossary.BrierLoss()
    net = classifier(both, train_split=None).fit(x, y)
    np.testing.assert_allclose(net.predict_proba(x).sum(1), 1, atol=1e-6)


def test_a_loss_of_ones_own() -> None:
    x, y = data()

    class Own(lossary.LossBase):
        takes = "real N C, label N -> N"

        def units(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return 1 - input.softmax(1).gather(1, target[:, None])[:, 0]

    class Silent(lossary.LossBase):
        units = Own.units

    assert classifier(Own).fit(x, y).predict_proba(x).sum() == pytest.approx(90)
    net = classifier(Silent).fit(x, y)
    with pytest.raises(AttributeError, match="does not say what it takes"):
        net.predict_proba(x)


def test_in_scikit_learn() -> None:
    x, y = data()
    net = classifier(lossary.FocalLoss)
    scores = cross_val_score(
        net, x, y, cv=2, scoring="neg_log_loss", params={"sample_weight": np.ones(90)}
    )
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    search = GridSearchCV(net, {"criterion__gamma": [0.0, 2.0]}, cv=2, scoring="neg_log_loss")
    search.fit(x, y)
    assert search.best_params_["criterion__gamma"] in (0.0, 2.0)
    assert search.cv_results_["mean_test_score"].std() > 0
    copied = clone(net.set_params(criterion__gamma=3.0))
    assert copied.fit(x, y).criterion_.gamma == 3.0


def test_joblib_keeps_a_fitted_net() -> None:
    x, y = data(2)
    net = binary(lossary.BCEWithLogitsLoss).fit(x, y)
    stream = io.BytesIO()
    joblib.dump(net, stream)
    stream.seek(0)
    again = joblib.load(stream)
    np.testing.assert_array_equal(again.predict_proba(x), net.predict_proba(x))
    again.partial_fit(x, y, sample_weight=np.ones(90))


def test_regression_and_its_shapes() -> None:
    x, _ = data()
    numbers = x @ np.array([1.0, -2.0, 0.5, 3.0]).astype(np.float32)
    torch.manual_seed(0)
    net = NeuralNetRegressor(
        Net,
        module__outputs=1,
        module__flat=True,
        criterion=lossary.HuberLoss,
        **{**QUIET, "max_epochs": 40},
    )
    assert net.fit(x, numbers).score(x, numbers) > 0.9
    column = NeuralNetRegressor(Net, module__outputs=1, criterion=lossary.HuberLoss, **QUIET)
    with pytest.raises(ValueError, match=r"target must have shape .*unsqueeze\(1\)"):
        column.fit(x, numbers)


def test_without_skorch_the_error_names_the_extra() -> None:
    program = """
import sys
sys.modules["skorch"] = None
try:
    import lossary.interop.skorch
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == 'this needs skorch: pip install "lossary[skorch]"', done.stderr


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "integrations" / "skorch.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    assert blocks
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(program))


# Where the mapping is that of the loss: at the best score the probability is the share of label 1.
PROPER = [
    (lossary.logistic_loss, (-1.0, 1.0)),
    (lossary.exponential_loss, (-1.0, 1.0)),
    (lossary.savage_loss, (-1.0, 1.0)),
    (lossary.squared_hinge_loss, (-1.0, 1.0)),
    (lossary.modified_huber_loss, (-1.0, 1.0)),
    (lossary.tangent_loss, (-1.0, 1.0)),
    (lossary.binary_cross_entropy_with_logits, (0.0, 1.0)),
]


@pytest.mark.parametrize(("loss", "labels"), PROPER)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.85])
def test_the_best_score_gives_the_share(loss: Any, labels: Any, share: float) -> None:
    scores = torch.linspace(-4, 4, 80001, dtype=torch.float64)
    no, yes = (loss(scores, torch.full_like(scores, y), reduction="none") for y in labels)
    best = scores[((1 - share) * no + share * yes).argmin()].reshape(1)
    assert Probabilities(loss)(best)[0, 1].item() == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        lossary.CrossEntropyLoss(),
        lossary.BrierLoss(),
        lossary.SphericalLoss(),
        lossary.SparsemaxLoss(),
        lossary.EntmaxLoss(alpha=1.3),
        lossary.Entmax15Loss(),
    ],
)
def test_the_best_logits_give_the_shares(loss: Any) -> None:
    """Every proper loss, and the entmax losses by their own mappings."""
    shares = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def cost() -> torch.Tensor:
        descent.zero_grad()
        total = torch.stack([s * loss(logits, torch.tensor([k])) for k, s in enumerate(shares)])
        total.sum().backward()
        return total.sum()

    descent.step(cost)
    found = Probabilities(loss)(logits.detach())
    torch.testing.assert_close(found[0], shares, atol=1e-4, rtol=0)


def test_ordered_classes() -> None:
    """The probability of every class, from those to pass the thresholds."""
    logits = torch.tensor([[2.0, 0.0]]).double()
    first, second = torch.sigmoid(logits)[0]
    coral = Probabilities(lossary.coral_loss)(logits)[0]
    torch.testing.assert_close(coral, torch.stack([1 - first, first - second, second]))
    corn = Probabilities(lossary.corn_loss)(logits)[0]
    torch.testing.assert_close(corn, torch.stack([1 - first, first * (1 - second), first * second]))


def probabilities_or_reason(loss: Any) -> tuple[Probabilities | None, str]:
    try:
        return Probabilities(loss), ""
    except ValueError as error:
        return None, str(error)


def test_every_classification_loss_has_probabilities_or_a_reason() -> None:
    for spec in lossary.catalog():
        if spec.family not in ("binary", "classification", "margin", "ordinal"):
            continue
        made, why = probabilities_or_reason(spec.module)
        if made is None:
            assert re.match(rf"{spec.name} has no probabilities: .{{10,}}", why)
            continue
        output = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)).log()
        first = spec.signature.operands[0][0]
        output = output if first.domain == "real" else output.exp()
        output = output.log_softmax(1) if first.domain == "logprob" else output
        found = made(output if "C" in first.dims or "K" in first.dims else output[:, 0])
        assert ((found >= 0) & (found <= 1)).all(), spec.name
        if "label" in str(spec.signature.operands[1][0]) or found.shape[1] == 2:
            torch.testing.assert_close(found.sum(1), torch.ones(6), msg=spec.name)
