"""Data sets of torch are read into memory, and the sample that does not fit is named."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from lossary.data.tables import DataError, load_table


class Samples(Dataset[Any]):
    """What it is given."""

    def __init__(self, *samples: Any, classes: Any = None) -> None:
        self.samples = samples
        if classes:
            self.classes = classes

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.samples[index], Exception):
            raise self.samples[index]
        return self.samples[index]


ROW = torch.zeros(3)


def test_tensors_arrays_and_numbers() -> None:
    x, y = torch.rand(6, 2), torch.tensor([2, 0, 2, 0, 0, 2])
    table = load_table(TensorDataset(x, y))
    assert (table.name, table.task, table.classes) == (
        "TensorDataset",
        "classification",
        ("0", "2"),
    )
    assert torch.equal(table.x, x)
    assert len(load_table(Subset(TensorDataset(x, y), [1, 2]))) == 2
    assert load_table(Samples((ROW, 0.5), (ROW, 1.0))).task == "regression"
    assert load_table(Samples(([1, 2], "a"), ([1, 3], "b"))).classes == ("a", "b")
    assert load_table(Samples((np.ones(2), [0, 1]), (np.ones(2), [1, 1]))).task == "multilabel"
    mask = torch.tensor([[0, 1], [1, 0]])
    image = torch.zeros(3, 2, 2)
    assert load_table(Samples((image, mask), (image, mask))).task == "segmentation"
    assert load_table(Samples((ROW, 0.5), (ROW, 1.0)), task="quantile").task == "quantile"


def test_the_names_of_the_classes_are_those_of_the_data_set() -> None:
    table = load_table(Samples((ROW, 2), (ROW, 0), classes=["cat", "cow", "dog"]))
    assert table.classes == ("cat", "dog")
    assert load_table(Samples((ROW, 2), (ROW, 0), classes=["cat"])).classes == ("0", "2")


def test_images_of_pillow() -> None:
    image = pytest.importorskip("PIL.Image", reason="data")
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    table = load_table(Samples(*[(image.fromarray(pixels), k) for k in (0, 1)]))
    torch.testing.assert_close(table.x[0], torch.from_numpy(pixels).permute(2, 0, 1) / 255)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([(ROW, 0)])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            Samples((ROW, 0), (torch.zeros(2), 1)),
            r"features of sample 1 of Samples have shape \(2,",
        ),
        (Samples((ROW, 0), (ROW, [1])), r"target of sample 1 of Samples have shape \(1,\), those"),
        (Samples((ROW, 0), {"x": ROW}), "sample 1 of Samples must be a pair .*, got a dict"),
        (Samples((ROW, 0, 1)), "must be a pair of features and target, got a tuple of 3"),
        (
            Samples((ROW, 0), OSError("gone")),
            "sample 1 of Samples could not be read: OSError: gone",
        ),
        (Samples((ROW, object())), "the target of sample 0 of Samples is a object; a tensor"),
        (Samples(), "Samples has no samples"),
        (Stream(), "Stream can only be iterated"),
    ],
)
def test_the_sample_that_does_not_fit_is_named(dataset: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_table(dataset)
    with pytest.raises(DataError, match="no target can be chosen, got 'y'"):
        load_table(dataset, "y")
