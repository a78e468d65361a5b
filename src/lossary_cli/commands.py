"""The commands. Each imports what it needs when it runs."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from lossary.curve import Curve
    from lossary.spec import LossSpec

PLOT_SIZE = (72, 18)

app = App(name="lossary", help="Loss functions for PyTorch: look them up, check yours, compare.")


class UsageError(Exception):
    """The command cannot do what it was asked; the message says why and what would work."""


@app.command(name="list")
def list_losses(*, family: str | None = None, search: str | None = None) -> None:
    """List the losses.

    Parameters
    ----------
    family
        Only this family, such as regression or margin.
    search
        Only losses with this word in their name or description.
    """
    from lossary import catalog

    specs: Iterable[LossSpec] = catalog()
    if family is not None:
        families = sorted({spec.family for spec in specs})
        if family not in families:
            raise UsageError(f"no family {family!r}; there are {', '.join(families)}")
        specs = [spec for spec in specs if spec.family == family]
    if search is not None:
        specs = [s for s in specs if search.lower() in f"{s.name} {s.function.__doc__}".lower()]
        if not specs:
            raise UsageError(f"no loss mentions {search!r}; `lossary list` shows all")
    table = Table("loss", "module", "family", "takes -> unit", box=None, pad_edge=False)
    for spec in specs:
        table.add_row(spec.name, spec.module.__name__, spec.family, spec.signature.text)
    _console().print(table)


@app.command
def show(name: str) -> None:
    """Show a loss: formula, arguments, reference, and a plot of value and gradient.

    Parameters
    ----------
    name
        A loss of `lossary list`, as function or Module.
    """
    from lossary.curve import curve
    from lossary.lookup import NotFoundError, find

    try:
        spec = find(name)
    except NotFoundError as error:
        raise UsageError(str(error)) from error
    console = _console()
    console.print(
        f"[bold]{spec.name}[/bold]  ·  Module [bold]{spec.module.__name__}[/bold]  ·  {spec.family}"
    )
    console.print(f"takes -> unit: {spec.signature.text}", highlight=False, markup=False)
    call = str(inspect.signature(spec.function)).replace("'", "")
    console.print(f"{spec.name}{call}", highlight=False, markup=False)
    console.print()
    console.print(_plain(inspect.getdoc(spec.function) or ""), highlight=False, markup=False)
    if spec.paper:
        console.print(f"\nPaper: {spec.paper}", highlight=False, markup=False)
    drawn = curve(spec)
    if drawn is None:
        console.print("\nNo plot: no single number describes a unit of this loss.")
    else:
        console.print(f"\n{_draw(drawn)}", highlight=False, markup=False, soft_wrap=True)


@app.command
def check(target: str, *, signature: str | None = None, ignore_index: int | None = None) -> None:
    """Check a loss, yours or the library's, against the laws of the contract.

    Exits with 1 if a law is broken.

    Parameters
    ----------
    target
        A loss of `lossary list`, or module:Loss of your own (importable from here).
    signature
        What the loss takes, if it does not say so itself: "real N C, label N".
    ignore_index
        The label that the loss says it ignores.
    """
    from lossary import check as check_loss
    from lossary.lookup import find, import_from

    try:
        loss: object = import_from(target) if ":" in target else find(target)
        report = check_loss(loss, signature, ignore_index=ignore_index)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    table = Table("law", "outcome", "reason", box=None, pad_edge=False)
    colours = {"passed": "green", "failed": "bold red", "expected": "yellow", "skipped": "dim"}
    for result in report.results:
        table.add_row(result.law, f"[{colours[result.outcome]}]{result.outcome}[/]", result.reason)
    console = _console()
    console.print(table)
    console.print(str(report).splitlines()[-1], highlight=False)
    sys.exit(0 if report.passed else 1)


@app.command
def compare(
    data: str,
    *,
    losses: Annotated[list[str], Parameter(consume_multiple=True)],
    target: str | None = None,
    task: Literal["classification", "regression"] | None = None,
    baseline: str | None = None,
    epochs: int = 30,
    folds: int = 5,
    seeds: int = 1,
    out: Path | None = None,
    network: str = "default",
    learning_rates: Annotated[list[float] | None, Parameter(consume_multiple=True)] = None,
    batch_size: int = 32,
    imbalance: float | None = None,
) -> None:
    """Find out which loss suits your data.

    Trains with each loss on the same folds, from the same weights and with the same batches, and
    compares them on samples held out. Writes a report; a run that was killed goes on where it was.

    Parameters
    ----------
    data
        digits, breast_cancer, wine, iris or diabetes; or a .csv, .parquet or .npz file.
    losses
        Losses of `lossary list`, or module:Loss of your own; with hyperparameters if you like:
        cross_entropy focal_loss:gamma=2 mypkg.losses:MyLoss
    target
        The column with the label.
    task
        What the target is, where it does not tell: whole numbers are classes by default.
    baseline
        The loss that the others are compared with; by default the first.
    epochs
        How often each training goes through its samples.
    folds
        How many parts the samples are cut into; each is held out once.
    seeds
        How often to do it all, with other folds, weights and orders.
    out
        The folder for results and report; by default runs/ and the name of the data.
    network
        default, or module:factory, a function of the shape of a sample and the number of outputs.
    learning_rates
        Of several, each training chooses by a part of its training samples.
    batch_size
        Samples per step.
    imbalance
        Shrink the classes geometrically, the last to this share of the first.
    """
    from lossary.compare import CompareError, compare as run
    from lossary.compare.comparison import LEARNING_RATES

    try:
        found = run(
            data,
            losses,
            target=target,
            task=task,
            baseline=baseline,
            epochs=epochs,
            folds=folds,
            seeds=seeds,
            out=out or Path("runs") / Path(data).stem,
            network=network,
            learning_rates=learning_rates or LEARNING_RATES,
            batch_size=batch_size,
            imbalance=imbalance,
            command=shlex.join(["lossary", *sys.argv[1:]]),
        )
    except CompareError as error:
        raise UsageError(str(error)) from error
    console = _console()
    console.print(found.table())
    console.print(found.verdict, highlight=False)
    console.print(f"report: {found.report.resolve()}", highlight=False, soft_wrap=True)


@app.command
def train(config: Path) -> None:
    """Train a network as a TOML file says, and save it.

    Parameters
    ----------
    config
        The file. It names data, loss and out, the folder for the model; and may name target, task,
        network, epochs, valid (the share held out), batch_size, learning_rate and seed.
    """
    from lossary.tasks.training import MODEL, ConfigError, read_config, train as run
    from lossary.train import NonFiniteLossError

    console = _console()
    try:
        found = read_config(config)
        run(found, lambda line: console.print(line, highlight=False))
    except (ConfigError, NonFiniteLossError) as error:
        raise UsageError(str(error)) from error
    console.print(f"model: {(Path(found.out) / MODEL).resolve()}", highlight=False, soft_wrap=True)


def _console() -> Console:
    """Return a console that does not cut what is piped away."""
    console = Console()
    return console if console.is_terminal else Console(width=220)


def _plain(doc: str) -> str:
    """Take the markup out of a docstring; formulas stay as they are written."""
    doc = re.sub(r":\w+:`~?(?:lossary\.)?([^`]*)`", r"\1", doc)
    return doc.replace("``", "")


def _draw(drawn: Curve) -> str:
    """Draw value and gradient with characters."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(*PLOT_SIZE)
    at = drawn.at.tolist()
    plotext.plot(at, drawn.value.tolist(), label="value", marker="braille")
    if drawn.gradient is not None:
        plotext.plot(at, drawn.gradient.tolist(), label="gradient", marker="hd")
    plotext.xlabel(drawn.axis)
    return str(plotext.uncolorize(plotext.build()))


@app.command
def bench(
    *losses: str,
    size: list[str] | None = None,
    setting: list[str] | None = None,
    with_peer: bool = False,
    compiled: bool = False,
    memory: bool = True,
    linear: list[str] | None = None,
    out: Path | None = None,
    again: bool = False,
    minutes: float | None = None,
) -> None:
    """Measure losses against torch's and against the speed of memory, forward plus backward.

    All losses take hours; with --out, a run that was interrupted continues where it was.

    Parameters
    ----------
    losses
        Which; all by default, those that others have too first.
    size
        16M, 1M, 16384x1000 or 32x10; all by default. May be repeated.
    setting
        "caching allocator" or "glibc as it comes"; both by default.
    with_peer
        Only losses that torch has, or that are usually written the same way.
    compiled
        Also torch.compile of what people write, at the largest size; slow.
    memory
        Also the peak memory beyond the inputs.
    linear
        Cases of linear cross-entropy, such as "4096 x 512, 32000 classes".
    out
        Keep all figures in this JSON file, and do not measure anew what it holds already.
    again
        Measure it anew. A file of another machine or other versions is replaced.
    minutes
        Stop after the process during which so many have passed.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from lossary import bench as benchmark
    from lossary.bench.report import tables

    if out is not None and not out.parent.is_dir():
        raise UsageError(f"{out.parent} is not a folder")
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        try:
            result = benchmark.bench(
                losses,
                size or tuple(benchmark.SIZES),
                setting or tuple(benchmark.SETTINGS),
                with_peer=with_peer,
                compiled=compiled,
                memory=memory,
                linear=linear or (),
                out=out,
                again=again,
                minutes=minutes,
                progress=lambda line: progress.update(task, description=line),
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
    console = _console()
    for title, head, rows in tables(result):
        table = Table(*head, title=title, box=None, pad_edge=False, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table, "")
