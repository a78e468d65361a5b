"""What is checked: how to call a loss, what is claimed of it, and tensors that fit it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ..base import LossBase
from ..reduction import Reduction
from ..signature import Operand, Signature, signature_of
from ..spec import LossSpec, Trait

F64 = torch.float64
SIZES = {"N": (4,), "C": (3,), "D": (5,)}
OTHER_SIZE = (3,)
Tensors = tuple[Any, ...]


class Violation(AssertionError):  # noqa: N818 - the word of the contract
    """A loss breaks a law; the message says where and by how much."""


class DoesNotApply(Exception):  # noqa: N818 - an answer, not an error
    """A law says nothing about a loss; the message says why."""


@dataclass(frozen=True)
class Subject:
    """A loss on the examiner's table: how to call it, and what is claimed of it.

    Attributes:
        call: ``call(tensors, hyper, weight, reduction)``.
        contract: whether it takes weights and reductions; a plain function does not.
        make: makes float64 tensors that fit, from a generator; or None, then the signature does.
        additive: whether the loss of a batch is made of the losses of its samples.
        sizes: sizes of dimensions to try instead of the usual ones.
    """

    name: str
    signature: Signature
    call: Callable[[Tensors, Mapping[str, object], Tensor | None, Reduction], Tensor]
    contract: bool = True
    variants: tuple[Mapping[str, object], ...] = ({},)
    traits: Trait = Trait.NONE
    make: Callable[[Generator], Tensors] | None = None
    spec: LossSpec | None = None
    module: LossBase | None = None
    ignore_index: int | None = None
    additive: bool = True
    reference: Callable[..., Any] | None = None
    expected: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def example(
        self, seed: int = 0, sizes: Mapping[str, tuple[int, ...]] | None = None, which: int = 0
    ) -> Tensors:
        """Make float64 tensors that fit the signature, of its ``which``-th alternative."""
        generator = Generator().manual_seed(seed)
        if self.make is not None:
            return tuple(to(t, F64) for t in self.make(generator))
        batched = any(
            "N" in o.dims for alternatives in self.signature.operands for o in alternatives
        )
        sizes = {**SIZES, "*": (2,) if batched else (4, 2), **self.sizes, **(sizes or {})}
        chosen = (
            alternatives[which % len(alternatives)] for alternatives in self.signature.operands
        )
        return tuple(_random(operand, sizes, generator) for operand in chosen)

    def cases(
        self, seed: int = 0, **options: Any
    ) -> Iterator[tuple[Tensors, Mapping[str, object]]]:
        """Yield tensors and hyperparameters: every variant with every alternative."""
        count = max(map(len, self.signature.operands)) if self.make is None else 1
        for hyper in self.variants:
            for which in range(count):
                yield self.example(seed, which=which, **options), hyper

    def units(self, tensors: Tensors, hyper: Mapping[str, object], **kw: Any) -> Tensor:
        return self.call(tensors, hyper, kw.get("weight"), "none")

    def mean(self, tensors: Tensors, hyper: Mapping[str, object], **kw: Any) -> Tensor:
        return self.call(tensors, hyper, kw.get("weight"), "mean")

    def parts(self, tensors: Tensors, hyper: Mapping[str, object], **kw: Any) -> Tensor:
        return self.call(tensors, hyper, kw.get("weight"), "parts")

    def differentiable(self, tensors: Tensors) -> list[int]:
        """Return which tensors a gradient is expected for: the first, and further real ones."""
        if Trait.NOT_DIFFERENTIABLE in self.traits:
            raise DoesNotApply("a metric: it has no gradient")
        operands = self.signature.match(tensors, {}).operands
        wanted = [
            i
            for i, (o, t) in enumerate(zip(operands, tensors, strict=True))
            if isinstance(t, Tensor)
            and t.is_floating_point()
            and o.domain in ("real", "nonneg", "prob", "logprob")
        ]
        return [i for i in wanted if i == wanted[0] or operands[i].domain == "real"]

    def batch_dims(self, tensors: Tensors) -> list[int | None]:
        """Return for each tensor the dimension that runs over the batch, or None."""
        first = self.signature.unit[:1]
        if not first:
            raise DoesNotApply("the signature names no unit")
        operands = self.signature.match(tensors, {}).operands
        return [o.dims.index(first[0]) if first[0] in o.dims else None for o in operands]

    def select(self, tensors: Tensors, index: Tensor) -> Tensors:
        """Return the batch of the samples ``index``."""
        dims = self.batch_dims(tensors)
        return tuple(
            t if dim is None else t.index_select(dim, index)
            for t, dim in zip(tensors, dims, strict=True)
        )

    def batch_size(self, tensors: Tensors) -> int:
        dims = self.batch_dims(tensors)
        return next(
            len(t.movedim(d, 0)) for t, d in zip(tensors, dims, strict=True) if d is not None
        )

    def answers(self, score: float) -> tuple[Tensors, Tensors]:
        """Return tensors whose answers are sure, by ``score``, and right; and sure and wrong."""
        made = self.example(which=0)
        match [str(o) for o in self.signature.match(made, {}).operands]:
            case ["real N C", "label N"] | ["real N C *", "label N *"]:
                truth = torch.nn.functional.one_hot(made[1], made[0].shape[1])
                sign = 2.0 * truth.movedim(-1, 1) - 1
            case ["real *", "sign *"] | ["real N", "sign N"]:
                sign = made[1]
            case ["real *", "prob *"] | ["real N", "prob N"]:
                made = (made[0], made[1].round())
                sign = 2 * made[1] - 1
            case _:
                raise DoesNotApply("the signature tells no right answer")
        right, wrong = (score * sign).to(F64), (-score * sign).to(F64)
        return (right, *made[1:]), (wrong, *made[1:])

    def needs_contract(self) -> None:
        if not self.contract:
            raise DoesNotApply("a plain function takes no weight and no reduction")

    def needs_pair(self) -> LossSpec:
        """Return the record of a function and its Module."""
        if self.spec is None:
            raise DoesNotApply("not a loss of the library: no pair of function and Module")
        return self.spec


def to(value: Any, dtype: torch.dtype) -> Any:
    """Bring tensors of floating point, and modules, to ``dtype``."""
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).to(dtype)
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.to(dtype)
    return value


def _random(operand: Operand, sizes: Mapping[str, tuple[int, ...]], generator: Generator) -> Tensor:
    """Make a tensor of the domain, away from its edges."""
    shape = [n for dim in operand.dims for n in sizes.get(dim, OTHER_SIZE)]
    normal = torch.randn(shape, generator=generator, dtype=F64)
    if operand.whole:
        end = operand.end({operand.over: OTHER_SIZE, **sizes})
        return torch.randint(end or 1, shape, generator=generator)
    if operand.domain == "sign":
        return torch.where(normal > 0, 1.0, -1.0).to(F64)
    if operand.domain == "nonneg":
        return normal.abs() + 0.1
    if operand.domain == "prob":
        return normal.softmax(1) if "C" in operand.dims else normal.sigmoid()
    if operand.domain == "logprob":
        return normal.log_softmax(1) if "C" in operand.dims else -normal.abs() - 0.1
    return normal


def subject_of(
    loss: object,
    signature: str | None = None,
    *,
    ignore_index: int | None = None,
    reference: Callable[..., Any] | None = None,
    additive: bool | None = None,
    expected: Mapping[str, str] | None = None,
) -> Subject:
    """Put a loss on the table, whatever form it has."""
    subject = _subject(loss, signature)
    if ignore_index is not None:
        subject = replace(subject, ignore_index=ignore_index)
    return replace(
        subject,
        reference=reference,
        additive=subject.additive if additive is None else additive,
        expected={**subject.expected, **(expected or {})},
    )


def _subject(loss: object, signature: str | None) -> Subject:
    if isinstance(loss, LossSpec):
        return _of_spec(loss)
    if isinstance(loss, type) and issubclass(loss, LossBase):
        loss = loss()
    if isinstance(loss, LossBase):
        return _of_module(loss, signature)
    declared = signature_of(loss)
    if declared is not None and callable(loss):
        from ..catalog import catalog

        for spec in catalog():
            if spec.function is loss:
                return _of_spec(spec)
        return _of_function(loss, declared)
    if callable(loss) and signature is not None:
        return _of_callable(loss, signature)
    raise TypeError(
        f"cannot check {loss!r}: give a LossBase, a loss function of this library, or any function "
        'together with its signature, as in check(my_loss, "real N C, label N")'
    )


def _of_spec(spec: LossSpec) -> Subject:
    names = inspect.signature(spec.function).parameters
    random = "generator" in names

    def call(
        tensors: Tensors, hyper: Mapping[str, object], weight: Tensor | None, reduction: Reduction
    ) -> Tensor:
        seeded = {"generator": Generator().manual_seed(0)} if random else {}
        return spec.function(*tensors, **hyper, **seeded, weight=weight, reduction=reduction)

    return Subject(
        spec.name,
        spec.signature,
        call,
        variants=spec.variants,
        traits=spec.traits,
        make=spec.example,
        spec=spec,
        ignore_index=names["ignore_index"].default if "ignore_index" in names else None,
        expected=spec.exempt,
        additive="parts_add" not in spec.exempt,
    )


def _of_function(function: Callable[..., Tensor], declared: Signature) -> Subject:
    def call(
        tensors: Tensors, hyper: Mapping[str, object], weight: Tensor | None, reduction: Reduction
    ) -> Tensor:
        return function(*tensors, **hyper, weight=weight, reduction=reduction)

    default = inspect.signature(function).parameters.get("ignore_index")
    return Subject(
        declared.loss, declared, call, ignore_index=None if default is None else default.default
    )


def _of_module(module: LossBase, signature: str | None) -> Subject:
    owners: dict[tuple[torch.dtype, str], LossBase] = {}  # one per dtype: it may keep a state

    def call(
        tensors: Tensors, hyper: Mapping[str, object], weight: Tensor | None, reduction: Reduction
    ) -> Tensor:
        first = next((t for t in tensors if isinstance(t, Tensor) and t.is_floating_point()), None)
        where = (F64, "cpu") if first is None else (first.dtype, first.device.type)
        if where not in owners:
            owners[where] = to(module, where[0]).to(where[1])
        return owners[where].reduced(*tensors, weight=weight, reduction=reduction)

    name = type(module).__name__
    declared = Signature.parse(signature, loss=name) if signature else module.signature
    if declared is None:
        raise TypeError(
            f"{name} says not what it takes: set its attribute takes, as in "
            '"real N C, label N -> N", or give check the signature'
        )
    if not declared.unit:
        raise ValueError(
            f'the signature of a LossBase names its unit, as in "{declared.text} -> N"'
        )
    return Subject(name, declared, call, module=module)


def _of_callable(function: Callable[..., Any], signature: str) -> Subject:
    name = getattr(function, "__name__", type(function).__name__)
    parsed = Signature.parse(signature, loss=name)

    def call(
        tensors: Tensors, hyper: Mapping[str, object], weight: Tensor | None, reduction: Reduction
    ) -> Tensor:
        result = function(*tensors)
        if not isinstance(result, Tensor):
            raise Violation(f"returned {type(result).__name__}, not a tensor")
        return result

    if not parsed.unit:  # without an arrow the first dimension is the batch
        first = next(a[0].dims[0] for a in parsed.operands if a[0].dims)
        parsed = replace(parsed, unit=(first,))
    return Subject(name, parsed, call, contract=False)


def close(
    got: Tensor, want: Tensor, what: str, *, rtol: float | None = None, atol: float | None = None
) -> None:
    """Raise Violation unless two tensors agree."""
    try:
        torch.testing.assert_close(
            got, want, equal_nan=False, check_dtype=False, rtol=rtol, atol=atol
        )
    except AssertionError as error:
        lines = " ".join(str(error).split())
        raise Violation(f"{what}: {lines}") from None


def gradients(
    subject: Subject, value: Tensor, inputs: Sequence[Tensor], what: str
) -> tuple[Tensor, ...]:
    """Return the gradients of ``value``, which must be connected to all ``inputs``."""
    if not value.requires_grad:
        raise Violation(f"{what}: the result carries no gradient (detach, argmax, item or numpy?)")
    found = torch.autograd.grad(value.sum(), inputs, allow_unused=True)
    if found[0] is None:
        raise Violation(f"{what}: the first tensor gets no gradient")
    return tuple(
        torch.zeros_like(i) if g is None else g for g, i in zip(found, inputs, strict=True)
    )


def leaves(tensors: Tensors, which: Sequence[int]) -> tuple[Tensors, list[Tensor]]:
    """Return the tensors with those of ``which`` as fresh leaves, and the leaves."""
    made = list(tensors)
    for i in which:
        made[i] = tensors[i].detach().clone().requires_grad_()
    return tuple(made), [made[i] for i in which]


def weights(shape: Sequence[int], seed: int = 1) -> Tensor:
    """Make integer weights from 0 to 3, among them at least one 0 and one 2."""
    w = torch.randint(1, 4, tuple(shape), generator=Generator().manual_seed(seed)).to(F64)
    if w.numel():
        w.view(-1)[0] = 0
        w.view(-1)[-1] = 2
    return w
