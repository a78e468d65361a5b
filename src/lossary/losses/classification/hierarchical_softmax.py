"""Softmax over very many classes as a walk down a binary tree."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N D, real V D, count:V N -> N",
    linear_bias="real V",
    path_nodes="label:V C L",
    path_code="real C L",
)
def hierarchical_softmax_loss(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    path_nodes: Tensor | None = None,
    path_code: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hierarchical softmax loss, :math:`-\sum_j \log \sigma\big((2 b_j - 1) (w_{v_j}^\top x +
    a_{v_j})\big)` along the path of nodes :math:`v_j` from the root of a binary tree to the leaf of
    the class, with the turns :math:`b_j`, 0 or 1.

    For very many classes: a class costs as many products as its path is long, about :math:`\log_2
    C`, in training as in use. The probabilities of all classes sum up to 1. How well it learns
    hangs on whether the tree puts like classes together; with few classes, or on hardware for which
    a large matrix product is no trouble, the plain softmax is better.

    Without a tree of your own it is the complete binary tree whose nodes are numbered from the root
    by levels: the parent of the node or leaf :math:`k` is :math:`\lfloor k / 2 \rfloor`, the root
    is 1, in row 0 of the weight, and class :math:`c` is leaf :math:`c + C`.

    Args:
        input: hidden states, of shape (N, D).
        linear_weight: the weight :math:`w` of each of the V = C - 1 nodes, of shape (V, D).
        target: classes from 0 to V, of shape (N,).
        linear_bias: the bias :math:`a` of each node, of shape (V,).
        path_nodes: the nodes on the path to each class, of shape (C, L); any node where the path
            has ended. Given together with ``path_code``.
        path_code: the turns, 1 or 0, at these nodes, and -1 where the path has ended, of shape
            (C, L).
        ignore_index: a unit with this class index weighs nothing.

    Raises:
        ValueError: if only one of ``path_nodes`` and ``path_code`` is given, or they do not have a
            row for each class.

    References:
        Morin and Bengio, *Hierarchical Probabilistic Neural Network Language Model*, AISTATS 2005.

    >>> x, w = torch.tensor([[1.0]]), torch.tensor([[0.0], [2.0]])
    >>> hierarchical_softmax_loss(x, w, torch.tensor([2]))  # the path 1, 2, 5 of leaf 2 + 3
    tensor(0.8201)
    """
    if (path_nodes is None) != (path_code is None):
        raise ValueError(
            "hierarchical_softmax_loss: path_nodes and path_code must be given together, got only "
            f"{'path_code' if path_nodes is None else 'path_nodes'}"
        )
    if path_nodes is None or path_code is None:
        nodes, turns = _complete_tree(target, linear_weight.shape[0] + 1)
    else:
        if path_nodes.shape[0] != linear_weight.shape[0] + 1:
            raise ValueError(
                "hierarchical_softmax_loss: path_nodes must have one row per class, one more than "
                f"there are nodes, {linear_weight.shape[0] + 1}, got {path_nodes.shape[0]}"
            )
        nodes, turns = path_nodes[target], path_code[target]
    score = (input.unsqueeze(1) * linear_weight[nodes]).sum(2)
    if linear_bias is not None:
        score = score + linear_bias[nodes]
    cost = torch.where(turns < 0, 0.0, F.softplus((1 - 2 * turns) * score))
    return reduce(cost.sum(1), weight, reduction)


def _complete_tree(target: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return nodes and turns of the paths to the targets, from the leaf upwards."""
    levels = torch.arange((2 * classes - 1).bit_length() - 1, device=target.device)
    leaf = (target + classes).unsqueeze(1)
    parent = leaf >> (levels + 1)
    turns = torch.where(parent > 0, (leaf >> levels) & 1, -1)
    return (parent - 1).clamp(min=0), turns


class HierarchicalSoftmaxLoss(FunctionLoss):
    """Module form of :func:`hierarchical_softmax_loss`.

    It owns the weight of the nodes and is called with ``(input, target)``. The weight begins at
    random, as that of ``torch.nn.Linear``.

    Args:
        in_features: the length D of the hidden states.
        num_nodes: the number V of nodes, one less than there are classes.
    """

    function = staticmethod(hierarchical_softmax_loss)

    def __init__(
        self,
        in_features: int,
        num_nodes: int,
        *,
        linear_bias: Tensor | None = None,
        path_nodes: Tensor | None = None,
        path_code: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            path_nodes=path_nodes,
            path_code=path_code,
            ignore_index=ignore_index,
        )
        bound = max(1, in_features) ** -0.5
        self.linear_weight = nn.Parameter(
            torch.empty(num_nodes, in_features).uniform_(-bound, bound)
        )

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.linear_weight, target


def _example(generator: Generator) -> tuple[object, ...]:
    """Make a batch for the five classes that the tree of the last variant has."""
    return (
        torch.randn(6, 3, generator=generator),
        torch.randn(4, 3, generator=generator),
        torch.tensor([4, 0, 2, 3, 1, 2]),
    )


SPEC = LossSpec(
    function=hierarchical_softmax_loss,
    module=HierarchicalSoftmaxLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=(
        {},
        {"linear_bias": torch.tensor([0.5, -1.0, 0.0, 2.0])},
        {
            "path_nodes": torch.tensor([[0, 0, 0], [0, 1, 0], [0, 1, 2], [0, 1, 2], [0, 3, 0]]),
            "path_code": torch.tensor([[1, 0, -1], [0, 1, -1], [0, 0, 1], [0, 0, 0], [1, 1, -1]]),
        },
    ),
    paper="Morin and Bengio, Hierarchical Probabilistic Neural Network LM, AISTATS 2005",
    example=_example,
    owned={"linear_weight": "linear_weight"},
    sizes={"in_features": "D", "num_nodes": "V"},
)
