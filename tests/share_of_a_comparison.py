"""One process of two: its share of a batch, of losses that compare samples and of others.

Run by test_across_processes.py as ``share_of_a_comparison.py RANK PORT FOLDER``.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import lossary
from lossary import catalog
from lossary.check import subject_of
from lossary.kernels import pairs
from lossary.losses.metric.multiple_negatives import MultipleNegativesRankingLoss
from lossary.losses.metric.siglip import SigLIPLoss
from lossary.processes import AcrossProcesses
from lossary.spec import LossSpec, Trait

SIZES = (2, 5)  # samples of each process
COMPARING = [
    s
    for s in catalog()
    if ("parts_add" in s.exempt or not {"N", "*"} & set(s.signature.unit))
    and not (Trait.RANDOM | Trait.NOT_DIFFERENTIABLE) & s.traits
    and not s.owned
    and s.example is None
]


class OwnLoss(lossary.LossBase):
    """A loss of a user, made of one that goes by rows and of one that does not."""

    takes = "real N D, real N D -> N"

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        found = lossary.info_nce_loss(input, target, reduction="none")
        return found + (input - target.mean(0)).square().sum(1)


def losses() -> dict[str, tuple[nn.Module, str]]:
    """Make Modules, some with parameters, and say what they take besides embeddings."""

    def learned(value: float) -> nn.Parameter:
        return nn.Parameter(torch.tensor(value, dtype=torch.float64))

    return {
        "InfoNCE": (lossary.InfoNCELoss(), "y"),
        "CLIP": (lossary.CLIPLoss(temperature=learned(0.3)), "y"),
        "SigLIP": (SigLIPLoss(temperature=learned(0.3), bias=learned(-1.0)), "y"),
        "ranking": (MultipleNegativesRankingLoss(temperature=learned(0.3)), "yn"),
        "SupCon": (lossary.SupervisedContrastiveLoss(temperature=learned(0.3)), "c"),
        "multi-similarity": (lossary.MultiSimilarityLoss(), "c"),
        "circle": (lossary.CircleLoss(gamma=4.0), "c"),
        "batch hard": (lossary.BatchHardTripletLoss(), "c"),
        "lifted": (lossary.LiftedStructureLoss(), "c"),
        "sum": (lossary.SupervisedContrastiveLoss(reduction="sum"), "c"),
        "margin": (lossary.MarginLoss(3).double(), "c"),
        "features": (lossary.FeatureMatchingLoss(), "y"),
        "own": (OwnLoss(), "y"),
        "additive": (lossary.HuberLoss(), "y"),
    }


def samples(weighted: bool) -> dict[str, Tensor]:
    """Make seven samples."""
    g = torch.Generator().manual_seed(0)
    x, y, n = (torch.randn(7, *s, generator=g, dtype=torch.float64) for s in ((4,), (3,), (2, 3)))
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.5, 0.0, 3.0], dtype=torch.float64)
    weight = weight if weighted else torch.ones_like(weight)
    return {"x": x, "y": y, "n": n, "c": torch.tensor([0, 1, 0, 2, 1, 1, 2]), "w": weight}


def network() -> nn.Module:
    """Make the network that the processes share."""
    layer = nn.Linear(4, 3).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 1, 12).sin().reshape(3, 4))
        layer.bias.copy_(torch.tensor([0.1, 0.2, -0.1]))
    return layer


def step(name: str, net: nn.Module, loss: nn.Module, own: slice, weighted: bool) -> list[Tensor]:
    """Return value and gradients: of the network's parameters, the loss's and the embeddings."""
    batch = {key: value[own] for key, value in samples(weighted).items()}
    embeddings = net(batch["x"])
    embeddings.retain_grad()
    weight = batch["w"]
    if name == "features":
        weight = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
    if name == "additive":
        weight = weight.unsqueeze(1)
    takes = losses()[name][1]
    value = loss(embeddings, *(batch[t] for t in takes), weight=weight if weighted else None)
    value.backward()
    found = [p.grad for p in (*net.parameters(), *loss.parameters())]
    return [value.detach(), *found, embeddings.grad]


def batch(spec: LossSpec) -> tuple[tuple[Tensor, ...], Tensor]:
    """Make seven samples for a loss of the catalog, and weights."""
    elementwise = not any("N" in o.dims for either in spec.signature.operands for o in either)
    sizes = {"N": (7,), "*": (7, 2) if elementwise else (2,)}
    subject = subject_of(spec)
    tensors = subject.example(sizes=sizes)
    shape = spec.signature.unit_shape(spec.signature.match(tensors, {}).sizes)
    weight = 1 + torch.arange(shape.numel(), dtype=torch.float64).reshape(shape) % 3
    return tensors, weight


def of_catalog(spec: LossSpec, own: slice, across: bool) -> tuple[Tensor, Tensor]:
    """Return the value, and the gradient over the first tensor."""
    tensors, weight = batch(spec)
    mine = [t[own] for t in tensors]
    mine[0] = mine[0].clone().requires_grad_()
    loss = spec.module(**spec.variants[0])
    of_samples = spec.signature.unit[:1] in (("N",), ("*",))
    wrapped = AcrossProcesses(loss) if across else loss
    value = wrapped(*mine, weight=weight[own] if of_samples else weight)
    return value.detach(), torch.autograd.grad(value, mine[0])[0]


def worker(rank: int, port: int, folder: str) -> None:
    """Compute a share of every loss."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    own = slice(0, SIZES[0]) if rank == 0 else slice(SIZES[0], None)
    found = {}
    for at_once in (1 << 20, 14):  # all rows, and two rows at a time
        pairs.AT_ONCE = at_once
        for weighted in (False, True):
            for name, (loss, _) in losses().items():
                net = DistributedDataParallel(network())
                value, *gradients, of_own = step(name, net, AcrossProcesses(loss), own, weighted)
                for gradient in gradients[2:]:  # of the loss's parameters: what DDP would do
                    dist.all_reduce(gradient)
                    gradient /= 2
                found[name, weighted, at_once] = [value, *gradients, of_own / 2]
    for spec in COMPARING:
        found[spec.name] = of_catalog(spec, own, across=True)
    empty = slice(0, 0) if rank == 0 else slice(None)
    value, *_ = step("SupCon", network(), AcrossProcesses(losses()["SupCon"][0]), empty, True)
    found["empty"] = value
    lone = torch.ones(rank, 3, requires_grad=True)  # 12 bytes, and a class of 8 after them
    value = AcrossProcesses(lossary.MultiSimilarityLoss())(
        lone, torch.zeros(rank, dtype=torch.long)
    )
    value.backward()
    found["one"] = value.detach()
    x = torch.randn(3, 2 + rank)
    try:
        AcrossProcesses(lossary.InfoNCELoss())(x, x)
    except ValueError as error:
        found["error"] = str(error)
    half = torch.ones(2, 3, dtype=torch.bfloat16) * (1 + rank)
    mask = torch.tensor([True, rank == 1])
    loss = AcrossProcesses(lossary.InfoNCELoss(reduction="parts"))
    found["half"] = loss(half, half, weight=mask)
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    worker(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
