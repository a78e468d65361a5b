"""The equations of further papers on images, pixel by pixel."""

import math

import torch


def _lpips(extractor, x, y, *, channel_weights=None):
    """Zhang et al. 2018, eq. 1."""
    found = torch.zeros(len(x), dtype=torch.float64)
    for layer, maps in enumerate(zip(extractor(x), extractor(y), strict=True)):
        a, b = (m.detach().tolist() for m in maps)
        for n in range(len(a)):
            channels, height, width = len(a[n]), len(a[n][0]), len(a[n][0][0])
            v = [1.0] * channels if channel_weights is None else channel_weights[layer].tolist()
            for i in range(height):
                for j in range(width):
                    p, q = ([m[n][c][i][j] for c in range(channels)] for m in (a, b))
                    size_p, size_q = math.hypot(*p), math.hypot(*q)
                    found[n] += math.fsum(
                        v[c] * (p[c] / size_p - q[c] / size_q) ** 2 for c in range(channels)
                    ) / (height * width)
    return found


def _mirrored(i, size):
    return -i if i < 0 else 2 * (size - 1) - i if i >= size else i


def _photometric(x, y, mask, *, alpha=0.85, k1=0.01, k2=0.03, data_range=1.0):
    """Godard et al. 2017, eq. 2."""
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    count, channels, height, width = x.shape
    units = []
    for n in range(count):
        total = amount = 0.0
        for i in range(height):
            for j in range(width):
                share = mask[n, i, j].item()
                amount += share
                for c in range(channels):
                    around = [
                        (_mirrored(i + k, height), _mirrored(j + m, width))
                        for k in (-1, 0, 1)
                        for m in (-1, 0, 1)
                    ]
                    a = [x[n, c, k, m].item() for k, m in around]
                    b = [y[n, c, k, m].item() for k, m in around]
                    mean_a, mean_b = sum(a) / 9, sum(b) / 9
                    var_a = sum((v - mean_a) ** 2 for v in a) / 9
                    var_b = sum((v - mean_b) ** 2 for v in b) / 9
                    cov = sum((p - mean_a) * (q - mean_b) for p, q in zip(a, b, strict=True)) / 9
                    ssim = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
                    ssim *= (2 * cov + c2) / (var_a + var_b + c2)
                    off = abs(x[n, c, i, j] - y[n, c, i, j]).item()
                    total += share * (alpha * (1 - ssim) / 2 + (1 - alpha) * off) / channels
        units.append(total / amount if amount else 0.0)
    return torch.tensor(units, dtype=torch.float64)


def _flow(function):
    def units(x, y, **hyper):
        x, y = x.movedim(1, -1), y.movedim(1, -1)
        pairs = zip(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]), strict=True)
        found = [function(a.tolist(), b.tolist(), **hyper) for a, b in pairs]
        return torch.tensor(found, dtype=torch.float64).reshape(x.shape[:-1])

    return units


def _robust_flow(u, v, *, q=0.4, eps=0.01):
    return (sum(abs(a - b) for a, b in zip(u, v, strict=True)) + eps) ** q


def _dot(p, q):
    return math.fsum(u * v for u, v in zip(p, q, strict=True))


def _contextual(x, y, *, bandwidth=0.5, eps=1e-5):
    """Mechrez et al. 2018."""
    units = []
    for ours, theirs in zip(x.tolist(), y.tolist(), strict=True):
        size = len(theirs[0])
        mean = [sum(v[k] for v in theirs) / len(theirs) for k in range(size)]
        a = [[v[k] - mean[k] for k in range(size)] for v in ours]
        b = [[v[k] - mean[k] for k in range(size)] for v in theirs]
        rows = []
        for p in a:
            d = [
                1 - sum(u * v for u, v in zip(p, q, strict=True)) / math.hypot(*p) / math.hypot(*q)
                for q in b
            ]
            w = [math.exp((1 - v / (min(d) + eps)) / bandwidth) for v in d]
            rows.append([v / sum(w) for v in w])
        best = [max(row[j] for row in rows) for j in range(len(b))]
        units.append(-math.log(sum(best) / len(best)))
    return torch.tensor(units, dtype=torch.float64)


REFERENCES = {
    "lpips_loss": _lpips,
    "photometric_loss": _photometric,
    "end_point_error_loss": _flow(math.dist),
    "robust_flow_loss": _flow(_robust_flow),
    "contextual_loss": _contextual,
}
