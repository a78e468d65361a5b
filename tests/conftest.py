"""Every test process computes on one thread: the tests run side by side."""

import torch

torch.set_num_threads(1)
