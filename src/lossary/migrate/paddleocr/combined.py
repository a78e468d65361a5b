"""Losses by name: from a configuration, alone or as a weighted sum."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import basic, detection, distillation, recognition
from .basic import Batch, Losses

FAMILIES = (detection, distillation, recognition)
OTHERS = (basic.DistanceLoss, basic.LossFromOutput)
# of these a network of their own, or geometry on the CPU, is the greater part
ABSENT = ("CTLoss", "DRRGLoss", "FCELoss", "PGLoss", "StrokeFocusLoss", "TelescopeLoss")


def known() -> dict[str, type[nn.Module]]:
    """Return the losses that a configuration can name."""
    found = {
        name: loss
        for family in FAMILIES
        for name, loss in vars(family).items()
        if isinstance(loss, type)
        and issubclass(loss, nn.Module)
        and loss.__module__ == family.__name__
    }
    for base in ("EachLoss", "PairLoss", "TokenLoss"):  # which others are made of
        del found[base]
    return found | {loss.__name__: loss for loss in (*OTHERS, CombinedLoss)}


def named_loss(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Return the loss of that name, or raise ValueError that says which has a similar one."""
    if name in ABSENT:
        raise ValueError(f"{name} is a loss of PaddleOCR, but not here")
    losses = known()
    if name not in losses:
        near = get_close_matches(name, losses, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(losses))}"
        raise ValueError(f"no loss {name!r}; {hint}")
    return losses[name](**arguments)


class CombinedLoss(nn.Module):
    """The weighted sum of losses of a list of configurations, ``{name: {"weight": w, ...}}``.

    The list is left as it was; PaddleOCR takes the weights out of it.
    """

    def __init__(self, loss_config_list: Sequence[Mapping[str, Mapping[str, Any]]]) -> None:
        super().__init__()
        self.loss_func = nn.ModuleList()
        self.loss_weight: list[float] = []
        if not isinstance(loss_config_list, list | tuple):
            raise ValueError(
                f"loss_config_list must be a list, got {type(loss_config_list).__name__}"
            )
        for config in loss_config_list:
            if not isinstance(config, Mapping) or len(config) != 1:
                raise ValueError(f"loss_config_list must hold single names, got {config!r}")
            ((name, arguments),) = config.items()
            if "weight" not in (arguments or {}):
                raise ValueError(f"loss_config_list must have a weight for {name}")
            rest = {key: value for key, value in arguments.items() if key != "weight"}
            self.loss_weight.append(arguments["weight"])
            self.loss_func.append(named_loss(name, rest))

    def forward(self, input: Any, batch: Batch, **kargs: Any) -> Losses:
        """Return every weighted loss by its name, and their sum as ``loss``."""
        losses: Losses = {}
        total = torch.zeros(())
        for loss, weight in zip(self.loss_func, self.loss_weight, strict=True):
            parts = {name: weight * part for name, part in loss(input, batch, **kargs).items()}
            total = total + (parts["loss"] if "loss" in parts else sum(parts.values()))
            losses |= parts
        return losses | {"loss": total}


def build_loss(config: Mapping[str, Any] | str | Path) -> nn.Module:
    """Return the loss of a configuration: ``{"name": "CTCLoss", ...}``, or a YAML file's.

    A configuration of a whole training is fine too: its section ``Loss`` is taken. Names are looked
    up in a list, and the YAML is read without its power to make objects.

    >>> build_loss({"name": "CombinedLoss", "loss_config_list": [{"CTCLoss": {"weight": 1.0}}]})
    CombinedLoss(
      (loss_func): ModuleList(
        (0): CTCLoss()
      )
    )
    """
    if not isinstance(config, Mapping):
        config = _read(Path(config))
    arguments = dict(config.get("Loss", config))
    if "name" not in arguments:
        raise ValueError(f"config must have a name, or a section Loss, got {sorted(config)}")
    return named_loss(arguments.pop("name"), arguments)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        # not imported by name: it is no dependency, and has no types
        yaml = importlib.import_module("yaml")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path}: pip install 'lossary[paddleocr]' to read YAML, or pass the mapping in it"
        ) from error
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(config, Mapping):
        raise ValueError(f"{path} must hold a mapping, got {type(config).__name__}")
    return config
