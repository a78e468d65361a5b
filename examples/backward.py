"""What backward() puts into .grad.

A loss is a number computed from parameters. backward() follows the computation back and adds, to
the .grad of each parameter, how the loss changes with it. It adds: call zero_grad() before the
next step.
"""

import torch
from torch import nn

from lossary import mse_loss


def main() -> None:
    """Show the gradient before, after one and after two calls of backward()."""
    line = nn.Linear(1, 1)
    with torch.no_grad():
        line.weight.fill_(1.0)
        line.bias.fill_(0.0)
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]])
    print(f"before backward:  weight.grad = {line.weight.grad}, bias.grad = {line.bias.grad}")

    loss = mse_loss(line(x), y)  # ((1 - 3)^2 + (2 - 5)^2) / 2 = 6.5
    loss.backward()
    # d loss / d weight = mean of 2 (prediction - y) x = (2 * -2 * 1 + 2 * -3 * 2) / 2 = -8
    # d loss / d bias   = mean of 2 (prediction - y)   = (2 * -2     + 2 * -3    ) / 2 = -5
    assert line.weight.grad is not None
    assert line.bias.grad is not None
    print(f"loss = {loss.item()}")
    print(
        f"after backward:   weight.grad = {line.weight.grad.item()}, "
        f"bias.grad = {line.bias.grad.item()}"
    )

    mse_loss(line(x), y).backward()
    print(f"once more:        weight.grad = {line.weight.grad.item()} (it adds up)")

    line.zero_grad()
    print(f"after zero_grad:  weight.grad = {line.weight.grad}")


if __name__ == "__main__":
    main()
