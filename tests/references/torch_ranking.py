"""PyTorch's own functions of pairs of scores."""

import torch.nn.functional as F

REFERENCES = {
    "margin_ranking_loss": lambda a, b, y, margin=0.0: F.margin_ranking_loss(
        a, b, y, margin, reduction="none"
    ),
}
