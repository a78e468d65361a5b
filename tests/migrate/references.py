"""Run the programs of the golden files anew, each in its framework, and compare what they write.

    python tests/migrate/references.py                    # all, in new environments
    python tests/migrate/references.py keras optax        # some
    python tests/migrate/references.py --environments ~/frameworks --ppocr ~/PaddleOCR

An environment is made in the folder of --environments, or in a temporary one, and used again if it
is there already with these versions. The golden files stay as they are; with --keep those that
differ are replaced. Exit status 1 if anything differs.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PADDLEOCR = "https://github.com/PaddlePaddle/PaddleOCR"
COMMIT = "6d2110b"  # June 2026; its releases on PyPI have no ppocr


@dataclass(frozen=True)
class Environment:
    """What is installed, and the programs that run in it."""

    packages: tuple[str, ...]
    programs: tuple[str, ...]
    needs_ppocr: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


ENVIRONMENTS = {
    "mindspore": Environment(
        ("mindspore==2.10.0", "numpy==1.26.4"),  # it was built for numpy 1
        ("mindspore", "scripts_mindspore"),
    ),
    "paddle": Environment(
        (
            "paddlepaddle==3.3.1",
            "numpy==2.4.6",
            "opencv-python-headless==5.0.0.93",
            "pyyaml==6.0.3",
        ),
        ("paddle", "paddleocr", "scripts_paddleocr"),
        needs_ppocr=("paddleocr", "scripts_paddleocr"),
    ),
    "keras": Environment(
        ("keras==3.15.1", "torch==2.13.0", "numpy==2.4.6"),
        ("keras",),
        variables=(("KERAS_BACKEND", "torch"),),
    ),
    "optax": Environment(
        ("optax==0.2.8", "jax==0.10.2", "jaxlib==0.10.2", "numpy==2.4.6"), ("optax",)
    ),
}

# A number may differ by so much of itself, or of the largest number beside it: another processor
# adds in another order. Numbers of double precision have more than nine digits.
SINGLE, DOUBLE = 1e-5, 1e-11


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the packages of an environment, without local parts."""
    command = [python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {p["name"].lower(): p["version"].partition("+")[0] for p in json.loads(listed)}


def python_of(name: str, folder: Path) -> Path:
    """Return the Python of an environment, which is made if it is not there."""
    root = folder / name
    python = root / "bin" / "python"
    packages = ENVIRONMENTS[name].packages
    if not python.exists():
        print(f"{name}: installing {' '.join(packages)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *packages], check=True)
    found = versions(python)
    other = [p for p in packages if found.get(p.partition("==")[0]) != p.partition("==")[2]]
    if other:
        raise SystemExit(f"{root} has not {', '.join(other)}: delete it, and it is made anew")
    return python


def ppocr_of(folder: Path, given: Path | None) -> Path:
    """Return a folder that holds PaddleOCR's package ppocr, which is fetched if it is not given."""
    root = given or folder / "PaddleOCR"
    if given is None and not root.exists():
        print(f"paddle: fetching {PADDLEOCR} at {COMMIT}", flush=True)
        clone = ["git", "clone", "--quiet", "--filter=blob:none", "--no-checkout", PADDLEOCR]
        if (
            subprocess.run([*clone, root], check=False).returncode
            or subprocess.run(
                ["git", "-C", root, "checkout", "--quiet", COMMIT, "--", "ppocr"], check=False
            ).returncode
        ):
            shutil.rmtree(root, ignore_errors=True)
            raise SystemExit(
                f"{PADDLEOCR} cannot be fetched: give a folder that holds its package ppocr, as of "
                f"commit {COMMIT}, with --ppocr"
            )
    if not (root / "ppocr" / "losses").is_dir():
        raise SystemExit(f"--ppocr must be a folder that holds ppocr/losses, got {root}")
    return root


def run(name: str, python: Path, ppocr: Path | None, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run the programs of an environment on a copy of this folder; yield what they wrote."""
    copy = folder / "migrate"
    if not copy.exists():
        shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("golden", "__pycache__"))
    environment = ENVIRONMENTS[name]
    variables = {**os.environ, **dict(environment.variables), "OMP_NUM_THREADS": "1"}
    variables.pop("PYTHONPATH", None)
    for program in environment.programs:
        arguments = [ppocr] if program in environment.needs_ppocr and ppocr else []
        (copy / "golden").mkdir(exist_ok=True)
        ran = subprocess.run(
            [python, copy / f"make_golden_{program}.py", *arguments],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(
                f"{program}: its program failed\n{ran.stdout[-2000:]}{ran.stderr[-4000:]}"
            )
        yield program, copy / "golden" / f"{program}.json"


def differences(kept: object, made: object, place: str = "") -> Iterator[str]:
    """Say where two golden files differ by more than rounding."""
    if is_number(kept) and is_number(made):
        yield from numbers_differ([kept], [made], place)
    elif type(kept) is not type(made):
        yield f"{place}: {shown(kept)} became {shown(made)}"
    elif isinstance(kept, dict):
        for key in sorted({*kept, *made}):
            if key not in kept or key not in made:
                yield f"{place}/{key}: {'is new' if key in made else 'is gone'}"
            else:
                yield from differences(kept[key], made[key], f"{place}/{key}")
    elif isinstance(kept, list):
        if len(kept) != len(made):
            yield f"{place}: {len(kept)} elements became {len(made)}"
        elif all(is_number(x) for x in (*kept, *made)):
            yield from numbers_differ(kept, made, place)
        else:
            for i, (one, other) in enumerate(zip(kept, made, strict=True)):
                yield from differences(one, other, f"{place}/{i}")
    elif kept != made and not alike(kept, made):
        yield f"{place}: {shown(kept)} became {shown(made)}"


def is_number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def numbers_differ(kept: list, made: list, place: str) -> Iterator[str]:
    """Compare numbers, with the largest of them as the measure of all."""
    known = [abs(x) for x in kept if math.isfinite(x)]
    share = DOUBLE if "/float64/" in f"{place}/" else SINGLE
    for i, (one, other) in enumerate(zip(kept, made, strict=True)):
        same = one == other or (math.isnan(one) and math.isnan(other))
        if not same and not abs(one - other) <= share * max([1.0, *known]):
            yield f"{place}/{i}: {one} became {other}"


def alike(kept: object, made: object) -> bool:
    """Compare printed lines: the same words, and numbers that differ by rounding."""
    if not isinstance(kept, str) or not isinstance(made, str):
        return False
    words, others = kept.split(" "), made.split(" ")
    if len(words) != len(others):
        return False
    for one, other in zip(words, others, strict=True):
        if one != other:
            try:
                number, that = float(one.strip("[],")), float(other.strip("[],"))
            except ValueError:
                return False
            if not abs(number - that) <= SINGLE * max(1.0, abs(number)):
                return False
    return True


def shown(x: object) -> str:
    text = json.dumps(x)
    return text if len(text) <= 60 else f"{text[:57]}..."


def compare(program: str, made: Path, keep: bool) -> bool:
    """Say what differs, and return whether anything does."""
    path = HERE / "golden" / f"{program}.json"
    new = json.loads(made.read_text(encoding="utf-8"))
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = list(differences(old, new))
    print(f"{program}: {f'{len(found)} differences' if found else 'as it was'}", flush=True)
    for line in found[:20]:
        print(f"  {line}")
    if len(found) > 20:
        print(f"  and {len(found) - 20} more")
    if found and keep:
        temporary = path.with_suffix(".part")
        shutil.copyfile(made, temporary)
        temporary.replace(path)
    return bool(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frameworks", nargs="*", help=f"of {', '.join(ENVIRONMENTS)}; all if none")
    parser.add_argument("--environments", type=Path, help="where they are made, and stay")
    parser.add_argument("--ppocr", type=Path, help="a folder that holds PaddleOCR's package ppocr")
    parser.add_argument("--keep", action="store_true", help="replace the golden files that differ")
    options = parser.parse_args()
    unknown = sorted(set(options.frameworks) - set(ENVIRONMENTS))
    if unknown:
        parser.error(f"frameworks must be of {', '.join(ENVIRONMENTS)}, got {', '.join(unknown)}")
    differ = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.environments or Path(temporary) / "environments"
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.frameworks or ENVIRONMENTS:
            python = python_of(name, folder.absolute())
            ppocr = None
            if ENVIRONMENTS[name].needs_ppocr:
                ppocr = ppocr_of(folder, options.ppocr).absolute()
            for program, made in run(name, python, ppocr, Path(temporary)):
                if compare(program, made, options.keep):
                    differ.append(program)
    if differ:
        raise SystemExit(f"these differ: {', '.join(differ)}")


if __name__ == "__main__":
    main()
