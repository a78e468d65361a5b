"""The losses of ``paddle.nn`` on torch tensors; its functions are in :mod:`.functional`.

:mod:`.optimizer` is what a training script needs of ``paddle.optimizer``. Take layers of
``torch.nn``; the weight of a ``Linear`` is the transpose of Paddle's.

Names, arguments, defaults, reductions, label forms and values are those of PaddlePaddle 3.3. Where
its code differs from its documentation, the code is followed and the docstring of the function
says so; where its kernels differ between devices, or lose a gradient, that is said there too.

>>> CrossEntropyLoss()(torch.zeros(3, 2), torch.tensor([1, 0, -100]))  # divides by all three rows
tensor(0.4621)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from . import functional as functional

Layer = nn.Module


class _Criterion(nn.Module):
    """A function of :mod:`.functional` with its ``options`` bound, in the order they are given.

    The constructor takes the options, with the defaults of the function; the call takes the other
    arguments of the function. The ``unused`` options are those that Paddle forgets. A tensor among
    the options is a buffer that is not saved.
    """

    function: ClassVar[Callable[..., Any]]
    options: ClassVar[tuple[str, ...]]
    unused: ClassVar[tuple[str, ...]] = ()
    reductions: ClassVar[tuple[str, ...]] = ("sum", "mean", "none")
    tensors: ClassVar[tuple[str, ...]]
    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        every = inspect.signature(cls.function).parameters
        cls.__signature__ = inspect.Signature([every[option] for option in cls.options])
        cls.tensors = tuple(argument for argument in every if argument not in cls.options)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        if (reduction := bound.arguments.get("reduction", "none")) not in self.reductions:
            raise ValueError(f"reduction must be one of {self.reductions}, got {reduction!r}")
        for option, value in bound.arguments.items():
            if isinstance(value, Tensor):
                self.register_buffer(option, value, persistent=False)
            else:
                setattr(self, option, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the loss of the tensors."""
        if len(args) > len(self.tensors):
            raise TypeError(f"{type(self).__name__} takes {self.tensors}, got {len(args)} of them")
        tensors = dict(zip(self.tensors, args, strict=False))
        used = {o: getattr(self, o) for o in self.options if o not in self.unused}
        return self.function(**tensors, **kwargs, **used)

    def extra_repr(self) -> str:
        return ", ".join(f"{option}={getattr(self, option)!r}" for option in self.options)


class CrossEntropyLoss(_Criterion):
    """See :func:`.functional.cross_entropy`."""

    function = staticmethod(functional.cross_entropy)
    options = (
        "weight",
        "ignore_index",
        "reduction",
        "soft_label",
        "axis",
        "use_softmax",
        "label_smoothing",
        "name",
    )


class NLLLoss(_Criterion):
    """See :func:`.functional.nll_loss`."""

    function = staticmethod(functional.nll_loss)
    options = ("weight", "ignore_index", "reduction", "name")


class BCELoss(_Criterion):
    """See :func:`.functional.binary_cross_entropy`."""

    function = staticmethod(functional.binary_cross_entropy)
    options = ("weight", "reduction", "name")


class BCEWithLogitsLoss(_Criterion):
    """See :func:`.functional.binary_cross_entropy_with_logits`."""

    function = staticmethod(functional.binary_cross_entropy_with_logits)
    options = ("weight", "reduction", "pos_weight", "name")


class L1Loss(_Criterion):
    """See :func:`.functional.l1_loss`."""

    function = staticmethod(functional.l1_loss)
    options = ("reduction", "name")


class MSELoss(_Criterion):
    """See :func:`.functional.mse_loss`."""

    function = staticmethod(functional.mse_loss)
    options = ("reduction",)


class SmoothL1Loss(_Criterion):
    """See :func:`.functional.smooth_l1_loss`: Huber by default."""

    function = staticmethod(functional.smooth_l1_loss)
    options = ("reduction", "delta", "is_huber", "name")


HuberLoss = SmoothL1Loss


class KLDivLoss(_Criterion):
    """See :func:`.functional.kl_div`."""

    function = staticmethod(functional.kl_div)
    options = ("reduction", "log_target")
    reductions = ("sum", "mean", "none", "batchmean")


class PoissonNLLLoss(_Criterion):
    """See :func:`.functional.poisson_nll_loss`."""

    function = staticmethod(functional.poisson_nll_loss)
    options = ("log_input", "full", "epsilon", "reduction", "name")


class GaussianNLLLoss(_Criterion):
    """See :func:`.functional.gaussian_nll_loss`."""

    function = staticmethod(functional.gaussian_nll_loss)
    options = ("full", "epsilon", "reduction", "name")


class MarginRankingLoss(_Criterion):
    """See :func:`.functional.margin_ranking_loss`."""

    function = staticmethod(functional.margin_ranking_loss)
    options = ("margin", "reduction", "name")


class HingeEmbeddingLoss(_Criterion):
    """See :func:`.functional.hinge_embedding_loss`."""

    function = staticmethod(functional.hinge_embedding_loss)
    options = ("margin", "reduction", "name")


class CosineEmbeddingLoss(_Criterion):
    """See :func:`.functional.cosine_embedding_loss`."""

    function = staticmethod(functional.cosine_embedding_loss)
    options = ("margin", "reduction", "name")


class TripletMarginLoss(_Criterion):
    """See :func:`.functional.triplet_margin_loss`."""

    function = staticmethod(functional.triplet_margin_loss)
    options = ("margin", "p", "epsilon", "swap", "reduction", "name")


class TripletMarginWithDistanceLoss(_Criterion):
    """See :func:`.functional.triplet_margin_with_distance_loss`, without its point.

    Paddle's class takes ``distance_function`` and never uses it: the distance is the Euclidean
    one. The function uses it.
    """

    function = staticmethod(functional.triplet_margin_with_distance_loss)
    options = ("distance_function", "margin", "swap", "reduction", "name")
    unused = ("distance_function",)


class MultiMarginLoss(_Criterion):
    """See :func:`.functional.multi_margin_loss`."""

    function = staticmethod(functional.multi_margin_loss)
    options = ("p", "margin", "weight", "reduction", "name")


class MultiLabelMarginLoss(_Criterion):
    """See :func:`.functional.multi_label_margin_loss`."""

    function = staticmethod(functional.multi_label_margin_loss)
    options = ("reduction", "name")


class MultiLabelSoftMarginLoss(_Criterion):
    """See :func:`.functional.multi_label_soft_margin_loss`."""

    function = staticmethod(functional.multi_label_soft_margin_loss)
    options = ("weight", "reduction", "name")


class SoftMarginLoss(_Criterion):
    """See :func:`.functional.soft_margin_loss`."""

    function = staticmethod(functional.soft_margin_loss)
    options = ("reduction", "name")


class CTCLoss(_Criterion):
    """See :func:`.functional.ctc_loss`."""

    function = staticmethod(functional.ctc_loss)
    options = ("blank", "reduction", "zero_infinity")


class RNNTLoss(_Criterion):
    """See :func:`.functional.rnnt_loss`."""

    function = staticmethod(functional.rnnt_loss)
    options = ("blank", "fastemit_lambda", "reduction", "name")


class HSigmoidLoss(nn.Module):
    """See :func:`.functional.hsigmoid_loss`; weights start as in Paddle, in other numbers.

    Args:
        feature_size: the size of the input.
        num_classes: the number of classes, or of nodes if ``is_custom``.
        weight_attr: not supported.
        bias_attr: False for no bias; nothing else is supported.
        is_custom: whether each call is given the paths of its labels.
        is_sparse: without effect, as gradients are dense.
        name: without effect.
    """

    def __init__(
        self,
        feature_size: int,
        num_classes: int,
        weight_attr: None = None,
        bias_attr: bool | None = None,
        is_custom: bool = False,
        is_sparse: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__()
        if num_classes < 2 and not is_custom:
            raise ValueError(f"num_classes must be at least 2, got {num_classes}")
        _refuse(weight_attr, bias_attr)
        self.num_classes = num_classes
        nodes = num_classes if is_custom else num_classes - 1
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(nodes, feature_size)))
        self.bias = None if bias_attr is False else nn.Parameter(torch.zeros(nodes, 1))

    def forward(
        self,
        input: Tensor,
        label: Tensor,
        path_table: Tensor | None = None,
        path_code: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each sample, (N, 1)."""
        return functional.hsigmoid_loss(
            input, label, self.num_classes, self.weight, self.bias, path_table, path_code
        )


class AdaptiveLogSoftmaxWithLoss(nn.Module):
    """See :func:`.functional.adaptive_log_softmax_with_loss`; weights start as in Paddle.

    Args:
        in_features: the size of the input.
        n_classes: the number of classes, the most frequent first.
        cutoffs: where the clusters begin.
        weight_attr: not supported.
        bias_attr: not supported.
        div_value: each cluster projects the input to a size this many times smaller.
        head_bias: whether the head has a bias.
        name: without effect.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        weight_attr: None = None,
        bias_attr: None = None,
        div_value: float = 4.0,
        head_bias: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__()
        _refuse(weight_attr, bias_attr)
        ends = [0, *cutoffs, n_classes]
        if not cutoffs or any(low >= high for low, high in pairwise(ends)):
            raise ValueError(
                f"cutoffs must rise, between 1 and n_classes - 1 = {n_classes - 1}, got {cutoffs}"
            )
        self.cutoffs = ends[1:]
        size = cutoffs[0] + len(cutoffs)
        self.head_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(in_features, size)))
        self.head_bias = nn.Parameter(torch.zeros(size)) if head_bias else None
        self.tail_weights = nn.ModuleList()
        for i, (low, high) in enumerate(zip(cutoffs, self.cutoffs[1:], strict=True)):
            hidden = int(in_features // div_value ** (i + 1))
            shapes = ((in_features, hidden), (hidden, high - low))
            self.tail_weights.append(
                nn.ParameterList(nn.init.xavier_uniform_(torch.empty(shape)) for shape in shapes)
            )

    def _weights(self) -> tuple[Tensor, list[Sequence[Tensor]], list[int], Tensor | None]:
        tails: list[Sequence[Tensor]] = [list(pair.parameters()) for pair in self.tail_weights]
        return self.head_weight, tails, self.cutoffs, self.head_bias

    def forward(self, input: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability of each label, and the mean loss."""
        return functional.adaptive_log_softmax_with_loss(input, label, *self._weights())

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log-probabilities of all classes."""
        return functional.adaptive_log_prob(input, *self._weights())

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable class of each row."""
        return self.log_prob(input).argmax(1)


def _refuse(*attributes: object) -> None:
    if any(attribute not in (None, False) for attribute in attributes):
        raise ValueError("weight_attr and bias_attr are Paddle's: set the parameters instead")
