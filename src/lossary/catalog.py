"""The catalog: every loss of the library, found by reading the folder when asked."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from . import losses
from .spec import LossSpec


@functools.cache
def catalog() -> tuple[LossSpec, ...]:
    """Return the record of every loss of the library, sorted by family and name.

    >>> [spec.name for spec in catalog() if spec.family == "regression"][:2]
    ['absolute_percentage_loss', 'concordance_correlation_loss']
    """
    specs: list[LossSpec] = []
    for module in pkgutil.walk_packages(losses.__path__, f"{losses.__name__}."):
        if not module.ispkg and not module.name.rpartition(".")[2].startswith("_"):
            found = importlib.import_module(module.name)
            specs += found.SPECS if hasattr(found, "SPECS") else (found.SPEC,)
    return tuple(sorted(specs, key=lambda spec: (spec.family, spec.name)))
