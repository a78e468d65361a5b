"""The checker: every law against one loss, and what became of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

from . import claims, conduct, derivatives, domains, fused, sums
from .subject import DoesNotApply, Subject, Violation, subject_of

Outcome = Literal["passed", "failed", "skipped", "expected"]


@dataclass(frozen=True)
class Result:
    """What became of one law."""

    law: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class CheckReport:
    """What the checker found.

    Attributes:
        name: the loss.
        results: one result per law.
    """

    name: str
    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether no law is broken."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        return tuple(r for r in self.results if r.outcome == "failed")

    def raise_if_failed(self) -> None:
        """Raise AssertionError with the table if a law is broken."""
        if not self.passed:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        width = max(len(r.law) for r in self.results)
        lines = [f"{r.law:<{width}}  {r.outcome:<8}  {r.reason}".rstrip() for r in self.results]
        kept = sum(r.outcome == "passed" for r in self.results)
        count = f"{self.name}: {kept} passed, {len(self.failures)} failed"
        rest = len(self.results) - kept - len(self.failures)
        return "\n".join([*lines, count + (f", {rest} skipped or expected" if rest else "")])


LAWS: dict[str, Callable[[Subject], None]] = {
    law.__name__: law
    for law in (
        sums.unit_shape,
        sums.sum_law,
        sums.weight_law,
        sums.zero_weight_deletes,
        sums.ignored_deletes,
        sums.mean_of_nothing,
        sums.parts_add,
        sums.samples_stand_alone,
        derivatives.gradient,
        derivatives.incoming_gradient,
        derivatives.second_gradient,
        derivatives.transforms,
        conduct.pure,
        conduct.forgets,
        conduct.devices,
        conduct.module_agrees,
        conduct.module_is_a_module,
        conduct.compiles,
        conduct.exports,
        fused.fused_agrees,
        conduct.layout,
        conduct.order,
        domains.half_precision,
        domains.autocast_agrees,
        domains.extremes,
        domains.keeps_precision,
        domains.learns_from_errors,
        domains.rewards_right_answers,
        domains.rejects,
        claims.reference,
        claims.claims,
        claims.docstring,
    )
}


SMALL: tuple[Mapping[str, tuple[int, ...]], ...] = (
    {"N": (1,), "C": (2,), "D": (1,), "*": ()},
    {"N": (2,), "C": (2,), "D": (1,), "*": ()},
    {"N": (2,), "C": (3,), "D": (2,), "*": (2,)},
)


def examine(subject: Subject, name: str) -> Result:
    """Hold one law against a loss."""
    try:
        _hold(subject, name)
    except DoesNotApply as why:
        return Result(name, "skipped", str(why))
    except Exception as error:  # whatever a user's loss raises is a finding, not our crash
        if name in subject.expected:
            return Result(name, "expected", subject.expected[name])
        return Result(name, "failed", f"{_told(error)}{_smallest(subject, name)}")
    if name in subject.expected:
        return Result(name, "failed", "holds, though it is declared not to: take the claim out")
    return Result(name, "passed")


def _hold(subject: Subject, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # torch's forward mode scripts its own decompositions when it is first used
        warnings.filterwarnings("ignore", message=".*torch.jit.script.*")
        LAWS[name](subject)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, Violation) else f"raised {type(error).__name__}: {error}"


def _smallest(subject: Subject, name: str) -> str:
    """Show the smallest tensors that break a law in the same way, if smaller ones do."""
    if subject.make is not None:
        return ""
    for sizes in SMALL:
        small = replace(subject, sizes=sizes, variants=subject.variants[:1])
        try:
            _hold(small, name)
        except Violation:
            shown = zip(subject.signature.names, small.example(), strict=True)
            told = ", ".join(f"{n} = {_numbers(t)}" for n, t in shown if isinstance(t, Tensor))
            return f" (made from {told})"
        except Exception:  # noqa: S112 - too small for this loss: a larger one may show it
            continue
    return ""


def _numbers(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        tensor = (tensor * 1000).round() / 1000
    return str(tensor.tolist())


def check(
    loss: object,
    signature: str | None = None,
    *,
    ignore_index: int | None = None,
    reference: Callable[..., Any] | None = None,
    additive: bool | None = None,
    expected: Mapping[str, str] | None = None,
) -> CheckReport:
    """Hold the laws of the contract against a loss: yours or one of the library's.

    >>> from lossary import l1_loss
    >>> check(l1_loss).passed
    True

    Args:
        loss: a :class:`LossBase` (instance or class), a loss function of this library, or any
            function of tensors that returns a scalar loss; the last needs a ``signature``.
        signature: what the loss takes, as in ``"real N C, label N"``.
        ignore_index: the label that the loss says it ignores.
        reference: an independent implementation that returns one loss per unit.
        additive: False if the loss of a batch is no sum over its samples.
        expected: laws that the loss is known to break, each with the reason.
    """
    subject = subject_of(
        loss,
        signature,
        ignore_index=ignore_index,
        reference=reference,
        additive=additive,
        expected=expected,
    )
    return CheckReport(subject.name, tuple(examine(subject, name) for name in LAWS))
