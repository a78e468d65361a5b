"""Objectives of LightGBM, XGBoost and CatBoost: the real packages, on small data and few trees."""

import copy
import inspect
import pickle
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lossary

lightgbm = pytest.importorskip("lightgbm", reason="needs the extra lightgbm")
xgboost = pytest.importorskip("xgboost", reason="needs the extra xgboost")
catboost = pytest.importorskip("catboost", reason="needs the extra catboost")

from sklearn.base import clone  # noqa: E402 - of the extras, as what follows
from sklearn.model_selection import cross_val_score  # noqa: E402

from lossary.interop.boosting import (  # noqa: E402
    CatBoostObjective,
    LightGBMObjective,
    Objective,
    XGBoostObjective,
)

# CatBoost would compile objectives with numba, and warns where it is not there
NUMBA = pytest.mark.filterwarnings("ignore:.*numba.*:UserWarning")
N = 240


def data(kind: str = "number") -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4))
    signal = x[:, 0] + np.sin(2 * x[:, 1]) + 0.3 * rng.normal(size=N)
    y = {
        "number": signal,
        "zero_one": (signal > 0.5).astype(float),
        "label": np.digitize(signal, [-0.7, 0.7]).astype(float),
    }[kind]
    return x, y, rng.uniform(0.2, 2.0, N)


LIGHT = {
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "boost_from_average": False,
    "min_data_in_leaf": 5,
    "min_sum_hessian_in_leaf": 0.0,
    "num_leaves": 7,
}
XG = {"max_depth": 3, "nthread": 1, "tree_method": "hist", "eta": 0.3}
CAT = {
    "iterations": 8,
    "depth": 3,
    "learning_rate": 0.3,
    "thread_count": 1,
    "verbose": 0,
    "allow_writing_files": False,
    "random_strength": 0,
    "bootstrap_type": "No",
    "boost_from_average": False,
    "leaf_estimation_method": "Newton",
    "leaf_estimation_iterations": 1,
    "leaf_estimation_backtracking": "No",
}
SAME = [
    ("number", lossary.half_mse_loss, "regression", "reg:squarederror", "RMSE"),
    (
        "zero_one",
        lossary.binary_cross_entropy_with_logits,
        "binary",
        "binary:logistic",
        "Logloss",
    ),
    ("label", lossary.cross_entropy, "multiclass", "multi:softprob", "MultiClass"),
]


@pytest.mark.parametrize(("kind", "loss", "light", "xg", "cat"), SAME)
@pytest.mark.parametrize("weighted", [False, True])
class TestTheSameTreesAsThePackagesOwn:
    def test_lightgbm(
        self, kind: str, loss: Any, light: str, xg: str, cat: str, weighted: bool
    ) -> None:
        """LightGBM multiplies p (1 - p) by C / (C - 1) where the bound has 2: so do its steps."""
        x, y, w = data(kind)
        weight = w if weighted else None
        classes = {"num_class": 3} if kind == "label" else {}
        raw = []
        for objective, rate in ((light, 0.3), (LightGBMObjective(loss), 0.3)):
            longer = 4 / 3 if kind == "label" and not isinstance(objective, str) else 1
            params = {**LIGHT, **classes, "objective": objective, "learning_rate": rate * longer}
            booster = lightgbm.train(params, lightgbm.Dataset(x, y, weight=weight), 8)
            raw.append(booster.predict(x, raw_score=True))
        np.testing.assert_allclose(raw[1], raw[0], atol=1e-6)
        assert np.abs(raw[0]).max() > 0.5

    def test_xgboost(
        self, kind: str, loss: Any, light: str, xg: str, cat: str, weighted: bool
    ) -> None:
        x, y, w = data(kind)
        matrix = xgboost.DMatrix(x, y, weight=w if weighted else None)
        params: dict[str, Any] = {**XG, "base_score": 0.5 if kind == "zero_one" else 0.0}
        if kind == "label":
            params["num_class"] = 3
        own = xgboost.train({**params, "objective": xg}, matrix, 8)
        params["base_score"] = 0.0
        ours = xgboost.train(params, matrix, 8, obj=XGBoostObjective(loss))
        np.testing.assert_allclose(
            ours.predict(matrix, output_margin=True).reshape(N, -1),
            own.predict(matrix, output_margin=True).reshape(N, -1),
            atol=1e-5,
        )

    @NUMBA
    def test_catboost(
        self, kind: str, loss: Any, light: str, xg: str, cat: str, weighted: bool
    ) -> None:
        x, y, w = data(kind)
        some = slice(0, 60 if kind == "label" else N)  # it asks for classes one by one
        pool = catboost.Pool(x[some], y[some], weight=w[some] if weighted else None)
        objective = CatBoostObjective(loss)
        raw = []
        for params in (
            {"loss_function": cat},
            {"loss_function": objective, "eval_metric": objective.metric},
        ):
            rest = {"classes_count": 3} if kind == "label" else {}
            options = {**CAT, **rest, **params}
            if kind == "label":
                del options["boost_from_average"]
                options["iterations"] = 3
            model = catboost.CatBoost(options).fit(pool)
            raw.append(model.predict(pool, prediction_type="RawFormulaVal"))
        np.testing.assert_allclose(raw[1], raw[0], atol=1e-6)


IMPROVES = [
    ("zero_one", lossary.SigmoidFocalLoss(gamma=2.0)),
    ("zero_one", lossary.HingeLoss()),
    ("number", lossary.HuberLoss(delta=0.5)),
    ("number", lossary.QuantileLoss(quantile=0.9)),
    ("number", lossary.L1Loss()),
    ("number", lossary.WelschLoss()),
    ("label", lossary.FocalLoss(gamma=2.0)),
]


@pytest.mark.parametrize(("kind", "loss"), IMPROVES)
@NUMBA
def test_training_lowers_the_loss(kind: str, loss: Any) -> None:
    """In all three packages, from the best constant on, by at least a third."""
    x, y, _ = data(kind)
    classes = 3 if kind == "label" else 1
    light, xg, cat = LightGBMObjective(loss), XGBoostObjective(loss), CatBoostObjective(loss)
    best = light.init_score(y, outputs=classes)
    start = np.broadcast_to(best, (N, classes)) if classes > 1 else np.full(N, best)
    before = light.value(start, y)
    many = {"num_class": 3} if classes > 1 else {}

    found: dict[str, Any] = {}
    trained = lightgbm.train(
        {**LIGHT, **many, "objective": light, "learning_rate": 0.3},
        lightgbm.Dataset(x, y, init_score=start),
        15,
    )
    found["lightgbm"] = trained.predict(x) + start
    matrix = xgboost.DMatrix(x, y, base_margin=start)
    params = {**XG, **many, "base_score": 0.0}
    found["xgboost"] = xgboost.train(params, matrix, 15, obj=xg).predict(matrix, output_margin=True)
    if classes == 1:
        pool = catboost.Pool(x, y, baseline=start)
        options = {**CAT, "iterations": 15, "loss_function": cat, "eval_metric": cat.metric}
        del options["boost_from_average"]
        model = catboost.CatBoost(options).fit(pool)
        found["catboost"] = model.predict(pool, prediction_type="RawFormulaVal")
    for name, raw in found.items():
        assert light.value(raw, y) < before / 1.5, name


def test_derivatives_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    for hessian in ("exact", "auto"):
        gradient, curvature = Objective(lossary.cross_entropy, hessian=hessian).derivatives(z, y)
        np.testing.assert_allclose(gradient, p - np.eye(3)[y], atol=1e-12)
        np.testing.assert_allclose(curvature, 2 * p * (1 - p), atol=1e-12)
    gradient, matrix = Objective(lossary.cross_entropy).matrices(z, y)
    expected = p[:, :, None] * np.eye(3) - p[:, :, None] * p[:, None, :]
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    fisher = Objective(lossary.cross_entropy, hessian="expected").matrices(z, y)[1]
    np.testing.assert_allclose(fisher, expected, atol=1e-12)
    raw, label = rng.normal(size=20), rng.integers(0, 2, 20)
    q = 1 / (1 + np.exp(-raw))
    for loss in (lossary.binary_cross_entropy_with_logits, lossary.logistic_loss):
        for hessian in ("exact", "expected"):
            got = Objective(loss, hessian=hessian).derivatives(raw, label)
            np.testing.assert_allclose(got, (q - label, q * (1 - q)), atol=1e-12)


def test_reweighted_is_gradient_over_error() -> None:
    y = np.zeros(4)
    raw = np.array([-2.0, 0.5, 4.0, 0.01])
    gradient, curvature = Objective(lossary.HuberLoss(delta=1.0)).derivatives(raw, y)
    np.testing.assert_allclose(gradient, [-1, 0.5, 1, 0.01])
    np.testing.assert_allclose(curvature, [0.5, 1, 0.25, 1])


def test_a_link_makes_rates_of_scores() -> None:
    """Tweedie with a logarithmic link, against the formula of the packages."""
    y, raw, p = np.array([0.0, 1.5, 4.0]), np.array([0.1, -0.4, 1.0]), 1.5
    objective = Objective(lossary.TweedieDevianceLoss(power=p), link=torch.exp)
    gradient, curvature = objective.derivatives(raw, y)
    np.testing.assert_allclose(
        gradient, 2 * (-y * np.exp((1 - p) * raw) + np.exp((2 - p) * raw)), rtol=1e-9
    )
    np.testing.assert_allclose(
        curvature,
        2 * (-(1 - p) * y * np.exp((1 - p) * raw) + (2 - p) * np.exp((2 - p) * raw)),
        rtol=1e-9,
    )
    assert objective.init_score(y) == pytest.approx(np.log(y.mean()), abs=1e-5)


def test_the_report_says_what_and_why() -> None:
    y = np.array([0.0, 1.0, 2.0, 3.0])
    objective = Objective(lossary.l1_loss)
    assert "nothing was trained yet" in str(objective.report)
    objective.derivatives(y + 1, y)
    assert str(objective.report) == (
        "second derivative: reweighted (100.0% of the second derivatives at trial scores are "
        "below the floor); 0.0% of 4 were below the floor"
    )
    exact = Objective(lossary.l1_loss, hessian="exact")
    with pytest.warns(RuntimeWarning, match="100% of the exact second derivatives are below"):
        gradient, curvature = exact.derivatives(y + 1, y)
    np.testing.assert_array_equal(gradient, 1)
    np.testing.assert_array_equal(curvature, 1e-6)
    assert exact.report.share == 1.0
    assert copy.deepcopy(exact).report is exact.report  # LightGBM trains a copy
    focal = Objective(lossary.sigmoid_focal_loss)
    focal.derivatives(y - 1, y % 2)
    assert focal.report.chosen == "expected"
    plain = Objective(lossary.l1_loss, hessian="constant")
    np.testing.assert_array_equal(plain.derivatives(y + 1, y)[1], 1)
    pickle.loads(pickle.dumps(Objective(lossary.FocalLoss())))


def test_weights_multiply_and_zero_is_deletion() -> None:
    raw, y = np.array([0.3, -1.0, 2.0]), np.array([0.0, 1.0, np.nan])
    objective = Objective(lossary.half_mse_loss)
    gradient, curvature = objective.derivatives(raw, y, [2.0, 1.0, 0.0])
    np.testing.assert_allclose(gradient, [0.6, -2.0, 0.0])
    np.testing.assert_allclose(curvature, [2.0, 1.0, 0.0])
    assert objective.value(raw, y, [2.0, 1.0, 0.0]) == pytest.approx((0.09 + 2.0) / 3)
    with pytest.raises(ValueError, match=r"weight must have shape \(3,\), got \(2,\)"):
        objective.derivatives(raw, y, [1.0, 1.0])
    with pytest.raises(ValueError, match="1 of 3 gradients are not finite"):
        objective.derivatives(raw, y)


def test_labels_of_every_coding() -> None:
    raw = np.array([0.3, -1.0])
    coded = [Objective(lossary.hinge_loss).derivatives(raw, y) for y in ([0, 1], [-1, 1])]
    np.testing.assert_array_equal(coded[0], coded[1])
    with pytest.raises(ValueError, match=r"whole numbers, got 0\.5"):
        Objective(lossary.cross_entropy).derivatives(np.zeros((2, 3)), [0.5, 1])
    with pytest.raises(ValueError, match="how many classes there are"):
        Objective(lossary.cross_entropy).derivatives(raw, [0, 1])
    with pytest.raises(ValueError, match="one score per sample"):
        Objective(Flat()).derivatives(np.zeros((2, 3)), [0, 1])


class Flat(lossary.LossBase):
    takes = "real N, prob N -> N"

    def units(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (input - target) ** 4


class Ranks(lossary.LossBase):
    """Compares samples, and does not say so."""

    def units(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (input[:, None] - input - target[:, None] + target).square().mean(1)


REFUSED = [
    (lossary.AUCLogisticLoss(), "positives and negatives are compared"),
    (lossary.DiceLoss(), "loss of regions"),
    (lossary.SoftFLoss(), "one loss for each 'C'"),
    (lossary.zero_one_loss, "has no gradient"),
    (lossary.BCELoss(), r"link=torch\.sigmoid"),
    (lossary.gaussian_nll_loss, "one prediction and one target"),
    (lossary.CumulativeLinkLoss(3), "parameters of its own"),
]


@pytest.mark.parametrize(("loss", "why"), REFUSED)
def test_what_is_not_a_loss_of_one_sample_is_refused(loss: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Objective(loss)


FAMILIES = ("binary", "classification", "likelihood", "margin", "quantile", "regression", "robust")


def made(loss: Any) -> Objective | None:
    try:
        return Objective(loss)
    except ValueError:
        return None


@pytest.mark.parametrize("family", FAMILIES)
def test_every_loss_is_refused_or_gives_usable_derivatives(family: str) -> None:
    rng, served = np.random.default_rng(0), 0
    for spec in lossary.catalog():
        objective = made(spec.function) if spec.family == family else None
        parameters = inspect.signature(spec.function).parameters.values()
        needs = any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)
        if objective is None or needs:
            continue
        first, second = (
            tuple(24 if d == "N" else 3 for d in either[0].dims if d != "*") or (24,)
            for either in spec.signature.operands
        )
        y = {
            "label": rng.integers(0, 3, second),
            "zero_one": rng.integers(0, 2, second),
            "sign": rng.integers(0, 2, second),
            "number": rng.uniform(0.1, 0.9, second),
        }[str(objective.coding)]
        gradient, curvature = objective.derivatives(rng.normal(size=first), y)
        assert gradient.shape == curvature.shape == first, spec.name
        assert np.isfinite(gradient).all(), spec.name
        assert (curvature >= 1e-6).all(), spec.name
        served += 1
    assert served >= 3


def test_what_only_the_data_show_is_refused_too() -> None:
    with pytest.raises(ValueError, match="Ranks is not a loss of single samples"):
        Objective(Ranks()).derivatives(np.zeros(6), np.arange(6.0))
    for loss in (torch.nn.functional.mse_loss, torch.nn.MSELoss()):
        with pytest.raises(TypeError, match=r"subclass lossary\.LossBase"):
            Objective(loss)
    with pytest.raises(TypeError, match=r"is a class: give a loss made of it, FocalLoss\(\)"):
        Objective(lossary.FocalLoss)
    with pytest.raises(ValueError, match="hessian must be one of"):
        Objective(lossary.FocalLoss(), hessian="newton")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="losses of the error of a number"):
        Objective(lossary.FocalLoss(), hessian="reweighted").derivatives(np.zeros((2, 2)), [0, 1])
    with pytest.raises(ValueError, match="losses of classes"):
        Objective(lossary.L1Loss(), hessian="expected").derivatives(np.zeros(2), [0, 1])


def test_sums_and_losses_of_ones_own() -> None:
    raw, y = np.array([0.0, 3.0]), np.array([1.0, 1.0])
    both = Objective(lossary.HalfMSELoss() + 2 * lossary.LogCoshLoss())
    gradient = both.derivatives(raw, y)[0]
    np.testing.assert_allclose(gradient, [-1 - 2 * np.tanh(1), 2 + 2 * np.tanh(2)])
    own = Objective(Flat()).derivatives(raw, y)
    np.testing.assert_allclose(own, ([-4, 32], [12, 48]))


@pytest.mark.parametrize(
    ("loss", "best"),
    [
        (lossary.mse_loss, np.mean),
        (lossary.l1_loss, np.median),
        (lossary.QuantileLoss(quantile=0.75), lambda y: np.quantile(y, 0.75)),
        (lossary.poisson_nll_loss, lambda y: np.log(np.mean(y))),
    ],
)
def test_the_best_constant_of_numbers(loss: Any, best: Any) -> None:
    y = np.array([0.5, 2.0, 3.0, 90.0, 700.0])
    assert Objective(loss).init_score(y) == pytest.approx(best(y), rel=1e-4)


def test_the_best_constant_of_very_many_numbers() -> None:
    y = np.random.default_rng(0).exponential(size=50_000)
    weight = np.random.default_rng(1).uniform(size=50_000)
    found = Objective(lossary.mse_loss).init_score(y, weight)
    assert found == pytest.approx(np.average(y, weights=weight), rel=1e-2)
    with pytest.raises(ValueError, match="no sample has a weight above 0"):
        Objective(lossary.mse_loss).init_score(y, 0 * y)


def test_the_best_constant_of_classes() -> None:
    y = np.array([0, 0, 0, 1])
    weight = np.array([1, 1, 1, 3])
    objective = Objective(lossary.binary_cross_entropy_with_logits)
    assert objective.init_score(y) == pytest.approx(np.log(1 / 3), abs=1e-4)
    assert objective.init_score(y, weight) == pytest.approx(0.0, abs=1e-4)
    three = np.array([0, 1, 1, 2, 2, 2])
    many = Objective(lossary.cross_entropy)
    found = many.probabilities([many.init_score(three, outputs=3)])
    np.testing.assert_allclose(found, [[1 / 6, 1 / 3, 1 / 2]], atol=1e-3)


def test_in_the_estimators_of_lightgbm() -> None:
    x, y, w = data("zero_one")
    objective = LightGBMObjective(lossary.SigmoidFocalLoss())
    model = lightgbm.LGBMClassifier(
        objective=objective, n_estimators=8, num_leaves=7, n_jobs=1, verbosity=-1
    )
    model.fit(x, y, sample_weight=w, eval_X=x, eval_y=y, eval_metric=objective.metric)
    logged = model.evals_result_["valid_0"]["sigmoid_focal_loss"]
    assert logged[-1] < logged[0]
    raw = model.predict(x, raw_score=True)
    assert logged[-1] == pytest.approx(objective.value(raw, y), rel=1e-6)
    assert objective.probabilities(raw).shape == (N, 2)
    assert objective.report.counted >= 8 * N
    scores = cross_val_score(
        lightgbm.LGBMRegressor(
            objective=LightGBMObjective(lossary.HuberLoss()), n_estimators=8, n_jobs=1, verbosity=-1
        ),
        x,
        data()[1],
        cv=2,
    )
    assert scores.min() > 0.2


def test_in_the_estimators_of_xgboost() -> None:
    x, y, w = data("zero_one")
    objective = XGBoostObjective(lossary.SigmoidFocalLoss())
    model = xgboost.XGBClassifier(
        objective=objective, n_estimators=8, max_depth=3, n_jobs=1, eval_metric=objective.metric
    )
    clone(model).fit(x, y, sample_weight=w, eval_set=[(x, y)], verbose=False)
    model.fit(x, y, sample_weight=w, eval_set=[(x, y)], verbose=False)
    logged = model.evals_result()["validation_0"]["sigmoid_focal_loss"]
    assert logged[-1] < logged[0]
    raw = model.predict(x, output_margin=True)
    assert logged[-1] == pytest.approx(objective.value(raw, y), rel=1e-4)
    np.testing.assert_allclose(objective.probabilities(raw), model.predict_proba(x), atol=1e-5)


def test_several_targets_in_xgboost() -> None:
    x, y, _ = data()
    two = np.stack([y, -y], 1)
    matrix = xgboost.DMatrix(x, two)
    params = {**XG, "num_target": 2, "base_score": 0.0}
    ours = xgboost.train(params, matrix, 5, obj=XGBoostObjective(lossary.half_mse_loss))
    own = xgboost.train({**params, "objective": "reg:squarederror"}, matrix, 5)
    np.testing.assert_allclose(ours.predict(matrix), own.predict(matrix), atol=1e-5)


@NUMBA
def test_in_the_estimators_of_catboost() -> None:
    x, y, w = data("label")
    objective = CatBoostObjective(lossary.FocalLoss())
    model = catboost.CatBoostClassifier(
        loss_function=objective,
        eval_metric=objective.metric,
        classes_count=3,
        iterations=3,
        depth=2,
        learning_rate=0.5,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
    )
    model.fit(x[:60], y[:60], sample_weight=w[:60])
    raw = model.predict(x[:60], prediction_type="RawFormulaVal")
    logged = model.get_evals_result()["learn"]
    values = next(iter(logged.values()))
    assert values[-1] < values[0]
    assert values[-1] == pytest.approx(objective.value(raw, y[:60], w[:60]), rel=1e-4)


@NUMBA
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "integrations" / "boosting.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    assert blocks
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(program))
