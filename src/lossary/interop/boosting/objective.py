"""Objective: gradient and curvature of a loss for each sample, which is what boosting asks for."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ...base import LossBase
from ...compose import WeightedSum
from ...signature import signature_of
from ...spec import Trait
from ..coding import Coding, code, coding_of, name_of, operands_of, spec_of
from ..probabilities import Probabilities

Hessian = Literal["auto", "exact", "expected", "reweighted", "constant"]
"""What serves as second derivative; see :class:`Objective`."""

TRIAL = 1000  # samples that a trial of the second derivative looks at
FINE = 33  # points of one round of the search for the best constant
MOST = 5000  # targets that the search looks at
ROUNDS = 8  # each narrows the range by FINE / 4 at least
LEAST = 0.1  # of the mean error: smaller errors count as this where the loss has a corner

REMEDIES = {
    "prob": "link=torch.sigmoid, or the loss that takes logits",
    "logprob": "link=lambda raw: raw.log_softmax(1), or the loss that takes logits",
    "nonneg": "link=torch.exp",
}


@dataclass
class Report:
    """What came of the second derivatives.

    Attributes:
        chosen: what served as second derivative in the newest training.
        reason: why.
        clamped: how many were below the floor, and were raised to it.
        counted: how many there were, over all trees of all trainings.
    """

    chosen: Hessian = "auto"
    reason: str = "nothing was trained yet"
    clamped: int = 0
    counted: int = 0

    def __deepcopy__(self, memo: object) -> Report:
        return self  # LightGBM and scikit-learn train a copy, whose user holds the original

    @property
    def share(self) -> float:
        """Return which share of the second derivatives was raised to the floor."""
        return self.clamped / self.counted if self.counted else 0.0

    def __str__(self) -> str:
        return (
            f"second derivative: {self.chosen} ({self.reason}); {self.share:.1%} of "
            f"{self.counted} were below the floor"
        )


class Objective:
    r"""Gradient and curvature of a loss in the raw scores, for each sample, in double precision.

    Boosting fits every tree by one Newton step per leaf, minus the sum of gradients over the sum
    of second derivatives, so these must be positive. What may serve:

    - ``"exact"``: the second derivative by autograd. With several outputs each row of the matrix
      is summed, the other entries by their size; no single output then steps too far. For softmax
      it is :math:`2 p (1 - p)`, as in XGBoost.
    - ``"expected"``: the squared gradient, averaged over the labels as the scores predict them
      (Fisher information); for losses of classes. It is the second derivative where the loss is
      a log-likelihood, and never negative where it is not, as for focal losses.
    - ``"reweighted"``: gradient over error, at least the second derivative: each step is a
      weighted mean of errors (iteratively reweighted least squares). For losses of numbers that
      flatten or have corners: Huber, L1, quantile, Welsch.
    - ``"constant"``: 1. Steps are then as long as the gradient, whatever the unit of the target.
    - ``"auto"``: the second derivative where a trial on the data finds it above ``floor``
      everywhere; else what fits of the others. :attr:`report` says which and why.

    >>> import numpy as np
    >>> objective = Objective(lossary.binary_cross_entropy_with_logits)
    >>> objective.derivatives(np.array([0.0, 0.0]), np.array([0, 1]))
    (array([ 0.5, -0.5]), array([0.25, 0.25]))

    Args:
        loss: a loss function of the library, a Module, or a :class:`~lossary.LossBase` of your own
            that gives one loss per sample.
        hessian: see above.
        link: makes of raw scores what the loss takes, as ``torch.exp`` for a loss of rates.
        floor: the least second derivative.

    Attributes:
        report: what came of the second derivatives.

    Raises:
        TypeError: if ``loss`` is none of them.
        ValueError: if it is not a loss of single samples, or does not take raw scores.
    """

    def __init__(
        self,
        loss: Any,
        *,
        hessian: Hessian = "auto",
        link: Callable[[Tensor], Tensor] | None = None,
        floor: float = 1e-6,
    ) -> None:
        if hessian not in get_args(Hessian):
            raise ValueError(f"hessian must be one of {get_args(Hessian)}, got {hessian!r}")
        if not floor > 0:
            raise ValueError(f"floor must be above 0, got {floor!r}")
        self.loss = loss
        self.hessian: Hessian = hessian
        self.link = link
        self.floor = floor
        self.report = Report()
        self.coding: Coding | None = None
        for each in self._terms():
            _refuse(each, link)
            self.coding = self.coding or coding_of(each)
        self._key: tuple[Any, ...] | None = None
        self._target = torch.empty(0)
        self._chosen: Hessian = hessian

    @property
    def name(self) -> str:
        """Return what the loss is called, in logs of metrics too."""
        return " + ".join(name_of(loss) for loss in self._terms())

    def derivatives(self, raw: Any, y: Any, weight: Any = None) -> tuple[Any, Any]:
        """Return gradient and second derivative, in the shape of ``raw``.

        Args:
            raw: scores before any transformation, of shape (N,) or (N, C).
            y: the target: of losses of signs, 0 and 1 do as well.
            weight: one number per sample; they multiply both.

        Raises:
            ValueError: if the shapes do not fit the loss, samples depend on each other, or a
                gradient is not finite.
        """
        scores, target, used, mask = self._prepare(raw, y, weight)
        gradient = self._gradient(scores, target, mask)
        if not bool(gradient.isfinite().all()):
            bad = int((~gradient.isfinite()).sum())
            raise ValueError(f"{self.name}: {bad} of {gradient.numel()} gradients are not finite")
        curvature = self._curvature(self._chosen, scores, target, mask)
        low = ~(curvature > self.floor)
        self.report.clamped += int(low.sum())
        self.report.counted += low.numel()
        curvature = torch.where(low, self.floor, curvature)
        if used is not None:
            per_sample = used.reshape(-1, *[1] * (scores.ndim - 1))
            gradient, curvature = gradient * per_sample, curvature * per_sample
        return gradient.numpy(force=True), curvature.numpy(force=True)

    def matrices(self, raw: Any, y: Any, weight: Any = None) -> tuple[Any, Any]:
        """Return gradients (N, C) and whole matrices of second derivatives (N, C, C).

        For packages that hand over one sample at a time: the loss was tried on all classes before.
        """
        scores, target, used, mask = self._shaped(raw, y, weight)
        if self.coding != "label":
            raise ValueError(f"{self.name} is no loss of class indices: give it one score")
        if self._key is None or self._key[1:] != scores.shape[1:]:
            classes = scores.shape[1]
            trial = np.zeros((max(TRIAL, classes), classes))
            self._prepare(trial, np.arange(len(trial)) // 2 % classes, None)
        gradient = self._gradient(scores, target, mask)
        made = torch.stack(list(self._rows(self._chosen, scores, target, mask)), 1)
        diagonal = made.diagonal(dim1=1, dim2=2)
        low = ~(diagonal > self.floor)
        self.report.clamped += int(low.sum())
        self.report.counted += low.numel()
        made = made + torch.diag_embed(torch.where(low, self.floor - diagonal, 0.0))
        if used is not None:
            gradient, made = gradient * used[:, None], made * used[:, None, None]
        return gradient.numpy(force=True), made.numpy(force=True)

    def value(self, raw: Any, y: Any, weight: Any = None) -> float:
        """Return the weighted mean of the loss."""
        scores, target, used, _ = self._shaped(raw, y, weight)
        units = self._units(scores, target, None if used is None else used != 0)
        units = units.reshape(len(scores), -1).mean(1)
        if used is None:
            return float(units.mean())
        return float((used * units).sum() / used.sum().clamp(min=1e-300))

    def init_score(self, y: Any, weight: Any = None, *, outputs: int = 1) -> Any:
        """Return the constant score with the least loss: a number, or one for each output.

        Packages start their own objectives there, and those of others at 0.

        Args:
            y: the target.
            weight: one number per sample.
            outputs: how many scores a sample has.
        """
        target, weight = _condensed(np.asarray(y, np.float64), weight)
        many = outputs > 1
        start = torch.zeros(outputs if many else 1, dtype=torch.float64)
        if many and self.coding == "label":
            counts = np.bincount(target.astype(int), weight, outputs)[:outputs] + 1.0
            start = torch.from_numpy(np.log(counts / counts.sum()))
            start -= start.mean()

        def cost(constant: Tensor) -> float:
            raw = np.broadcast_to(constant.numpy(), (len(target), len(start)))
            found = self.value(raw if many else raw[:, 0], target, weight)
            return found if np.isfinite(found) else float("inf")

        def moved(place: int, value: float) -> float:
            constant = start.clone()
            constant[place] = value
            return cost(constant)

        grid = torch.linspace(-10, 10, FINE, dtype=torch.float64)
        if self.coding in ("number", None):
            grid = torch.cat([grid, torch.from_numpy(np.quantile(target, np.linspace(0, 1, FINE)))])
        for _ in range(3 if many else 1):
            for k in range(len(start)):
                start[k] = _search(functools.partial(moved, k), grid)
        return start.numpy().copy() if many else float(start[0])

    def probabilities(self, raw: Any) -> Any:
        """Return the probabilities that raw scores stand for, one column for each class.

        Raises:
            ValueError: if the loss has none.
        """
        mapping = Probabilities(self._terms()[0])
        scores = torch.from_numpy(np.array(raw, np.float64))
        return mapping(self.link(scores) if self.link else scores).numpy(force=True)

    def _terms(self) -> list[Any]:
        """Return the loss, or those of a weighted sum."""
        if isinstance(self.loss, WeightedSum):
            return list(self.loss.losses.values())
        return [self.loss]

    def _units(self, scores: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """Return one loss per unit; what the mask leaves out counts as nothing, even nan."""
        input = self.link(scores) if self.link else scores
        factors = [1.0]
        if isinstance(self.loss, WeightedSum):
            factors = [self.loss.coefficient(name) for name in self.loss.losses]
        total: Any = 0
        for factor, loss in zip(factors, self._terms(), strict=True):
            here = mask
            if mask is not None and "*" in getattr(signature_of(loss), "unit", ()):
                here = mask.reshape(-1, *[1] * (target.ndim - 1))
            if isinstance(loss, LossBase):
                units = loss.reduced(input, target, weight=here, reduction="none")
            else:
                units = loss(input, target, weight=here, reduction="none")
            total = total + factor * units
        found: Tensor = total
        return found

    def _shaped(
        self, raw: Any, y: Any, weight: Any
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Return scores, target and weights as tensors, and which samples take part."""
        scores = torch.from_numpy(np.array(raw, np.float64))
        target = torch.from_numpy(np.array(y, np.float64))
        self._check_shape(scores)
        if scores.ndim == 2 and target.ndim == 1 and target.numel() == scores.numel():
            target = target.reshape(scores.shape)  # packages flatten targets of several columns
        used = mask = None
        if weight is not None:
            used = torch.from_numpy(np.array(weight, np.float64))
            if used.shape != scores.shape[:1]:
                raise ValueError(
                    f"weight must have shape ({len(scores)},), got {tuple(used.shape)}"
                )
            if bool((used == 0).any()):
                mask = used != 0
                row = mask.reshape(-1, *[1] * (target.ndim - 1))
                target = torch.where(row, target, target[mask][:1] if mask.any() else 0.0)
        coding = self.coding or ("label" if scores.ndim > target.ndim else "number")
        return scores, code(target, coding, torch.float64), used, mask

    def _check_shape(self, scores: Tensor) -> None:
        operands = operands_of(self._terms()[0])
        if operands is None:
            return
        dims = operands[0][0].dims
        named = len(dims) - ("*" in dims)
        if scores.ndim < named:
            remedy = (
                "tell the package how many classes there are, or for two classes and one score "
                "take a binary loss"
                if self.coding == "label"
                else "give the package a target of several columns, or take a loss of one number"
            )
            raise ValueError(
                f"{self.name} takes several scores per sample, got raw scores of shape "
                f"{tuple(scores.shape)}; {remedy}"
            )
        if scores.ndim > named and "*" not in dims:
            raise ValueError(
                f"{self.name} takes one score per sample, got raw scores of shape "
                f"{tuple(scores.shape)}; for several classes take a loss of class indices"
            )

    def _prepare(
        self, raw: Any, y: Any, weight: Any
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Return what :meth:`_shaped` does, once it is known that the loss will do for it."""
        scores, target, used, mask = self._shaped(raw, y, weight)
        known = self._key == tuple(scores.shape) and torch.equal(self._target, target)
        if not known:
            self._try(scores, target)
            self._key, self._target = tuple(scores.shape), target
        return scores, target, used, mask

    def _try(self, scores: Tensor, target: Tensor) -> None:
        """Look at the loss at trial scores: whether samples are apart, and how it curves."""
        some = slice(None, None, max(1, len(scores) // TRIAL))
        target = target[some]
        trial = torch.randn(
            target.shape[:1] + scores.shape[1:],
            dtype=torch.float64,
            generator=torch.Generator().manual_seed(0),
        )
        if self._of_errors() and trial.shape == target.shape:
            spread = target.std() if len(target) > 1 else torch.ones(())
            trial = target + torch.where(spread > 0, spread, 1.0) * trial
        elif self._target_domain() == "nonneg" and target.numel():
            trial = trial + (target.mean() + 1e-6).log()
        else:
            trial = 2 * trial
        whole = self._gradient(trial, target, None)
        for half in (slice(0, None, 2), slice(1, None, 2)):
            if len(trial) > 1:
                alone = self._gradient(trial[half], target[half], None)
                if not torch.allclose(alone, whole[half], rtol=1e-6, atol=1e-9, equal_nan=True):
                    raise ValueError(
                        f"{self.name} is not a loss of single samples: the gradient of a sample "
                        "changes with the others, and boosting asks for each by itself"
                    )
        self._chosen, reason = self._choose(trial, target)
        self.report.chosen, self.report.reason = self._chosen, reason

    def _choose(self, trial: Tensor, target: Tensor) -> tuple[Hessian, str]:
        """Return what serves as second derivative, and why."""
        if self.hessian != "auto":
            self._check_choice(self.hessian, trial, target)
            found = self._curvature(self.hessian, trial, target, None)
            share = float((~(found > self.floor)).double().mean())
            if share > 0.5:
                warnings.warn(
                    f"{self.name}: {share:.0%} of the {self.hessian} second derivatives are below "
                    f"{self.floor}, and leaves of such samples make far steps; take "
                    "hessian='auto'",
                    RuntimeWarning,
                    stacklevel=5,
                )
            return self.hessian, "as asked for"
        try:
            found = self._curvature("exact", trial, target, None)
            share = float((~(found > self.floor)).double().mean())
            if share == 0:
                return "exact", "positive at every trial score"
            why = f"{share:.1%} of the second derivatives at trial scores are below the floor"
        except RuntimeError:  # so torch says of an operation
            why = "the loss has no second derivative"
        for other in ("reweighted", "expected"):
            try:
                self._check_choice(other, trial, target)
            except ValueError:
                continue
            return other, why
        return "constant", why

    def _check_choice(self, choice: Hessian, trial: Tensor, target: Tensor) -> None:
        """Raise ValueError if a choice has no meaning for the loss."""
        if choice == "reweighted" and not (self._of_errors() and trial.shape == target.shape):
            raise ValueError(
                "hessian='reweighted' is for losses of the error of a number; "
                f"{self.name} is none, take 'auto'"
            )
        if choice == "expected":
            binary = self.coding in ("zero_one", "sign") and (
                trial.ndim == 1 or self._units(trial, target, None).shape == trial.shape
            )
            if not binary and not (self.coding == "label" and self._target_domain() == "label"):
                raise ValueError(
                    "hessian='expected' is for losses of classes that are predicted by softmax or "
                    f"sigmoid; {self.name} is none, take 'auto'"
                )

    def _target_domain(self) -> str:
        operands = operands_of(self._terms()[0])
        return operands[1][0].domain if operands else "real"

    def _of_errors(self) -> bool:
        """Whether scores are estimates of the target."""
        return self.link is None and self._target_domain() == "real" and self.coding != "label"

    def _gradient(
        self, scores: Tensor, target: Tensor, mask: Tensor | None, *, graph: bool = False
    ) -> Tensor:
        free = scores if graph else scores.detach().requires_grad_()
        (found,) = torch.autograd.grad(
            self._units(free, target, mask).sum(), free, create_graph=graph
        )
        return found

    def _curvature(
        self, choice: Hessian, scores: Tensor, target: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Return what serves as second derivative, before the floor."""
        if choice == "constant":
            return torch.ones_like(scores)
        if choice == "reweighted":
            error = scores - target
            least = max(LEAST * float(error.abs().mean()), 1e-12)
            slope = self._gradient(scores, target, mask) * error.sign() / error.abs().clamp(least)
            return torch.maximum(slope, self._curvature("exact", scores, target, mask))
        if choice == "expected":
            total = torch.zeros_like(scores)
            for share, gradient in self._by_label(scores, target):
                reach = gradient.abs()
                total += share * reach * (reach.sum(1, keepdim=True) if self._joint() else reach)
            return total
        with torch.no_grad():
            apart = self._units(scores, target, mask).shape == scores.shape
        if apart:
            return _slope(self._free_gradient(scores, target, mask), None)
        total = torch.zeros_like(scores)
        for k, row in enumerate(self._rows("exact", scores, target, mask)):
            total[:, k] = row[:, k] + row.abs().sum(1) - row[:, k].abs()
        return total

    def _joint(self) -> bool:
        """Whether the scores of a sample belong to one choice between classes."""
        return self.coding == "label"

    def _by_label(self, scores: Tensor, target: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Give for each label its probability by the scores, and the gradient if it were true."""
        input = self.link(scores) if self.link else scores
        operands = operands_of(self._terms()[0])
        kind = operands[0][0].domain if operands else "real"
        if self._joint():
            shares = {"prob": input, "logprob": input.exp()}.get(kind, input.softmax(1))
            for label in range(scores.shape[1]):
                made = torch.full_like(target, label)
                yield shares[:, [label]], self._gradient(scores, made, None)
            return
        yes = input if kind == "prob" else torch.sigmoid(input)
        for sign, share in ((-1.0 if self.coding == "sign" else 0.0, 1 - yes), (1.0, yes)):
            yield share, self._gradient(scores, torch.full_like(target, sign), None)

    def _rows(
        self, choice: Hessian, scores: Tensor, target: Tensor, mask: Tensor | None
    ) -> Iterator[Tensor]:
        """Give the rows of the matrices of second derivatives, each of shape (N, C)."""
        if choice == "exact":
            free = self._free_gradient(scores, target, mask)
            for k in range(scores.shape[1]):
                yield _slope(free, k)
        elif choice == "expected" and self._joint():
            found = list(self._by_label(scores, target))
            for k in range(scores.shape[1]):
                yield torch.stack([p * g[:, [k]] * g for p, g in found]).sum(0)
        else:
            diagonal = self._curvature(choice, scores, target, mask)
            for k in range(scores.shape[1]):
                row = torch.zeros_like(scores)
                row[:, k] = diagonal[:, k]
                yield row

    def _free_gradient(
        self, scores: Tensor, target: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        free = scores.detach().requires_grad_()
        return self._gradient(free, target, mask, graph=True), free


def _slope(pair: tuple[Tensor, Tensor], column: int | None) -> Tensor:
    """Return the derivative of the sum of a gradient, or of one of its columns."""
    gradient, free = pair
    if not gradient.requires_grad:
        return torch.zeros_like(free)
    which = gradient if column is None else gradient[:, column]
    (found,) = torch.autograd.grad(which.sum(), free, retain_graph=True, allow_unused=True)
    # a derivative known to be zero comes as None, or as a tensor without memory, which a clone has
    return torch.zeros_like(free) if found is None else found.clone()


def _condensed(target: Any, weight: Any) -> tuple[Any, Any]:
    """Return what differs among targets, and how much each weighs.

    Of very many, an even choice in their order serves: a start need not be exact.
    """
    weight = np.ones(len(target)) if weight is None else np.asarray(weight, np.float64)
    if not (weight > 0).any():
        raise ValueError("no sample has a weight above 0, so no constant is the best")
    found, place = np.unique(target[weight > 0], return_inverse=True, axis=0)
    summed = np.bincount(place.ravel(), weight[weight > 0])
    if len(found) > MOST:
        parts = np.array_split(np.arange(len(found)), MOST)
        middle = [part[len(part) // 2] for part in parts]
        return found[middle], np.array([summed[part].sum() for part in parts])
    return found, summed


def _search(cost: Callable[[float], float], grid: Tensor) -> float:
    """Return the least of a function of one number, from the points of a grid on.

    It narrows the range around the best point, so it needs no derivative and passes over humps.
    """
    points = grid.unique()
    best = 0.0
    for _ in range(ROUNDS):
        costs = [cost(float(point)) for point in points]
        at = int(np.argmin(costs))
        best = float(points[at])
        low, high = points[max(at - 1, 0)], points[min(at + 1, len(points) - 1)]
        points = torch.linspace(float(low), float(high), FINE, dtype=torch.float64)
    return best


def _refuse(loss: Any, link: Callable[[Tensor], Tensor] | None) -> None:
    """Raise unless a loss can be given to boosting."""
    name, spec, signature = name_of(loss), spec_of(loss), signature_of(loss)
    if inspect.isclass(loss):
        raise TypeError(f"{name} is a class: give a loss made of it, {loss.__name__}()")
    if not isinstance(loss, LossBase) and signature is None:
        raise TypeError(
            f"an objective needs a loss function of this library or a LossBase, got {loss!r}: "
            "subclass lossary.LossBase and define units"
        )
    start = f"{name} cannot be an objective of boosting: "
    if getattr(loss, "of_whole_batch", False):
        raise ValueError(f"{start}it compares the samples of a batch")
    if spec is not None and (why := spec.exempt.get("parts_add")):
        raise ValueError(f"{start}it is not a sum over samples ({why})")
    if spec is not None and spec.traits & (Trait.NOT_DIFFERENTIABLE | Trait.RANDOM):
        random = Trait.RANDOM in spec.traits
        raise ValueError(f"{start}it {'draws random numbers' if random else 'has no gradient'}")
    if isinstance(loss, nn.Module) and any(p.requires_grad for p in loss.parameters()):
        raise ValueError(
            f"{start}it has parameters of its own, which trees do not train; fix them with "
            "loss.requires_grad_(False)"
        )
    coding_of(loss)
    operands = operands_of(loss)
    if operands is None or signature is None:
        return
    first = operands[0][0]
    if signature.unit[:1] != first.dims[:1]:
        unit = " ".join(signature.unit) or "nothing"
        raise ValueError(f"{start}it gives one loss for each {unit!r}, not for each sample")
    if "*" in first.dims and "*" not in signature.unit:
        raise ValueError(f"{start}it is a loss of regions, and a sample here is one number")
    if link is None and first.domain in REMEDIES:
        raise ValueError(
            f"{start}it takes {str(first)!r}, and raw scores are any numbers; give "
            f"{REMEDIES[first.domain]}"
        )
