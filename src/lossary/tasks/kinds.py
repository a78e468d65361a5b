"""The kinds of tasks."""

from __future__ import annotations

from ..data.tables import Task
from .classification import Classification
from .kind import Kind
from .multilabel import MultiLabel
from .ordinal import Ordinal
from .quantile import Quantile
from .regression import Regression
from .retrieval import Retrieval
from .segmentation import Segmentation

KINDS: dict[Task, Kind] = {
    kind.name: kind
    for kind in (
        Classification(),
        Ordinal(),
        MultiLabel(),
        Regression(),
        Quantile(),
        Segmentation(),
        Retrieval(),
    )
}
