"""How fast the losses are, each figure beside its peers' in one run."""

from .run import SETTINGS as SETTINGS, SIZES as SIZES, bench as bench
