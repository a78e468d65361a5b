"""Independent implementations of the losses: a module per framework or source.

Each module has a dict ``REFERENCES``: the name of a loss -> a function of the same tensors and
hyperparameters that returns one loss per unit.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from lossary.spec import LossSpec

REFERENCES: dict[str, dict[str, Callable[..., Any]]] = {
    module.name: importlib.import_module(f"{__name__}.{module.name}").REFERENCES
    for module in pkgutil.iter_modules(__path__)
}


def reference_cases(specs: Iterable[LossSpec]) -> list[Any]:
    """Pair every loss with every source that knows it."""
    return [
        pytest.param(spec, source, id=f"{spec.name}-{source}")
        for spec in specs
        for source, known in REFERENCES.items()
        if spec.name in known
    ]
