"""Boosting: objectives of LightGBM, XGBoost and CatBoost from any loss of one sample."""

try:
    import numpy as _numpy  # noqa: F401 - only to see whether it is there
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        'this needs numpy: pip install "lossary[lightgbm]", or xgboost, or catboost',
        name=missing.name,
    ) from missing

from .catboost import CatBoostMetric as CatBoostMetric, CatBoostObjective as CatBoostObjective
from .lightgbm import LightGBMObjective as LightGBMObjective
from .objective import Hessian as Hessian, Objective as Objective, Report as Report
from .xgboost import XGBoostObjective as XGBoostObjective
