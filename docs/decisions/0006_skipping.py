"""What skipping small softmax entries would save and cost, for decision 6."""

import torch

ROWS, FEATURES, CLASSES = 512, 512, 32000  # a chunk of linear cross-entropy


def main() -> None:
    """Print, for models more and more sure, the columns skipped and the errors at thresholds."""
    torch.manual_seed(0)
    w = torch.randn(CLASSES, FEATURES) / FEATURES**0.5
    y = torch.randint(CLASSES, (ROWS,))
    print(
        "| lead of the right logit | its p | threshold | columns skipped | error of the gradient |"
    )
    print("|---:|---:|---:|---:|---:|")
    for lead in (8.0, 14.0, 20.0, 30.0):
        x = w[y] * lead + torch.randn(ROWS, FEATURES) * 0.5
        p = (x @ w.T).softmax(1)
        gradient = p.clone()
        gradient[torch.arange(ROWS), y] -= 1
        peaks = (gradient.abs() / gradient.abs().amax(1, keepdim=True)).amax(0)
        whole = gradient.double() @ w.double()
        rounding = ((gradient @ w).double() - whole).norm() / whole.norm()
        for name, threshold in (
            ("2^-24 / V", 2.0**-24 / CLASSES),
            ("2^-24", 2.0**-24),
            ("2^-12", 2.0**-12),
        ):
            kept = peaks > threshold
            part = gradient[:, kept].double() @ w[kept].double()
            error = (part - whole).norm() / whole.norm()
            own = p[torch.arange(ROWS), y].mean()
            left = 1 - kept.float().mean()
            told = f"{error:.1e} (rounding {rounding:.1e})"
            print(f"| {lead:g} | {own:.3f} | {name} | {left:.1%} | {told} |")


if __name__ == "__main__":
    main()
