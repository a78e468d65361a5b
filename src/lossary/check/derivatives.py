"""Laws of derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from ..spec import Trait
from .subject import (
    F64,
    DoesNotApply,
    Subject,
    Tensors,
    Violation,
    close,
    gradients,
    leaves,
)


def gradient(subject: Subject) -> None:
    """The gradient is the derivative, by finite differences in float64."""
    for tensors, hyper in subject.cases():
        which = subject.differentiable(tensors)
        made, inputs = leaves(tensors, which)
        gradients(subject, subject.mean(made, hyper), inputs, "mean")
        _finite_differences(gradcheck, subject, tensors, hyper, which)


def incoming_gradient(subject: Subject) -> None:
    """Backward multiplies by the gradient that comes in: a loss is rarely the last operation."""
    for tensors, hyper in subject.cases():
        made, inputs = leaves(tensors, subject.differentiable(tensors))
        value = subject.mean(made, hyper)
        plain = gradients(subject, value, inputs, "mean")
        tripled = gradients(subject, 3.0 * subject.mean(made, hyper), inputs, "3 x mean")
        for one, three in zip(plain, tripled, strict=True):
            close(three, 3.0 * one, "the gradient of 3 x the loss")


def second_gradient(subject: Subject) -> None:
    """The derivative of the gradient is right too."""
    for tensors, hyper in subject.cases():
        _finite_differences(gradgradcheck, subject, tensors, hyper, subject.differentiable(tensors))


def _finite_differences(
    examine: Callable[..., bool],
    subject: Subject,
    tensors: Tensors,
    hyper: Mapping[str, object],
    which: list[int],
) -> None:
    made, inputs = leaves(tensors, which)

    def value(*moved: Tensor) -> Tensor:
        call = list(made)
        for i, t in zip(which, moved, strict=True):
            call[i] = t
        return subject.mean(tuple(call), hyper)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gradcheck warns of inputs, and judges all the same
            examine(value, inputs)
    except RuntimeError as error:
        raise Violation(" ".join(str(error).split())[:400]) from None


def transforms(subject: Subject) -> None:
    """``torch.func`` works: vmap, vmap of grad, forward mode, forward over reverse."""
    for tensors, hyper in subject.cases():
        i = subject.differentiable(tensors)[0]
        if Trait.RANDOM in subject.traits:
            raise DoesNotApply("random: a generator cannot be shared by vmap")

        def value(
            x: Tensor, at: int = i, given: Tensors = tensors, h: Mapping[str, object] = hyper
        ) -> Tensor:
            return subject.mean((*given[:at], x, *given[at + 1 :]), h)

        xs = torch.stack([tensors[i], tensors[i].flip(0), tensors[i]])
        if subject.signature.match(tensors, {}).operands[i].domain == "real":
            xs = xs * torch.tensor([1.0, 0.5, 0.25], dtype=F64).reshape(-1, *(1,) * tensors[i].ndim)
        v = torch.ones_like(xs[0])
        grad = torch.func.grad(value)
        try:
            close(torch.func.vmap(value)(xs), torch.stack([value(x) for x in xs]), "vmap")
            close(torch.func.vmap(grad)(xs), torch.stack([grad(x) for x in xs]), "vmap of grad")
            slope = torch.func.jvp(value, (xs[0],), (v,))[1]
            close(slope, (grad(xs[0]) * v).sum(), "forward mode")
            product = torch.func.jvp(grad, (xs[0],), (v,))[1]
            x = xs[0].clone().requires_grad_()
            (first,) = torch.autograd.grad(value(x), x, create_graph=True)
            second = torch.zeros_like(x)
            if first.requires_grad:
                (second,) = torch.autograd.grad((first * v).sum(), x)
            close(product, second, "forward over reverse")
        except RuntimeError as error:
            raise Violation(" ".join(str(error).split())[:400]) from None
