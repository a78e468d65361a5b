"""POT: solvers of optimal transport."""

import numpy as np
import ot
import torch


def _each(function):
    def units(x, y, **hyper):
        pairs = zip(x.numpy(), y.numpy(), strict=True)
        found = [float(function(a, b, **hyper)) for a, b in pairs]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _sinkhorn(x, y, *, epsilon=0.1, iterations=50):
    """The dual value of the potentials that as many iterations give; without a stopping rule."""

    def cost(a, b):
        squares = ot.dist(a, b) / 2
        p, q = ot.unif(len(a)), ot.unif(len(b))
        with np.errstate(over="ignore"):  # of the plan, long before it is one
            _, log = ot.bregman.sinkhorn_log(
                p, q, squares, epsilon, numItermax=iterations, stopThr=0, log=True, warn=False
            )
        # its potentials carry the logarithms of the weights
        f, g = log["log_u"] - np.log(p), log["log_v"] - np.log(q)
        return epsilon * (p @ f + q @ g)

    return cost(x, y) - cost(x, x) / 2 - cost(y, y) / 2


REFERENCES = {
    "wasserstein_1d_loss": _each(lambda x, y, p=1.0: ot.wasserstein_1d(x, y, p=p)),
    "sinkhorn_divergence": _each(_sinkhorn),
}
