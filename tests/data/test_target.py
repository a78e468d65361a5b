"""A target is what its values say, or what the task says; what does not fit is refused."""

import numpy as np
import pytest
import torch

from lossary.data.tables import DataError, Table, table_of
from lossary.data.target import target_of

I64, F32 = torch.int64, torch.float32


@pytest.mark.parametrize(
    ("values", "task", "dtype", "shape"),
    [
        ([3, 1, 3], "classification", I64, (3,)),
        (["b", "a", "b"], "classification", I64, (3,)),
        ([True, False, True], "classification", I64, (3,)),
        ([0.5, 1.0, 2.0], "regression", F32, (3,)),
        ([[0, 1], [1, 1]], "multilabel", F32, (2, 2)),
        ([[True, False], [True, True]], "multilabel", F32, (2, 2)),
        ([[0.0, 1.0], [1.0, 0.0]], "multilabel", F32, (2, 2)),
        ([[0, 2], [1, 1]], "regression", F32, (2, 2)),
        (np.arange(2).repeat(8).reshape(2, 2, 4), "segmentation", I64, (2, 2, 4)),
    ],
)
def test_the_task_follows_from_the_values(values, task, dtype, shape) -> None:
    y, found, _ = target_of(np.asarray(values), None)
    assert (found, y.dtype, tuple(y.shape)) == (task, dtype, shape)


@pytest.mark.parametrize(
    ("values", "task", "y", "classes"),
    [
        ([10, 2, 10], "ordinal", [1, 0, 1], ("2", "10")),
        (["10", "2", "10"], "ordinal", [1, 0, 1], ("2", "10")),
        (["10", "2", "10"], "classification", [0, 1, 0], ("10", "2")),
        ([0.5, 3.5, 1.5], "ordinal", [0, 2, 1], ("0.5", "1.5", "3.5")),
        ([7, 5, 7], "retrieval", [1, 0, 1], ("5", "7")),
        ([7, 5, 7], "quantile", [7.0, 5.0, 7.0], ()),
        ([7, 5, 7], "regression", [7.0, 5.0, 7.0], ()),
        ([[1], [0]], "multilabel", [[1.0], [0.0]], ("0",)),
        ([[1, 0], [0, 0]], "regression", [[1.0, 0.0], [0.0, 0.0]], ()),
    ],
)
def test_a_task_that_is_given_wins(values, task, y, classes) -> None:
    found = target_of(np.asarray(values), task)
    assert (found[0].tolist(), found[1], found[2]) == (y, task, classes)


def test_classes_in_their_own_order() -> None:
    order = ("low", "middle", "high", "never")
    y, _, classes = target_of(np.array(["high", "low", "middle"]), "ordinal", order=order)
    assert y.tolist() == [2, 0, 1]
    assert classes == ("low", "middle", "high")


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([1, 2], "clasification", "the task must be classification, .* or retrieval, got"),
        (
            [[1], [2]],
            None,
            r"one label per sample is needed, or several, or a mask, got .*\(2, 1\)",
        ),
        ([[1, 0], [0, 1]], "classification", r"one class per sample, got shape \(2, 2\); several"),
        ([1, 0], "multilabel", r"several columns of 0 and 1 as target, got shape \(2,\)"),
        ([[1, 0], [0, 2]], "multilabel", "label '1' is 2 in row 2; labels of a multilabel task"),
        ([[1, 2]], "quantile", "needs one number per sample"),
        ([[1], [2]], "regression", r"got shape \(2, 1\); take its only column"),
        ([1, 2], "segmentation", r"needs masks \(N, height, width\) as target"),
        ([[[0.5]]], "segmentation", "masks hold class indices, whole numbers; got float64"),
        ([[[0, 255]]], "segmentation", "numbered from 0 without gaps, got 0, 255"),
        ([[[-1, 0]]], "segmentation", "numbered from 0 without gaps, got -1, 0"),
        (["a", "b"], "regression", "a regression needs a number as target, got text"),
        ([True, False], "quantile", "a quantile needs a number as target, got booleans"),
        (["good", "bad"], "ordinal", "the classes of an ordinal task need an order, and bad, good"),
        ([1.0, np.nan], None, "the target is not finite everywhere, as in row 2"),
        ([1.0, np.inf], "classification", "the target is not finite everywhere, as in row 2"),
        (np.array([1, "a"], object), None, "must be numbers or texts, got int, str"),
    ],
)
def test_what_does_not_fit_is_refused(values, task, message: str) -> None:
    with pytest.raises(DataError, match=message):
        target_of(np.asarray(values), task)


@pytest.mark.parametrize(
    ("x", "y", "task", "classes", "message"),
    [
        ((4, 2), torch.zeros(4), "classification", (), r"must be int64 of shape \(N,\), got torch"),
        ((4, 2), torch.zeros(4, 1, 1), "regression", (), r"\(N,\) or \(N, targets\), got"),
        ((4, 2), torch.zeros(3), "regression", (), "4 samples have 3 targets"),
        ((4, 2), torch.zeros(4), "regresion", (), "must be one of classification, .* got 'regres"),
        ((4, 2), torch.zeros(4, 2), "multilabel", ("a",), "2 labels have 1 names"),
        (
            (4, 3, 5, 5),
            torch.zeros(4, 5, 6).long(),
            "segmentation",
            ("0",),
            r"images of shape \(N, channels, 5, 6\), got \(4, 3, 5, 5\)",
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(x, y, task, classes, message) -> None:
    with pytest.raises(DataError, match=message):
        Table("t", torch.zeros(x), y, task, classes)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), r"got features \(3, 2\), labels \(4,\)"),
        (np.zeros(3), np.zeros(3), r"shape \(N, ...\) are needed, got shape \(3,\)"),
        (np.array([["a"], ["b"]]), np.zeros(2), "must be numbers, got <U1; a data frame may"),
        (np.zeros((2, 1), complex), np.zeros(2), "real numbers, got complex"),
        (np.array([[1.0], [np.inf]]), np.zeros(2), "features of sample 1 are not finite"),
        (np.full((2, 1, 1), np.nan), np.zeros(2), "features of sample 0 are not finite"),
        (np.zeros((0, 2)), np.zeros(0), "there is no sample"),
        ([[1, 2], [3]], [0, 1], "this is no array"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(x, y, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table_of(x, y)


def test_arrays_with_gaps_are_columns_and_grey_images_get_a_channel() -> None:
    table = table_of(np.array([[1.0, np.nan], [2.0, 3.0]]), [0, 1])
    assert not isinstance(table.x, torch.Tensor)
    assert table.x.names == ("0", "1")
    masks = np.arange(2).repeat(6).reshape(2, 2, 3)
    table = table_of(np.zeros((2, 2, 3)), masks)
    assert (table.task, tuple(table.x.shape)) == ("segmentation", (2, 1, 2, 3))
    half = table_of(torch.zeros(2, 3, dtype=torch.bfloat16), torch.tensor([0.5, 1.5]))
    assert (half.task, half.x.dtype) == ("regression", F32)


def test_only_classes_can_be_made_imbalanced() -> None:
    ordinal = table_of(np.zeros((40, 1)), np.arange(40) % 2, "ordinal").imbalanced(0.5)
    assert torch.bincount(ordinal.y).tolist() == [20, 10]
    with pytest.raises(DataError, match="only classes can be made imbalanced; the task is quan"):
        table_of(np.zeros((4, 1)), np.arange(4), "quantile").imbalanced(0.5)
