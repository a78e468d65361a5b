"""Computing cells: here, in several processes, or on a cluster, all with the same function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, get_args

import joblib

from ..data.tables import Table
from ..tasks.choice import Choice
from ..tasks.networks import NetworkFactory
from .experiment import run_cell
from .settings import CompareError, Settings

Backend = Literal["local", "ray", "dask"]


def compute(
    table: Table,
    settings: Settings,
    choices: Sequence[Choice],
    network: NetworkFactory,
    todo: Sequence[tuple[int, int, str]],
    jobs: int,
    backend: Backend,
) -> Iterator[dict[str, Any]]:
    """Yield the records of cells, as they are ready.

    Args:
        table: the data.
        settings: of the comparison.
        choices: the losses.
        network: makes the network.
        todo: seed, fold and loss of each cell.
        jobs: how many at the same time; -1 for all cores of this machine or cluster.
        backend: ``"local"`` for processes of this machine; ``"ray"`` and ``"dask"`` use the cluster
            that the script is connected to, or one on this machine.
    """
    by_name = {choice.name: choice for choice in choices}
    if jobs == 1 and backend == "local":
        for seed, fold, loss in todo:
            yield run_cell(table, settings, by_name[loss], network, seed, fold)
        return
    calls = [
        joblib.delayed(run_cell)(table, settings, by_name[loss], network, seed, fold)
        for seed, fold, loss in todo
    ]
    with _on(backend):
        if backend == "ray":  # it gives back nothing before it has all: so ask for a few at a time
            few = 2 * joblib.effective_n_jobs(jobs)
            for begin in range(0, len(calls), few):
                yield from joblib.Parallel(jobs)(calls[begin : begin + few])
        else:
            yield from joblib.Parallel(jobs, return_as="generator_unordered")(calls)


def check_jobs(jobs: int, backend: str) -> None:
    """Raise CompareError if cells cannot be computed so."""
    if backend not in get_args(Backend):
        raise CompareError(f"the backend is one of {get_args(Backend)}, got {backend!r}")
    if jobs < 1 and jobs != -1:
        raise CompareError(f"jobs must be at least 1, or -1 for all cores, got {jobs}")


def _on(backend: Backend) -> AbstractContextManager[Any]:
    if backend == "ray":
        try:
            from ray.util.joblib import register_ray
        except ModuleNotFoundError as missing:
            raise _not_here("ray") from missing
        register_ray()  # type: ignore[no-untyped-call]  # ray gives it no types
        return _parallel("ray")
    if backend == "dask":
        try:
            from distributed import Client, get_client
        except ModuleNotFoundError as missing:
            raise _not_here("dask") from missing
        try:
            get_client()
        except ValueError:
            # one on this machine, that ends with the script
            Client(dashboard_address=None)  # type: ignore[no-untyped-call]  # nor does dask
        return _parallel("dask")
    return nullcontext()


def _parallel(name: str) -> AbstractContextManager[Any]:
    found: AbstractContextManager[Any] = joblib.parallel_config(name)
    return found


def _not_here(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f'this backend needs {name}: pip install "lossary[{name}]"', name=name
    )
