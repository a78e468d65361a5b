"""A network and its loss as one exported program; see docs/integrations/export.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ..catalog import catalog
from ..signature import signature_of

Loss = Callable[..., Tensor]
FIXED = "Constraints violated (batch)"  # what torch says where the number of samples is fixed


class ExportError(RuntimeError):
    """A network with its loss cannot be exported; the message says why."""


class NetworkWithLoss(nn.Module):
    """Network and loss in one module that gives the loss: what is exported.

    The first column of a batch goes to the network and all further columns to the loss, as in the
    trainer: ``loss(network(column_1), column_2, column_3, ...)``.

    Args:
        network: the network.
        loss: a loss of this library, or any function or module that returns a tensor.
    """

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        if isinstance(loss, type):
            raise TypeError(f"loss is the class {loss.__name__}: make one, with brackets")
        self.network = network
        self.loss = loss

    def forward(self, *columns: Tensor) -> Tensor:
        return self.loss(self.network(columns[0]), *columns[1:])


def exported(
    network: nn.Module, loss: Loss, example: Sequence[Tensor], *, dynamic: bool = True
) -> ExportedProgram:
    """Return network and loss as one program of ``torch.export``, whose result is the loss.

    ``program.module()`` runs it, and has the gradients of the parameters; ``torch.export.save``
    writes it. It is exported as the modules stand: after ``eval()`` dropout is left out.

    Shapes and dtypes were checked when it was exported. Labels and other values are not checked in
    the program: nothing in it may depend on them.

    >>> net = torch.nn.Linear(4, 3)
    >>> x, y = torch.zeros(2, 4), torch.tensor([0, 2])
    >>> program = exported(net, lossary.FocalLoss(), (x, y))
    >>> x, y = torch.ones(5, 4), torch.tensor([0, 2, 1, 1, 0])
    >>> torch.allclose(program.module()(x, y), lossary.focal_loss(net(x), y))
    True

    Args:
        network: the network.
        loss: a loss of this library, or any function or module that returns a tensor.
        example: a batch: what goes to the network, and then what else the loss takes.
        dynamic: whether the program takes any number of samples; else that of the example.

    Raises:
        ExportError: if it cannot be exported.
    """
    columns, shapes = tuple(example), None
    if dynamic:
        dims = batch_dims(loss, columns)
        if columns[0].shape[0] == 1:  # of one sample torch takes it that there always is one
            columns = repeated(columns, dims)
        batch = Dim("batch")
        # the columns are one argument, *columns, and so are their shapes
        shapes = (tuple(None if d is None else {d: batch} for d in dims),)
    module = NetworkWithLoss(network, loss)
    found: list[Exception] = []
    # len() of a tensor fixes the number of samples, but where TorchDynamo reads the Python
    for strict in (False, True):
        try:
            return torch.export.export(module, columns, dynamic_shapes=shapes, strict=strict)
        except Exception as error:  # the exporter raises many kinds
            found.append(error)
            if FIXED not in str(error):
                break
    raise ExportError(f"{_name(loss)} cannot be exported: {_reason(loss, found[0])}") from found[0]


def batch_dims(loss: Loss, columns: Sequence[Tensor]) -> list[int | None]:
    """Return the dimension of each column that runs over the samples, or None if none does.

    The signature of the loss says so; of others the columns that are as long as the first.
    """
    found = signature_of(loss)
    samples = columns[0].shape[0]
    if found is None or not found.unit or len(found.operands) != len(columns):
        return [0 if c.ndim and len(c) == samples else None for c in columns]
    batched = any("N" in o.dims for either in found.operands for o in either)
    dims: list[int | None] = [0]
    for column, operands in zip(columns[1:], found.operands[1:], strict=True):
        fitting = [o for o in operands if o.whole != column.is_floating_point()] or operands
        over = fitting[0].dims
        dims.append(
            over.index("N") if "N" in over else 0 if over[:1] == ("*",) and not batched else None
        )
    return dims


def repeated(columns: Sequence[Tensor], dims: Sequence[int | None]) -> tuple[Tensor, ...]:
    """Return the batch with every sample twice."""
    return tuple(
        c if d is None else torch.cat([c, c], d) for c, d in zip(columns, dims, strict=True)
    )


def _name(loss: Loss) -> str:
    return cast(str, getattr(loss, "__name__", type(loss).__name__))


def _reason(loss: Loss, error: Exception) -> str:
    """Return why a loss cannot be exported: what the catalog says, or else torch."""
    function = getattr(loss, "function", loss)  # of a Module
    for spec in catalog():
        if spec.function is function and "exports" in spec.exempt:
            return spec.exempt["exports"]
    if FIXED in str(error):
        return (
            "loss or network are for one number of samples, once exported; dynamic=False exports "
            "them for that of the example"
        )
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else 'no reason is given'}"
