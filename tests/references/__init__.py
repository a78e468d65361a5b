"""Independent implementations of the losses: a module per framework or source.

Each module has a dict ``REFERENCES``: the name of a loss -> a function of the same tensors and
hyperparameters that returns one loss per unit. A module that imports a package of the extra
"references" is left out where that is not installed; `make references` installs all.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from lossary.spec import LossSpec

REFERENCES: dict[str, dict[str, Callable[..., Any]]] = {}
MISSING: dict[str, str] = {}  # module -> the package that it needs and that is not installed
for _module in pkgutil.iter_modules(__path__):
    try:
        _found = importlib.import_module(f"{__name__}.{_module.name}")
    except ModuleNotFoundError as _error:
        MISSING[_module.name] = str(_error.name)
    else:
        REFERENCES[_module.name] = _found.REFERENCES


def reference_cases(specs: Iterable[LossSpec]) -> list[Any]:
    """Pair every loss with every source that knows it."""
    return [
        pytest.param(spec, source, id=f"{spec.name}-{source}")
        for spec in specs
        for source, known in REFERENCES.items()
        if spec.name in known
    ]
