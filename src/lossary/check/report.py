"""The checker: every law against one loss, and what became of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from . import claims, conduct, derivatives, domains, sums
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
        derivatives.gradient,
        derivatives.second_gradient,
        derivatives.transforms,
        conduct.pure,
        conduct.module_agrees,
        conduct.module_is_a_module,
        conduct.compiles,
        conduct.layout,
        conduct.order,
        domains.half_precision,
        domains.autocast_agrees,
        domains.extremes,
        domains.rejects,
        claims.reference,
        claims.claims,
        claims.docstring,
    )
}


def examine(subject: Subject, name: str) -> Result:
    """Hold one law against a loss."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # torch's forward mode scripts its own decompositions when it is first used
            warnings.filterwarnings("ignore", message=".*torch.jit.script.*")
            LAWS[name](subject)
    except DoesNotApply as why:
        return Result(name, "skipped", str(why))
    except Violation as broken:
        if name in subject.expected:
            return Result(name, "expected", subject.expected[name])
        return Result(name, "failed", str(broken))
    except Exception as error:  # whatever a user's loss raises is a finding, not our crash
        if name in subject.expected:
            return Result(name, "expected", subject.expected[name])
        return Result(name, "failed", f"raised {type(error).__name__}: {error}")
    if name in subject.expected:
        return Result(
            name, "failed", "holds, though it is declared not to: take the declaration out"
        )
    return Result(name, "passed")


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
