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
    from lossary.compare import Comparison
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


Task = Literal[
    "classification", "ordinal", "multilabel", "regression", "quantile", "segmentation", "retrieval"
]
Several = Parameter(consume_multiple=True)


@app.command
def compare(
    data: str,
    *,
    losses: Annotated[list[str], Several],
    target: Annotated[list[str] | None, Several] = None,
    task: Task | None = None,
    test: str | None = None,
    baseline: str | None = None,
    epochs: int = 30,
    folds: int = 5,
    seeds: int = 1,
    first_seed: int = 0,
    out: Path | None = None,
    network: str = "default",
    learning_rates: Annotated[list[float] | None, Several] = None,
    trials: int | None = None,
    search: Literal["grid", "optuna"] = "grid",
    batch_size: int = 32,
    imbalance: float | None = None,
    label_noise: float | None = None,
    outliers: float | None = None,
    fraction: float | None = None,
    image_size: Annotated[list[int] | None, Several] = None,
    jobs: int = 1,
    backend: Literal["local", "ray", "dask"] = "local",
    format: Annotated[list[Literal["html", "markdown", "json", "pictures"]] | None, Several] = None,
) -> None:
    """Find out which loss suits your data.

    Trains with each loss on the same folds, from the same weights and with the same batches, and
    compares them on samples held out. Writes a report; a run that was killed goes on where it was.

    Parameters
    ----------
    data
        digits, breast_cancer, wine, iris or diabetes; a .csv, .parquet or .npz file; a folder with
        a folder of images per class; a CIFAR or IDX archive; or module:factory, a function that
        returns a data frame, a torch Dataset or a pair of arrays.
    losses
        Losses of `lossary list`, or module:Loss of your own; with hyperparameters if you like:
        cross_entropy focal_loss:gamma=2 mypkg.losses:MyLoss. "focal_loss:gamma=1|2|5" leaves the
        choice among three values to each training.
    target
        The column with the label, or several.
    task
        What the target is, where it does not tell: whole numbers are classes by default.
    test
        Data that are always held out, instead of folds; seeds vary weights and orders.
    baseline
        The loss that the others are compared with; by default the first.
    epochs
        How often each training goes through its samples.
    folds
        How many parts the samples are cut into; each is held out once.
    seeds
        How often to do it all, with other folds, weights and orders.
    first_seed
        The first seed; `lossary merge` joins runs with other seeds.
    out
        The folder for results and report; by default runs/ and the name of the data.
    network
        default, or module:factory, a function of the shape of a sample and the number of outputs.
    learning_rates
        Of several, each training chooses by a part of its training samples.
    trials
        How many candidates of learning rate and hyperparameters each training tries; by default as
        many as there are learning rates, or values of one hyperparameter if they are more.
    search
        grid; or optuna, which searches between the least and the largest learning rate.
    batch_size
        Samples per step.
    imbalance
        Shrink the classes geometrically, the last to this share of the first.
    label_noise
        Give this share of the training samples another class.
    outliers
        Put the target of this share of the training samples 5 to 10 deviations off.
    fraction
        Train with this share of the training samples.
    image_size
        Bring the images of a folder to this height and width; one number if they are equal.
    jobs
        How many trainings at the same time; -1 for as many as there are cores.
    backend
        local; or ray or dask, for the cluster that they are connected to.
    format
        Of the report: html, markdown, json or pictures (SVG files); several if you like.
    """
    from lossary.compare import CompareError, compare as run
    from lossary.compare.comparison import LEARNING_RATES

    columns = target or []
    try:
        found = run(
            data,
            losses,
            target=columns[0] if len(columns) == 1 else columns or None,
            task=task,
            test=test,
            baseline=baseline,
            epochs=epochs,
            folds=folds,
            seeds=seeds,
            first_seed=first_seed,
            out=out or Path("runs") / Path(data).stem.replace(":", "-"),
            network=network,
            learning_rates=learning_rates or LEARNING_RATES,
            trials=trials,
            search=search,
            batch_size=batch_size,
            imbalance=imbalance,
            label_noise=label_noise,
            outliers=outliers,
            fraction=fraction,
            image_size=_height_width(image_size),
            jobs=jobs,
            backend=backend,
            formats=format or ("html",),
            command=shlex.join(["lossary", *sys.argv[1:]]),
        )
    except CompareError as error:
        raise UsageError(str(error)) from error
    _tell(found)


@app.command
def merge(
    *folders: Path,
    out: Path,
    format: Annotated[list[Literal["html", "markdown", "json", "pictures"]] | None, Several] = None,
) -> None:
    """Join comparisons that were made apart, with other losses or seeds but else the same.

    Parameters
    ----------
    folders
        The folders of the comparisons; the baseline is that of the first.
    out
        The folder for the joint results and report.
    format
        Of the report: html, markdown, json or pictures (SVG files); several if you like.
    """
    from lossary.compare import CompareError, merge_runs

    try:
        found = merge_runs(folders, out, formats=format or ("html",))
    except CompareError as error:
        raise UsageError(str(error)) from error
    _tell(found)


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


def _height_width(size: list[int] | None) -> int | tuple[int, int] | None:
    if size is None or len(size) == 1:
        return size[0] if size else None
    if len(size) != 2:
        raise UsageError(f"--image-size is a height and a width, or one number, got {size}")
    return size[0], size[1]


def _tell(found: Comparison) -> None:
    """Print the result of a comparison, and where the rest is."""
    console = _console()
    console.print(found.table())
    console.print(found.verdict, highlight=False)
    for file in found.reports:
        console.print(f"report: {file.resolve()}", highlight=False, soft_wrap=True)


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


@app.command
def explore(
    *losses: str,
    out: Path = Path("lossary.html"),
    serve: bool = False,
    port: int = 0,
    open: bool = False,
) -> None:
    """Make a page with pictures of losses: value and gradient, with sliders.

    Parameters
    ----------
    losses
        Losses of `lossary list`, or module:Loss of your own; all that have a picture by default.
    out
        The page, one file that needs nothing else.
    serve
        Serve it on this machine alone instead, with continuous sliders, until interrupted.
    port
        Where to serve; a free port by default.
    open
        Open it in the browser.
    """
    import webbrowser

    from rich.progress import Progress

    from lossary.explore import explore as write
    from lossary.explore.drawable import DrawError
    from lossary.explore.server import serve as run

    console = _console()

    def ready(address: str) -> None:
        bar.stop()
        hint = "  (Ctrl-C ends it)" if serve else ""
        console.print(f"{address}{hint}", highlight=False, soft_wrap=True)
        if open:
            webbrowser.open(address)

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def progress(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=name)

        try:
            if serve:
                run(losses, port, ready=ready, progress=progress)
            else:
                ready(write(losses, out, progress).resolve().as_uri())
        except DrawError as error:
            raise UsageError(str(error)) from error


@app.command
def translate(script: Path, *, write: bool = False, out: Path | None = None) -> None:
    """Rewrite the losses of a PyTorch, Paddle, MindSpore or Keras script to Lossary.

    Shows the difference, and a report: what is Lossary's own now, what keeps its number by
    lossary.migrate, and what was left alone. Writes nothing unless told to.

    Parameters
    ----------
    script
        The script.
    write
        Rewrite it, in one step.
    out
        Write the new script here.
    """
    from rich.syntax import Syntax

    from lossary.translate import TranslateError, read_script, translate as run, write_script

    if write and out is not None:
        raise UsageError("--write rewrites the script itself and --out another file: give one")
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"{out.parent} is not a folder")
    try:
        source, encoding = read_script(script)
        found = run(source, filename=str(script))
    except TranslateError as error:
        raise UsageError(str(error)) from error
    console = _console()
    if console.is_terminal:
        console.print(Syntax(found.diff(), "diff", background_color="default", word_wrap=True))
    else:
        print(found.diff())
    console.print(found.report(), highlight=False, markup=False, soft_wrap=not console.is_terminal)
    place = script if write else out
    if place is not None:
        write_script(found, place, encoding)
        console.print(f"written: {place.resolve()}", highlight=False, markup=False, soft_wrap=True)
