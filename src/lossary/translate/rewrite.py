"""The rewriting itself: names and arguments are replaced, all else stays as it is written."""

# ruff: noqa: N802 - libcst calls the methods by the names of its nodes
from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from .plan import Plan


class Rewriter(cst.CSTTransformer):
    """Replace names, and the arguments of calls.

    Args:
        names: what is written in place of a reference.
        plans: the plans, for the arguments.
    """

    def __init__(self, names: Mapping[cst.CSTNode, str], plans: Sequence[Plan]) -> None:
        super().__init__()
        self._names = names
        self._calls = {p.reference.call: p for p in plans if p.reference.call is not None}

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._replaced(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._replaced(original_node, updated_node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        plan = self._calls.get(original_node)
        if plan is None or plan.args is None:
            return updated_node
        kept = [
            (new, now)
            for new, now in zip(plan.args, updated_node.args, strict=True)
            if new is not None
        ]
        # the values are those of the tree as it is now: there may be losses among them
        args = [now.with_changes(keyword=new.keyword, equal=new.equal) for new, now in kept]
        if args and plan.args[-1] is None:
            args[-1] = args[-1].with_changes(
                comma=updated_node.args[-1].comma,
                whitespace_after_arg=updated_node.args[-1].whitespace_after_arg,
            )
        return updated_node.with_changes(args=args)

    def _replaced(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute
    ) -> cst.BaseExpression:
        text = self._names.get(original)
        if text is None:
            return updated
        new = cst.parse_expression(text)
        return new.with_changes(lpar=original.lpar, rpar=original.rpar)
