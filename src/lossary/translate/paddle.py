"""The losses of Paddle: nearly all keep their numbers through ``lossary.migrate.paddle``."""

from __future__ import annotations

from .framework import Framework
from .moves import WRITTEN, Equal, Given, Kept, Move, Rule, kept, plain, reduced, without

NOT_DIVIDED = "Paddle's mean does not divide by weight; Lossary's mean divides by its sum"


def _without_name(rule: Rule) -> Rule:
    """Return the rule for Lossary, whose losses have no ``name``."""
    checked = reduced(rule)

    def unnamed(given: Given) -> Move:
        move = checked(given)
        return without(move, "name") if isinstance(move, Equal) else move

    return unnamed


def _huber(given: Given) -> Move:
    if given["is_huber"] is WRITTEN:
        return Kept("is_huber is known only when the script runs: Huber or smooth L1")
    dropped = frozenset({"is_huber"})
    if given["is_huber"]:
        note = "Paddle's smooth L1 loss is Huber's by default"
        return Equal("HuberLoss", "huber_loss", dropped=dropped, note=note)
    return Equal("SmoothL1Loss", "smooth_l1_loss", {"delta": "beta"}, dropped)


_NAMES: dict[tuple[str, ...], Rule] = {
    ("L1Loss", "l1_loss"): plain("L1Loss", "l1_loss"),
    ("MSELoss", "mse_loss"): plain("MSELoss", "mse_loss"),
    ("SmoothL1Loss", "HuberLoss", "smooth_l1_loss"): _huber,
    ("NLLLoss", "nll_loss"): plain("NLLLoss", "nll_loss", weight="class_weight"),
    ("MarginRankingLoss", "margin_ranking_loss"): plain("MarginRankingLoss", "margin_ranking_loss"),
}
_KEPT: dict[tuple[str, ...], str] = {
    ("CrossEntropyLoss", "cross_entropy"): (
        "without weight and with a negative ignore_index Paddle's mean divides by the ignored rows "
        "too; with soft labels or smoothing it weighs rows, not classes; its classes are the last "
        "dimension, Lossary's the second"
    ),
    ("softmax_with_cross_entropy",): "lossary.cross_entropy gives (N, ...), without the class axis",
    ("BCELoss", "binary_cross_entropy"): NOT_DIVIDED,
    ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits"): NOT_DIVIDED,
    ("KLDivLoss", "kl_div"): (
        "a unit of lossary.KLDivergenceLoss is a distribution: its mean is 'batchmean'"
    ),
    ("CTCLoss", "ctc_loss"): "lossary.CTCLoss takes (N, T, C), and refuses labels that do not fit",
    ("sigmoid_focal_loss",): "lossary.sigmoid_focal_loss has the mean by default, not the sum",
    ("dice_loss",): "lossary.dice_loss takes logits (N, C, ...)",
    ("HingeEmbeddingLoss", "hinge_embedding_loss"): "Lossary refuses labels other than -1 and 1",
    ("TripletMarginLoss", "triplet_margin_loss"): (
        "Paddle adds epsilon to the differences; lossary.TripletMarginLoss has neither it nor p"
    ),
    ("MultiMarginLoss", "multi_margin_loss"): (
        "Lossary's mean divides by the weights of the labels, Paddle's does not"
    ),
    ("GaussianNLLLoss", "gaussian_nll_loss"): (
        "Paddle gives variances no gradient at all; lossary.migrate and Lossary do"
    ),
}
_rules = {name: _without_name(rule) for names, rule in _NAMES.items() for name in names}
_rules |= {name: kept(why) for names, why in _KEPT.items() for name in names}

PADDLE = Framework(
    name="Paddle",
    packages=("paddle",),
    homes={
        "paddle.nn": "lossary.migrate.paddle",
        "paddle.nn.layer.loss": "lossary.migrate.paddle",
        "paddle.nn.functional": "lossary.migrate.paddle.functional",
        "paddle.nn.functional.loss": "lossary.migrate.paddle.functional",
    },
    rules=_rules,
    others=frozenset({"Layer", "reduced", "adaptive_log_prob"}),
    rest="Paddle's: change it to PyTorch's by hand",
    caution=(
        "tensors of Paddle and of PyTorch do not mix: the script runs when all that is left "
        "alone is PyTorch's"
    ),
)
