"""Further papers on images, pixel by pixel."""

import math

import torch


def _ciede2000(p, q, *, k_l=1.0, k_c=1.0, k_h=1.0):
    """Sharma et al. 2005, eq. 2 to 22, in degrees as they are there."""
    (l1, a1, b1), (l2, a2, b2) = p, q
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1 = math.degrees(math.atan2(b1, a1)) % 360 if c1 else 0.0
    h2 = math.degrees(math.atan2(b2, a2)) % 360 if c2 else 0.0
    if c1 * c2 == 0:
        dh = 0.0
    elif abs(h2 - h1) <= 180:
        dh = h2 - h1
    else:
        dh = h2 - h1 - 360 if h2 > h1 else h2 - h1 + 360
    d_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(dh) / 2)
    l_, c_ = (l1 + l2) / 2, (c1 + c2) / 2
    if c1 * c2 == 0:
        h_ = h1 + h2
    elif abs(h1 - h2) <= 180:
        h_ = (h1 + h2) / 2
    else:
        h_ = (h1 + h2 + 360) / 2 if h1 + h2 < 360 else (h1 + h2 - 360) / 2

    def cosine(degrees):
        return math.cos(math.radians(degrees))

    t = 1 - 0.17 * cosine(h_ - 30) + 0.24 * cosine(2 * h_)
    t += 0.32 * cosine(3 * h_ + 6) - 0.20 * cosine(4 * h_ - 63)
    theta = 30 * math.exp(-(((h_ - 275) / 25) ** 2))
    r_c = 2 * math.sqrt(c_**7 / (c_**7 + 25**7))
    s_l = 1 + 0.015 * (l_ - 50) ** 2 / math.sqrt(20 + (l_ - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c_, 1 + 0.015 * c_ * t
    r_t = -math.sin(math.radians(2 * theta)) * r_c
    x, y, z = (l2 - l1) / (k_l * s_l), (c2 - c1) / (k_c * s_c), d_h / (k_h * s_h)
    return math.sqrt(x**2 + y**2 + z**2 + r_t * y * z)


def _colours(x, y, **hyper):
    x, y = x.movedim(1, -1), y.movedim(1, -1)
    pairs = x.reshape(-1, 3).tolist(), y.reshape(-1, 3).tolist()
    found = [_ciede2000(p, q, **hyper) for p, q in zip(*pairs, strict=True)]
    return torch.tensor(found, dtype=torch.float64).reshape(x.shape[:-1])


BLUR = {-2: 1 / 16, -1: 4 / 16, 0: 6 / 16, 1: 4 / 16, 2: 1 / 16}


def _near(i, size):
    return min(max(i, 0), size - 1)


def _reduced(image):
    """Burt and Adelson 1983: the weighted mean of 5 x 5 pixels around every second one."""
    height, width = len(image), len(image[0])
    return [
        [
            sum(
                u * v * image[_near(i + k, height)][_near(j + m, width)]
                for k, u in BLUR.items()
                for m, v in BLUR.items()
            )
            for j in range(0, width, 2)
        ]
        for i in range(0, height, 2)
    ]


def _expanded(image, height, width):
    """Their expansion: 4 w(k) w(m) of the pixel at ((i - k) / 2, (j - m) / 2), if that is one."""
    out = [[0.0] * width for _ in range(height)]
    for i in range(height):
        for j in range(width):
            for k, u in BLUR.items():
                for m, v in BLUR.items():
                    if (i - k) % 2 == 0 and (j - m) % 2 == 0:
                        row = image[_near((i - k) // 2, len(image))]
                        out[i][j] += 4 * u * v * row[_near((j - m) // 2, len(row))]
    return out


def _details(image, levels):
    found = []
    while len(found) < levels - 1 and max(len(image), len(image[0])) > 1:
        small = _reduced(image)
        large = _expanded(small, len(image), len(image[0]))
        rows = zip(image, large, strict=True)
        found.append([a - b for row, other in rows for a, b in zip(row, other, strict=True)])
        image = small
    return [*found, [v for row in image for v in row]]


def _laplacian(x, y, *, levels=5):
    """Bojanowski et al. 2018, over the number of pixels."""
    out = []
    for ours, theirs in zip(x.tolist(), y.tolist(), strict=True):
        total = 0.0
        for a, b in zip(ours, theirs, strict=True):
            pairs = zip(_details(a, levels), _details(b, levels), strict=True)
            for j, (u, v) in enumerate(pairs):
                total += 4**j * sum(abs(p - q) for p, q in zip(u, v, strict=True))
        out.append(total / x[0].numel())
    return torch.tensor(out, dtype=torch.float64)


def _census(x, y, *, size=7, data_range=1.0):
    """Meister et al. 2018, without the robust function."""
    reach = size // 2
    out = []
    for ours, theirs in zip(x.mean(1).tolist(), y.mean(1).tolist(), strict=True):
        terms = []
        for i in range(reach, len(ours) - reach):
            for j in range(reach, len(ours[0]) - reach):
                for k in range(-reach, reach + 1):
                    for m in range(-reach, reach + 1):
                        if k == m == 0:
                            continue
                        marks = []
                        for image in (ours, theirs):
                            v = (image[i + k][j + m] - image[i][j]) / data_range * 255
                            marks.append(v / math.sqrt(0.81 + v * v))
                        d = (marks[0] - marks[1]) ** 2
                        terms.append(d / (0.1 + d))
        out.append(sum(terms) / len(terms) if terms else 0.0)
    return torch.tensor(out, dtype=torch.float64)


def _gradients(x, y, mask, *, scales=4):
    """Li and Snavely 2018, with the pixels that count at each scale."""
    out = []
    for ours, theirs, there in zip(x.tolist(), y.tolist(), mask.tolist(), strict=True):
        total = 0.0
        for k in range(scales):
            rows, columns = range(0, len(ours), 2**k), range(0, len(ours[0]), 2**k)
            if len(rows) == len(columns) == 1:
                continue
            count = sum(there[i][j] for i in rows for j in columns)
            found = 0.0
            for i in rows:
                for j in columns:
                    for a, b in ((i + 2**k, j), (i, j + 2**k)):
                        if a in rows and b in columns:
                            r = (ours[a][b] - theirs[a][b]) - (ours[i][j] - theirs[i][j])
                            found += there[a][b] * there[i][j] * abs(r)
            total += found / count if count else 0.0
        out.append(total)
    return torch.tensor(out, dtype=torch.float64)


REFERENCES = {
    "ciede2000_loss": _colours,
    "laplacian_pyramid_loss": _laplacian,
    "census_loss": _census,
    "multi_scale_gradient_loss": _gradients,
}
