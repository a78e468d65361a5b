"""Write the table of docs/verification.md: every loss against every implementation of others."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lossary import catalog
from lossary.check import subject_of
from lossary.check.subject import Subject, Tensors
from lossary.spec import Trait

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from references import MISSING, REFERENCES  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "verification.md"
BEGIN, END = "<!-- table: written by `make references` -->", "<!-- end of table -->"
FLOOR = 1e-6  # numbers below count as this
STEP = 1e-5  # of the finite differences of a reference


def table() -> str:
    """Return a row per loss and source: the largest relative differences of value and gradient."""
    others = {n for s, known in REFERENCES.items() if not s.startswith("papers") for n in known}
    lines = [f"{len(others)} losses are held against packages, all against something.", ""]
    lines += ["| loss | held against | value | gradient |", "|---|---|---:|---:|"]
    for spec in catalog():
        for source, known in sorted(REFERENCES.items()):
            if spec.name in known:
                value, slope = differences(subject_of(spec), known[spec.name])
                shown = "-" if slope is None else f"{slope:.0e}"
                lines.append(f"| `{spec.name}` | {source} | {value:.0e} | {shown} |")
    return "\n".join(lines)


def differences(subject: Subject, source: Callable[..., Any]) -> tuple[float, float | None]:
    """Return the largest differences, relative to the largest number, in double precision."""
    of_value, of_slope = 0.0, None
    stops = "gradient" in subject.expected or Trait.NOT_DIFFERENTIABLE in subject.traits
    for tensors, hyper in subject.cases():
        got = subject.units(tensors, hyper)
        want = torch.as_tensor(source(*tensors, **hyper), dtype=torch.float64)
        of_value = max(of_value, relative(got, want))
        if stops or Trait.RANDOM in subject.traits:
            continue
        first = subject.differentiable(tensors)[0]
        if subject.signature.match(tensors, {}).operands[first].domain != "real":
            continue  # a step off the simplex means something else to everybody
        found = slopes(subject, source, tensors, dict(hyper), first)
        of_slope = max(of_slope or 0.0, relative(*found))
    return of_value, of_slope


def slopes(
    subject: Subject, source: Callable[..., Any], tensors: Tensors, hyper: Any, first: int
) -> tuple[Tensor, Tensor]:
    """Return our gradient of the sum, and the finite differences of the reference."""
    x = tensors[first].detach().clone().requires_grad_()
    given = [*tensors[:first], x, *tensors[first + 1 :]]
    (ours,) = torch.autograd.grad(subject.call(tuple(given), hyper, None, "sum"), x)
    theirs = torch.zeros_like(ours)
    for i in range(x.numel()):
        ends = []
        for step in (STEP, -STEP):
            given[first] = x.detach().clone()
            given[first].view(-1)[i] += step
            ends.append(torch.as_tensor(source(*given, **hyper), dtype=torch.float64).sum())
        theirs.view(-1)[i] = (ends[0] - ends[1]) / (2 * STEP)
    return ours, theirs


def relative(got: Tensor, want: Tensor) -> float:
    """Return the largest difference relative to the largest number that is wanted."""
    if not want.numel():
        return 0.0
    return ((got - want).abs().max() / want.abs().max().clamp(min=FLOOR)).item()


def with_table(page: str, rows: str) -> str:
    """Return the page with these rows."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{after}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if MISSING:
        sys.exit(f"not installed: {', '.join(sorted(set(MISSING.values())))}; `make references`")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), table()), encoding="utf-8")
