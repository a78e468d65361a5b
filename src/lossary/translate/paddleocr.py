"""PaddleOCR: its losses, called as ``loss(predicts, batch)``."""

from __future__ import annotations

from .framework import Framework

PADDLEOCR = Framework(
    name="PaddleOCR",
    packages=("ppocr",),
    homes={"ppocr.losses": "lossary.migrate.paddleocr"},
    rest="PaddleOCR's: change it to PyTorch's by hand",
    caution=(
        "tensors of PaddleOCR and of PyTorch do not mix: the script runs when all that is left "
        "alone is PyTorch's"
    ),
)
