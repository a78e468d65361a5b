"""PyTorch's own kernel, which takes log-probabilities, time first, and labels that are classes."""

import torch.nn.functional as F


def _ctc(x, y, input_lengths, target_lengths, *, blank=0, infeasible="raise", per_label=False):
    units = F.ctc_loss(
        x.transpose(0, 1), y.clamp(0, x.shape[2] - 1), input_lengths, target_lengths, blank=blank,
        reduction="none", zero_infinity=infeasible == "ignore",
    )  # fmt: skip
    return units / target_lengths.clamp(min=1) if per_label else units


REFERENCES = {
    "ctc_loss": lambda x, *rest, **hyper: _ctc(x.log_softmax(2), *rest, **hyper),
    "ctc_nll_loss": _ctc,
}
