"""Write the tables of docs/migration.md: our losses by other names, against those frameworks."""

import functools
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lossary.files import write_whole

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from migrate.outcomes import Outcome, golden, outcomes  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "migration.md"
BEGIN, END = "<!-- tables: written by `make references` -->", "<!-- end of tables -->"
FLOOR = 1e-6  # numbers below count as this
FRAMEWORKS = {
    "torch": "PyTorch",
    "mindspore": "MindSpore",
    "paddle": "Paddle",
    "paddleocr": "PaddleOCR",
    "keras": "Keras",
    "optax": "Optax",
}
# with how many digits the framework computed; the others do so in single precision
DOUBLE = {"torch", "keras", "optax"}

OWN = "is torch's own here, as every other name of torch is"
NO_KERNEL = "no kernel for the CPU; held against the examples of MindSpore's documentation"
BASE = "has no value of its own: every loss is one"
DETECTOR = "the loss of one detector alone"
TRAINED = "needs a trained network of PaddleOCR's"
# names that are here, with no numbers of the framework beside them
UNCOMPARED: dict[str, dict[str, str]] = {
    "mindspore": {
        "L1LossExt": NO_KERNEL,
        "LossBase": BASE,
        "MultilabelMarginLoss": NO_KERNEL,
        "SoftMarginLoss": NO_KERNEL,
        "TripletMarginLoss": NO_KERNEL,
    },
    "paddle": {"HuberLoss": "`SmoothL1Loss` by another name"},
    "keras": {"Loss": BASE},
    "optax": {"make_fenchel_young_loss": "makes a loss of a function; held against an identity"},
}
# names that are not here
ABSENT: dict[str, dict[str, str]] = {
    "torch": {
        "AdaptiveLogSoftmaxWithLoss": OWN,
        "LinearCrossEntropyLoss": OWN,
        "linear_cross_entropy": OWN,
    },
    "paddle": {"margin_cross_entropy": "no kernel for the CPU to compare with"},
    "paddleocr": {
        "CTCDKDLoss": "a part of `DistillCTCLogits`, which is here",
        "CTLoss": DETECTOR,
        "CosineEmbeddingLoss": "a part of `AsterLoss`, which is here",
        "DRRGLoss": DETECTOR,
        "DistillationNRTRDMLLoss": "fails there: it gives the loss below it an argument too many",
        "EnhancedCTCLoss": "cannot be configured there; `CombinedLoss` of its parts is the same",
        "FCELoss": DETECTOR,
        "KLCTCLogits": "a part of `DistillCTCLogits`, which is here",
        "PGLoss": DETECTOR,
        "SmoothL1Loss": "a part of `CTLoss`",
        "StrokeFocusLoss": TRAINED,
        "TelescopeLoss": TRAINED,
    },
    "keras": {
        "deserialize": "no loss: makes one of a configuration",
        "get": "no loss: finds one by its name",
        "serialize": "no loss: makes a configuration of one",
    },
    "optax": {"ctc_loss_with_forward_probs": "returns forward probabilities, which torch has not"},
}


@dataclass
class Difference:
    """The largest differences of a name, over all of its cases."""

    cases: int = 0
    value: float = 0.0
    gradient: float | None = None
    replaced: int = 0

    def add(self, outcome: Outcome) -> None:
        """Take a case in."""
        self.cases += 1
        self.value = max(self.value, self._relative(outcome.value, outcome.wanted))
        for ours, theirs in outcome.gradients:
            self.gradient = max(self.gradient or 0.0, self._relative(ours, theirs))

    def _relative(self, ours: Tensor, theirs: Tensor) -> float:
        """Return the largest difference relative to the largest number that is wanted.

        A number that the framework has not, and we have, is counted in its place.
        """
        known = theirs.isfinite()
        same = (ours == theirs) | (ours.isnan() & theirs.isnan())
        self.replaced += int((~known & ~same).sum())
        if not known.any():
            return 0.0
        ours, theirs = ours[known].double(), theirs[known].double()
        apart = (ours - theirs).abs().nan_to_num(torch.inf).max()  # a nan of ours is no equal
        return (apart / theirs.abs().max().clamp(min=FLOOR)).item()


@functools.cache
def differences(framework: str) -> dict[str, Difference]:
    """Return the largest differences by name, in the greatest precision that there is."""
    found: dict[str, Difference] = {}
    for outcome in outcomes(framework, "float64" if framework in DOUBLE else "float32"):
        found.setdefault(outcome.name, Difference()).add(outcome)
    return dict(sorted(found.items()))


def public(framework: str) -> set[str]:
    """Return the names of the framework's losses, as it lists them itself."""
    if framework == "torch":
        endings = ("Loss", "_loss", "cross_entropy", "cross_entropy_with_logits", "kl_div")
        names = {*dir(nn), *dir(nn.functional)}
        return {n for n in names if n.endswith(endings) and n[0] != "_"}
    names = golden(framework)["public"]
    if framework == "paddleocr":
        # basic_loss has losses whose names others have too
        return {
            f"basic.{name}" if file == "basic_loss" else name
            for file, found in names.items()
            for name in found
        }
    return (
        {name for found in names.values() for name in found}
        if isinstance(names, dict)
        else {*names}
    )


def version(framework: str) -> str:
    """Return which version was asked."""
    if framework == "torch":
        return torch.__version__.partition("+")[0]
    package = {"paddle": "paddlepaddle"}.get(framework, framework)
    return str(golden(framework)["versions"][package])


def tables() -> str:
    """Return the table of the frameworks, and for each those of its names."""
    lines = [
        "| framework | names covered | cases | computed in | value | gradient | replaced |",
        "|---|---:|---:|---|---:|---:|---:|",
    ]
    details = []
    for framework, title in FRAMEWORKS.items():
        found = differences(framework)
        here, absent = UNCOMPARED.get(framework, {}), ABSENT.get(framework, {})
        unknown = public(framework) ^ {*found, *here, *absent}
        if unknown:
            raise ValueError(f"{title}: neither compared nor explained: {sorted(unknown)}")
        covered = len(found) + len(here)
        worst = Difference(
            sum(each.cases for each in found.values()),
            max(each.value for each in found.values()),
            max(each.gradient or 0.0 for each in found.values()),
            sum(each.replaced for each in found.values()),
        )
        precision = "float64" if framework in DOUBLE else "float32"
        lines.append(
            f"| {title} {version(framework)} | {covered} of {covered + len(absent)} "
            f"| {worst.cases} | {precision} {row(worst)}"
        )
        details += [
            "",
            f"## {title}",
            "",
            "| name | cases | value | gradient | replaced |",
            "|---|---:|---:|---:|---:|",
            *(f"| `{name}` | {each.cases} {row(each)}" for name, each in found.items()),
        ]
        for heading, reasons in (("Without a comparison", here), ("Not covered", absent)):
            if reasons:
                details += ["", f"{heading}:", ""]
                details += [f"- `{name}`: {reason}" for name, reason in sorted(reasons.items())]
    return "\n".join([*lines, *details])


def row(found: Difference) -> str:
    """Return the last cells of a row."""
    slope = "-" if found.gradient is None else f"{found.gradient:.0e}"
    cells = (f"{found.value:.0e}", slope, str(found.replaced or "-"))
    return " ".join(f"| {'0' if cell == '0e+00' else cell}" for cell in cells) + " |"


def with_tables(page: str, text: str) -> str:
    """Return the page with these tables."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    text = with_tables(PAGE.read_text(encoding="utf-8"), tables())
    write_whole(PAGE, text)
