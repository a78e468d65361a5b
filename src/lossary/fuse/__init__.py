"""Losses in one pass over memory: the formula traced, compiled, and run on tiles in the cache."""

from .buffers import Buffers as Buffers, gradient_buffers as gradient_buffers
from .fused import FusedFunction as FusedFunction, FusedLoss as FusedLoss, fuse as fuse
