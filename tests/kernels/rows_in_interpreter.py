"""The kernel of the GPU in Triton's interpreter, on the CPU: `TRITON_INTERPRET=1 python FILE`."""

import torch

from lossary.kernels import rows_triton
from lossary.losses.classification.linear_cross_entropy import _of_logits

PLAIN = {
    "class_weight": None,
    "label_smoothing": 0.0,
    "z_loss": 0.0,
    "softcap": None,
    "temperature": 1.0,
}
CASES = (
    {},
    {"label_smoothing": 0.1, "z_loss": 0.01},
    {"softcap": 2.0, "temperature": 0.5, "z_loss": 0.01},
    {"class_weight": torch.linspace(0, 2, 300), "label_smoothing": 0.2},
)
rows_triton.LONGEST = 128  # several blocks per row


def main() -> None:
    """Compare values and gradients with those of the definition."""
    generator = torch.Generator().manual_seed(0)
    for options in CASES:
        for dtype in (torch.float32, torch.bfloat16):
            for weight in (None, torch.rand(17, generator=generator)):
                z = (3 * torch.randn(17, 300, generator=generator)).to(dtype)
                y = torch.randint(300, (17,), generator=generator)
                given = {**PLAIN, **options, "weight": weight}
                exact = z.float().requires_grad_()
                want = _of_logits(exact, y, **given, reduction="parts")
                (slope,) = torch.autograd.grad(want[0], exact)
                close = (
                    {"rtol": 1e-5, "atol": 1e-6}
                    if dtype == torch.float32
                    else {"rtol": 1e-2, "atol": 1e-5}
                )
                rows = rows_triton.RowsOnGpu()
                units = rows(z, y, **given, reduction="none")
                torch.testing.assert_close(
                    units,
                    _of_logits(exact.detach(), y, **given, reduction="none"),
                    rtol=1e-5,
                    atol=1e-5,
                )
                parts = rows.into_gradient(z, y, **given)
                torch.testing.assert_close(parts, want.detach(), rtol=1e-5, atol=1e-5)
                torch.testing.assert_close(z.float(), slope, **close)
    print("agrees")


if __name__ == "__main__":
    main()
