"""The loop: epochs, steps, and everything that must hold around a step."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ..compose import WeightedSum
from .across import lost
from .batches import Batch, Batches
from .callbacks import Callback, ModelCheckpoint
from .engine import Engine
from .nonfinite import Buffers, Guard, Report, first_nonfinite_gradient, gradient_norms
from .random_states import kept_random_states, load_random_states, random_states
from .run import Record, Run
from .wiring import Outcome

if TYPE_CHECKING:
    from .model import Model


@dataclass
class Sums:
    """Numbers that add up over batches, and whose means are true means."""

    totals: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    def add(self, totals: Mapping[str, float], weights: Mapping[str, float]) -> None:
        for name, total in totals.items():
            self.totals[name] = self.totals.get(name, 0.0) + total
            self.weights[name] = self.weights.get(name, 0.0) + weights[name]

    def means(self) -> dict[str, float]:
        return {n: t / self.weights[n] if self.weights[n] else 0.0 for n, t in self.totals.items()}


class Loop:
    """One training, from the first step or from a checkpoint to the end.

    Args:
        model: what is trained.
        engine: device, precision and processes.
        module: what to call for the loss of a batch.
        optimizer: what steps.
        epochs: how often to go through the data.
        batches: the data.
        callbacks: what to do around steps and epochs.
        valid: the data that is evaluated after each epoch, if any.
        clip_norm: what the norm of the gradient is at most.
        scheduler: what changes the learning rate, after each epoch or each step.
        every_step: whether the scheduler counts steps.
        guard: what to do about numbers that are not finite.
        settings: what must be the same when a training is resumed.
    """

    def __init__(
        self,
        model: Model,
        engine: Engine,
        module: nn.Module,
        optimizer: Optimizer,
        *,
        epochs: int,
        batches: Batches,
        callbacks: Sequence[Callback],
        valid: Any,
        clip_norm: float | None,
        scheduler: LRScheduler | None,
        every_step: bool,
        guard: Guard,
        settings: Mapping[str, Any],
    ) -> None:
        self.model, self.engine, self.module, self.optimizer = model, engine, module, optimizer
        self.wired, self.across = model.wired, engine.across
        self.batches, self.valid = batches, valid
        # those that save come last: they save the state of the others
        self.callbacks = sorted(callbacks, key=lambda c: isinstance(c, ModelCheckpoint))
        self.savers = [c for c in callbacks if isinstance(c, ModelCheckpoint)]
        self.clip_norm, self.guard, self.settings = clip_norm, guard, dict(settings)
        self.scheduler, self.every_step = scheduler, every_step
        self.trained = [p for group in optimizer.param_groups for p in group["params"]]
        self.stepped = [m for m in self.wired.modules() if isinstance(m, WeightedSum)]
        self.wired.norms_wanted = any(c.wants_part_gradient_norms for c in callbacks)
        if self.wired.norms_wanted and engine.sharded:
            raise ValueError(
                "the gradient norms of parts are those of one process's batch, which has no whole "
                "parameters with sharded=True: leave them out, as by GradientNormMonitor(parts="
                "False), or train with sharded=False"
            )
        self.buffers = Buffers(self.wired)
        self.sums, self.seconds = Sums(), 0.0
        self.names: frozenset[str] = frozenset()  # of the parts of the loss, once they are known
        self.asked = self.agreed = False  # to end: by a signal here, and known to all processes
        self._began = time.perf_counter()
        self.run = Run(
            model,
            optimizer,
            epochs,
            batches.steps,
            self,
            rank=self.across.rank,
            processes=self.across.processes,
            scheduler=scheduler,
        )

    def train(self) -> list[Record]:
        """Train until the last epoch is done, or a callback stops."""
        run = self.run
        with ExitStack() as ends, self._interrupts():
            for callback in reversed(self.callbacks):
                ends.callback(callback.on_train_end, run)  # each, whatever another one raises
            for callback in self.callbacks:
                callback.on_train_begin(run)
            while not self.ended:
                try:
                    self._epoch()
                except RuntimeError as error:
                    if self.across.is_of_another(error):
                        raise lost(error) from error
                    raise
        return run.history

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        run = self.run
        # a callback may stop in the middle of an epoch, which is then trained to its end
        return not self._inside_an_epoch() and (run.stopped or run.epoch >= run.epochs)

    def _inside_an_epoch(self) -> bool:
        return len(self.run.history) < self.run.epoch

    def _epoch(self) -> None:
        run = self.run
        self._began = time.perf_counter()
        if not self._inside_an_epoch():
            run.epoch, run.step, run.samples = run.epoch + 1, 0, 0
            self.sums, self.seconds = Sums(), 0.0
        self.module.train()
        for callback in self.callbacks:
            callback.on_epoch_begin(run)
        with closing(self.batches.windows(run.epoch, run.step)) as windows:
            for window in windows:
                self._step(window)
                for callback in self.callbacks:
                    callback.on_step_end(run)
                self._end_if_asked()
        means = self.sums.means() or {"loss": math.nan}  # if every step was left out
        record: Record = {"epoch": run.epoch, **means, "seconds": self._spent()}
        if left_out := self.guard.skipped_in(run.epoch):
            record["skipped"] = left_out
        if self.valid is not None:
            record.update(self._validated())
        run.history.append(record)
        if not self.every_step:
            self._advance(record.get("valid_loss", record["loss"]))
        for callback in self.callbacks:
            callback.on_epoch_end(run)
        self._end_if_asked()

    def _spent(self) -> float:
        """Return the seconds of this epoch, those before it was resumed included."""
        return self.seconds + time.perf_counter() - self._began

    def _validated(self) -> Record:
        for callback in self.callbacks:
            callback.on_validation_begin(self.run)
        found = self.model.evaluate(self.valid, batch_size=self.batches.batch_size)
        for callback in self.callbacks:
            callback.on_validation_end(self.run)
        return {f"valid_{name}": value for name, value in found.items()}

    def _advance(self, loss: float) -> None:
        """Let the scheduler count an epoch or a step."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(loss)
        elif self.scheduler is not None:
            self.scheduler.step()

    def _step(self, window: Sequence[Batch]) -> None:
        """Take one optimizer step, or leave it out because something is not finite."""
        run, engine = self.run, self.engine
        run.step, run.total_steps = run.step + 1, run.total_steps + 1
        self.buffers.keep()
        self._forget_gradients()
        placed = window
        if not engine.on_cpu:
            placed = [batch._replace(columns=engine.put(batch.columns)) for batch in window]
        weights, guessed = self._weights(placed)
        outcomes = []
        for number, batch in enumerate(placed, 1):
            with engine.apart(self.module, number < len(placed)):
                outcome = engine.forward(
                    self.module,
                    batch.columns,
                    counts=batch.counts,
                    batches=len(placed),
                    weights=weights,
                )
                if not outcome.root.requires_grad:
                    raise ValueError(
                        "the loss depends on no trainable parameter: look for detach(), item(), "
                        "argmax, NumPy or torch.no_grad in network and loss, and at whether all "
                        "parameters are frozen"
                    )
                engine.backward(outcome.root, outcome.seed)
            self._check_names(outcome.named)
            outcomes.append(outcome)
        totals, weights_found = self._numbers(placed, outcomes, guessed)
        there = all(map(math.isfinite, totals.values()))
        good = there and run.gradient_norm is not None and math.isfinite(run.gradient_norm)
        run.skipped = not good
        overflow = there and not good and engine.overflows()
        means = Sums(totals, weights_found).means()
        run.loss = means.pop("loss")
        run.parts = means
        if good or overflow:  # no number takes the place of one that is not there
            self.sums.add(totals, weights_found)
        if good:
            engine.step(self.optimizer)
            if self.every_step:
                self._advance(run.loss)
        else:
            engine.leave_out()
            if not overflow:
                self._leave_out(placed, outcomes, totals)
        for loss in self.stepped:
            loss.step += 1

    def _forget_gradients(self) -> None:
        for parameter in self.trained:
            parameter.grad = None

    def _weights(self, window: Sequence[Batch]) -> tuple[dict[str, Tensor] | None, float | None]:
        """Return what the sums over several batches are divided by, and the guess if it is one.

        The sum of one part is divided by a guess, and its gradient is corrected afterwards. Of
        several parts the gradients are added up at once, so that what each divides by has to be
        known before: a pass without gradients finds it.
        """
        if len(window) == 1:
            return None, None
        if not self.wired.of_several:
            units = self.batches.batch_size * len(window) * self.across.processes
            guess = torch.tensor(float(units), device=window[0].columns[0].device)
            return {"loss": guess}, float(units)
        totals: dict[str, Tensor] = {}
        with kept_random_states(), torch.no_grad(), self.engine.computing(self.wired):
            before = Buffers(self.wired)
            for batch in window:
                columns = (self.engine.input(batch.columns[0]), *batch.columns[1:])
                for name, weight in self.wired.weights(*columns, counts=batch.counts).items():
                    totals[name] = totals[name] + weight if name in totals else weight
            before.restore()
        return self.across.sum(totals), None

    def _numbers(
        self,
        window: Sequence[Batch],
        outcomes: Sequence[Outcome],
        guess: float | None,
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return totals and weights of the step, of all processes.

        On the way the gradients are corrected, measured and clipped.
        """
        run, engine = self.run, self.engine
        local = outcomes[0].named
        for outcome in outcomes[1:]:
            named = outcome.named
            local = {name: pair + named[name] for name, pair in local.items()}
        engine.unscale(self.optimizer)
        norms = gradient_norms(self.trained)
        there = float(sum(len(b.columns[0]) for b in window if b.counts))
        roots = [outcome.root.detach() for outcome in outcomes] if self.wired.of_several else []
        if run.processes > 1:
            norms = norms.double().square().sum()[None].sqrt()
            norms = norms.square() if engine.sharded else norms / run.processes  # pieces, or all
        of_parts = [norm for outcome in outcomes for norm in outcome.norms.values()]
        *values, there, asked = self.across.numbers(
            [*local.values(), *roots, *of_parts, norms], there, float(self.asked)
        )
        end = len(values) - norms.numel()
        norm = math.sqrt(values[end]) if engine.sharded else math.hypot(*values[end:])
        values, of_parts_found = values[: end - len(of_parts)], values[end - len(of_parts) : end]
        pairs = {n: (values[2 * i], values[2 * i + 1]) for i, n in enumerate(local)}
        weight = pairs["loss"][1] if guess is not None else 0.0
        factor = guess / weight if guess is not None and weight else 1.0
        self._scale(norm * factor, factor)
        run.samples += int(there)
        parts = list(outcomes[0].norms)
        share = factor / len(outcomes) / run.processes
        run.part_gradient_norms = {
            n: share * sum(of_parts_found[i :: len(parts)]) for i, n in enumerate(parts)
        }
        self.agreed = asked > 0
        totals = {n: total for n, (total, _) in pairs.items()}
        weights = {n: weight for n, (_, weight) in pairs.items()}
        if self.wired.of_several:  # its total is no sum over units, and counts by samples
            loss = sum(values[2 * len(local) :]) / self.across.processes
            totals, weights = {"loss": loss * there, **totals}, {"loss": there, **weights}
        return totals, weights

    def _check_names(self, named: Iterable[str]) -> None:
        """Raise if the parts of the loss have other names than before."""
        if not self.names:
            self.names = frozenset(named)
        elif self.names != set(named):
            raise ValueError(
                f"the parts of the loss are {sorted(named)} here and were {sorted(self.names)} "
                "before: a loss has the same parts for every batch, of 0 where there is nothing"
            )

    def _scale(self, norm: float, factor: float) -> None:
        """Make the gradient that of the mean, whose norm it then has, and clip it."""
        self.run.gradient_norm = norm
        if self.clip_norm is not None and norm > self.clip_norm:
            factor *= self.clip_norm / norm
        gradients = [p.grad for p in self.trained if p.grad is not None]
        if factor != 1 and math.isfinite(norm) and gradients:
            torch._foreach_mul_(gradients, factor)

    def _leave_out(
        self, window: Sequence[Batch], outcomes: Sequence[Outcome], totals: Mapping[str, float]
    ) -> None:
        """Have the guard decide, and make everything what it was before the step."""
        run = self.run
        ill, what, value = window[0], "", math.nan
        for batch, outcome in zip(window, outcomes, strict=True):
            for name, pair in outcome.named.items():
                if not what and not math.isfinite(pair[0].item()):
                    several = len(totals) > 1 and name != "loss"
                    what = f"part {name!r} of the loss" if several else "the loss"
                    ill, value = batch, pair[0].item()
        samples = ill.samples
        if not what and all(map(math.isfinite, totals.values())):
            found = first_nonfinite_gradient(self.wired.named_parameters())
            what = f"the gradient of {found[0]}" if found else "the gradient norm"
            value = found[1] if found else math.inf
            if all(batch.samples is not None for batch in window):
                samples = tuple(i for b in window if b.counts for i in b.samples or ())
        columns: Sequence[Tensor] = ill.columns
        if not what:  # these samples are not to blame
            what, columns, samples = "the loss of another process", (), None
        self._forget_gradients()
        self.buffers.restore()

        def make() -> Report:
            def forward(*_: Tensor) -> Outcome:  # in every process, for all of them count
                return self.engine.forward(self.wired, ill.columns, counts=ill.counts)

            return self.guard.report(
                what,
                value,
                self.wired,
                columns,
                epoch=run.epoch,
                step=run.step,
                rank=run.rank,
                samples=samples,
                forward=forward,
            )

        self.guard.found(make)

    def state(self) -> dict[str, Any]:
        """Return everything that a checkpoint holds."""
        run = self.run
        of_module, of_optimizer = self.engine.state(self.wired, self.optimizer)
        return {
            "settings": self.settings,
            "epoch": run.epoch,
            "step": run.step,
            "total_steps": run.total_steps,
            "samples": run.samples,
            "stopped": run.stopped,
            "history": run.history,
            "totals": self.sums.totals,
            "weights": self.sums.weights,
            "seconds": self._spent(),
            "module": of_module,
            "optimizer": of_optimizer,
            "scaler": self.engine.scaler,
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "coefficients": [loss.step for loss in self.stepped],
            "guard": self.guard.state(),
            "callbacks": {name: c.state() for name, c in self._named_callbacks()},
            "random": self.across.gather(random_states()),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take what :meth:`state` returned.

        Raises:
            ValueError: if the training was begun with other settings, or without the same
                scheduler.
        """
        run = self.run
        for name, value in self.settings.items():
            if state["settings"].get(name) != value:
                raise ValueError(
                    f"the training to be resumed was begun with {name}="
                    f"{state['settings'].get(name)!r}, not {value!r}: give the same, or "
                    "resume=None to begin anew"
                )
        if (state["scheduler"] is None) != (self.scheduler is None):
            raise ValueError(
                "the training to be resumed was begun "
                f"{'without' if state['scheduler'] is None else 'with'} a scheduler: do the same, "
                "or give resume=None to begin anew"
            )
        try:
            self.engine.load(self.wired, self.optimizer, state["module"], state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                "the training to be resumed is of another network or loss: give the same, or "
                f"resume=None to begin anew ({error})"
            ) from error
        self.engine.scaler = state["scaler"]
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        for loss, step in zip(self.stepped, state["coefficients"], strict=True):
            loss.step = step
        for name in ("epoch", "step", "total_steps", "samples", "stopped", "history"):
            setattr(run, name, state[name])
        self.sums = Sums(state["totals"], state["weights"])
        self.seconds = state["seconds"]
        self.guard.load_state(state["guard"])
        for name, callback in self._named_callbacks():
            if name in state["callbacks"]:
                callback.load_state(state["callbacks"][name])
        load_random_states(state["random"][run.rank % len(state["random"])])

    def _named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """Yield each callback with a name that it has again when the training is resumed."""
        seen: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            seen[kind] = seen.get(kind, 0) + 1
            yield f"{kind} {seen[kind]}", callback

    def _end_if_asked(self) -> None:
        """Save and end, if a signal has asked for it and all processes know.

        One that came after they told each other waits until they do so in the next step.
        """
        if not (self.agreed or (self.asked and self.across.processes == 1)):
            return
        for saver in self.savers:
            saver.save(self.run)
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + signal.SIGTERM)

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM wait for the end of the step, so that it can be saved."""
        self._signal = signal.SIGTERM
        if not self.savers or threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            if self.asked and number == signal.SIGINT:
                raise KeyboardInterrupt  # who asks twice does not want to wait
            self.asked, self._signal = True, signal.Signals(number)

        # one that is ignored, as in the background, stays so, and one of another language as it is
        before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
        before = {s: h for s, h in before.items() if h not in (signal.SIG_IGN, None)}
        for number in before:
            signal.signal(number, ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.asked:  # too late to be heard by the loop
            signal.raise_signal(self._signal)
