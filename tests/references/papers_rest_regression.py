"""The definitions of relative and scaled errors, summed one number at a time."""

import math

import torch


def _rows(function):
    def units(x, y, *, eps=1e-6):
        rows = zip(x.tolist(), y.tolist(), strict=True)
        found = [function(row, truth, eps) for row, truth in rows]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _relative(power, centred):
    """A sum of powers of errors, divided by that of the target or of its distances to the mean."""

    def row(x, y, eps):
        middle = math.fsum(y) / len(y) if centred else 0.0
        error = math.fsum(abs(a - b) ** power for a, b in zip(x, y, strict=True))
        return error / max(eps, math.fsum(abs(b - middle) ** power for b in y))

    return _rows(row)


def _relative_l2(x, y, eps):
    return math.dist(x, y) / max(eps, math.hypot(*y))


def _mase(x, y, scale, *, eps=1e-6):
    units = torch.empty_like(x)
    for n in range(len(x)):
        for at in range(x[n].numel()):
            error = abs(x[n].flatten()[at].item() - y[n].flatten()[at].item())
            units[n].view(-1)[at] = error / max(scale[n].item(), eps)
    return units


REFERENCES = {
    "relative_squared_loss": _relative(2, centred=True),
    "relative_absolute_loss": _relative(1, centred=True),
    "nmse_loss": _relative(2, centred=False),
    "relative_l2_loss": _rows(_relative_l2),
    "mase_loss": _mase,
}
