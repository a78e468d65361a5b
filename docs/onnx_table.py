"""Write the table of docs/onnx.md: every loss in torch.export and in ONNX.

``python docs/onnx_table.py [--minutes M] [--again] [NAME ...]`` goes on where it was interrupted:
what docs/onnx.json holds of these versions is not measured again, unless --again asks for it.
"""

import argparse
import importlib.metadata
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossary import catalog
from lossary.check import subject_of
from lossary.check.subject import to
from lossary.files import write_whole
from lossary.interop.export import ExportError, batch_dims, exported, repeated
from lossary.interop.onnx import to_onnx
from lossary.spec import LossSpec, Trait

ROOT = Path(__file__).parent.parent
PAGE, FIGURES = ROOT / "docs" / "onnx.md", ROOT / "docs" / "onnx.json"
BEGIN, END = "<!-- table: written by `python docs/onnx_table.py` -->", "<!-- end of table -->"
VERSIONS = {
    package: importlib.metadata.version(package)
    for package in ("torch", "onnx", "onnxscript", "onnxruntime")
}


class Bound:
    """A loss of the catalog at its usual hyperparameters, which takes a batch's tensors alone."""

    def __init__(self, spec: LossSpec, tensors: tuple[object, ...]) -> None:
        self.spec, self.tensors = spec, tensors
        self.__name__ = spec.name
        # of networks among the operands the places would not be those of the columns
        self.signature = spec.signature if all(isinstance(t, Tensor) for t in tensors) else None
        self.function = spec.function

    def __call__(self, *given: Tensor) -> Tensor:
        rest = iter(given)
        call = (next(rest) if isinstance(t, Tensor) else t for t in self.tensors)
        return self.spec.function(*call, **self.spec.variants[0])


def measured(spec: LossSpec) -> dict[str, Any]:
    """Return what came of exporting a loss: the largest differences, or why it cannot be.

    And whether that holds for any number of samples, or only for that of the example.
    """
    if Trait.RANDOM in spec.traits:
        why = "it draws random numbers, and the program would draw others"
        return {"export": why, "export_any": False, "onnx": why, "onnx_any": False}
    tensors = tuple(to(t, torch.float32) for t in subject_of(spec).example())
    loss = Bound(spec, tensors)
    columns = tuple(t for t in tensors if isinstance(t, Tensor))

    def onnx(dynamic: bool) -> float | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "loss.onnx"
            return to_onnx(nn.Identity(), loss, columns, path, dynamic=dynamic)

    export, export_any = _attempt(lambda dynamic: _exported(loss, columns, dynamic))
    found, onnx_any = _attempt(onnx) if isinstance(export, float) else (export, False)
    return {"export": export, "export_any": export_any, "onnx": found, "onnx_any": onnx_any}


def _attempt(call: Callable[[bool], Any]) -> tuple[Any, bool]:
    """Return what comes of a call for any number of samples, or else for that of the example."""
    why = ""
    for dynamic in (True, False):
        try:
            return call(dynamic), dynamic
        except ExportError as error:
            why = _why(error)
        except Exception as error:  # the program may do whatever it does
            why = f"the program fails: {type(error).__name__}: {str(error)[:200]}"
    return why, False


def _exported(loss: Bound, columns: tuple[Tensor, ...], dynamic: bool) -> float:
    """Return the largest difference of the program, on the batch and on one of another size."""
    program = exported(nn.Identity(), loss, columns, dynamic=dynamic).module()
    batches = [columns]
    if dynamic:
        batches.append(repeated(columns, batch_dims(loss, columns)))
    gaps = []
    for batch in batches:
        want, got = loss(*batch), program(*batch)
        gaps.append(((got - want).abs() / want.abs().clamp(min=1)).max().item())
    return max(gaps)


def _why(error: ExportError) -> str:
    return str(error).partition(" cannot be exported: ")[2] or str(error)


def table(losses: dict[str, dict[str, Any]]) -> str:
    """Return a row per loss."""
    shown = {s.name: losses[s.name] for s in catalog() if s.name in losses}
    works = {
        kind: sum(isinstance(each[kind], float) for each in shown.values())
        for kind in ("export", "onnx")
    }
    fixed = {
        kind: sum(
            isinstance(each[kind], float) and not each[f"{kind}_any"] for each in shown.values()
        )
        for kind in ("export", "onnx")
    }
    lines = [
        f"Of {len(catalog())} losses {len(shown)} were tried. In torch.export "
        f"{works['export']} work, "
        f"{fixed['export']} of them for one number of samples only; in ONNX {works['onnx']}, "
        f"{fixed['onnx']} of them for one number of samples only.",
        "",
        "| loss | torch.export | ONNX |",
        "|---|---:|---:|",
    ]
    reasons: dict[str, list[str]] = {}
    for name, each in shown.items():
        for kind in ("export", "onnx"):
            if isinstance(each[kind], str):
                reasons.setdefault(each[kind], []).append(name)
        cells = " | ".join(_cell(each[k], each[f"{k}_any"]) for k in ("export", "onnx"))
        lines.append(f"| `{name}` | {cells} |")
    lines += ["", "## Why not", "", "| why | losses |", "|---|---|"]
    for reason, names in sorted(reasons.items(), key=lambda each: -len(each[1])):
        listed = ", ".join(f"`{n}`" for n in dict.fromkeys(names))
        lines.append(f"| {reason.replace('|', '/')} | {listed} |")
    versions = ", ".join(f"{package} {version}" for package, version in VERSIONS.items())
    return "\n".join([*lines, "", f"With {versions}."])


def _cell(found: float | str, any_number: bool) -> str:
    if isinstance(found, str):
        return "no"
    shown = f"{found:.0e}" if found else "0"
    return shown if any_number else f"{shown}, one size"


def with_table(page: str, rows: str) -> str:
    """Return the page with these rows."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{after}"


def first() -> list[LossSpec]:
    """Return the losses of the catalog, those that claim most first: others have them too."""
    return sorted(catalog(), key=lambda s: -bin(s.traits.value).count("1"))


def main() -> None:
    """Measure what is not known yet, and write figures and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--again", action="store_true")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    losses = known.get("losses", {}) if known.get("versions") == VERSIONS else {}
    until = time.monotonic() + 60 * asked.minutes
    for spec in first():
        wanted = spec.name in asked.names if asked.names else True
        if not wanted or (spec.name in losses and not asked.again):
            continue
        if time.monotonic() > until:
            break
        losses[spec.name] = measured(spec)
        print(spec.name, losses[spec.name], flush=True)
        content = {"versions": VERSIONS, "losses": dict(sorted(losses.items()))}
        write_whole(FIGURES, json.dumps(content, indent=1) + "\n")
    write_whole(PAGE, with_table(PAGE.read_text(encoding="utf-8"), table(losses)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main()
