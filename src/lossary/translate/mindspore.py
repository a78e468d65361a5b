"""MindSpore: its losses, Model, LossMonitor and the rest that ``lossary.migrate.mindspore`` has."""

from __future__ import annotations

from .framework import Framework
from .moves import Rule, kept

_WHY: dict[str, str] = {
    "SoftmaxCrossEntropyWithLogits": (
        "lossary.CrossEntropyLoss is the same for a reduction that is written out; here it is "
        "'none' by default, and training then follows the gradient of the sum"
    ),
    "SmoothL1Loss": "the reduction of lossary.SmoothL1Loss is 'mean' by default, here it is 'none'",
    "CrossEntropyLoss": (
        "lossary.CrossEntropyLoss(class_weight=...) is the same for class indices; of "
        "probabilities its mean divides by their weights, MindSpore's by their number"
    ),
    "NLLLoss": "lossary.NLLLoss calls the weights class_weight",
    "BCELoss": "MindSpore's mean does not divide by weight; Lossary's divides by its sum",
    "BCEWithLogitsLoss": "MindSpore's mean does not divide by weight; Lossary's divides by its sum",
    "LossBase": (
        "its mean divides by the number of elements, whatever they weigh; lossary.LossBase takes "
        "units(), and divides by the weights"
    ),
    "KLDivLoss": "a unit of lossary.KLDivergenceLoss is a distribution: its mean is 'batchmean'",
    "TripletMarginLoss": "MindSpore adds eps to differences; lossary.TripletMarginLoss does not",
    "Model": "lossary.train.Model takes more, and weighs the mean of an epoch by units",
}
_rules: dict[str, Rule] = {name: kept(why) for name, why in _WHY.items()}

_NN = "lossary.migrate.mindspore"
_TRAIN = "lossary.migrate.mindspore.train"
_DATA = "lossary.migrate.mindspore.dataset"

MINDSPORE = Framework(
    name="MindSpore",
    packages=("mindspore",),
    homes={
        "mindspore.nn": _NN,
        "mindspore.nn.loss": _NN,
        "mindspore.nn.loss.loss": _NN,
        **dict.fromkeys(
            ("mindspore.Model", "mindspore.LossMonitor", "mindspore.TimeMonitor"), _TRAIN
        ),
        "mindspore.train": _TRAIN,
        "mindspore.train.model": _TRAIN,
        "mindspore.train.callback": _TRAIN,
        "mindspore.dataset": _DATA,
    },
    rules=_rules,
    rest="MindSpore's: change it to PyTorch's by hand",
    caution=(
        "tensors of MindSpore and of PyTorch do not mix: the script runs when all that is left "
        "alone is PyTorch's"
    ),
)
