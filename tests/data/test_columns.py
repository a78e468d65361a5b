"""Columns of mixed kind become numbers by what the training samples teach, and by nothing else."""

import datetime
import math

import numpy as np
import pytest
import torch

from lossary.data.columns import Columns, check_columns, column_of
from lossary.data.tables import DataError, DataWarning, Table

pytest.importorskip("sklearn", reason="compare")

CITIES = ["Rome", "Oslo", None, "Rome", "Oslo", "Rome", "Oslo", "Paris"]
AGES = [10.0, 20.0, 30.0, None, 40.0, 50.0, 60.0, 1000.0]


def mixed() -> Table:
    columns = Columns.of({"age": AGES, "city": CITIES})
    return Table("mixed", columns, torch.arange(8) % 2, "classification", ("a", "b"))


def test_numbers_are_imputed_by_the_median_and_scaled_and_the_gaps_marked() -> None:
    train = torch.arange(7)
    x = mixed().prepared(train)
    assert x.dtype == torch.float32
    ages = torch.tensor([10.0, 20.0, 30.0, 35.0, 40.0, 50.0, 60.0, 1000.0])  # 35 is the median
    mean, deviation = ages[train].mean(), ages[train].std(correction=0)
    torch.testing.assert_close(x[:, 0], (ages - mean) / deviation)
    assert x[:, 1].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


def test_categories_are_one_hot_and_rare_missing_and_unknown_ones_share_a_feature() -> None:
    x = mixed().prepared(torch.arange(7))[:, 2:]
    # Oslo and Rome occur several times in training; the missing one once, Paris not at all
    rome, oslo, shared = [0, 1, 0], [1, 0, 0], [0, 0, 1]
    assert x.tolist() == [rome, oslo, shared, rome, oslo, rome, oslo, shared]


def test_other_samples_teach_nothing() -> None:
    """Whatever the samples held out hold, the features of the training samples are the same."""
    train = torch.arange(7)
    table, other = mixed(), mixed()
    other.x.values[7] = [-1e9, math.nan]
    assert torch.equal(table.prepared(train)[:7], other.prepared(train)[:7])
    images = torch.rand(6, 3, 4, 4)
    changed = images.clone()
    changed[5] = 1e6
    y = torch.arange(6) % 2
    found = [
        Table("i", x, y, "classification", ("a", "b")).prepared(torch.arange(5))[:5]
        for x in (images, changed)
    ]
    assert torch.equal(*found)


def test_the_width_depends_on_the_fold_and_is_finite_without_any_training_value() -> None:
    table = mixed()
    assert table.prepared(torch.tensor([3, 2])).isfinite().all()
    assert table.prepared(torch.tensor([3, 2])).shape[1] != table.prepared(torch.arange(8)).shape[1]


def test_many_categories_are_bounded() -> None:
    names = [f"c{i % 80}" for i in range(1200)]
    table = Table("wide", Columns.of({"c": names}), torch.zeros(1200), "regression")
    assert table.prepared(torch.arange(1200)).shape == (1200, 64)


def test_images_are_standardised_by_channel_and_tables_by_feature() -> None:
    images = torch.rand(20, 3, 5, 5) * torch.tensor([1.0, 10, 100])[:, None, None]
    x = Table("i", images, torch.zeros(20), "regression").prepared(torch.arange(20))
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3)), torch.ones(3))
    rows = torch.rand(20, 3) * torch.tensor([1.0, 10, 100])
    rows[:, 1] = 7.0
    x = Table("t", rows, torch.zeros(20), "regression").prepared(torch.arange(20))
    torch.testing.assert_close(x.std(0), torch.tensor([1.0, 0.0, 1.0]))


def test_dates_are_days() -> None:
    day = datetime.date(1970, 1, 3)
    noon = datetime.datetime(1970, 1, 3, 12)
    zone = datetime.timezone(datetime.timedelta(hours=12))
    there = datetime.datetime(1970, 1, 3, 12, tzinfo=zone)
    assert column_of("when", [day, noon, there, None]).values[:3].tolist() == [2.0, 2.5, 2.0]


def test_taking_samples_and_the_fingerprint() -> None:
    table = mixed()
    part = table.take(torch.tensor([7, 0]))
    assert len(part) == len(part.x) == 2
    assert part.x.values[:, 0].tolist() == [1000.0, 10.0]
    assert part.y.tolist() == [1, 0]
    assert table.digest == mixed().digest != part.digest
    other = mixed()
    other.x.values[0, 0] += 1
    assert other.digest != table.digest
    renamed = Columns(("age", "town"), table.x.values, table.x.categories)
    assert Table("mixed", renamed, table.y, table.task, table.classes).digest != table.digest


def test_columns_that_teach_nothing_are_warned_of() -> None:
    columns = {
        "kept": column_of("kept", [1, 2, 3] * 3),
        "name": column_of("name", [str(i) for i in range(9)]),
        "none": column_of("none", [None] * 9),
        **{f"same{i}": column_of("same", [4] * 9) for i in range(7)},
    }
    with pytest.warns(DataWarning) as caught:
        check_columns(columns)
    assert [str(w.message) for w in caught] == [
        "column 'name': the text is another in every row, an identifier that teaches nothing; "
        "remove it",
        "column 'none': there is no value in any row; remove it",
        "column 'same0', 'same1', 'same2', 'same3', 'same4' and 2 more: the value is the same in "
        "every row; remove it",
    ]
    table = Table("t", Columns.join(columns), torch.zeros(9), "regression")
    assert (table.prepared(torch.arange(6)).std(0) > 0).sum() == 1  # they do no harm
    with (
        pytest.warns(DataWarning, match="same in every row"),
        pytest.raises(DataError, match="no column from which anything can be learnt"),
    ):
        check_columns({"same": columns["same0"]})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], r"column 'c' mixes numbers \(row 1: 1\) and texts \(row 2: 'a'\)"),
        ([None, [1, 2]], "column 'c', row 2: a list is no single value"),
        ([1j], r"row 1: 1j is a complex, neither number, date nor text"),
    ],
)
def test_other_values_are_refused(values: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        column_of("c", values)
    with pytest.raises(DataError, match="equal length are needed, got a: 2, b: 1"):
        Columns.of({"a": [1, 2], "b": [1]})
    with pytest.raises(DataError, match="column 'c' is not finite in row 2"):
        check_columns({"c": column_of("c", [1.0, np.inf])})
