"""The robust norms of statsmodels."""

import torch
from statsmodels.robust import norms


def _norm(made):
    def units(x, y, **hyper):
        return torch.from_numpy(made(**hyper).rho((x - y).numpy()))

    return units


REFERENCES = {
    "tukey_biweight_loss": _norm(lambda scale=4.685: norms.TukeyBiweight(scale)),
    "andrews_wave_loss": _norm(lambda scale=1.339: norms.AndrewWave(scale)),
    "huber_loss": _norm(lambda delta=1.0: norms.HuberT(delta)),
    "half_mse_loss": _norm(norms.LeastSquares),
}
