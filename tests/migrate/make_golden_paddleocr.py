"""Writes golden/paddleocr.json: values and gradients of PaddleOCR's own losses.

Run it with the Python of a virtual environment that has paddlepaddle 3.3.1, opencv and what else
PaddleOCR asks for, and give it a folder that holds PaddleOCR's package ppocr, of commit 6d2110b,
June 2026.
"""

import ast
import copy
import importlib
import inspect
import json
import sys
import types
from pathlib import Path

import numpy as np
import paddle

OUT = Path(__file__).parent / "golden" / "paddleocr.json"
ROOT = Path(sys.argv[1])
RANDOM = np.random.default_rng(0)

# without the packages' own __init__, which import every network and every loss's requirements
for package in ("ppocr", "ppocr.losses", "ppocr.utils"):
    module = types.ModuleType(package)
    module.__path__ = [str(ROOT / package.replace(".", "/"))]
    sys.modules[package] = module


def loss_class(file: str, name: str) -> type:
    return getattr(importlib.import_module(f"ppocr.losses.{file}"), name)


def real(*shape: int, scale: float = 1.0) -> np.ndarray:
    return (RANDOM.standard_normal(shape) * scale).round(3).astype(np.float32)


def prob(*shape: int) -> np.ndarray:
    return RANDOM.random(shape).round(3).astype(np.float32)


def binary(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 2, shape).astype(np.float32)


def simplex(*shape: int) -> np.ndarray:
    x = np.exp(real(*shape))
    return x / x.sum(-1, keepdims=True)


def index(low: int, high: int, *shape: int) -> np.ndarray:
    return RANDOM.integers(low, high, shape)


def i64(*values: object) -> np.ndarray:
    return np.array(values, np.int64)


def plain(array: np.ndarray) -> list:
    """Nested lists, of the shortest numbers that give the same in the array's precision."""
    short = [float(str(x)) if array.dtype.kind == "f" else x.item() for x in array.ravel()]
    return np.array(short, object).reshape(array.shape).tolist()


def stored(value: object) -> object:
    """JSON for arrays in lists, tuples and dictionaries."""
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "shape": value.shape, "data": plain(value)}
    if isinstance(value, dict):
        return {name: stored(v) for name, v in value.items()}
    return [stored(v) for v in value] if isinstance(value, list | tuple) else value


def tensors(value: object, leaves: list | None = None) -> object:
    """The same with tensors; those of numbers are collected in ``leaves``, to differentiate by."""
    if isinstance(value, np.ndarray):
        tensor = paddle.to_tensor(value)
        if leaves is not None and tensor.dtype == paddle.float32:
            tensor.stop_gradient = False
            leaves.append(tensor)
        return tensor
    if isinstance(value, dict):
        return {name: tensors(v, leaves) for name, v in value.items()}
    return [tensors(v, leaves) for v in value] if isinstance(value, list | tuple) else value


CASES = []
SIGNATURES = {}


def case(file, name, predicts, /, *rest, change=None, **options) -> None:
    """Call a loss with ``predicts`` and the rest, and keep its values and gradients.

    The gradient is that of ``loss``, or of the sum of all, times 1/n, 2/n, ... in its places.
    """
    found = loss_class(file, name)
    SIGNATURES[f"{file}.{name}"] = list(inspect.signature(found.__init__).parameters)[1:]
    loss = found(**copy.deepcopy(options))
    if change is not None:
        change(loss)
    leaves = []
    result = loss(tensors(predicts, leaves), *tensors(list(rest)))
    losses = dict(result) if isinstance(result, dict) else {"": result}
    values = {k: v for k, v in losses.items() if isinstance(v, paddle.Tensor)}
    total = values.get("loss", sum(values.values()) if values else None)
    if total is not None:
        ramp = paddle.arange(1, total.size + 1, dtype="float32").reshape(total.shape) / total.size
        (total * ramp.astype(total.dtype)).sum().backward()
    gradients = [None if x.grad is None else plain(x.grad.numpy()) for x in leaves]
    CASES.append(
        {
            "file": file,
            "name": name,
            "options": options,
            "inputs": stored([predicts, *rest]),
            "values": {k: plain(v.numpy()) if k in values else v for k, v in losses.items()},
            "gradients": gradients,
        }
    )


# direction and recognition
image, lengths = None, i64(3, 2)
words = i64([1, 3, 2, 4, 0, 0], [1, 2, 4, 0, 0, 0])
case("cls_loss", "ClsLoss", real(4, 2), [image, i64(0, 1, 1, 0)])
case("cls_loss", "ClsLoss", real(4, 2), [image, np.array([0, 1, -100, 0], np.int32)], key="x")
for focal in (False, True):
    ctc = [image, np.array([[1, 2, 3], [2, 2, 0]], np.int32), lengths]
    case("rec_ctc_loss", "CTCLoss", real(2, 6, 5), ctc, use_focal_loss=focal)
    case("rec_ctc_loss", "CTCLoss", [real(2, 6, 5), real(2, 6, 5)], ctc, use_focal_loss=focal)
case("rec_ctc_loss", "CTCLoss", real(2, 2, 5), ctc)  # too few frames
seen = [image, words, lengths]
occurring = np.array([[9, 1, 1, 1, 0], [0, 0, 2, 0, 0]], np.float32)  # the first is not used
case("rec_att_loss", "AttentionLoss", real(2, 6, 5), seen)
case("rec_spin_att_loss", "SPINAttentionLoss", real(2, 5, 5), seen)
for reduction in ("mean", "sum", "none"):
    case(
        "rec_spin_att_loss",
        "SPINAttentionLoss",
        real(2, 5, 5),
        seen,
        reduction=reduction,
        ignore_index=0,
    )
for file, name in (("rec_sar_loss", "SARLoss"), ("rec_satrn_loss", "SATRNLoss")):
    case(file, name, real(2, 6, 5), seen)
    case(file, name, real(2, 6, 5), seen, ignore_index=0)
case("rec_pren_loss", "PRENLoss", real(2, 6, 5), seen)
case("rec_latexocr_loss", "LaTeXOCRLoss", real(2, 5, 5), seen)
for options in ({}, {"smoothing": False}, {"smoothing": False, "ignore_index": 2}):
    case("rec_nrtr_loss", "NRTRLoss", real(2, 4, 5), seen, **options)
for options in ({}, {"smoothing": True}, {"ignore_index": 0}):
    case("rec_ce_loss", "CELoss", real(2, 4, 5), seen, **options)
case("rec_ce_loss", "CELoss", real(2, 6, 5), seen, with_all=True, ignore_index=0)
heads = {"align": [real(2, 6, 5), real(2, 6, 5)], "lang": real(2, 6, 5)}
case("rec_ce_loss", "CELoss", heads, seen)
case("rec_ce_loss", "CELoss", heads, seen, ignore_index=0)
outputs = {name: real(12, 5) for name in ("predict", "word_out", "gsrm_out")}
case("rec_srn_loss", "SRNLoss", outputs, seen)
three = [real(2, 6, 5), real(2, 6, 5), real(2, 6, 5)]
case("rec_vl_loss", "VLLoss", three, [image, words, words, words])
case(
    "rec_vl_loss",
    "VLLoss",
    three,
    [image, words, words[:, 1:], words[:, ::1]],
    mode="LA",
    weight_res=0.3,
)
marks = index(0, 111, 1, 3)
case(
    "rec_can_loss",
    "CANLoss",
    [real(1, 3, 111), real(1, 111), real(1, 111), real(1, 111)],
    [image, None, marks, binary(1, 3)],
)
counts = [image, words, lengths, index(0, 3, 2, 5)]
for predicts in ([real(2, 5), real(2, 6, 5)], [None, real(2, 6, 5)], real(2, 5)):
    case("rec_rfl_loss", "RFLLoss", predicts, counts, ignore_index=0)
nodes = [image, index(0, 5, 2, 3), np.concatenate([index(0, 4, 2, 4), index(0, 2, 2, 26)], 1)]
nodes[1][0, 0] = 100
for smoothing in (False, True):
    case(
        "rec_cppd_loss",
        "CPPDLoss",
        [[real(2, 4, 4), real(2, 26)], real(2, 3, 5)],
        nodes,
        smoothing=smoothing,
        sideloss_weight=0.5,
    )
vectors = {"embedding_vectors": real(2, 4), "rec_pred": real(2, 3, 5)}
for options in ({}, {"sequence_normalize": True, "sample_normalize": False}):
    case(
        "rec_aster_loss",
        "AsterLoss",
        vectors,
        [image, index(0, 5, 2, 6), lengths, real(2, 4)],
        **options,
    )
whole = index(2, 9, 2, 5)
formulas = [real(2, 4, 9), prob(2, 9), np.where(whole == 3, -100, whole)]
case(
    "rec_unimernet_loss",
    "UniMERNetLoss",
    formulas,
    [image, np.where(whole == 2, 1, whole)],
    vocab_size=9,
)
for name, options in (("S", {"parallel_step": 1}), ("S", {"parallel_step": 3}), ("L", {})):
    step = options.get("parallel_step", 1)
    case(
        "rec_ppformulanet_loss",
        f"PPFormulaNet_{name}_Loss",
        [real(2, 5 - step, 9), whole],
        [],
        **options,
    )
# its maximum of lengths must be an array, as paddle.max once gave it
largest = paddle.max
paddle.max = lambda x: largest(x).reshape([1])
orders = {"logits_list": [real(8, 5), real(8, 5), real(8, 5)], "pad_id": 0, "eos_id": 4}
case("rec_parseq_loss", "ParseQLoss", orders, [image, words, lengths])
paddle.max = largest
case(
    "ace_loss",
    "ACELoss",
    real(2, 6, 5),
    [image, words, lengths, occurring],
)
centers = real(5, 3).astype(np.float64)
case(
    "center_loss",
    "CenterLoss",
    [real(2, 4, 3), real(2, 4, 5)],
    [image],
    num_classes=5,
    feat_dim=3,
    change=lambda loss: setattr(loss, "centers", paddle.to_tensor(centers)),
)
multi = [image, ctc[1], words, lengths, lengths]
multi_heads = {"ctc": real(2, 6, 5), "sar": real(2, 6, 5), "gtc": real(2, 4, 5)}
case(
    "rec_multi_loss",
    "MultiLoss",
    multi_heads,
    multi,
    loss_config_list=[{"CTCLoss": None}, {"SARLoss": {"ignore_index": 0}}],
)
case(
    "rec_multi_loss",
    "MultiLoss",
    multi_heads,
    multi,
    weight_1=0.5,
    weight_2=2.0,
    loss_config_list=[{"CTCLoss": {"use_focal_loss": True}}, {"NRTRLoss": None}],
)

# tables and entities
table = {"structure_probs": real(2, 5, 5), "loc_preds": prob(2, 5, 4)}
boxes = [image, words, prob(2, 6, 4), binary(2, 6, 1)]
case("table_att_loss", "TableAttentionLoss", table, boxes)
case("table_att_loss", "TableAttentionLoss", table, boxes, structure_weight=2.0, loc_weight=3.0)
case("table_master_loss", "TableMasterLoss", table, boxes)
case("table_master_loss", "TableMasterLoss", table, boxes, ignore_index=0)
short = {"structure_probs": real(2, 4, 5), "loc_preds": 3 * prob(2, 4, 4)}
case(
    "table_att_loss",
    "SLALoss",
    short,
    [*boxes, lengths, None],
    structure_weight=2.0,
    loc_weight=3.0,
)
graphs = np.full((2, 4, 5), -1)
graphs[0, :3, :4], graphs[1, :2, :3] = index(0, 3, 3, 4), index(0, 3, 2, 3)
graphs[1, 0, 2], graphs[0, :, 0], graphs[1, :, 0] = -1, [0, 1, 2, 0], [2, 1, 0, 0]
boxed = [image, None, None, None, graphs, i64([3, 0], [2, 0])]
case(
    "kie_sdmgr_loss",
    "SDMGRLoss",
    [real(5, 3), real(13, 4)],
    boxed,
    node_weight=2.0,
    edge_weight=0.5,
)
mask = i64([1, 1, 0], [1, 0, 0])
entities = [image, None, mask, None, None, index(0, 7, 2, 3)]
case("vqa_token_layoutlm_loss", "VQASerTokenLayoutLMLoss", real(2, 3, 7), entities, num_classes=7)
case(
    "vqa_token_layoutlm_loss",
    "VQASerTokenLayoutLMLoss",
    {"a": real(2, 3, 7)},
    [*entities[:2], None, *entities[3:]],
    num_classes=7,
    key="a",
)

# basic losses
case("basic_loss", "CELoss", real(4, 5), index(0, 5, 4))
case("basic_loss", "CELoss", real(4, 5), real(4, 5))
case("basic_loss", "CELoss", real(4, 5), index(0, 5, 4), epsilon=0.1)
case("basic_loss", "CELoss", real(4, 5), simplex(4, 5), epsilon=0.1)
for mode in ("kl", "JS"):
    for reduction in ("mean", "sum", "none"):
        case("basic_loss", "KLJSLoss", simplex(2, 3, 4), simplex(2, 3, 4), reduction, mode=mode)
for options in (
    {"act": "softmax"},
    {"act": "sigmoid", "use_log": True},
    {"act": "softmax", "use_log": True},
):
    case("basic_loss", "DMLLoss", real(2, 3, 4), real(2, 3, 4), **options)
case("basic_loss", "DMLLoss", simplex(2, 3, 4), simplex(2, 3, 4))
for mode in ("l1", "l2", "smooth_l1"):
    for reduction in ("mean", "sum", "none"):
        case("basic_loss", "DistanceLoss", real(3, 2), real(3, 2), mode=mode, reduction=reduction)
for options in ({}, {"reduction": "mean"}, {"key": "a", "reduction": "sum"}, {"key": None}):
    case(
        "basic_loss",
        "LossFromOutput",
        {options.get("key", "loss"): real(3)} if options.get("key", 1) else real(3),
        [image],
        **options,
    )
case("basic_loss", "KLDivLoss", real(2, 3, 4), real(2, 3, 4))
case("basic_loss", "KLDivLoss", real(2, 3, 4), real(2, 3, 4), binary(6) > 0)
case(
    "basic_loss",
    "DKDLoss",
    real(2, 3, 4),
    real(2, 3, 4),
    index(0, 4, 6),
    temperature=2.0,
    alpha=0.5,
    beta=3.0,
)
shape = (2, 4, 4)
p, t, m = prob(*shape), binary(*shape), binary(*shape)
case("det_basic_loss", "DiceLoss", p, t, m)
case("det_basic_loss", "DiceLoss", p, t, m, prob(*shape), eps=0.1)
case("det_basic_loss", "DiceLoss", p, t, 0 * m)
case("det_basic_loss", "MaskL1Loss", p, t, m)
edges = p.copy()
edges[0, 0] = [0, 1, 1e-7, 0.25]  # at 0.5 Paddle's gradient is wrong
for options in ({}, {"alpha": 0.6, "gamma": 1.5, "eps": 0.01}):
    case("det_basic_loss", "MaskedFocalLoss", edges, t, m, **options)
case("det_basic_loss", "DiceFocalLoss", p, t, m, dice_weight=0.5, focal_weight=2.0)
case("det_basic_loss", "MaskL1Loss", p, t, 0 * m, eps=0.1)
case("det_basic_loss", "BCELoss", p, t, reduction="sum")
for main in ("DiceLoss", "BCELoss", "MaskL1Loss"):
    case("det_basic_loss", "BalanceLoss", p, t, m, main_loss_type=main)
    case("det_basic_loss", "BalanceLoss", p, t, m, main_loss_type=main, negative_ratio=0.5)
    case("det_basic_loss", "BalanceLoss", p, 0 * t, m, main_loss_type=main)
    case("det_basic_loss", "BalanceLoss", p, t, m, main_loss_type=main, balance_loss=False)

# detection
maps, labels = prob(2, 3, 4, 4), [image, prob(*shape), binary(*shape), t, m]
aux = {f"aux_maps_{level}": prob(2, 3, 4, 4) for level in ("p4", "p3", "p2")}
focal = {"main_loss_type": "DiceFocalLoss", "focal_gamma": 2.5, "eps": 0.01}
for options in ({"alpha": 2, "ohem_ratio": 1}, {"balance_loss": False, "eps": 0.1}, focal):
    case("det_db_loss", "DBLoss", {"maps": maps, **aux}, labels, **options)
weights = {"aux_weight_p4": 0.2, "aux_weight_p2": 0.4, "dice_weight": 0.5, "focal_weight": 2.0}
for options in (weights, {**focal, **weights}):
    case("det_db_loss", "DBLoss", {"maps": maps, **aux}, labels, **options)
case("det_db_loss", "DBLoss", {"maps": maps}, labels)
case(
    "det_db_loss",
    "DBLoss",
    {"maps": maps, "distance_maps": prob(2, 1, 4, 4), "cbn_maps": prob(2, 1, 4, 4)},
    labels,
)
east = {"f_score": prob(2, 1, 3, 3), "f_geo": real(2, 8, 3, 3)}
case(
    "det_east_loss",
    "EASTLoss",
    east,
    [image, binary(2, 1, 3, 3), real(2, 9, 3, 3), binary(2, 1, 3, 3)],
)
sast = {
    "f_score": prob(2, 1, 3, 3),
    "f_border": real(2, 4, 3, 3),
    "f_tvo": real(2, 8, 3, 3),
    "f_tco": real(2, 2, 3, 3),
}
case(
    "det_sast_loss",
    "SASTLoss",
    sast,
    [
        image,
        binary(2, 1, 3, 3),
        real(2, 5, 3, 3),
        binary(2, 1, 3, 3),
        real(2, 9, 3, 3),
        real(2, 3, 3, 3),
    ],
)
squares = [image, binary(2, 8, 8), binary(2, 2, 8, 8), binary(2, 8, 8)]
for options in ({}, {"kernel_sample_mask": "gt", "reduction": "mean"}, {"reduction": "none"}):
    case("det_pse_loss", "PSELoss", {"maps": real(2, 3, 2, 2)}, squares, alpha=0.7, **options)
sparse = [image, np.eye(8, dtype=np.float32)[None].repeat(2, 0), *squares[2:]]
case("det_pse_loss", "PSELoss", {"maps": real(2, 3, 2, 2)}, sparse, alpha=0.7)
case(
    "det_pse_loss",
    "PSELoss",
    {"maps": real(2, 3, 2, 2)},
    [image, 0 * squares[1], *squares[2:]],
    alpha=0.7,
)

# distillation
D = "distillation_loss"
pairs, both = [["A", "B"]], {"model_name_list": ["A", "B"]}
scores = {"A": real(2, 3, 4), "B": real(2, 3, 4)}
inner = {name: {"head": value} for name, value in scores.items()}
split = {
    name: {"head": {"ctc": real(2, 4, 5), "gtc": real(2, 4, 5), "sar": real(2, 6, 5)}}
    for name in "AB"
}
for options in ({"act": "softmax"}, {"act": "softmax", "use_log": True, "name": "x"}):
    case(D, "DistillationDMLLoss", scores, [image], model_name_pairs=pairs, **options)
case(
    D,
    "DistillationDMLLoss",
    inner,
    [image],
    model_name_pairs=["A", "B"],
    act="softmax",
    use_log=True,
    key="head",
)
headed = {"model_name_pairs": pairs, "key": "head", "multi_head": True}
case(D, "DistillationDMLLoss", split, multi, act="softmax", use_log=True, dis_head="gtc", **headed)
db = {"A": {"maps": prob(2, 3, 4, 4)}, "B": {"maps": prob(2, 3, 4, 4)}}
for name in ("thrink_maps", "binary_maps", "other", ["thrink_maps"]):
    case(D, "DistillationDMLLoss", db, [image], model_name_pairs=pairs, key="maps", maps_name=name)
case(D, "DistillationKLDivLoss", scores, [image], model_name_pairs=[["A", "B"], ["B", "A"]])
case(D, "DistillationKLDivLoss", split, multi, dis_head="gtc", **headed)
case(
    D,
    "DistillationKLDivLoss",
    db,
    [image],
    model_name_pairs=pairs,
    key="maps",
    maps_name="threshold_maps",
)
case(D, "DistillationDKDLoss", split, multi, dis_head="gtc", temperature=2.0, beta=3.0, **headed)
for mode in ("l1", "l2", "smooth_l1"):
    case(
        D, "DistillationDistanceLoss", inner, [image], mode=mode, model_name_pairs=pairs, key="head"
    )
case(D, "DistillCTCLogits", {"A": real(2, 3, 4), "B": real(2, 3, 4)}, ctc, model_name_pairs=pairs)
case(D, "DistillCTCLogits", split, ctc, model_name_pairs=["A", "B"], key="head")
frames = {"A": real(2, 6, 5), "B": real(2, 6, 5)}
case(D, "DistillationCTCLoss", frames, ctc, **both)
case(D, "DistillationCTCLoss", split, multi, key="head", multi_head=True, **both)
case(D, "DistillationSARLoss", frames, seen, ignore_index=0, **both)
case(D, "DistillationSARLoss", split, multi, key="head", multi_head=True, **both)
case(D, "DistillationNRTRLoss", split, multi, key="head", multi_head=True, **both)
case(
    D,
    "DistillationNRTRLoss",
    {"A": real(2, 4, 5)},
    seen,
    model_name_list=["A"],
    smoothing=False,
    name="y",
)
case(D, "DistillationDBLoss", db, labels, alpha=1, **both)
case(D, "DistillationDilaDBLoss", db, labels, model_name_pairs=pairs, key="maps", alpha=1)
tokens = {"A": {"out": real(2, 3, 7)}, "B": {"out": real(2, 3, 7)}}
case(D, "DistillationVQASerTokenLayoutLMLoss", tokens, entities, num_classes=7, key="out", **both)
case(D, "DistillationSERDMLLoss", tokens, entities, model_name_pairs=pairs, key="out")
case(
    D,
    "DistillationSERDMLLoss",
    tokens,
    [image, None, None],
    model_name_pairs=pairs,
    key="out",
    use_log=True,
)
case(
    D,
    "DistillationLossFromOutput",
    {"A": {"loss": real(3)}, "B": {"loss": real(3)}},
    [image],
    reduction="mean",
    **both,
)
case(
    D,
    "DistillationLossFromOutput",
    {"A": {"x": {"y": real(3)}}},
    [image],
    model_name_list=["A"],
    dist_key="x",
    key="y",
    reduction="sum",
)
hidden = {"A": {"h": real(2, 2, 4, 3)}, "B": {"h": real(2, 2, 4, 3)}}
case(D, "DistillationVQADistanceLoss", hidden, entities, model_name_pairs=pairs, key="h", index=1)
case(
    D,
    "DistillationVQADistanceLoss",
    {"A": real(6, 3), "B": real(6, 3)},
    entities,
    model_name_pairs=pairs,
    mode="l1",
)

# composites
case(
    "combined_loss",
    "CombinedLoss",
    [real(2, 6, 3), real(2, 6, 5)],
    [*ctc, occurring],
    loss_config_list=[
        {"CTCLoss": {"use_focal_loss": False, "weight": 1.0}},
        {"ACELoss": {"weight": 0.1}},
    ],
)
case(
    "combined_loss",
    "CombinedLoss",
    split,
    multi,
    loss_config_list=[
        {
            "DistillationDMLLoss": {
                "weight": 1.0,
                "act": "softmax",
                "use_log": True,
                "model_name_pairs": pairs,
                "key": "head",
                "multi_head": True,
                "dis_head": "ctc",
                "name": "dml_ctc",
            }
        },
        {
            "DistillationKLDivLoss": {
                "weight": 0.5,
                "model_name_pairs": pairs,
                "key": "head",
                "multi_head": True,
                "dis_head": "gtc",
            }
        },
        {
            "DistillationCTCLoss": {
                "weight": 2.0,
                "model_name_list": ["A"],
                "key": "head",
                "multi_head": True,
            }
        },
        {
            "DistillationNRTRLoss": {
                "weight": 0.3,
                "model_name_list": ["A", "B"],
                "key": "head",
                "multi_head": True,
                "smoothing": False,
            }
        },
    ],
)
case(
    "combined_loss",
    "CombinedLoss",
    db,
    labels,
    loss_config_list=[
        {
            "DistillationDilaDBLoss": {
                "weight": 1.0,
                "model_name_pairs": pairs,
                "key": "maps",
                "balance_loss": True,
                "main_loss_type": "DiceLoss",
                "alpha": 5,
                "beta": 10,
                "ohem_ratio": 3,
            }
        },
        {
            "DistillationDMLLoss": {
                "weight": 2.0,
                "model_name_pairs": ["A", "B"],
                "maps_name": "thrink_maps",
                "key": "maps",
            }
        },
        {"DistillationDBLoss": {"weight": 1.0, "model_name_list": ["A", "B"], "name": "db"}},
    ],
)

# of every file, as Python's own reader of Python finds them
public = {
    path.stem: [
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    for path in sorted((ROOT / "ppocr" / "losses").glob("*.py"))
}
golden = {
    "versions": {"paddleocr": "6d2110b", "paddlepaddle": paddle.__version__},
    "public": {file: names for file, names in public.items() if names},
    "centers": stored(centers),
    "signatures": SIGNATURES,
}
OUT.parent.mkdir(exist_ok=True)
lines = ",\n".join(
    f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in golden.items()
)
cases = ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES)
OUT.write_text(f'{{\n{lines},\n"cases": [\n{cases}\n]\n}}\n')
