"""State: a tree of plain values and tensors, as a JSON document and a safetensors file, and back.

Nothing in either file is executable.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

_CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",  # since torch 2.7
}
DTYPES: dict[torch.dtype, str] = {
    getattr(torch, name): code for name, code in _CODES.items() if hasattr(torch, name)
}
"""What a safetensors file can hold, and what it calls it."""

NUMPY_DTYPES = frozenset(n for n in _CODES if not n.startswith(("bfloat", "float8")))

# A module's state is an OrderedDict and the milestones of a learning rate are a Counter.
_MAPPINGS: dict[str, type[dict[Any, Any]]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "Counter": Counter,
}
_DEEPEST = 100
_HEXADECIMAL = re.compile(r"-?0x[0-9a-f]+")

Where = tuple[str | int, ...]


class MalformedStateError(ValueError):
    """A JSON document or a safetensors file is none that this module writes."""


def flatten(tree: Mapping[str, Any]) -> tuple[Any, dict[str, Tensor]]:
    """Return a tree as a document of JSON values, and the tensors it names.

    A tree is made of dictionaries with keys that are text or whole numbers, lists, tuples, None,
    bool, int, float, str, tensors, and NumPy arrays and numbers. :func:`unflatten` gives it back
    exactly: the same types, and floats to the last bit. Tensors come back on the CPU, contiguous,
    without gradient and in memory of their own. Views that are the same are stored once.

    Raises:
        TypeError: if there is anything else in the tree; the message says where.
    """
    tensors: dict[str, Tensor] = {}
    return _Writer(tensors).node(dict(tree), ()), tensors


def unflatten(document: Any, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the tree that :func:`flatten` took apart.

    Raises:
        MalformedStateError: if it did not write this document, or not with these tensors.
    """
    reader = _Reader(tensors)
    tree = reader.node(document, ())
    if type(tree) is not dict or not all(type(key) is str for key in tree):
        raise MalformedStateError("the state is no dictionary of names")
    if left := sorted(set(tensors) - reader.used):
        raise MalformedStateError(f"there are tensors that belong nowhere: {', '.join(left)}")
    return tree


def to_json(document: Any) -> bytes:
    """Return a document as JSON text."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")


def from_json(text: bytes) -> Any:
    """Return the document of a JSON text.

    Raises:
        MalformedStateError: if it is no JSON, or has numbers that JSON does not have.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedStateError(f"it is no JSON that can be read: {error}") from error


def tensor_file(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """Yield the content of a safetensors file, piece by piece.

    The library's own writer gives neither the system's error number nor the usual permissions, and
    would have the file read again for its hash. Tensors are copied to the CPU one by one.
    """
    header, end = {}, 0
    # the widest numbers first, so that each tensor starts at a multiple of its own width
    order = sorted(tensors.items(), key=lambda item: -item[1].element_size())
    for name, tensor in order:
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = to_json(header)
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text)) + text
    for _, tensor in order:
        # a conjugate or a negative may be only a mark on memory that does not have it yet
        plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
        # not reshaped, for a lone number may keep a stride that its bytes cannot have
        flat = plain.as_strided((plain.numel(),), (1,))
        yield flat.view(torch.uint8).numpy().data


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, on the CPU and in memory of their own.

    Raises:
        MalformedStateError: if it is no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            # the file's memory may be aligned otherwise than torch's, on which bits can depend
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - no mapping
    except OSError:
        raise
    except Exception as error:  # the library does not say what a crafted header can raise
        raise MalformedStateError(f"it is no safetensors file: {error}") from error
    for name, tensor in tensors.items():
        if tensor.dtype not in DTYPES:
            raise MalformedStateError(f"{name} has the unknown type {tensor.dtype}")
    return tensors


class _Writer:
    """Turns values into JSON values and collects the tensors."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors
        self.views: dict[Any, str] = {}

    def node(self, value: Any, path: Where) -> Any:
        kind = type(value)
        if len(path) > _DEEPEST:
            raise TypeError(
                f"{_dotted(path[:5])}... is nested deeper than {_DEEPEST} levels, or contains "
                "itself: a checkpoint holds a tree"
            )
        if value is None or kind is bool:
            return value
        if kind is str:
            return value if _is_unicode(value) else {"text": _surrogates(value)}
        if kind is int:  # other readers of JSON, and Python's own, have limits
            return value if -(2**53) < value < 2**53 else {"int": hex(value)}
        if kind is float:  # JSON has neither nan nor infinity
            return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
        if kind is list:
            return [self.node(item, (*path, i)) for i, item in enumerate(value)]
        if kind is tuple:
            return {"tuple": [self.node(item, (*path, i)) for i, item in enumerate(value)]}
        if _MAPPINGS.get(kind.__name__) is kind:
            return {kind.__name__: [self.item(key, item, path) for key, item in value.items()]}
        if kind is Tensor:
            return {"tensor": self.tensor(value, path)}
        if kind is np.ndarray and _is_numeric(value.dtype):
            # a copy, because torch does not take arrays that are read-only or run backwards
            return {"array": self.name(torch.from_numpy(value.copy()), path)}
        if isinstance(value, np.generic) and _is_numeric(value.dtype):
            return {"scalar": [value.dtype.name, value.tobytes().hex()]}
        raise _refusal(value, path)

    def item(self, key: Any, value: Any, path: Where) -> list[Any]:
        if type(key) not in (str, int):
            raise TypeError(
                f"{_dotted(path) or 'the state'} has a key {key!r:.50} that is a "
                f"{type(key).__name__}: a checkpoint's keys are text or whole numbers"
            )
        return [self.node(key, path), self.node(value, (*path, key))]

    def tensor(self, tensor: Tensor, path: Where) -> str:
        if tensor.layout is not torch.strided or tensor.device.type == "meta":
            raise TypeError(
                f"{_dotted(path)} is a tensor of layout {tensor.layout} on {tensor.device}: a "
                "checkpoint holds dense tensors with values; use its to_dense()"
            )
        if tensor.dtype not in DTYPES:
            raise TypeError(
                f"{_dotted(path)} is a tensor of {tensor.dtype}: a safetensors file cannot hold "
                "this type; convert it, a complex one by torch.view_as_real"
            )
        view = (
            tensor.device,
            tensor.dtype,
            tensor.data_ptr(),
            tensor.shape,
            tensor.stride(),
            tensor.is_conj(),
            tensor.is_neg(),
        )
        if view not in self.views:
            self.views[view] = self.name(tensor, path)
        return self.views[view]

    def name(self, tensor: Tensor, path: Where) -> str:
        name = _dotted(path)
        while name in self.tensors or name == "__metadata__":  # the format's only reserved name
            name += "'"
        self.tensors[name] = tensor
        return name


class _Reader:
    """Turns JSON values into the values they stand for."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self.used: set[str] = set()

    def node(self, node: Any, path: Where) -> Any:
        if len(path) > _DEEPEST:
            raise MalformedStateError(f"{_dotted(path[:5])}... is nested too deeply")
        if node is None or isinstance(node, bool | int | str):
            return node
        if isinstance(node, float):
            if not math.isfinite(node):
                raise _malformed(node, path)
            return node
        if isinstance(node, list):
            return [self.node(item, (*path, i)) for i, item in enumerate(node)]
        if not isinstance(node, dict) or len(node) != 1:
            raise _malformed(node, path)
        [(kind, content)] = node.items()
        if kind in _MAPPINGS and isinstance(content, list):
            return _MAPPINGS[kind](self.items(content, path))
        match kind, content:
            case "tuple", list():
                return tuple(self.node(item, (*path, i)) for i, item in enumerate(content))
            case "tensor", str():
                return self.tensor(content, path)
            case "array", str():
                return self.array(content, path)
            case "scalar", [str() as dtype, str() as bits]:
                return _scalar(dtype, _bytes(bits, path), path)
            case "float", str() if len(content) == 16:
                return struct.unpack(">d", _bytes(content, path))[0]
            case "int", str() if _HEXADECIMAL.fullmatch(content):
                return int(content, 16)
            case "text", str():
                return _text(_bytes(content, path), path)
        raise _malformed(node, path)

    def items(self, content: list[Any], path: Where) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for pair in content:
            if not isinstance(pair, list) or len(pair) != 2:
                raise _malformed(pair, path)
            key = self.node(pair[0], path)
            if type(key) not in (str, int) or key in found:
                raise _malformed(pair[0], path)
            found[key] = self.node(pair[1], (*path, key))
        return found

    def tensor(self, name: str, path: Where) -> Tensor:
        if name not in self.tensors:
            raise MalformedStateError(f"{_dotted(path)} names a tensor that is not there: {name}")
        # what was stored once for two names is two values again
        tensor = self.tensors[name].clone() if name in self.used else self.tensors[name]
        self.used.add(name)
        return tensor

    def array(self, name: str, path: Where) -> Any:
        tensor = self.tensor(name, path)
        if str(tensor.dtype).removeprefix("torch.") not in NUMPY_DTYPES:
            raise MalformedStateError(f"{_dotted(path)} is no array: it has {tensor.dtype}")
        return tensor.numpy()


def _is_numeric(dtype: Any) -> bool:
    return dtype.name in NUMPY_DTYPES and dtype.isnative


def _refusal(value: Any, path: Where) -> TypeError:
    message = (
        f"{_dotted(path)} is a {type(value).__name__}: a checkpoint holds plain values and tensors"
    )
    if isinstance(value, Tensor):
        message += "; give the plain tensor, such as its detach()"
    elif isinstance(value, np.ndarray | np.generic):
        message += f", and arrays and numbers of NumPy's simple types, not of {value.dtype}"
    return TypeError(message)


def _malformed(node: Any, path: Where) -> MalformedStateError:
    return MalformedStateError(f"{_dotted(path) or 'the state'} cannot be {node!r:.80}")


def _scalar(dtype: str, content: bytes, path: Where) -> Any:
    if dtype not in NUMPY_DTYPES or len(content) != np.dtype(dtype).itemsize:
        raise _malformed([dtype, content.hex()], path)
    return np.frombuffer(content, dtype)[0]


def _bytes(text: str, path: Where) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise _malformed(text, path) from error


def _is_unicode(text: str) -> bool:
    """Whether a text has no half of a pair of surrogates, which JSON would join with another."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _surrogates(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


def _text(content: bytes, path: Where) -> str:
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise _malformed(content.hex(), path) from error


def _dotted(path: Where) -> str:
    return ".".join(str(key) for key in path).encode("utf-8", "backslashreplace").decode()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
