"""Folders of images are read as they are, and the file that spoils it is named."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lossary.data.tables import DataError, load_table

Image = pytest.importorskip("PIL.Image", reason="data")
pytest.importorskip("sklearn", reason="compare")

RNG = np.random.default_rng(0)


def write(path: Path, size: tuple[int, int] = (6, 5), mode: str = "RGB") -> np.ndarray:
    """Write an image of random pixels of this width and height, and return them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": (3,), "RGBA": (4,)}.get(mode, ())
    pixels = RNG.integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
    if mode == "I;16":
        pixels = pixels.astype(np.uint16) * 257
    Image.fromarray(pixels).save(path)
    return pixels


def test_folders_are_classes_and_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    wanted = [write(tmp_path / name) for name in ("cat/1.png", "cat/2.BMP", "dog/1.png")]
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "readme.md").write_text("not a class")
    table = load_table(tmp_path)
    assert (table.name, table.task, table.classes) == (
        tmp_path.name,
        "classification",
        ("cat", "dog"),
    )
    assert table.y.tolist() == [0, 0, 1]
    assert table.x.shape == (3, 3, 5, 6)
    for image, pixels in zip(table.x, wanted, strict=True):
        assert torch.equal((image * 255).round().byte().permute(1, 2, 0), torch.from_numpy(pixels))


def test_grey_images_have_one_channel_unless_some_are_coloured(tmp_path: Path) -> None:
    grey = write(tmp_path / "a" / "1.png", mode="L")
    deep = write(tmp_path / "b" / "1.png", mode="I;16")
    table = load_table(tmp_path)
    assert table.x.shape == (2, 1, 5, 6)
    torch.testing.assert_close(table.x[0, 0], torch.from_numpy(grey) / 255)
    torch.testing.assert_close(table.x[1, 0], torch.from_numpy(deep.astype(np.float32)) / 65535)
    write(tmp_path / "b" / "2.png", mode="RGBA")
    mixed = load_table(tmp_path)
    assert mixed.x.shape == (3, 3, 5, 6)
    assert torch.equal(mixed.x[0], table.x[0].expand(3, -1, -1))


def test_images_are_turned_as_the_camera_says(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    turned = Image.fromarray(np.zeros((5, 6, 3), np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned.save(tmp_path / "a" / "1.jpg", exif=exif)
    write(tmp_path / "b" / "1.png", (5, 6))
    assert load_table(tmp_path).x.shape == (2, 3, 6, 5)


def test_images_of_several_sizes_need_a_size(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    write(tmp_path / "b" / "1.png", (9, 8))
    with pytest.raises(
        DataError,
        match=r"b.1\.png is 8 high and 9 wide, .*a.1\.png is 5 high and 6 wide; .*give image_size",
    ):
        load_table(tmp_path)
    assert load_table(tmp_path, image_size=4).x.shape == (2, 3, 4, 4)
    assert load_table(tmp_path, image_size=(4, 7)).x.shape == (2, 3, 4, 7)
    with pytest.raises(DataError, match="must be one or two positive numbers, got 0"):
        load_table(tmp_path, image_size=0)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png", (60, 50))
    whole = (tmp_path / "a" / "1.png").read_bytes()
    (tmp_path / "a" / "2.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a" / "3.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"2 of 3 images cannot be read: .*2\.png: .*; .*3\.jpg: "):
        load_table(tmp_path)


def test_folders_that_hold_no_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder of images per class is needed"):
        load_table(tmp_path)
    write(tmp_path / "train" / "cat" / "1.png")
    with pytest.raises(DataError, match=r"train holds folders, .*give .*train itself"):
        load_table(tmp_path)
    with pytest.raises(DataError, match="no target can be chosen, got 'y': the folders are"):
        load_table(tmp_path, "y")
    (tmp_path / "train" / "dog").mkdir()
    with pytest.raises(DataError, match="dog holds no image"):
        load_table(tmp_path / "train")


def test_ordinal_classes_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for age in ("2", "10", "1"):
        write(tmp_path / age / "1.png")
    assert load_table(tmp_path, task="ordinal").classes == ("1", "2", "10")
    with pytest.raises(DataError, match="a regression needs a number as target, got text"):
        load_table(tmp_path, task="regression")
