"""Write the tables of docs/trust.md: what works with every loss, and how exact it is."""

import math
import sys
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor

from lossary import catalog
from lossary.check import examine, subject_of
from lossary.check.subject import Subject, Tensors
from lossary.spec import LossSpec, Trait

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from references import REFERENCES  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "trust.md"
LAWS = {
    "backward": "gradient",
    "double backward": "second_gradient",
    "func, vmap, jvp": "transforms",
    "compile": "compiles",
    "fused": "fused_agrees",
    "export": "exports",
    "meta device": "devices",
    "parts add": "parts_add",
}
SIGNS = {"passed": "yes", "failed": "no", "expected": "no", "skipped": "n/a"}
SCALES = [10.0**k for k in range(-3, 5)]
FLOOR = 1e-6  # numbers below count as this: who has an entropy of 1e-30 has none
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def support() -> str:
    """Return a row per loss: which transforms it stands, by the laws that say so."""
    lines = ["| loss | " + " | ".join(LAWS) + " |", "|---|" + "---|" * len(LAWS)]
    return "\n".join([*lines, *side_by_side(supported, range(len(catalog())))])


def supported(place: int) -> str:
    """Return the row of a loss."""
    spec = catalog()[place]
    subject = subject_of(spec)
    subject = replace(subject, variants=subject.variants[:1])  # compiling takes its time
    found = [SIGNS[examine(subject, law).outcome] for law in LAWS.values()]
    return f"| `{spec.name}` | " + " | ".join(found) + " |"


def errors() -> str:
    """Return a row per loss: the worst relative error of a unit, and of a gradient."""
    names = [str(dtype).removeprefix("torch.") for dtype in DTYPES]
    heads = [f"{kind}, {name}" for name in names for kind in ("value", "gradient")]
    lines = ["| loss | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    places = [
        place
        for place, spec in enumerate(catalog())
        if spec.example is None and Trait.RANDOM not in spec.traits
    ]
    return "\n".join([*lines, *side_by_side(measured, places)])


def measured(place: int) -> str:
    """Return the row of a loss."""
    spec = catalog()[place]
    cells = [f"{error:.1e}" for dtype in DTYPES for error in worst(spec, dtype)]
    return f"| `{spec.name}` | " + " | ".join(cells) + " |"


def side_by_side(work: Callable[[int], str], places: Iterable[int]) -> list[str]:
    """Do the work in as many processes as there are processors, each with one thread."""
    with ProcessPoolExecutor(initializer=quietly, mp_context=get_context("spawn")) as processes:
        return list(processes.map(work, places))


def quietly() -> None:
    """Set up a process."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def worst(spec: LossSpec, dtype: torch.dtype) -> tuple[float, float]:
    """Return the worst errors over magnitudes, seeds and hyperparameters.

    The error of a value is relative to the largest unit of the batch, that of a gradient to its
    largest entry. Values are held against the independent implementation in double precision,
    gradients against ours in double precision, which finite differences have confirmed.
    """
    subject = subject_of(spec)
    source = next(known[spec.name] for known in REFERENCES.values() if spec.name in known)
    of_value = of_slope = 0.0
    for scale in SCALES:
        for seed in range(3):
            for tensors, hyper in subject.cases(seed=seed, sizes={"N": (16,)}):
                low = rounded(subject, tensors, scale, dtype, hyper)
                exact = tuple(t.double() if t.is_floating_point() else t for t in low)
                want = torch.as_tensor(source(*exact, **hyper), dtype=torch.float64)
                got = subject.units(low, hyper).double()
                of_value = max(of_value, relative(got, want, dtype))
                if Trait.NOT_DIFFERENTIABLE not in spec.traits:
                    of_slope = max(of_slope, relative(*slopes(subject, low, exact, hyper), dtype))
    return of_value, of_slope


def rounded(
    subject: Subject, tensors: Tensors, scale: float, dtype: torch.dtype, hyper: object
) -> Tensors:
    """Return the tensors at a magnitude, rounded to a dtype."""
    operands = subject.signature.match(tensors, {}).operands
    scaled = [
        t * scale if o.domain == "real" else t for t, o in zip(tensors, operands, strict=True)
    ]
    return tuple(t.to(dtype) if t.is_floating_point() else t for t in scaled)


def slopes(subject: Subject, low: Tensors, exact: Tensors, hyper: object) -> tuple[Tensor, Tensor]:
    """Return the gradients of the first tensor in both precisions."""
    found = []
    for tensors in (low, exact):
        x = tensors[0].detach().requires_grad_()
        total = subject.call((x, *tensors[1:]), hyper, None, "parts")[0]
        found.append(torch.autograd.grad(total, x)[0].double())
    return found[0], found[1]


def relative(got: Tensor, want: Tensor, dtype: torch.dtype) -> float:
    """Return the largest difference, relative to the largest number that is wanted."""
    largest = want.abs().max().item()
    if largest > torch.finfo(dtype).max:
        return 0.0  # the true number does not fit
    error = ((got - want).abs().max() / max(largest, FLOOR, torch.finfo(dtype).tiny)).item()
    return error if math.isfinite(error) else math.inf


def with_tables(page: str) -> str:
    """Return the page with the tables of today."""
    for name, table in (("errors", errors), ("support", support)):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table()}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
