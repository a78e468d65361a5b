"""The package pytorch-metric-learning: angles in degrees, means per pair instead of per sample."""

import math

import torch
from pytorch_metric_learning import losses
from pytorch_metric_learning.reducers import DoNothingReducer


def _computed(loss, *tensors, **kwargs):
    with torch.no_grad():
        return loss(*tensors, **kwargs)


def _weighed(units, y, class_weight):
    return units if class_weight is None else units * class_weight[y]


def _proxy_nca_pp(x, proxies, y, *, temperature=1 / 9, class_weight=None):
    loss = losses.ProxyNCALoss(
        *proxies.shape, softmax_scale=1 / temperature, reducer=DoNothingReducer()
    )
    loss.proxies = torch.nn.Parameter(proxies.clone())
    return _weighed(_computed(loss, x, y)["loss"]["losses"], y, class_weight)


def _proxy_anchor(x, proxies, y, *, margin=0.1, alpha=32.0):
    loss = losses.ProxyAnchorLoss(
        *proxies.shape, margin=margin, alpha=alpha, reducer=DoNothingReducer()
    )
    loss.proxies = torch.nn.Parameter(proxies.clone())
    found = _computed(loss, x, y)
    own = torch.nn.functional.one_hot(y, len(proxies)).double()
    near = found["pos_loss"]["losses"] / found["pos_loss"]["divisor"] / own.sum(0).clamp(min=1)
    far = found["neg_loss"]["losses"] / len(proxies) / (1 - own).sum(0).clamp(min=1)
    return (own * near + (1 - own) * far).sum(1) * len(x)


def _soft_triple(x, centres, y, *, scale=20.0, gamma=0.1, margin=0.01, class_weight=None):
    c, k, d = centres.shape
    loss = losses.SoftTripleLoss(
        c, d, k, la=scale, gamma=gamma, margin=margin, reducer=DoNothingReducer()
    )
    loss.fc = torch.nn.Parameter(centres.reshape(c * k, d).T.clone())
    return _weighed(_computed(loss, x, y)["loss"]["losses"], y, class_weight)


def _n_pair(x, positives):
    loss = losses.NPairsLoss(reducer=DoNothingReducer())
    loss.distance.normalize_embeddings = False
    n = torch.arange(len(x))
    pairs = (n, n + len(x), n[:0], n[:0])
    found = _computed(loss, torch.cat([x, positives]), n.repeat(2), pairs)["loss"]
    return found["losses"][found["indices"].argsort()]


def _mean_of_anchors(found, n):
    """Return the mean over the positive pairs of each sample."""
    if not isinstance(found["indices"], tuple):
        return torch.zeros(n, dtype=torch.float64)
    anchors, each = found["indices"][0], found["losses"].flatten()
    total = torch.zeros(n, dtype=torch.float64).index_add(0, anchors, each)
    return total / anchors.bincount(minlength=n).clamp(min=1)


def _angular(x, y, *, alpha=math.pi / 4):
    loss = losses.AngularLoss(alpha=math.degrees(alpha), reducer=DoNothingReducer())
    unit = torch.nn.functional.normalize(x)  # it would leave the negatives as they are
    return _mean_of_anchors(_computed(loss, unit, y)["loss"], len(x))


def _tuplet(x, y, *, margin=0.1, scale=64.0):
    loss = losses.TupletMarginLoss(
        margin=math.degrees(margin), scale=scale, reducer=DoNothingReducer()
    )
    return _mean_of_anchors(_computed(loss, x, y)["loss"], len(x))


def _fast_ap(x, y, *, bins=10):
    loss = losses.FastAPLoss(num_bins=bins, reducer=DoNothingReducer())
    found = _computed(loss, x, y)["loss"]
    units = torch.zeros(len(x), dtype=torch.float64)
    if found["indices"] is not None:
        units[found["indices"]] = found["losses"]
    return units


def _sub_center(x, centres, y, *, margin=0.5, scale=64.0, class_weight=None):
    c, k, d = centres.shape
    loss = losses.SubCenterArcFaceLoss(
        num_classes=c,
        embedding_size=d,
        sub_centers=k,
        margin=math.degrees(margin),
        scale=scale,
        reducer=DoNothingReducer(),
    )
    loss.W = torch.nn.Parameter(centres.reshape(c * k, d).T.clone())
    return _weighed(_computed(loss, x, y)["loss"]["losses"], y, class_weight)


REFERENCES = {
    "proxy_nca_plus_plus_loss": _proxy_nca_pp,
    "proxy_anchor_loss": _proxy_anchor,
    "soft_triple_loss": _soft_triple,
    "n_pair_loss": _n_pair,
    "angular_loss": _angular,
    "tuplet_margin_loss": _tuplet,
    "fast_ap_loss": _fast_ap,
    "sub_center_arcface_loss": _sub_center,
}
