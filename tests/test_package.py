"""The package as a whole: its names, its weight, its extras."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import lossary
from lossary import catalog

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "lossary"


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_loss_is_public() -> None:
    """``__init__.py`` is the one list; the catalog says what must stand in it."""
    for spec in catalog():
        module = spec.function.__module__.removeprefix("lossary")
        line = (
            f"from {module} import {spec.module.__name__} as {spec.module.__name__}, "
            f"{spec.name} as {spec.name}"
        )
        for name in (spec.name, spec.module.__name__):
            assert hasattr(lossary, name), f"src/lossary/__init__.py lacks: {line}"
        assert getattr(lossary, spec.name) is spec.function
        assert getattr(lossary, spec.module.__name__) is spec.module


def test_the_catalog_describes_every_loss() -> None:
    names = [spec.name for spec in catalog()]
    assert len(set(names)) == len(names)
    for spec in catalog():
        assert spec.family in {path.name for path in (SOURCE / "losses").iterdir()}
        assert spec.paper
        assert spec.signature.unit


NOT_VARIED = {
    "mask": "needs the shape of the call: tests/losses/test_segmentation.py",
    "ignored_token": "a token as good as any: tests/losses/test_linear_preference.py",
    "infeasible": "says what becomes of errors: tests/losses/test_sequence.py",
    "fastemit": "its gradient is not that of the value: tests/losses/test_sequence.py",
}


def test_every_hyperparameter_is_checked_at_some_other_value() -> None:
    for spec in catalog():
        parameters = inspect.signature(spec.function).parameters.values()
        own = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
        own -= {"weight", "reduction", "ignore_index", "generator", *NOT_VARIED}
        varied = {name for variant in spec.variants for name in variant}
        assert own <= varied, (spec.name, own - varied)


def test_losses_import_nothing_but_torch() -> None:
    """``pip install lossary`` needs torch alone: the core imports nothing else."""
    allowed = {"lossary", "torch", *sys.stdlib_module_names}
    extras = {"train", "data", "tasks", "compare", "explore", "interop", "translate"}
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).parts[0] in extras or path.name == "rows_triton.py":
            continue  # triton comes with torch where there is a GPU
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found = {str(node.module).split(".")[0]}
            else:
                continue
            assert found <= allowed, f"{path.name} imports {found - allowed}"


def test_import_loads_none_of_the_extras() -> None:
    loaded = python("import sys, lossary; print(*sys.modules)").split()
    assert not {"lightning_fabric", "sklearn", "plotly", "cyclopts", "rich", "numpy.f2py"} & set(
        loaded
    )
    assert "lossary.train" not in loaded


@pytest.mark.parametrize(
    ("missing", "module", "extra"),
    [
        ("lightning_fabric", "lossary.train", "train"),
        ("sklearn", "lossary.tasks", "compare"),
        ("plotly", "lossary.compare", "compare"),
    ],
)
def test_a_missing_extra_is_named(missing: str, module: str, extra: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"try: import {module}\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    assert f'pip install "lossary[{extra}]"' in python(program)


def test_the_command_line_names_its_extra() -> None:
    program = (
        "import sys; sys.modules['cyclopts'] = None\nimport lossary_cli\n"
        "try: lossary_cli.main()\nexcept SystemExit as error: print(error)"
    )
    assert 'pip install "lossary[cli]"' in python(program)


def test_a_command_whose_extra_is_missing_says_so() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "sys.argv = ['lossary', 'compare', 'iris', '--losses', 'cross_entropy']\n"
        "import lossary_cli\n"
        "try: lossary_cli.main()\nexcept SystemExit as error: print(error)"
    )
    assert 'pip install "lossary[compare]"' in python(program)


def test_versions_agree() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "\ntorch==2.13.0\n" in pins
    assert "+cpu" not in pins
