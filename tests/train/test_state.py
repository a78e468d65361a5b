"""A tree comes back from its two files as it was, and nothing else is taken for one."""

import json
import math
import random
import struct
from collections import Counter, OrderedDict, defaultdict
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from lossary.train.state import (
    DTYPES,
    NUMPY_DTYPES,
    MalformedStateError,
    flatten,
    from_json,
    read_tensors,
    tensor_file,
    to_json,
    unflatten,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "tensors.safetensors"


def through_files(tree: dict[str, Any], file: Path) -> dict[str, Any]:
    document, tensors = flatten(tree)
    file.write_bytes(b"".join(tensor_file(tensors)))
    return unflatten(from_json(to_json(document)), read_tensors(file))


def bits(value: Any) -> Any:
    """What two values have in common only if they are of the same types and bits."""
    match value:
        case torch.Tensor():
            plain = value.detach().resolve_conj().resolve_neg()
            flat = plain.clone(memory_format=torch.contiguous_format).flatten().view(torch.uint8)
            return "tensor", value.dtype, value.shape, flat.numpy().tobytes()
        case np.ndarray() | np.generic():
            return type(value), value.dtype, value.shape, value.tobytes()
        case float():
            return struct.pack("d", value)
        case list() | tuple():
            return type(value), [bits(item) for item in value]
        case dict():
            return type(value), [(type(k), k, bits(item)) for k, item in value.items()]
    return type(value), value


ANY_FLOAT = st.integers(0, 2**64 - 1).map(lambda n: struct.unpack("d", struct.pack("Q", n))[0])
SHAPES = st.lists(st.integers(0, 3), max_size=3)
BYTES = st.binary(min_size=216, max_size=216)  # enough for 3 * 3 * 3 of the widest numbers


def tensor(dtype: torch.dtype, shape: list[int], content: bytes) -> torch.Tensor:
    values = torch.tensor(list(content), dtype=torch.uint8).view(dtype)
    return values[: math.prod(shape)].reshape(shape)


def array(dtype: str, shape: list[int], content: bytes) -> Any:
    return np.frombuffer(content, dtype)[: math.prod(shape)].reshape(shape)


# a bool has no other bits than 0 and 1; it has tests of its own
NUMPY_NUMBERS = st.sampled_from(sorted(NUMPY_DTYPES - {"bool"}))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    ANY_FLOAT,
    st.text(),
    st.text(st.characters()),  # with halves of surrogate pairs
    st.builds(tensor, st.sampled_from([d for d in DTYPES if d != torch.bool]), SHAPES, BYTES),
    st.builds(array, NUMPY_NUMBERS, SHAPES, BYTES),
    st.builds(lambda dtype, content: array(dtype, [1], content)[0], NUMPY_NUMBERS, BYTES),
)
KEYS = st.one_of(st.text(), st.integers(-(2**70), 2**70))


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    mappings = st.dictionaries(KEYS, inner, max_size=4)
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        mappings,
        mappings.map(OrderedDict),
        mappings.map(Counter),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=st.dictionaries(st.text(), st.recursive(LEAVES, branches, max_leaves=12), max_size=4))
def test_every_tree_comes_back(tree: dict[str, Any], file: Path) -> None:
    assert bits(through_files(tree, file)) == bits(tree)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 4)], ids=str)
def test_every_dtype_comes_back(dtype: torch.dtype, shape: tuple[int, ...], file: Path) -> None:
    """Byte for byte, and the library's own reader and writer agree."""
    width, count = torch.empty(0, dtype=dtype).element_size(), math.prod(shape)
    values = torch.arange(width * count, dtype=torch.uint8)
    if dtype == torch.bool:
        values %= 2
    tensor = values.view(dtype).reshape(shape)
    assert bits(through_files({"t": tensor}, file)["t"]) == bits(tensor)
    assert bits(load_file(file)["t"]) == bits(tensor)
    save_file({"t": tensor}, file)
    assert bits(read_tensors(file)["t"]) == bits(tensor)


@pytest.mark.parametrize("dtype", sorted(NUMPY_DTYPES))
def test_every_numpy_type_comes_back(dtype: str, file: Path) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    tree = {
        "array": array,
        "column": array[:, 1],
        "backwards": array[::-1],
        "none": array[:0],
        "point": np.array(1, dtype),
        "number": array[0, 1],
    }
    assert bits(through_files(tree, file)) == bits(tree)


def test_numbers_keep_types_and_bits(file: Path) -> None:
    payload = struct.unpack("d", b"\x01\x02\x03\x04\x05\x06\xf8\xff")[0]  # a nan of its own
    tree = {
        "floats": [0.0, -0.0, 1.0, 5e-324, 1e308, math.inf, -math.inf, math.nan, payload],
        "ints": [0, 1, -1, 2**53, -(2**53), 10**5000],
        "bools": (True, False, None),
        "keys": {1: "int", "1": "str", -(2**80): "large"},
        "numpy": [np.float64(0.1), np.bool_(True), np.float64(math.nan)],
    }
    assert bits(through_files(tree, file)) == bits(tree)


def test_random_states_come_back(file: Path) -> None:
    tree = {
        "python": random.Random(3).getstate(),
        "numpy": np.random.RandomState(3).get_state(),
        "generator": np.random.default_rng(3).bit_generator.state,
        "torch": torch.Generator().manual_seed(3).get_state(),
    }
    back = through_files(tree, file)
    assert bits(back) == bits(tree)
    random.Random().setstate(back["python"])
    np.random.RandomState().set_state(back["numpy"])
    np.random.default_rng().bit_generator.state = back["generator"]
    torch.Generator().set_state(back["torch"])


def test_states_of_modules_optimizers_and_schedulers_come_back(file: Path) -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True)
    schedulers = [
        torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3]),
        torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10),
        torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer),
    ]
    network(torch.randn(4, 2)).sum().backward()
    optimizer.step()
    tree = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedulers": [scheduler.state_dict() for scheduler in schedulers],
    }
    back = through_files(tree, file)
    assert bits(back) == bits(tree)
    network.load_state_dict(back["network"])
    optimizer.load_state_dict(back["optimizer"])


def test_views_are_stored_as_their_values(file: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    turned = torch.tensor([1 + 2j, 3 - 4j])
    tree = {
        "transposed": whole.T,
        "part": whole[1:, ::2],
        "expanded": whole[:, :1].expand(3, 5),
        "conjugate": turned.conj(),
        "negative": torch.conj(turned).imag,
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "a stride of its own": torch.ones(1).as_strided((1,), (0,)),
        "with gradient": torch.ones(2, requires_grad=True) * 2,
    }
    back = through_files(tree, file)
    assert bits(back) == bits(tree)
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in back.values())


def test_what_is_shared_is_stored_once_and_comes_back_as_values(file: Path) -> None:
    weight = torch.randn(1000)
    tree = {"a": weight, "b": weight, "c": weight.view(1000), "d": weight[:500]}
    back = through_files(tree, file)
    assert file.stat().st_size < 1000 * 4 + 500 * 4 + 400
    assert bits(back) == bits(tree)
    back["a"].zero_()
    assert torch.equal(back["b"], weight)
    assert torch.equal(back["c"], weight)
    assert {tensor.untyped_storage().nbytes() for tensor in back.values()} == {4000, 2000}


def test_names_that_look_alike_stay_apart(file: Path) -> None:
    tree = {
        "a.b": torch.tensor(1),
        "a": {"b": torch.tensor(2), 0: torch.tensor(3), "0": torch.tensor(4)},
        "": {"": torch.tensor(5)},
        "__metadata__": torch.tensor(6),
        "\ud800": torch.tensor(7),
        '"\n\0': torch.tensor(8),
    }
    assert bits(through_files(tree, file)) == bits(tree)


def test_the_names_in_the_file_are_the_paths() -> None:
    _, tensors = flatten(
        {"model": {"0.weight": torch.ones(1)}, "callbacks": [{"best": np.ones(1)}]}
    )
    assert list(tensors) == ["model.0.weight", "callbacks.0.best"]


class Foo:
    pass


class Colour(IntEnum):
    RED = 1


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Foo(), r"^callbacks\.0\.best is a Foo: a checkpoint holds plain values and tensors$"),
        (print, r"callbacks\.0\.best is a builtin_function_or_method: "),
        ({1, 2}, r"callbacks\.0\.best is a set: "),
        (b"", r"callbacks\.0\.best is a bytes: "),
        (1j, r"callbacks\.0\.best is a complex: "),
        (Colour.RED, r"callbacks\.0\.best is a Colour: "),
        (torch.Size([1]), r"callbacks\.0\.best is a Size: "),
        (defaultdict(int), r"callbacks\.0\.best is a defaultdict: "),
        (torch.float32, r"callbacks\.0\.best is a dtype: "),
        (nn.Parameter(torch.ones(1)), r"best is a Parameter: .* such as its detach\(\)"),
        (torch.eye(2).to_sparse(), r"best is a tensor of layout torch.sparse_coo .* to_dense\(\)"),
        (torch.ones(1, device="meta"), r"best is a tensor .* on meta"),
        (torch.ones(1, dtype=torch.complex128), r"of torch.complex128: .* torch.view_as_real"),
        (np.array(["text"]), r"best is a ndarray: .* not of <U4"),
        (np.array([1.0], ">f8"), r"best is a ndarray: .* not of >f8"),
        (np.array([None]), r"best is a ndarray: .* not of object"),
        (np.datetime64(0, "s"), r"best is a datetime64: .* not of datetime64"),
        ({(1, 2): 3}, r"best has a key \(1, 2\) that is a tuple: "),
        ({True: 3}, r"best has a key True that is a bool: "),
        ({"deep": [Foo()]}, r"callbacks\.0\.best\.deep\.0 is a Foo: "),
        (CYCLE, r"callbacks\.0\.best\.0\.0\.\.\. is nested deeper than 100 levels, or contains"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_anything_else_is_refused_by_its_place(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        flatten({"callbacks": [{"best": value}]})


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="the state has a key b'a' that is a bytes"):
        flatten({b"a": 1})  # type: ignore[dict-item] # what is refused


A = {"a": torch.ones(2)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"dict": [["a", NaN]]}', "NaN is no number of JSON"),
        ('{"dict": [["a", Infinity]]}', "Infinity is no number"),
        ('{"dict": [["a", 1e999]]}', "a cannot be inf"),
        ('{"dict": [["a", ' + "9" * 5000 + "]]}", "no JSON that can be read"),
        ('{"dict": [["a"', "no JSON that can be read"),
        ("\x80", "no JSON that can be read"),
        ("", "no JSON that can be read"),
        ("[" * 100_000, "no JSON that can be read"),
        ("[" * 200 + "]" * 200, "nested too deeply"),
        ("[]", "the state is no dictionary"),
        ("null", "the state is no dictionary"),
        ("{}", r"the state cannot be \{\}"),
        ('{"OrderedDict": []}', "the state is no dictionary"),
        ('{"dict": [[1, 2]]}', "the state is no dictionary"),
        ('{"dict": {}}', "the state cannot be"),
        ('{"dict": 1}', "the state cannot be"),
        ('{"dict": [1]}', "the state cannot be 1"),
        ('{"dict": [["a"]]}', "the state cannot be"),
        ('{"dict": [["a", 1, 2]]}', "the state cannot be"),
        ('{"dict": [["a", 1], ["a", 2]]}', "the state cannot be 'a'"),
        ('{"dict": [[true, 1]]}', "the state cannot be True"),
        ('{"dict": [[[], 1]]}', "the state cannot be"),
        ('{"dict": [["a", {"tuple": 1}]]}', "a cannot be"),
        ('{"dict": [["a", {"list": []}]]}', "a cannot be"),
        ('{"dict": [["a", {"tuple": [], "dict": []}]]}', "a cannot be"),
        ('{"dict": [["a", {"__import__": "os"}]]}', "a cannot be"),
        ('{"dict": [["x", {"tensor": "b"}]]}', "x names a tensor that is not there: b"),
        ('{"dict": [["x", {"tensor": 1}]]}', "x cannot be"),
        ('{"dict": [["x", {"array": "b"}]]}', "x names a tensor that is not there: b"),
        ('{"dict": [["x", {"array": []}]]}', "x cannot be"),
        ('{"dict": [["x", {"scalar": ["float32", "00"]}]]}', "x cannot be"),
        ('{"dict": [["x", {"scalar": ["object", "0000000000000000"]}]]}', "x cannot be"),
        ('{"dict": [["x", {"scalar": ["float32", "0000000g"]}]]}', "x cannot be"),
        ('{"dict": [["x", {"scalar": ["float32"]}]]}', "x cannot be"),
        ('{"dict": [["x", {"float": "00"}]]}', "x cannot be"),
        ('{"dict": [["x", {"float": "zzzzzzzzzzzzzzzz"}]]}', "x cannot be"),
        ('{"dict": [["x", {"int": "1"}]]}', "x cannot be"),
        ('{"dict": [["x", {"int": "0x1_0"}]]}', "x cannot be"),
        ('{"dict": [["x", {"text": "ff"}]]}', "x cannot be"),
        ('{"dict": [["x", {"text": "f"}]]}', "x cannot be"),
        ('{"dict": []}', "tensors that belong nowhere: a"),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_malformed_document_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(MalformedStateError, match=message):
        unflatten(from_json(text.encode("latin-1")), A)


def test_an_array_of_a_type_that_numpy_has_not_is_refused() -> None:
    with pytest.raises(MalformedStateError, match=r"x is no array: it has torch\.bfloat16"):
        unflatten({"dict": [["x", {"array": "a"}]]}, {"a": torch.ones(1, dtype=torch.bfloat16)})


def header(text: str, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text.encode() + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 8 + b"{}",
        header("{}")[:-1],
        header("{}", b"more"),
        header(json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}), b"1234"),
        header(json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}), b"123"),
        header(json.dumps({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}), b"1234"),
        header(json.dumps({"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}), b"1234"),
        header(json.dumps({"a": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}}), b"1234"),
        header(json.dumps({"a": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 0]}})),
        b"\x80\x04\x95",
    ],
    ids=range(12),
)  # fmt: skip
def test_a_malformed_tensor_file_is_refused_by_name(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(MalformedStateError, match=r"no safetensors file|has the unknown type"):
        read_tensors(file)


def test_a_missing_tensor_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none")
