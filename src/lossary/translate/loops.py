"""Certain defects of training scripts that a translation comes across."""

# ruff: noqa: N802 - libcst calls the methods by the names of its nodes
from __future__ import annotations

import re

import libcst as cst
import libcst.matchers as m

from .references import Script, last
from .report import Finding

ACCUMULATED = re.compile(r"accum", re.IGNORECASE)
LOSS = re.compile(r"loss", re.IGNORECASE)
LOADER = re.compile(r"loader|batches", re.IGNORECASE)

MEAN_OF_MEANS = (
    "the mean of the means of the accumulated batches: not that of the whole as soon as they "
    "differ in size, masks or class weights; lossary.parts(...) of each, added, and then .mean() is"
)
MEAN_OF_BATCHES = (
    "the mean of the means of the batches, not of the samples, as soon as the last is smaller: "
    "the parts of lossary.parts add up to the mean of all"
)
TWICE = {
    ("cross_entropy", "softmax"): "cross_entropy takes logits: the softmax is applied twice",
    ("binary_cross_entropy_with_logits", "sigmoid"): (
        "it takes logits: the sigmoid is applied twice"
    ),
    ("nll_loss", "softmax"): "nll_loss takes the logarithms of probabilities: log_softmax is meant",
}


class Loops(cst.CSTVisitor):
    """Find defects that are certain by their form alone."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.found: list[Finding] = []
        self._script = script

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        if isinstance(node.operator, cst.Divide):
            self._divided(node, node.left, node.right)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        if isinstance(node.operator, cst.DivideAssign):
            self._divided(node, node.target, node.value)

    def visit_Call(self, node: cst.Call) -> None:
        first = node.args[0].value if node.args else None
        if not isinstance(first, cst.Call):
            return
        text = TWICE.get((last(node.func) or "", last(first.func) or ""))
        if text is not None and self._of_a_framework(node.func):
            self.found.append(Finding(self._script.line(node), text))

    def _of_a_framework(self, node: cst.BaseExpression) -> bool:
        return any(
            meaning.name.split(".")[0] in ("torch", "paddle", "lossary")
            for meaning in self._script.meanings(node)
        )

    def _divided(
        self, node: cst.CSTNode, above: cst.BaseExpression, below: cst.BaseExpression
    ) -> None:
        if not _is_loss(above):
            return
        if ACCUMULATED.search(last(below) or ""):
            self.found.append(Finding(self._script.line(node), MEAN_OF_MEANS))
        elif m.matches(below, m.Call(func=m.Name("len"), args=[m.Arg()])):
            assert isinstance(below, cst.Call)
            if LOADER.search(last(below.args[0].value) or ""):
                self.found.append(Finding(self._script.line(node), MEAN_OF_BATCHES))


def _is_loss(node: cst.BaseExpression) -> bool:
    """Return whether a name speaks of a loss; of a call, that of what is called."""
    while isinstance(node, cst.Call):
        node = node.func
        if isinstance(node, cst.Attribute) and node.attr.value in ("item", "mean", "detach"):
            node = node.value
    name = last(node) or ""
    return bool(LOSS.search(name)) or name in ("criterion", "cross_entropy")
