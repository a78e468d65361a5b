"""The papers' losses of boxes, transcribed one pair at a time with Python's own numbers."""

import math

import torch


class _Pair:
    """What the papers call the parts of a predicted and a true box."""

    def __init__(self, p, g):
        self.p = (min(p[0], p[2]), min(p[1], p[3]), max(p[0], p[2]), max(p[1], p[3]))
        self.g = (min(g[0], g[2]), min(g[1], g[3]), max(g[0], g[2]), max(g[1], g[3]))
        (a, b, c, d), (e, f, g_, h) = self.p, self.g
        self.w, self.h, self.wg, self.hg = c - a, d - b, g_ - e, h - f
        self.x, self.y, self.xg, self.yg = (a + c) / 2, (b + d) / 2, (e + g_) / 2, (f + h) / 2
        across, down = min(c, g_) - max(a, e), min(d, h) - max(b, f)
        self.inter = across * down if across > 0 and down > 0 else 0.0
        self.union = self.w * self.h + self.wg * self.hg - self.inter
        self.iou = self.inter / self.union
        self.cw, self.ch = max(c, g_) - min(a, e), max(d, h) - min(b, f)
        self.rho2 = (self.x - self.xg) ** 2 + (self.y - self.yg) ** 2
        self.c2 = self.cw**2 + self.ch**2


def _giou(q):
    hull = q.cw * q.ch
    return 1 - (q.iou - (hull - q.union) / hull)


def _ciou(q):
    v = 4 / math.pi**2 * (math.atan(q.wg / q.hg) - math.atan(q.w / q.h)) ** 2
    alpha = v / ((1 - q.iou) + v) if v else 0.0
    return 1 - q.iou + q.rho2 / q.c2 + alpha * v


def _eiou(q):
    sides = (q.w - q.wg) ** 2 / q.cw**2 + (q.h - q.hg) ** 2 / q.ch**2
    return 1 - q.iou + q.rho2 / q.c2 + sides


def _siou(q, *, theta=4.0):
    sigma = math.sqrt(q.rho2)
    sine = abs(q.y - q.yg) / sigma
    angle = 1 - 2 * math.sin(math.asin(min(sine, 1.0)) - math.pi / 4) ** 2
    gamma = 2 - angle
    rho = ((q.xg - q.x) / q.cw) ** 2, ((q.yg - q.y) / q.ch) ** 2
    distance = sum(1 - math.exp(-gamma * r) for r in rho)
    omega = abs(q.w - q.wg) / max(q.w, q.wg), abs(q.h - q.hg) / max(q.h, q.hg)
    shape = sum((1 - math.exp(-o)) ** theta for o in omega)
    return 1 - q.iou + (distance + shape) / 2


def _bounded(q, *, beta=0.2):
    total = 0.0
    bounds = [
        max(0.0, (q.wg - 2 * abs(q.x - q.xg)) / (q.wg + 2 * abs(q.x - q.xg))),
        max(0.0, (q.hg - 2 * abs(q.y - q.yg)) / (q.hg + 2 * abs(q.y - q.yg))),
        min(q.w / q.wg, q.wg / q.w),
        min(q.h / q.hg, q.hg / q.h),
    ]
    for bound in bounds:
        z = 1 - bound
        total += z**2 / (2 * beta) if z < beta else z - beta / 2
    return total


def _mpdiou(q, *, image_size=(1.0, 1.0)):
    d1 = (q.p[0] - q.g[0]) ** 2 + (q.p[1] - q.g[1]) ** 2
    d2 = (q.p[2] - q.g[2]) ** 2 + (q.p[3] - q.g[3]) ** 2
    size = image_size[0] ** 2 + image_size[1] ** 2
    return 1 - (q.iou - d1 / size - d2 / size)


def _pairs(function):
    def units(x, y, **hyper):
        flat = zip(x.reshape(-1, 4).tolist(), y.reshape(-1, 4).tolist(), strict=True)
        out = [function(_Pair(p, g), **hyper) for p, g in flat]
        return torch.tensor(out, dtype=torch.float64).reshape(x.shape[:-1])

    return units


def _root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T


def _covariance(w, h, angle, divisor):
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=torch.float64,
    )
    sides = torch.tensor([w * w / divisor, h * h / divisor], dtype=torch.float64)
    return turn @ torch.diag(sides) @ turn.T


def _probiou(x, y):
    """Llerena et al. 2021, by inverses and determinants of matrices."""
    out = []
    for p, g in zip(x.reshape(-1, 5).tolist(), y.reshape(-1, 5).tolist(), strict=True):
        a, b = _covariance(*p[2:], 12), _covariance(*g[2:], 12)
        middle = (a + b) / 2
        delta = torch.tensor([p[0] - g[0], p[1] - g[1]], dtype=torch.float64)
        squared = float(delta @ torch.linalg.inv(middle) @ delta)
        sizes = [float(torch.linalg.det(matrix)) for matrix in (middle, a, b)]
        distance = squared / 8 + math.log(sizes[0] / math.sqrt(sizes[1] * sizes[2])) / 2
        out.append(math.sqrt(1 - math.exp(-distance)))
    return torch.tensor(out, dtype=torch.float64).reshape(x.shape[:-1])


def _gaussian_wasserstein(x, y, *, tau=1.0):
    """Yang et al. 2021, by square roots of matrices."""

    out = []
    for p, g in zip(x.reshape(-1, 5).tolist(), y.reshape(-1, 5).tolist(), strict=True):
        a, b = _covariance(*p[2:], 4), _covariance(*g[2:], 4)
        root = _root(a)
        cross = _root(root @ b @ root)
        square = math.dist(p[:2], g[:2]) ** 2 + float(torch.trace(a + b - 2 * cross))
        out.append(1 - 1 / (tau + math.log(square + 1)))
    return torch.tensor(out, dtype=torch.float64).reshape(x.shape[:-1])


REFERENCES = {
    "iou_loss": _pairs(lambda q: 1 - q.iou),
    "log_iou_loss": _pairs(lambda q, eps=1e-6: -math.log(max(q.iou, eps))),
    "alpha_iou_loss": _pairs(lambda q, alpha=3.0: 1 - q.iou**alpha),
    "giou_loss": _pairs(_giou),
    "diou_loss": _pairs(lambda q: 1 - q.iou + q.rho2 / q.c2),
    "ciou_loss": _pairs(_ciou),
    "eiou_loss": _pairs(_eiou),
    "siou_loss": _pairs(_siou),
    "bounded_iou_loss": _pairs(_bounded),
    "mpdiou_loss": _pairs(_mpdiou),
    "wise_iou_loss": _pairs(lambda q: math.exp(q.rho2 / q.c2) * (1 - q.iou)),
    "probiou_loss": _probiou,
    "gaussian_wasserstein_loss": _gaussian_wasserstein,
}
