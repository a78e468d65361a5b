"""IDX files, the format of MNIST, plain and compressed."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from lossary.data.idx import read_idx
from lossary.data.tables import DataError, load_table

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
LABELS = np.array([3, 1, 3, 1, 0, 0, 3], np.uint8)


def idx(array: np.ndarray, code: int = 8) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder: Path, part: str, count: int, ending: str = "") -> None:
    folder.mkdir(exist_ok=True)
    pack = gzip.compress if ending == ".gz" else bytes
    for what, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        (folder / f"{part}-{what}-ubyte{ending}").write_bytes(pack(idx(array[:count])))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_as_it_is_published(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "digits"
    write(folder, "t10k", 2, ending)
    write(folder, "train", 7, ending)
    for source in (folder, folder / f"train-images-idx3-ubyte{ending}"):
        table = load_table(source)
        assert (table.x * 255).round().byte().numpy().tolist() == IMAGES[:, None].tolist()
        assert table.classes == ("0", "1", "3")
        assert table.y.tolist() == [2, 1, 2, 1, 0, 0, 2]
    assert len(load_table(folder / f"t10k-images-idx3-ubyte{ending}")) == 2


@pytest.mark.parametrize(
    ("dtype", "code"), [("u1", 8), ("i1", 9), ("i2", 11), ("i4", 12), ("f4", 13), ("f8", 14)]
)
def test_every_type(tmp_path: Path, dtype: str, code: int) -> None:
    array = (np.arange(6).reshape(2, 3) * 20).astype(dtype)
    (tmp_path / "a.idx2").write_bytes(idx(array, code))
    found = read_idx(tmp_path / "a.idx2")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_broken_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    write(folder, "train", 7)
    images, labels = (folder / f"train-{n}-ubyte" for n in ("images-idx3", "labels-idx1"))
    whole = images.read_bytes()
    for content, message in (
        (whole[:-1], r"has 155 bytes, its header says 156 for shape \(7, 5, 4\); it is truncated"),
        (whole + b"x", "has 157 bytes"),
        (whole[:9], "it ends within its header"),
        (b"GIF8", "is not an IDX file: it begins with 47 49 46 38"),
        (gzip.compress(whole)[:-9], "cannot be read"),
        (idx(IMAGES[:3]), r"holds \(3, 5, 4\) and .* \(7,\); images"),
        # a size that no machine has: nothing is made room for
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "its header says"),
    ):
        images.write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_table(folder)
    with pytest.raises(DataError, match="give the file of images"):
        load_table(labels)
    labels.unlink()
    with pytest.raises(DataError, match=r"should hold one pair .* it has none with its labels"):
        load_table(folder)
    with pytest.raises(DataError, match="has no labels beside it: train-labels-idx1-ubyte, with"):
        load_table(images)


def test_several_pairs_need_a_choice(tmp_path: Path) -> None:
    for part in ("letters-train", "digits-train"):
        write(tmp_path, part, 7)
    with pytest.raises(DataError, match=r"it has digits-train-.*, letters-train-.*; give the file"):
        load_table(tmp_path)
