"""The equations of the papers on losses of images, transcribed pixel by pixel."""

import itertools
import math

import numpy as np
import torch


def _images(function):
    """Give a function one image of each tensor as arrays, and gather one loss per image."""

    def units(*tensors, **hyper):
        arrays = [t.numpy() for t in tensors]
        found = [function(*each, **hyper) for each in zip(*arrays, strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _channels(function):
    """The same for one channel of an image, and the mean over the channels."""
    return _images(
        lambda *images, **hyper: float(
            np.mean([function(*planes, **hyper) for planes in zip(*images, strict=True)])
        )
    )


def _window(size, sigma):
    middle = (size - 1) / 2
    w = [
        [math.exp(-((i - middle) ** 2 + (j - middle) ** 2) / (2 * sigma**2)) for j in range(size)]
        for i in range(size)
    ]
    return np.array(w) / np.sum(w)


def _similarities(x, y, size, sigma, c1, c2):
    """Wang et al. 2004, eq. 13 to 17: means and structure of each window, deviations first."""
    w = _window(size, sigma)
    out = []
    for i in range(x.shape[0] - size + 1):
        for j in range(x.shape[1] - size + 1):
            a, b = x[i : i + size, j : j + size], y[i : i + size, j : j + size]
            mean_a, mean_b = (w * a).sum(), (w * b).sum()
            va, vb = (w * (a - mean_a) ** 2).sum(), (w * (b - mean_b) ** 2).sum()
            cov = (w * (a - mean_a) * (b - mean_b)).sum()
            out.append(
                (
                    (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1),
                    (2 * cov + c2) / (va + vb + c2),
                )
            )
    return out


@_channels
def _ssim(x, y, *, window_size=11, sigma=1.5, k1=0.01, k2=0.03, data_range=1.0, padding="valid"):
    if padding == "reflect":
        margin = ((window_size - 1) // 2, window_size // 2)
        x, y = np.pad(x, margin, mode="reflect"), np.pad(y, margin, mode="reflect")
    found = _similarities(x, y, window_size, sigma, (k1 * data_range) ** 2, (k2 * data_range) ** 2)
    return 1 - np.mean([m * s for m, s in found])


def _halved(x):
    h, w = x.shape[0] // 2, x.shape[1] // 2
    return np.array(
        [[x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean() for j in range(w)] for i in range(h)]
    )


@_channels
def _ms_ssim(x, y, *, scale_weights, window_size=11, sigma=1.5, k1=0.01, k2=0.03, data_range=1.0):
    """Wang, Simoncelli and Bovik 2003, eq. 7."""
    product = 1.0
    for j, beta in enumerate(scale_weights):
        if j:
            x, y = _halved(x), _halved(y)
        found = _similarities(
            x, y, window_size, sigma, (k1 * data_range) ** 2, (k2 * data_range) ** 2
        )
        last = j == len(scale_weights) - 1
        s = np.mean([m * s if last else s for m, s in found])
        product *= max(s, 0.0) ** beta
    return 1 - product


def _neighbours(shape):
    """Every pixel, with its next pixels along each axis that has one."""
    for at in itertools.product(*map(range, shape)):
        yield (
            at,
            [(*at[:d], at[d] + 1, *at[d + 1 :]) for d in range(len(shape)) if at[d] + 1 < shape[d]],
        )


@_images
def _total_variation(x, *, isotropic=False):
    total = 0.0
    for plane in x:
        for at, after in _neighbours(plane.shape):
            found = [abs(plane[to] - plane[at]) for to in after]
            total += math.hypot(*found) if isotropic else math.fsum(found)
    return total


@_images
def _gradient_difference(x, y, *, alpha=1.0):
    """Mathieu et al. 2016, eq. 6."""
    total = 0.0
    for a, b in zip(x, y, strict=True):
        for at, after in _neighbours(a.shape):
            total += sum(abs(abs(a[to] - a[at]) - abs(b[to] - b[at])) ** alpha for to in after)
    return total


@_images
def _psnr(x, y, *, data_range=1.0, eps=1e-8):
    mse = float(np.mean((x - y) ** 2))
    return -10 * math.log10(1 / (mse / data_range**2 + eps))


@_channels
def _sobel(x, y):
    kernel = np.outer([1, 2, 1], [-1, 0, 1]) / 8
    e = np.pad(x - y, 1, mode="edge")
    h, w = x.shape
    found = [
        abs((kernel * e[i : i + 3, j : j + 3]).sum())
        + abs((kernel.T * e[i : i + 3, j : j + 3]).sum())
        for i in range(h)
        for j in range(w)
    ]
    return np.mean(found)


@_channels
def _gmsd(x, y, *, data_range=1.0, c=170 / 255**2):
    """Xue et al. 2014, eq. 1 to 5, on the scale of the paper."""
    c = c * 255**2
    prewitt = np.array([[1, 0, -1]] * 3) / 3

    def magnitudes(plane):
        plane = plane * 255 / data_range
        plane = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2)))
        small = np.pad(_halved(plane), 1)
        return [
            math.hypot(
                (prewitt * small[i : i + 3, j : j + 3]).sum(),
                (prewitt.T * small[i : i + 3, j : j + 3]).sum(),
            )
            for i in range(small.shape[0] - 2)
            for j in range(small.shape[1] - 2)
        ]

    pairs = zip(magnitudes(x), magnitudes(y), strict=True)
    return float(np.std([(2 * a * b + c) / (a * a + b * b + c) for a, b in pairs]))


@_channels
def _focal_frequency(x, y, *, alpha=1.0):
    """Jiang et al. 2021, eq. 8 to 10, with the transform as a sum."""
    h, w = x.shape
    found = []
    for u, v in itertools.product(range(h), range(w)):
        total = 0j
        for i, j in itertools.product(range(h), range(w)):
            turn = -2 * math.pi * (u * i / h + v * j / w)
            total += (x[i, j] - y[i, j]) * complex(math.cos(turn), math.sin(turn))
        found.append(abs(total) / math.sqrt(h * w))
    worst = max(found)
    return math.fsum((d / worst) ** alpha * d * d for d in found) / (h * w)


@_images
def _ncc(x, y):
    n = x.size
    mx, my = math.fsum(x.flat) / n, math.fsum(y.flat) / n
    cov = math.fsum((a - mx) * (b - my) for a, b in zip(x.flat, y.flat, strict=True))
    vx = math.fsum((a - mx) ** 2 for a in x.flat)
    vy = math.fsum((b - my) ** 2 for b in y.flat)
    return 1 - cov / math.sqrt(vx * vy)


@_channels
def _local_ncc(x, y, *, window_size=9, eps=1e-5):
    k, found = window_size, []
    for at in itertools.product(*(range(n - k + 1) for n in x.shape)):
        a, b = (t[tuple(slice(i, i + k) for i in at)].ravel() for t in (x, y))
        cov, va, vb = np.mean((a - a.mean()) * (b - b.mean())), a.var(), b.var()
        found.append(cov**2 / (va * vb + eps))
    return 1 - float(np.mean(found))


@_images
def _mutual_information(x, y, *, num_bins=23, sigma_ratio=0.5, data_range=1.0):
    def shares(value):
        value = min(max(value / data_range * (num_bins - 1), 0.0), num_bins - 1.0)
        w = [math.exp(-((value - c) ** 2) / (2 * sigma_ratio**2)) for c in range(num_bins)]
        return [each / math.fsum(w) for each in w]

    joint = np.zeros((num_bins, num_bins))
    for a, b in zip(x.flat, y.flat, strict=True):
        joint += np.outer(shares(a), shares(b)) / x.size
    p, q = joint.sum(1), joint.sum(0)
    return -math.fsum(
        joint[i, j] * math.log(joint[i, j] / (p[i] * q[j]))
        for i, j in itertools.product(range(num_bins), range(num_bins))
        if joint[i, j]
    )


def _mean_square(field, stencil):
    """The mean squared length of a weighted sum of the neighbours at the given offsets."""
    shape, total, count = field.shape[1:], 0.0, 0
    for at in itertools.product(*map(range, shape)):
        points = [(tuple(a + o for a, o in zip(at, off, strict=True)), c) for off, c in stencil]
        if all(p < n for to, _ in points for p, n in zip(to, shape, strict=True)):
            total += sum(sum(c * plane[to] for to, c in points) ** 2 for plane in field)
            count += 1
    return total / max(1, count)


@_images
def _bending(u):
    """Rueckert et al. 1999, eq. 8."""
    d, energy = u.ndim - 1, 0.0
    unit = np.eye(d, dtype=int)
    zero = np.zeros(d, dtype=int)
    for i in range(d):
        energy += _mean_square(u, [(zero, 1), (unit[i], -2), (2 * unit[i], 1)])
        for j in range(i):
            both = [(zero, 1), (unit[i], -1), (unit[j], -1), (unit[i] + unit[j], 1)]
            energy += 2 * _mean_square(u, both)
    return energy


@_images
def _diffusion(u):
    unit = np.eye(u.ndim - 1, dtype=int)
    return sum(_mean_square(u, [(0 * e, -1), (e, 1)]) for e in unit)


@_images
def _silog(x, y, *, lambda_=0.5, eps=1e-6):
    """Eigen et al. 2014, eq. 4."""
    d = [
        math.log(max(a, eps)) - math.log(max(b, eps))
        for a, b in zip(x.flat, y.flat, strict=True)
        if b > 0
    ]
    return math.fsum(v * v for v in d) / len(d) - lambda_ / len(d) ** 2 * math.fsum(d) ** 2


@_images
def _depth_gradient(x, y, *, eps=1e-6):
    """Eigen and Fergus 2015, eq. 1."""
    d = np.log(np.maximum(x, eps)) - np.log(np.maximum(y, eps))
    return sum((d[to] - d[at]) ** 2 for at, after in _neighbours(d.shape) for to in after) / d.size


@_images
def _edge_aware(d, image):
    """Godard et al. 2017, eq. 3, the mean over the pairs along each axis."""
    sums, counts = [0.0, 0.0], [0, 0]
    for at, after in _neighbours(d.shape):
        for to in after:
            axis = 0 if to[0] > at[0] else 1
            edge = sum(abs(plane[to] - plane[at]) for plane in image) / len(image)
            sums[axis] += abs(d[to] - d[at]) * math.exp(-edge)
            counts[axis] += 1
    return sum(s / n for s, n in zip(sums, counts, strict=True))


REFERENCES = {
    "focal_frequency_loss": _focal_frequency,
    "ncc_loss": _ncc,
    "local_ncc_loss": _local_ncc,
    "mutual_information_loss": _mutual_information,
    "bending_energy_loss": _bending,
    "diffusion_regularization_loss": _diffusion,
    "silog_loss": _silog,
    "depth_gradient_loss": _depth_gradient,
    "edge_aware_smoothness_loss": _edge_aware,
    "ssim_loss": _ssim,
    "ms_ssim_loss": _ms_ssim,
    "total_variation_loss": _total_variation,
    "gradient_difference_loss": _gradient_difference,
    "psnr_loss": _psnr,
    "sobel_loss": _sobel,
    "gmsd_loss": _gmsd,
}
