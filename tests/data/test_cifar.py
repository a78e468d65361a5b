"""CIFAR-10 files are read, and nothing that they say is executed."""

import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lossary.data.cifar import DataFileError, read_cifar10, read_cifar100
from lossary.data.tables import DataError, load_table

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 3072), dtype=np.uint8)
LABELS = [3, 0, 9, 1, 2, 5]


def write_binary(folder: Path) -> None:
    records = np.concatenate([np.array(LABELS, np.uint8)[:, None], IMAGES], 1)
    (folder / "data_batch_1.bin").write_bytes(records[:4].tobytes())
    (folder / "data_batch_2.bin").write_bytes(records[4:].tobytes())
    (folder / "test_batch.bin").write_bytes(records[:1].tobytes())


def write_python(folder: Path) -> None:
    for name, part in (("data_batch_1", slice(4)), ("data_batch_2", slice(4, 6))):
        batch = {b"data": IMAGES[part], b"labels": LABELS[part], b"batch_label": b"x"}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": IMAGES[:1], b"labels": LABELS[:1]}))


@pytest.mark.parametrize("write", [write_binary, write_python])
@pytest.mark.parametrize("archived", [False, True])
def test_both_versions_are_read(tmp_path: Path, write, archived: bool) -> None:
    folder = tmp_path / "cifar"
    folder.mkdir()
    write(folder)
    source = folder
    if archived:
        source = tmp_path / "cifar.tar.gz"
        with tarfile.open(source, "w:gz") as archive:
            archive.add(folder, "cifar-10-batches")
    x, y = read_cifar10(source)
    assert y.tolist() == LABELS
    assert (x.reshape(6, -1) * 255).round().byte().numpy().tolist() == IMAGES.tolist()
    assert len(read_cifar10(source, train=False)[1]) == 1


@pytest.mark.parametrize("binary", [False, True])
def test_the_larger_set_and_tables_of_both(tmp_path: Path, binary: bool) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    large.mkdir()
    write_binary(small)
    fine = [99, 0, 7, 7, 0, 99]
    if binary:
        records = [np.array([[1, label] for label in fine], np.uint8), IMAGES]
        (large / "train.bin").write_bytes(np.concatenate(records, 1).tobytes())
        (large / "fine_label_names.txt").write_text("apple")
    else:
        batch = {b"data": IMAGES, b"fine_labels": fine, b"coarse_labels": [1] * 6}
        (large / "train").write_bytes(pickle.dumps(batch, protocol=2))
        (large / "meta").write_bytes(b"")
    assert read_cifar100(large)[1].tolist() == fine
    table = load_table(large)
    assert (table.classes, table.y.tolist()) == (("0", "7", "99"), [2, 0, 1, 1, 0, 2])
    with tarfile.open(tmp_path / "cifar-10.tar.gz", "w:gz") as archive:
        archive.add(small, "cifar-10-batches-bin")
    for source in (small, tmp_path / "cifar-10.tar.gz"):
        table = load_table(source)
        assert table.classes == ("plane", "car", "bird", "cat", "dog", "truck")
        assert table.x.shape == (6, 3, 32, 32)
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(__file__, "a/b.txt")
    with pytest.raises(DataError, match=r"other\.tar\.gz has neither the files of CIFAR-10 nor"):
        load_table(tmp_path / "other.tar.gz")
    with pytest.raises(DataError, match=r"no file .*nowhere\.tgz"):
        load_table(tmp_path / "nowhere.tgz")


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("was-executed",)


def test_a_hostile_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": Hostile(), b"labels": []}))
    with pytest.raises(DataFileError, match=r"data_batch_1 is not a CIFAR-10 batch: it asks for"):
        read_cifar10(tmp_path)
    assert not (tmp_path / "was-executed").exists()


def test_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        read_cifar10(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="cifar-10-batches-py"):
        read_cifar10(tmp_path)
    file = tmp_path / "data_batch_1.bin"
    file.write_bytes(bytes(3073 + 5))
    with pytest.raises(DataFileError, match=r"data_batch_1\.bin has 3078 bytes"):
        read_cifar10(tmp_path)
    file.write_bytes(bytes([17]) + bytes(3072))
    with pytest.raises(DataFileError, match="labels from 17 to 17"):
        read_cifar10(tmp_path)
    (tmp_path / "broken.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataFileError, match=r"broken.tar.gz is not a readable archive"):
        read_cifar10(tmp_path / "broken.tar.gz")
