"""The engine: every call to Lightning Fabric. The rest of the trainer knows nothing of it."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # its defaults keep alive what processes it finds, see _part
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.launchers.subprocess_script import _SubprocessScriptLauncher
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from lightning_fabric.strategies.strategy import Strategy
from lightning_fabric.utilities.distributed import _set_num_threads_if_needed
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from .across import Across
from .wiring import Outcome, WithLoss

Precision = Literal["32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"]
GRACE = 15  # seconds in which a process finds out that another one has failed
PATIENCE = timedelta(minutes=30)  # that a process may be later than another at the same place
STARTERS = {"TORCHELASTIC_RUN_ID", "SLURM_STEP_NUM_TASKS"}  # variables of who starts processes
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


class Engine:
    """Device, precision and processes.

    Args:
        precision: what the network computes in; ``"bf16-mixed"`` and ``"16-mixed"`` keep its
            parameters in single precision.
        processes: how many processes train together. If ``torchrun`` or Slurm started them, their
            number counts; else the script is started that many times.
        sharded: whether every process holds only a part of parameters and optimizer state (FSDP2),
            instead of all (DDP).

    Raises:
        ValueError: if an argument is unknown, or another number of processes was started.
    """

    def __init__(
        self, precision: Precision = "32-true", processes: int = 1, *, sharded: bool = False
    ) -> None:
        if precision not in get_args(Precision):
            raise ValueError(f"precision is one of {get_args(Precision)}, got {precision!r}")
        if processes < 1:
            raise ValueError(f"processes must be at least 1, got {processes}")
        started = _started()
        here, nodes = started or (processes, 1)
        if processes not in (1, here * nodes):
            raise ValueError(
                f"processes={processes}, but {here * nodes} were started: leave it out, or make "
                "the two equal"
            )
        if started is None and processes > 1 and not Path(sys.argv[0]).is_file():
            raise ValueError(
                f"processes={processes} starts this script that many times, and there is none in "
                "a notebook, with python -c or from the standard input: put it into a file"
            )
        self.asked = (precision, processes, sharded)
        self.precision: Precision = precision
        self.sharded = sharded and here * nodes > 1
        strategy: Strategy | str = "auto"
        if here * nodes > 1:
            # a parameter may be without a gradient in one process, and another one in the next
            strategy = DDPStrategy(find_unused_parameters=True, timeout=PATIENCE)
        if self.sharded:
            strategy = ModelParallelStrategy(
                parallelize_fn=_shard,
                data_parallel_size=here * nodes,
                tensor_parallel_size=1,
                timeout=PATIENCE,
            )
        accelerator = "auto" if torch.cuda.is_available() or here * nodes == 1 else "cpu"
        with _quiet():
            self._fabric = Fabric(
                accelerator=accelerator,
                devices=here,
                num_nodes=nodes,
                strategy=strategy,
                precision=precision,
                # else the variables of a job of Slurm count, though its srun started nothing
                plugins=None if STARTERS & os.environ.keys() else [LightningEnvironment()],
            )
        if here * nodes > 1:
            launcher = self._fabric.strategy.launcher
            if isinstance(launcher, _SubprocessScriptLauncher):
                self._fabric.strategy._launcher = _Launcher(
                    launcher.cluster_environment, here, nodes
                )
            ours = not dist.is_initialized()
            with _quiet():
                self._fabric.launch()
            if ours:
                atexit.register(_part)
        self.on_cpu = self._fabric.device.type == "cpu"
        self.across = Across()
        self._scaler = getattr(self._fabric.strategy.precision, "scaler", None)

    def set_up(self, wired: WithLoss, make: Callable[[], Optimizer]) -> tuple[nn.Module, Optimizer]:
        """Move network and loss to the device, and return what to call and to step."""
        wired.across = self.across
        if self.sharded:  # as DDP does by itself: all begin with the parameters of the first
            self.across.share(wired.state_dict().values())
        loss = wired.loss if isinstance(wired.loss, nn.Module) else None
        buffers = [(m, n, b) for m in loss.modules() for n, b in m._buffers.items()] if loss else []
        called: nn.Module = wired
        if self.across.processes > 1 and not self.sharded:
            called = self._fabric.setup_module(_NeverAllUsed(wired))._forward_module
            _joined.add(called)
        else:
            self._fabric.setup_module(wired)
            if isinstance(wired, FSDPModule):
                _joined.add(cast(nn.Module, wired))
        for module, name, buffer in buffers:  # what a loss knows stays as exact as it was
            if buffer is not None and buffer.is_floating_point():
                wide = torch.promote_types(buffer.dtype, cast(Tensor, module._buffers[name]).dtype)
                module._buffers[name] = buffer.to(self._fabric.device, wide)
        return called, make()

    def move(self, module: nn.Module) -> nn.Module:
        """Move a module to the device."""
        return self._fabric.to_device(module)

    def put(self, columns: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Move a batch to the device."""
        if self.on_cpu:
            return columns
        return cast(tuple[Tensor, ...], self._fabric.to_device(columns))

    def input(self, column: Tensor) -> Tensor:
        """Return what the network gets in the precision of its parameters, if that is a low one.

        The labels stay as they are: the loss is computed in full.
        """
        if self.precision.endswith("mixed") or self.precision == "32-true":
            return column
        return cast(Tensor, self._fabric.strategy.precision.convert_input(column))

    def forward(self, module: nn.Module, columns: tuple[Tensor, ...], **options: Any) -> Outcome:
        """Return the loss of a batch."""
        if self.precision == "32-true":
            return cast(Outcome, module(*columns, **options))
        with self._fabric.autocast():
            return cast(Outcome, module(self.input(columns[0]), *columns[1:], **options))

    @contextmanager
    def computing(self, wired: WithLoss) -> Iterator[None]:
        """Compute with a part of a module, in the precision that was asked for."""
        with ExitStack() as ends:
            if self.precision != "32-true":
                ends.enter_context(self._fabric.autocast())
            if isinstance(wired, FSDPModule):  # only a call of all of it would do so by itself
                cast(Any, wired)._get_fsdp_state()._lazy_init()
                wired.unshard()
                ends.callback(wired.reshard)
            yield

    def backward(self, root: Tensor, seed: Tensor | None) -> None:
        """Add the gradients of ``root``, multiplied by ``seed``, to those of the parameters."""
        if self._scaler is None:
            root.backward(seed)
        else:
            self._fabric.backward(root, seed)

    def apart(self, module: nn.Module, enabled: bool) -> AbstractContextManager[Any]:
        """Keep gradients to this process, until a later backward pass adds them up over all."""
        if not enabled or self.across.processes == 1:
            return nullcontext()
        return (
            _unsharded(module) if self.sharded else cast(DistributedDataParallel, module).no_sync()
        )

    def unscale(self, optimizer: Optimizer) -> None:
        """Undo what was done to the gradients against underflow."""
        if self._scaler is not None:
            self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        """Take a step."""
        if self._scaler is None:
            optimizer.step()
        else:
            self._fabric.strategy.optimizer_step(optimizer)

    def overflows(self) -> bool:
        """Whether gradients may be infinite because half precision was scaled too far up.

        Below a scale of 1 that is no longer the reason.
        """
        return self._scaler is not None and self._scaler.get_scale() >= 1

    def leave_out(self) -> None:
        """Forget the gradients' scale instead of a step, and scale less if that may help."""
        if self._scaler is not None:
            scale = self._scaler.get_scale()
            self._scaler.update(scale * self._scaler.get_backoff_factor() if scale >= 1 else scale)

    def plain(self, tensor: Tensor) -> Tensor:
        """Return a number that may be spread over processes."""
        return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor

    def state(self, wired: WithLoss, optimizer: Optimizer) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the state of module and optimizer; of sharded ones only the first process's."""
        if self.sharded:
            states = get_state_dict(wired, optimizer, options=WHOLE)
            return cast(tuple[dict[str, Any], dict[str, Any]], states)
        return wired.state_dict(), optimizer.state_dict()

    def whole_state(self, wired: WithLoss) -> dict[str, Tensor]:
        """Return the tensors of a sharded module once each, those of the first process only."""
        found = cast(dict[str, Tensor], get_model_state_dict(wired, options=WHOLE))
        twice = {name for name, _ in wired.named_parameters(remove_duplicate=False)}
        twice -= {name for name, _ in wired.named_parameters()}
        return {name: tensor for name, tensor in found.items() if name not in twice}

    def load(
        self,
        wired: WithLoss,
        optimizer: Optimizer,
        of_module: dict[str, Any],
        of_optimizer: dict[str, Any],
    ) -> None:
        """Put a state back."""
        if self.sharded:
            set_state_dict(
                wired,
                optimizer,
                model_state_dict=of_module,
                optim_state_dict=cast(Any, of_optimizer),
                options=WHOLE,
            )
        else:
            wired.load_state_dict(of_module)
            optimizer.load_state_dict(of_optimizer)

    @property
    def scaler(self) -> dict[str, Any]:
        """The state of what scales losses against underflow."""
        return {} if self._scaler is None else self._scaler.state_dict()

    @scaler.setter
    def scaler(self, state: dict[str, Any]) -> None:
        if self._scaler is not None and state:  # none if it was begun in another precision
            self._scaler.load_state_dict(state)


class _Launcher(_SubprocessScriptLauncher):
    """Starts the other processes, and lets the first one end by itself if one of them fails.

    Fabric's ends it without a word within five seconds, be it in the midst of its error message.
    """

    def launch(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Start the other processes, and call a function."""
        self.cluster_environment.validate_settings(
            num_devices=self.num_processes, num_nodes=self.num_nodes
        )
        if not self.cluster_environment.creates_processes_externally:
            self._call_children_scripts()
            threading.Thread(target=self._watch, daemon=True).start()
        _set_num_threads_if_needed(num_processes=self.num_processes)
        return function(*args, **kwargs)

    def _watch(self) -> None:
        """End all processes if one failed, and this one does not find out."""
        failed: list[subprocess.Popen[Any]] = []
        while not failed:
            if all(process.poll() == 0 for process in self.procs):
                return
            time.sleep(0.5)
            failed = [process for process in self.procs if process.poll()]
        time.sleep(GRACE)
        for process in failed:
            print(
                f"process {process.pid} of this training ended with {process.returncode}, and this "
                f"one waited for it {GRACE} seconds: all are ended",
                file=sys.stderr,
                flush=True,
            )
        for process in self.procs:
            process.kill()
        os.kill(os.getpid(), signal.SIGKILL)  # nothing less ends one that waits for another


class _NeverAllUsed(nn.Module):
    """A module with one parameter more, that nobody uses.

    Where parameters may be unused but all are used, torch complains of the time it takes to look.
    """

    def __init__(self, wired: WithLoss) -> None:
        super().__init__()
        self.wired = wired
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, *columns: Tensor, **options: Any) -> Outcome:
        return cast(Outcome, self.wired(*columns, **options))


_joined: weakref.WeakSet[nn.Module] = weakref.WeakSet()


def _part() -> None:
    """Leave the other processes before Python ends, which its threads to them do not survive.

    They hold tensors, and one that frees its last when Python is half gone aborts the process. They
    end with the last that refers to the group of processes. After an exception, threads may
    wait for others that do not come; then the process ends with all of them.
    """
    if hasattr(sys, "last_type"):
        return
    for joined in _joined:
        if isinstance(joined, DistributedDataParallel):
            del joined.reducer, joined.logger, joined.process_group
        for module in joined.modules():
            if isinstance(module, FSDPModule):
                for group in module._get_fsdp_state()._fsdp_param_groups:
                    vars(group.mesh_info).pop("shard_process_group", None)
                    group.mesh_info.mesh._get_root_mesh()._pg_registry.clear()
    if dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def _unsharded(module: nn.Module) -> Iterator[None]:
    """Do not add up the gradients of parameters that are spread over processes."""
    cast(FSDPModule, module).set_requires_gradient_sync(False)
    try:
        yield
    finally:
        cast(FSDPModule, module).set_requires_gradient_sync(True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Fabric from telling about every process that it starts."""
    logger = logging.getLogger("lightning_fabric")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _started() -> tuple[int, int] | None:
    """Return how many processes per node, and how many nodes, something else has started."""
    told = os.environ
    if "TORCHELASTIC_RUN_ID" in told:
        here = int(told["LOCAL_WORLD_SIZE"])
        return here, int(told["WORLD_SIZE"]) // here
    if "SLURM_STEP_NUM_TASKS" in told:
        nodes = int(told["SLURM_STEP_NUM_NODES"])
        return int(told["SLURM_STEP_NUM_TASKS"]) // nodes, nodes
    if dist.is_available() and dist.is_initialized() and "LOCAL_RANK" in told:
        return dist.get_world_size(), 1  # by another model of this script
    return None


def _shard(wired: nn.Module, mesh: Any) -> nn.Module:
    """Spread the parameters of every layer of the network, and all others together."""
    mesh = mesh["data_parallel"]
    times: dict[nn.Parameter, int] = {}
    for layer in cast(WithLoss, wired).network.children():
        for parameter in set(layer.parameters()):
            times[parameter] = times.get(parameter, 0) + 1
    for layer in cast(WithLoss, wired).network.children():
        own = list(layer.parameters())
        if own and all(times[parameter] == 1 for parameter in own):  # shared ones stay together
            fully_shard(layer, mesh=mesh)
    fully_shard(wired, mesh=mesh)
    return wired
