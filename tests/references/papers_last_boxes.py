"""Further papers' losses of boxes, one pair at a time: matrices, and corners and sides."""

import math

import torch


def _pairs(function):
    def units(x, y, **hyper):
        pairs = x.reshape(-1, x.shape[-1]).tolist(), y.reshape(-1, y.shape[-1]).tolist()
        found = [function(p, g, **hyper) for p, g in zip(*pairs, strict=True)]
        return torch.tensor(found, dtype=torch.float64).reshape(x.shape[:-1])

    return units


def _gaussian(box):
    x, y, w, h, angle = box
    c, s = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    sides = torch.tensor([w, h], dtype=torch.float64) ** 2 / 4
    return torch.tensor([x, y], dtype=torch.float64), turn @ torch.diag(sides) @ turn.T


def _kullback_leibler(p, g, *, tau=1.0):
    """Yang et al. 2021, by torch's divergence of two Gaussians."""
    ours, theirs = (
        torch.distributions.MultivariateNormal(mean, covariance)
        for mean, covariance in (_gaussian(p), _gaussian(g))
    )
    divergence = float(torch.distributions.kl_divergence(ours, theirs))
    return 1 - 1 / (tau + math.log(1 + divergence))


def _kfiou(p, g):
    """Yang et al. 2023: the Kalman gain and what it leaves of the covariance."""
    (mean, sigma), (true_mean, true_sigma) = _gaussian(p), _gaussian(g)
    gain = sigma @ torch.linalg.inv(sigma + true_sigma)
    left = sigma - gain @ sigma
    v = [4 * math.sqrt(float(torch.linalg.det(s))) for s in (sigma, true_sigma, left)]
    kfiou = v[2] / (v[0] + v[1] - v[2])
    off = mean - true_mean
    centre = math.log(float(off @ torch.linalg.inv(true_sigma) @ off) + 1)
    return centre + math.exp(1 - kfiou) - 1


def _iou(p, g):
    across = min(p[2], g[2]) - max(p[0], g[0])
    down = min(p[3], g[3]) - max(p[1], g[1])
    both = max(across, 0) * max(down, 0)
    sizes = [(b[2] - b[0]) * (b[3] - b[1]) for b in (p, g)]
    return both / (sum(sizes) - both)


def _hull(p, g):
    return max(p[2], g[2]) - min(p[0], g[0]), max(p[3], g[3]) - min(p[1], g[1])


def _offset(p, g):
    return (p[0] + p[2] - g[0] - g[2]) / 2, (p[1] + p[3] - g[1] - g[3]) / 2


def _sides(b):
    return b[2] - b[0], b[3] - b[1]


def _focal_eiou(p, g, *, gamma=0.5):
    (cw, ch), (dx, dy), (w, h), (wg, hg) = _hull(p, g), _offset(p, g), _sides(p), _sides(g)
    far = (dx**2 + dy**2) / (cw**2 + ch**2)
    eiou = 1 - _iou(p, g) + far + (w - wg) ** 2 / cw**2 + (h - hg) ** 2 / ch**2
    return _iou(p, g) ** gamma * eiou


def _inner_iou(p, g, *, ratio=0.75):
    """Zhang et al. 2023: from centres and sides."""

    def inner(b):
        x, y, (w, h) = (b[0] + b[2]) / 2, (b[1] + b[3]) / 2, _sides(b)
        return x - w * ratio / 2, y - h * ratio / 2, x + w * ratio / 2, y + h * ratio / 2

    return 1 - _iou(inner(p), inner(g))


def _focaler_iou(p, g, *, low=0.0, high=0.95):
    iou = _iou(p, g)
    if iou < low:
        return 1.0
    return 0.0 if iou > high else 1 - (iou - low) / (high - low)


def _shape_iou(p, g, *, scale=0.0, theta=4.0):
    """Zhang and Zhang 2023."""
    (cw, ch), (dx, dy), (w, h), (wg, hg) = _hull(p, g), _offset(p, g), _sides(p), _sides(g)
    ww = 2 * wg**scale / (wg**scale + hg**scale)
    hh = 2 * hg**scale / (wg**scale + hg**scale)
    distance = (hh * dx**2 + ww * dy**2) / (cw**2 + ch**2)
    omega = hh * abs(w - wg) / max(w, wg), ww * abs(h - hg) / max(h, hg)
    return 1 - _iou(p, g) + distance + 0.5 * sum((1 - math.exp(-o)) ** theta for o in omega)


REFERENCES = {
    "kullback_leibler_box_loss": _pairs(_kullback_leibler),
    "kfiou_loss": _pairs(_kfiou),
    "focal_eiou_loss": _pairs(_focal_eiou),
    "inner_iou_loss": _pairs(_inner_iou),
    "focaler_iou_loss": _pairs(_focaler_iou),
    "shape_iou_loss": _pairs(_shape_iou),
}
