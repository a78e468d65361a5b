"""The losses of PyTorch: which are Lossary's at which arguments."""

from __future__ import annotations

from .framework import Framework
from .moves import WRITTEN, Equal, Given, Kept, Move, Rule, Untouched, kept, plain, reduced, without

NOT_DIVIDED = (
    "PyTorch's mean does not divide by weight; Lossary's is given to the call, "
    "and the mean divides by its sum"
)
CLASS_WEIGHT = (
    "class_weight is not saved with the state of the module, as PyTorch's weight is; with "
    "probabilities as targets the mean divides by their weights, PyTorch's by their number"
)


def _cross_entropy(given: Given) -> Move:
    weighted = given.has("weight")
    if weighted and given.has("label_smoothing") and given["reduction"] == "mean":
        return Kept(
            "with class weights and label smoothing Lossary's mean divides by the weights of the "
            "smoothed labels, PyTorch's by those of the labels"
        )
    note = CLASS_WEIGHT if weighted and given["reduction"] == "mean" else ""
    return Equal("CrossEntropyLoss", "cross_entropy", {"weight": "class_weight"}, note=note)


def _binary_cross_entropy(given: Given) -> Move:
    if given.has("weight"):
        return Kept(NOT_DIVIDED)
    return Equal("BCELoss", "binary_cross_entropy", dropped=frozenset({"weight"}))


def _binary_cross_entropy_with_logits(given: Given) -> Move:
    if given.has("weight"):
        return Kept(NOT_DIVIDED)
    dropped = frozenset({"weight"})
    return Equal("BCEWithLogitsLoss", "binary_cross_entropy_with_logits", dropped=dropped)


def _with_weight(module: str, function: str) -> Rule:
    """Return the rule of a loss whose function, and not its class, takes weights of units."""

    def rule(given: Given) -> Move:
        if given.has("weight") and not (
            given["reduction"] in ("none", "mean", "sum")
            and given["size_average"] is None
            and given["reduce"] is None
        ):
            return Untouched("say reduction; lossary.migrate has no weight here")
        return Equal(module, function)

    return rule


def _huber(given: Given) -> Move:
    if given.has("weight") and given["reduction"] not in ("none", "sum"):
        return Untouched(
            "the mean of torch's huber_loss does not divide by weight; that of lossary.huber_loss "
            "does, as those of l1_loss and mse_loss do in torch too"
        )
    return Equal("HuberLoss", "huber_loss")


def _multi_margin(given: Given) -> Move:
    if given.has("weight") and given["reduction"] == "mean":
        return Kept("Lossary's mean divides by the weights of the labels, PyTorch's does not")
    return Equal("MultiMarginLoss", "multi_margin_loss", {"weight": "class_weight"})


def _multi_label_soft_margin(given: Given) -> Move:
    if given.has("weight"):
        return Kept("Lossary has weights of samples here, not of classes")
    dropped = frozenset({"weight"})
    return Equal("MultiLabelSoftMarginLoss", "multi_label_soft_margin_loss", dropped=dropped)


def _poisson(given: Given) -> Move:
    if given["log_input"] is WRITTEN:
        return Kept(
            "log_input is known only when the script runs: lossary.PoissonNLLLoss takes logarithms "
            "of rates, lossary.PoissonRateNLLLoss rates"
        )
    if given["log_input"]:
        return Equal(
            "PoissonNLLLoss",
            "poisson_nll_loss",
            dropped=frozenset({"log_input", "eps"}),
            note="beyond a logarithm of 64 the exponential goes on as a line",
        )
    return Equal("PoissonRateNLLLoss", "poisson_rate_nll_loss", dropped=frozenset({"log_input"}))


def _written_out(rule: Rule) -> Rule:
    """Return the rule for calls without PyTorch's old way to say the reduction."""
    checked = reduced(rule)

    def current(given: Given) -> Move:
        move = checked(given)
        if not isinstance(move, Equal):
            return move
        if given["size_average"] is not None or given["reduce"] is not None:
            return Kept("size_average and reduce are deprecated: say reduction")
        return without(move, "size_average", "reduce")

    return current


_BY_CLASS: dict[tuple[str, str], Rule] = {
    ("L1Loss", "l1_loss"): _with_weight("L1Loss", "l1_loss"),
    ("MSELoss", "mse_loss"): _with_weight("MSELoss", "mse_loss"),
    ("SmoothL1Loss", "smooth_l1_loss"): plain("SmoothL1Loss", "smooth_l1_loss"),
    ("HuberLoss", "huber_loss"): _huber,
    ("CrossEntropyLoss", "cross_entropy"): _cross_entropy,
    ("NLLLoss", "nll_loss"): plain("NLLLoss", "nll_loss", weight="class_weight"),
    ("BCELoss", "binary_cross_entropy"): _binary_cross_entropy,
    (
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
    ): _binary_cross_entropy_with_logits,
    ("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss"): _multi_label_soft_margin,
    ("MultiLabelMarginLoss", "multilabel_margin_loss"): kept(
        "lossary.MultiLabelMarginLoss takes a 0 or 1 for each class, not a list of classes"
    ),
    ("MultiMarginLoss", "multi_margin_loss"): _multi_margin,
    ("SoftMarginLoss", "soft_margin_loss"): plain("LogisticLoss", "logistic_loss"),
    ("HingeEmbeddingLoss", "hinge_embedding_loss"): plain(
        "HingeEmbeddingLoss", "hinge_embedding_loss"
    ),
    ("MarginRankingLoss", "margin_ranking_loss"): plain("MarginRankingLoss", "margin_ranking_loss"),
    ("CosineEmbeddingLoss", "cosine_embedding_loss"): plain(
        "CosineEmbeddingLoss", "cosine_embedding_loss"
    ),
    ("TripletMarginLoss", "triplet_margin_loss"): kept(
        "PyTorch adds eps to the differences; lossary.TripletMarginLoss has neither eps nor p"
    ),
    ("TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss"): kept(
        "lossary.TripletMarginLoss has the Euclidean distance alone"
    ),
    ("PoissonNLLLoss", "poisson_nll_loss"): _poisson,
    ("GaussianNLLLoss", "gaussian_nll_loss"): kept(
        "PyTorch gives variances below eps a gradient and lets their shape differ; "
        "lossary.GaussianNLLLoss does neither"
    ),
    ("KLDivLoss", "kl_div"): kept(
        "a unit of lossary.KLDivergenceLoss is a distribution: of (N, C) its mean is PyTorch's "
        "'batchmean', and PyTorch's 'mean' is the C-th part of it"
    ),
    ("CTCLoss", "ctc_loss"): kept(
        "lossary.CTCNLLLoss takes (N, T, C), refuses labels that do not fit into the frames, and "
        "divides by their lengths only if per_label=True"
    ),
}

HOME = "lossary.migrate.torch"
_HAS_PARAMETERS = "has parameters of its own and is torch's in lossary.migrate too"

PYTORCH = Framework(
    name="PyTorch",
    packages=("torch",),
    homes={
        "torch.nn": HOME,
        "torch.nn.functional": HOME,
        "torch.nn.modules": HOME,
        "torch.nn.modules.loss": HOME,
    },
    rules={name: _written_out(rule) for names, rule in _BY_CLASS.items() for name in names},
    others=frozenset({"Lengths"}),
    advice={
        "LinearCrossEntropyLoss": f"{_HAS_PARAMETERS}; lossary.linear_cross_entropy takes them",
        "AdaptiveLogSoftmaxWithLoss": _HAS_PARAMETERS,
    },
    foreign=False,
    signatures="torch.nn.functional",
)
