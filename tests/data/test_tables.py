"""Tables of CSV, Parquet and NPZ files and of data frames."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lossary.data.columns import Columns
from lossary.data.tables import DataError, DataWarning, Table, load_table, table_of, table_of_frame

pytest.importorskip("sklearn", reason="compare")

CSV = "a,b,y\n" + "\n".join(f"{i},{i % 7},{i % 2}" for i in range(40)) + "\n"
MIXED = """age,city,seen,y
31,Rome,2024-01-31,yes
,Oslo,2024-02-01T12:00:00,no
n/a,Rome,,yes
50,,2024-02-03,no
"""


def csv(tmp_path: Path, text: str, target: Any = "y", task: Any = None) -> Table:
    path = tmp_path / "t.csv"
    path.write_text(text)
    return load_table(path, target, task)


def test_a_table_of_numbers_is_a_tensor(tmp_path: Path) -> None:
    table = csv(tmp_path, CSV)
    assert isinstance(table.x, Tensor)
    assert table.x[8].tolist() == [8, 1]
    assert (table.name, table.task, table.classes) == ("t", "classification", ("0", "1"))
    assert csv(tmp_path, CSV, "a", "regression").y.dtype == torch.float32


def test_gaps_texts_and_dates_are_columns(tmp_path: Path) -> None:
    table = csv(tmp_path, MIXED)
    assert isinstance(table.x, Columns)
    assert table.x.kinds == {"age": "numeric", "city": "categorical", "seen": "numeric"}
    assert np.isnan(table.x.values).tolist() == [
        [False, False, False],
        [True, False, False],
        [True, False, True],
        [False, True, False],
    ]
    assert table.x.values[1, 2] - table.x.values[0, 2] == 1.5
    assert table.classes == ("no", "yes")
    assert table.prepared(torch.arange(3)).isfinite().all()


def test_several_columns_are_the_target(tmp_path: Path) -> None:
    text = "a,p,q,r\n1,0,1,2.5\n2,1,1,3\n3,1,0,4\n"
    labels = csv(tmp_path, text, ["q", "p"])
    assert (labels.task, labels.classes) == ("multilabel", ("q", "p"))
    assert labels.y.tolist() == [[1, 0], [1, 1], [0, 1]]
    numbers = csv(tmp_path, text, ["p", "r"])
    assert (numbers.task, tuple(numbers.y.shape), numbers.classes) == ("regression", (3, 2), ())
    assert csv(tmp_path, text, ["p", "q"], "regression").task == "regression"
    assert csv(tmp_path, text, "p", "multilabel").y.shape == (3, 1)
    assert csv(tmp_path, text, ["r"]).y.shape == (3,)
    with pytest.raises(DataError, match=r"label 'r' is 2\.5 in row 1"):
        csv(tmp_path, text, ["p", "r"], "multilabel")
    with pytest.raises(DataError, match="one class per sample"):
        csv(tmp_path, text, ["p", "q"], "classification")
    with pytest.raises(DataError, match="each must hold numbers; 's' holds x"):
        csv(tmp_path, "a,p,s\n1,0,x\n2,1,y\n", ["p", "s"])
    with pytest.raises(DataError, match="named twice as target"):
        csv(tmp_path, text, ["p", "p"])


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_and_a_mark_of_the_encoding(tmp_path: Path, separator: str) -> None:
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbf" + CSV.replace(",", separator).encode())
    assert torch.equal(load_table(tmp_path / "t.tsv", "y").x, csv(tmp_path, CSV).x)


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (CSV, None, "say which column is the target; there are a, b, y"),
        (CSV, "yy", "no column 'yy'; did you mean 'y'?"),
        (CSV.replace("3,3,1", "3,x,1"), "y", "'b', row 4: 'x' is not a number, as 39 of 40"),
        (CSV.replace("3,3,1", "3,1_0,1"), "y", "'b', row 4: '1_0' is not a number"),
        (CSV.replace("3,3,1", "3,inf,1"), "y", "column 'b' is not finite in row 4"),
        (CSV.replace("3,3,1", "3,3,"), "y", "target 'y' has no value in row 4; remove that row"),
        (CSV.replace("3,3,1", "3,3,NA"), "y", "'y', row 4: 'NA' is not a number.*classification"),
        ("a,y\n1,0\n2,na\n", "y", "'y', row 2: 'na' is not a number, as 1 of 2 cells are"),
        (CSV.replace("3,3,1", "3,3,c"), "y", "'y', row 4: 'c' is not a number.*classification"),
        (CSV.replace("3,3,1", "3,3"), "y", "line 5: 2 cells, the header has 3"),
        ('a,y\n"1,5",1\n"2,5",0\n"2,5",0\n', "y", "has commas in its numbers, as in '1,5'"),
        ("a,a\n1,2\n", "a", "has the column 'a' more than once"),
        ("a,y\n", "y", "needs a header and at least one row, it has 1 lines"),
        ("y\n1\n2\n", "y", "no column besides the target 'y'"),
        (",y\n5,1\n2,1\n", "y", "a column has no name"),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    tmp_path: Path, text: str, target: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        csv(tmp_path, text, target)


def test_a_class_may_look_like_a_number_when_the_task_says_so(tmp_path: Path) -> None:
    table = csv(tmp_path, CSV.replace("3,3,1", "3,3,c"), "y", "classification")
    assert table.classes == ("0", "1", "c")
    assert csv(tmp_path, "a,y\n1,none\n2,mild\n", "y").classes == ("mild", "none")


def test_numbers_of_rows_are_left_out(tmp_path: Path) -> None:
    """The rows are sorted by class, so their numbers would tell it."""
    pandas = pytest.importorskip("pandas", reason="dev")
    frame = pandas.DataFrame({"a": [3.0, 1.0, 2.0, 5.0], "y": [0, 0, 1, 1]})
    frame.to_csv(tmp_path / "t.csv")
    with pytest.warns(DataWarning, match="column '' is left out: it has no name and numbers"):
        assert load_table(tmp_path / "t.csv", "y").x.tolist() == [[3], [1], [2], [5]]


def plain() -> dict[str, list[Any]]:
    return {
        "age": [31.0, None, 40.0, 50.0],
        "city": ["Rome", "Oslo", None, "Rome"],
        "seen": [datetime.datetime(2024, 1, day) for day in (1, 2, 3, 5)],
        "member": [True, None, False, True],
        "count": [1, 2, None, 4],
        "y": ["no", "yes", "no", "yes"],
    }


def frames() -> dict[str, Any]:
    """The same data in every package that is there."""
    found = {}
    for package in ("pandas", "pyarrow", "polars"):
        try:
            module = __import__(package)
        except ModuleNotFoundError:
            continue
        make = module.table if package == "pyarrow" else module.DataFrame
        found[package] = make(plain())
    return found


FRAMES = frames()


@pytest.mark.parametrize("package", ["pandas", "pyarrow", "polars"])
def test_frames_of_every_package_are_the_same_table(package: str) -> None:
    if package not in FRAMES:
        pytest.skip(f"{package} is not installed")
    table = table_of_frame(FRAMES[package], target="y")
    wanted = Columns.of({k: v for k, v in plain().items() if k != "y"})
    assert table.x.names == wanted.names
    assert table.x.categories == wanted.categories
    np.testing.assert_array_equal(table.x.values, wanted.values)
    assert (table.y.tolist(), table.classes) == ([0, 1, 0, 1], ("no", "yes"))
    assert load_table(FRAMES[package], "y").digest == table.digest


def test_a_lazy_frame_is_collected() -> None:
    polars = pytest.importorskip("polars", reason="polars is the user's own")
    frame = polars.DataFrame({"a": [1, 2, 4], "y": [0, 1, 0]})
    assert load_table(frame.lazy(), "y").x.tolist() == [[1], [2], [4]]


def test_a_parquet_file_is_the_frame_that_was_written(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="dev")
    pytest.importorskip("pyarrow", reason="data")
    frame = pandas.DataFrame(plain())
    frame["size"] = pandas.Categorical(
        ["small", "large", "small", "middle"], ["small", "middle", "large", "huge"], ordered=True
    )
    frame = frame.set_index(pandas.Index([7, 3, 5, 1]))
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.parquet"):
        table = load_table(source, "size", "ordinal")
        assert table.classes == ("small", "middle", "large")
        assert table.y.tolist() == [0, 2, 0, 1]
        assert table.x.names == ("age", "city", "seen", "member", "count", "y")
        assert load_table(source, "size").task == "classification"


def test_a_frame_and_a_series_are_arrays_too() -> None:
    pandas = pytest.importorskip("pandas", reason="dev")
    grade = pandas.Series(pandas.Categorical(["b", "a", "b", "c"], list("cba"), ordered=True))
    table = table_of(pandas.DataFrame(plain()).drop(columns="y"), grade, "ordinal")
    assert table.classes == ("c", "b", "a")
    assert table.y.tolist() == [1, 2, 1, 0]
    assert table.x.kinds["city"] == "categorical"


def test_frames_with_columns_of_other_kinds_are_refused() -> None:
    pandas = pytest.importorskip("pandas", reason="dev")
    frame = pandas.DataFrame({"a": [[1], [2]], "b": [1, "x"], 3: [1, 2], "y": [0.5, None]})
    with pytest.raises(DataError, match="column 'a', row 1: a list is no single value"):
        table_of_frame(frame[["a", "y"]], "y")
    with pytest.raises(DataError, match="column 'b' mixes numbers"):
        table_of_frame(frame[["b", 3]], "3")
    with pytest.raises(DataError, match="target 'y' has no value in row 2"):
        table_of_frame(frame[["y", 3]], "y")
    with pytest.raises(DataError, match="the target 'b' holds int, str"):
        table_of_frame(frame[["b", 3]], "b")
    with pytest.raises(DataError, match="column '3' more than once"):
        table_of_frame(frame[[3, 3]], "3")
    with pytest.raises(DataError, match="no rows"):
        table_of_frame(frame[:0], "y")
    with pytest.raises(DataError, match="a set is neither table, data frame"):
        load_table({1})


def test_npz_files_of_every_task(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    rng = np.random.default_rng(0)
    arrays = {
        "y": np.arange(6) % 3,
        "price": rng.normal(size=6),
        "tags": np.eye(6, 4, dtype=np.int64),
        "both": rng.normal(size=(6, 2)),
    }
    np.savez(path, x=rng.normal(size=(6, 5)), **arrays)
    tasks = {key: load_table(path, key).task for key in arrays}
    assert list(tasks.values()) == ["classification", "regression", "multilabel", "regression"]
    assert load_table(path).task == "classification"
    assert load_table(path, ["price", "y"]).y.shape == (6, 2)
    assert load_table(path, "price", "quantile").task == "quantile"
    with pytest.raises(DataError, match=r"has no array 'z'|no column 'z'"):
        load_table(path, "z")
    with pytest.raises(DataError, match=r"each must be \(N,\)"):
        load_table(path, ["price", "tags"])
    np.savez(path, x=rng.normal(size=(2, 3, 4, 4)), y=np.arange(2).repeat(16).reshape(2, 4, 4))
    assert load_table(path).task == "segmentation"
    np.savez(path, features=np.zeros(3), y=np.zeros(3))
    with pytest.raises(DataError, match="has no array 'x'; it has features, y"):
        load_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.npz", b"no archive", "is not an NPZ file of plain arrays"),
        ("t.parquet", b"no parquet", "is not a Parquet file"),
        ("t.csv", b"\xff\xfe\x00", "is not a CSV file in UTF-8"),
        ("t.xlsx", b"", "give a .csv, .parquet or .npz file"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    if name == "t.parquet":
        pytest.importorskip("pyarrow", reason="data")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_table(tmp_path / name, "y")
    with pytest.raises(DataError, match="no file"):
        load_table(tmp_path / "nowhere.csv", "y")


def test_pickled_arrays_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.array([{}], dtype=object), y=np.zeros(1))
    with pytest.raises(DataError, match="plain arrays"):
        load_table(tmp_path / "t.npz")


def test_bundled_sets_for_several_tasks() -> None:
    assert load_table("iris").classes == ("setosa", "versicolor", "virginica")
    assert load_table("iris", task="retrieval").task == "retrieval"
    assert load_table("diabetes", task="quantile").y.dtype == torch.float32
    assert load_table("digits").x.shape == (1797, 1, 8, 8)
    with pytest.raises(DataError, match=r"no data 'digit'.*did you mean digits\?"):
        load_table("digit")
    with pytest.raises(DataError, match="has one target, called target, not 'size'"):
        load_table("iris", "size")
    with pytest.raises(DataError, match="image_size is for folders of images, not for iris"):
        load_table("iris", image_size=8)


def test_a_function_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_data_of_test_tables.py").write_text(
        "import numpy as np\n"
        "from lossary.data.tables import load_table\n"
        "def arrays(): return np.zeros((4, 2)), np.arange(4) % 2\n"
        "def table(): return load_table('iris')\n"
        "def fails(): raise OSError('no disk')\n"
        "def other(): return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    module = "own_data_of_test_tables"
    found = load_table(f"{module}:arrays")
    assert (found.name, found.classes) == (f"{module}:arrays", ("0", "1"))
    assert load_table(f"{module}:table").name == "iris"
    for name, message in (
        ("fails", "own_data_of_test_tables:fails failed: OSError: no disk"),
        ("other", "other: a int is neither table, data frame, pair of arrays nor torch Dataset"),
        ("arays", "has no 'arays'; it has arrays"),
    ):
        with pytest.raises(DataError, match=message):
            load_table(f"{module}:{name}")
    with pytest.raises(DataError, match=r"no file nowhere_at_all:f, and .*no module"):
        load_table("nowhere_at_all:f")
    with pytest.raises(DataError, match="the table is for classification, not for ordinal"):
        load_table(load_table("iris"), task="ordinal")
    with pytest.raises(DataError, match="no target can be chosen, got 'y': a table has its"):
        load_table(load_table("iris"), "y")
