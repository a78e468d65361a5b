"""Which loss suits my data? Train with each on the same folds, and compare held-out metrics."""

import sys
from types import ModuleType
from typing import Any

try:
    import jinja2 as _jinja2  # noqa: F401 - only to see whether it is there
    import plotly as _plotly  # noqa: F401 - likewise
    import sklearn as _sklearn  # noqa: F401 - likewise
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'comparing needs {missing.name}: pip install "lossary[compare]"', name=missing.name
    ) from missing

from .comparison import compare as compare, merge_runs as merge_runs
from .result import Comparison as Comparison
from .settings import CompareError as CompareError


class _Callable(ModuleType):
    """``lossary.compare(...)`` compares, and ``lossary.compare`` is still the package."""

    def __call__(self, *args: Any, **kwargs: Any) -> Comparison:
        return compare(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
