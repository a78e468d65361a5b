"""MindSpore's losses on torch tensors: its names, arguments, defaults, reductions and numbers.

This is ``mindspore.nn``; :mod:`.train`, :mod:`.dataset` and :mod:`.initializer` are what a training
script needs of ``mindspore.train``, ``mindspore.dataset`` and ``mindspore.common.initializer``.
Of the layers there is :class:`Dense`; take others of ``torch.nn``, and look at their arguments: a
``Conv2d`` of MindSpore pads unless told otherwise. The numbers are those of MindSpore 2.10 on the
CPU, apart from those where it returns nan, or an infinity by overflow: these are finite here.
Double precision is kept. Float16 is summed in single precision, as there.

>>> from lossary.migrate import mindspore as nn
>>> loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True)
>>> loss(torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1]))
tensor([0.1269, 0.6931])
"""

from .base import (
    Cell as Cell,
    LossBase as LossBase,
    Momentum as Momentum,
    WithLossCell as WithLossCell,
)
from .layers import Dense as Dense
from .losses import (
    BCELoss as BCELoss,
    BCEWithLogitsLoss as BCEWithLogitsLoss,
    CosineEmbeddingLoss as CosineEmbeddingLoss,
    CrossEntropyLoss as CrossEntropyLoss,
    CTCLoss as CTCLoss,
    DiceLoss as DiceLoss,
    FocalLoss as FocalLoss,
    GaussianNLLLoss as GaussianNLLLoss,
    HingeEmbeddingLoss as HingeEmbeddingLoss,
    HuberLoss as HuberLoss,
    KLDivLoss as KLDivLoss,
    L1Loss as L1Loss,
    L1LossExt as L1LossExt,
    MAELoss as MAELoss,
    MarginRankingLoss as MarginRankingLoss,
    MSELoss as MSELoss,
    MultiClassDiceLoss as MultiClassDiceLoss,
    MultilabelMarginLoss as MultilabelMarginLoss,
    MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss,
    MultiMarginLoss as MultiMarginLoss,
    NLLLoss as NLLLoss,
    PoissonNLLLoss as PoissonNLLLoss,
    RMSELoss as RMSELoss,
    SampledSoftmaxLoss as SampledSoftmaxLoss,
    SmoothL1Loss as SmoothL1Loss,
    SoftMarginLoss as SoftMarginLoss,
    SoftmaxCrossEntropyWithLogits as SoftmaxCrossEntropyWithLogits,
    TripletMarginLoss as TripletMarginLoss,
    TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss,
)
