"""A loss of this library in the Trainer of Hugging Face transformers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..base import LossBase
from ..compose import GradNorm, WeightedSum
from ..parts import NamedParts, Parts, parts
from ..processes import compares_samples

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback

IGNORED = -100  # the Trainer counts the labels that are not this, and knows no other
# Outputs of models whose labels stand where they are predicted. "CausalLMOutput" is not the
# opposite: Wav2Vec2ForCTC and BartForCausalLM return one too, and shift nothing.
ALIGNED = ("MaskedLMOutput", "Seq2SeqLMOutput", "TokenClassifierOutput")


def compute_loss_func(
    loss: LossBase | WeightedSum,
    *,
    shift: bool | None = None,
    field: str = "logits",
    divide_by: Literal["weight", "items"] = "weight",
) -> TrainerLoss:
    """Return the ``compute_loss_func`` of a ``Trainer`` that trains with a loss of this library.

    Gradients of accumulated batches, and of several processes, are then those of the one big
    batch. For that, what the Trainer counts, labels other than -100, must be what the mean of the
    loss divides by. That is checked in every batch, and where it is not so, as with class weights,
    it is an error, unless the batch is the whole optimizer step; ``divide_by`` is a way out.
    :func:`check_trainer` finds what one batch cannot show.

    Logits of three dimensions have their classes last, and one label per position.

    Args:
        loss: a loss that takes the output of the model and the labels, or a sum of such.
        shift: whether the label of a position is predicted by the position before, as for causal
            language models whose labels are their inputs. It must be said where every position
            has a label, unless the model is a masked or an encoder-decoder one or classifies
            tokens.
        field: which output of the model the loss takes.
        divide_by: ``"weight"``: the mean is that of the loss. ``"items"``: the sum of the weighted
            losses is divided by the number of labels; then weights need not be counted.

    Raises:
        TypeError: if ``loss`` is no Module of this library, nor of a class derived from one.
        ValueError: if the loss is told to be a sum, or ignores another label than -100.
    """
    return TrainerLoss(loss, shift, field, divide_by)


class TrainerLoss:
    """What :func:`compute_loss_func` returns: a function of outputs, labels and their number.

    Attributes:
        loss: the loss.
    """

    def __init__(
        self,
        loss: LossBase | WeightedSum,
        shift: bool | None,
        field: str,
        divide_by: Literal["weight", "items"],
    ) -> None:
        if not isinstance(loss, LossBase | WeightedSum):
            raise TypeError(
                "compute_loss_func takes a loss Module such as lossary.CrossEntropyLoss(), a "
                f"LossBase or a sum of such, got {loss!r}"
            )
        if divide_by not in ("weight", "items"):
            raise ValueError(f"divide_by must be 'weight' or 'items', got {divide_by!r}")
        for name, each in named_losses(loss).items():
            if getattr(each, "reduction", "mean") != "mean":
                raise ValueError(
                    f"the reduction of {name} must be 'mean', got {each.reduction!r}: in a step "
                    "the Trainer divides by the number of labels"
                )
            ignored = getattr(each, "ignore_index", IGNORED)
            if ignored != IGNORED:
                raise ValueError(
                    f"the ignore_index of {name} must be -100, got {ignored}: the Trainer counts "
                    "every label that is not -100. Put -100 into the labels instead"
                )
        self.loss = loss
        self._shift = shift
        self._field = field
        self._divide_by = divide_by
        self._compares = compares(loss)
        self._per_sample: int | None = None
        self._step: tuple[Tensor | None, float, float] = (None, 0.0, 0.0)
        self._logged: dict[str, Tensor] = {}

    def __call__(
        self, outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Return what this batch adds to the loss of the optimizer step.

        Args:
            outputs: what the model returned.
            labels: the labels.
            num_items_in_batch: how many labels the step has, over all its batches and processes;
                None for the mean over this batch.

        Raises:
            TypeError: if there are no labels, or no such output.
            ValueError: if the labels do not fit, or the number of labels is not what the mean of
                the step divides by.
        """
        output, labels, unshifted = self._arranged(outputs, labels)
        self.loss.to(output.device)  # class weights and the like
        found = self._parts(output, labels)
        counted = float(labels.ne(IGNORED).sum())
        self._log(found)
        if num_items_in_batch is None:
            return found.mean()
        if isinstance(num_items_in_batch, Tensor) and num_items_in_batch.numel() != 1:
            raise ValueError(
                "the Trainer replicates the model over several GPUs (DataParallel), and scales a "
                "compute_loss_func wrongly there. Start one process per GPU with torchrun, or "
                "show one GPU with CUDA_VISIBLE_DEVICES=0"
            )
        items = float(num_items_in_batch)
        self._watch(num_items_in_batch, items, counted, unshifted)
        if counted == items:  # the whole step, whatever the mean divides by
            return found.mean()
        self._warn_of_comparing()
        for name, each in named_parts(found).items():
            self._check_weight(name, float(each.weight.detach()), counted, items, labels)
        return counted / items * found.mean()

    def _arranged(self, outputs: Any, labels: Any) -> tuple[Tensor, Tensor, float]:
        """Return output and labels as the loss takes them, and how many labels there were."""
        output = _field(outputs, self._field)
        if not isinstance(labels, Tensor):
            raise TypeError(
                "the loss needs labels, one tensor, which the Trainer takes from the column "
                f"'labels' of a batch; got {type(labels).__name__}"
            )
        labels = labels.to(output.device)
        unshifted = float(labels.ne(IGNORED).sum())
        per_position = output.ndim == 3 and labels.shape == output.shape[:-1]
        shift = self._shift
        if shift is None and per_position:
            if not any(base.__name__ in ALIGNED for base in type(outputs).__mro__):
                raise ValueError(
                    f"every position has a label, and {type(outputs).__name__} does not tell which "
                    "position predicts it. Say compute_loss_func(..., shift=True) for a causal "
                    "language model whose labels are its inputs, shift=False where labels stand "
                    "at the position that predicts them"
                )
            shift = False
        if shift:
            if not per_position:
                raise ValueError(
                    "shift=True wants an output (N, T, C) and labels (N, T), got "
                    f"{tuple(output.shape)} and {tuple(labels.shape)}"
                )
            # labels move rather than logits, which would be copied
            labels = nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        if output.shape == (*labels.shape, 1):
            output = output.squeeze(-1)
        elif per_position:
            output, labels = output.flatten(0, 1), labels.flatten()
        return output, labels, unshifted

    def _parts(self, output: Tensor, labels: Tensor) -> Parts | NamedParts:
        weight = None
        if not all(hasattr(each, "ignore_index") for each in named_losses(self.loss).values()):
            there = labels.ne(IGNORED)
            weight = None if there.all() else there
        found = parts(self.loss, output, labels, weight=weight)
        if self._divide_by == "weight":
            return found
        counted = labels.ne(IGNORED).sum()
        if isinstance(found, NamedParts):
            by_items = {n: Parts(p.total, counted.to(p.weight)) for n, p in found.named.items()}
            return NamedParts(by_items, found.loss)
        return Parts(found.total, counted.to(found.weight))

    def _watch(self, key: Tensor | int, items: float, counted: float, unshifted: float) -> None:
        """Compare what the Trainer counted in a step with the labels that have come of it.

        A whole step shows it, before its gradients are used; all processes end it together.
        """
        if not isinstance(key, Tensor):  # not from the Trainer
            return
        before = self._step[1:] if key is self._step[0] else (0.0, 0.0)  # one tensor for a step
        counted, unshifted = counted + before[0], unshifted + before[1]
        self._step = (key, counted, unshifted)
        if not torch.is_grad_enabled() or not _ends_a_step():
            return
        if dist.is_available() and dist.is_initialized():
            sums = torch.tensor([counted, unshifted], device=key.device)
            dist.all_reduce(sums)
            counted, unshifted = sums.tolist()
            times = counted / items if items else 1.0
            if times >= 1 and times.is_integer() and dist.get_world_size() % times == 0:
                return  # processes that share their batches have counted them together
        if counted == items:
            return
        if unshifted == items:
            raise ValueError(
                f"the Trainer counted {items:.0f} labels in this step, but only {counted:.0f} are "
                "predicted: it does not know that this model shifts labels, and every step would "
                f"be {1 - counted / items:.1%} too small. Give the Trainer "
                "data_collator=lossary.interop.transformers.ignore_first_label(your_collator)"
            )
        raise ValueError(
            f"{counted:.0f} labels have come in this step, but the Trainer counted {items:.0f}. "
            "If there are more than it counted, it takes this for a model that shifts its "
            "labels: say shift=True, or give it labels whose first of each sequence is -100"
        )

    def _check_weight(
        self, name: str, weight: float, counted: float, items: float, labels: Tensor
    ) -> None:
        if math.isclose(weight, counted, rel_tol=1e-6):
            return
        per_sample = labels.shape[1:].numel()
        if weight == len(labels) and counted == labels.numel():  # one unit per sample
            self._per_sample = self._per_sample or per_sample
            if per_sample == self._per_sample:
                return
        raise ValueError(
            f"the mean of {name} divides by {weight:g} in this batch, which has {counted:.0f} "
            f"labels; of the other batches of the step the Trainer tells the labels alone, "
            f"{items:.0f} in all. So means with class weights, or over other units than labels, "
            "cannot be those of the whole step. Either divide_by='items', which divides the "
            "weighted sum by the number of labels; or no accumulation in one process; or "
            "lossary.train.Model, which adds up both sums"
        )

    def _warn_of_comparing(self) -> None:
        if self._compares:
            warnings.warn(
                f"{self._compares} compares the samples of a batch with each other: over several "
                "batches or processes per step it is not the loss of the one big batch",
                RuntimeWarning,
                stacklevel=4,
            )
            self._compares = None

    def _log(self, found: Parts | NamedParts) -> None:
        if isinstance(found, NamedParts) and torch.is_grad_enabled():
            for name, each in found.named.items():
                pair = torch.stack([each.total, each.weight]).detach()
                self._logged[name] = pair + self._logged.get(name, torch.zeros_like(pair))

    def logged(self) -> dict[str, float]:
        """Return the mean of each part of a sum since the last call, over all processes.

        With several processes all of them must call it.
        """
        pairs, self._logged = self._logged, {}
        if pairs and dist.is_available() and dist.is_initialized():
            for pair in pairs.values():
                dist.all_reduce(pair)
        return {name: float(Parts(pair[0], pair[1]).mean()) for name, pair in pairs.items()}


def check_trainer(trainer: Trainer, batch: Mapping[str, Any] | None = None) -> None:
    """Raise an error unless accumulated batches give the gradient of the one big batch.

    Looks at what the Trainer does with a batch, not at the names of classes: the loss is computed
    for the number of labels that the Trainer counts, for twice as many and for none. So it finds
    models that take the number and ignore it, models whose labels are counted without the shift,
    and means of means; with the losses of transformers as well as with those of this library.
    Weights, modes and torch's random state stay as they are. With several processes all must call
    it.

    Args:
        trainer: a Trainer, before it trains.
        batch: what the model gets, with labels; by default the first of ``trainer.train_dataset``.

    Raises:
        ValueError: if a step would be wrong; it says by how much, and what to do.
    """
    args, ours = trainer.args, trainer.compute_loss_func
    several = args.gradient_accumulation_steps > 1 or args.world_size > 1
    if args.world_size > 1 and not args.average_tokens_across_devices:
        raise ValueError(
            "average_tokens_across_devices=False counts the labels of each process by itself: the "
            "gradient is a mean of means. Leave it at True"
        )
    if isinstance(ours, TrainerLoss):
        trained = {id(p) for p in trainer.model.parameters()}
        lost = [n for n, p in ours.loss.named_parameters() if id(p) not in trained]
        if lost:
            raise ValueError(
                f"the loss has parameters that nobody trains or saves: {lost}. Make it a part of "
                "the model before the Trainer is made: model.lossary_loss = loss"
            )
    batch = _first_batch(trainer) if batch is None else batch
    items = trainer.get_batch_samples(iter([batch]), 1, args.device)[1]
    if items is None:
        if several:
            raise ValueError(
                f"{type(trainer.model).__name__} takes no number of labels, so every batch is its "
                "own mean, and a step the mean of means: not that of the one big batch as soon as "
                "batches differ in their number of labels. Give the Trainer compute_loss_func="
                "lossary.interop.transformers.compute_loss_func(...)"
            )
        return
    with _evaluated(trainer.model):
        own, given, double = (_value(trainer, batch, n) for n in (None, items, 2 * items))
    if own == 0:
        raise ValueError("the loss of this batch is 0, which shows nothing: give another batch")
    if math.isclose(given, double, rel_tol=1e-5):
        if not several:
            return
        times = args.gradient_accumulation_steps
        raise ValueError(
            f"{type(trainer.model).__name__} takes the number of labels and ignores it: the loss "
            f"stays {given:g}, whatever the number. Then nobody divides, and gradients "
            f"of {times} accumulated batches, over {args.world_size} processes, are "
            f"{times * args.world_size} times too large. Give the Trainer compute_loss_func="
            "lossary.interop.transformers.compute_loss_func(...)"
        )
    # the Trainer multiplies by the processes, whose gradients are averaged
    scale = trainer.accelerator.num_processes // trainer.get_tp_size()
    local = torch.tensor(float(items) * given / scale / own, device=args.device)
    counted = float(trainer.accelerator.gather(local).sum()) * scale / args.world_size
    if not math.isclose(counted, float(items), rel_tol=1e-5):
        raise ValueError(
            f"the Trainer counts {float(items):.0f} labels in a batch whose loss is the mean over "
            f"{counted:.0f}: every step is {float(items) / counted:.4g} times too small. If the "
            "model shifts its labels, give the Trainer data_collator="
            "lossary.interop.transformers.ignore_first_label(your_collator)"
        )


def ignore_first_label(collate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a collator whose first label of every sequence is -100.

    A model that shifts its labels predicts no first one. The Trainer counts it all the same where
    it does not know that the model shifts, as with ``GPT2LMHeadModel``.

    Args:
        collate: what makes a batch of samples; its ``"labels"`` have the shape ``(N, T)``.
    """
    return _IgnoreFirst(collate)


class _IgnoreFirst:  # a class, as workers of a DataLoader have to pickle it
    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self.collate = collate

    def __call__(self, samples: Any) -> Any:
        batch = self.collate(samples)
        labels = batch["labels"].clone()
        labels[:, 0] = IGNORED
        batch["labels"] = labels
        return batch


def callback(func: TrainerLoss) -> TrainerCallback:
    """Return a callback that logs the parts of a sum by name, and tells it the step.

    Coefficients that change with the step, such as :func:`~lossary.ramp`, stay at their first value
    without it. Parts come into ``trainer.state.log_history`` and into the logs of the callbacks
    after this one, as ``loss_<name>``.

    Args:
        func: what :func:`compute_loss_func` returned.

    Raises:
        ModuleNotFoundError: if transformers is not installed.
    """
    try:
        from transformers import TrainerCallback
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f'this needs {missing.name}: pip install "lossary[transformers]"', name=missing.name
        ) from missing

    class PartsCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not type-checked
        """Logs the parts of a loss."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if isinstance(func.loss, WeightedSum):
                func.loss.step = state.global_step

        def on_log(
            self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any
        ) -> None:
            if logs is not None and "loss" in logs:
                found = {f"loss_{name}": mean for name, mean in func.logged().items()}
                logs.update(found)
                state.log_history[-1].update(found)

    return PartsCallback()


def named_losses(loss: LossBase | WeightedSum) -> dict[str, Any]:
    """Return the losses of a sum by name, or the loss by that of its class."""
    if isinstance(loss, WeightedSum):
        return dict(loss.losses.items())
    return {type(loss).__name__: loss}


def named_parts(found: Parts | NamedParts) -> Mapping[str, Parts]:
    """Return the parts of a sum by name, or those of the loss."""
    return found.named if isinstance(found, NamedParts) else {"the loss": found}


def compares(loss: LossBase | WeightedSum) -> str | None:
    """Return the name of a loss that compares the samples of a batch with each other, or None."""
    if isinstance(loss, GradNorm):
        return type(loss).__name__
    for name, each in named_losses(loss).items():
        if isinstance(each, LossBase) and compares_samples(each):
            return name
    return None


def _ends_a_step() -> bool:
    """Whether the Trainer computes the last batch of an optimizer step."""
    from accelerate.state import GradientState

    return bool(GradientState().sync_gradients)


def _field(outputs: Any, name: str) -> Tensor:
    if isinstance(outputs, Tensor):
        return outputs
    if isinstance(outputs, tuple):  # with return_dict=False; there is no loss before the logits
        found, there = outputs[0] if name == "logits" else None, "a tuple"
    else:
        found, there = outputs.get(name), f"{list(outputs)}"
    if not isinstance(found, Tensor):
        raise TypeError(
            f"the model returned no tensor {name!r}, but {there}; "
            "compute_loss_func(..., field=...) says which one the loss takes"
        )
    return found


def _first_batch(trainer: Trainer) -> Any:
    loader = trainer.get_eval_dataloader(trainer.train_dataset)  # which does not shuffle
    with torch.random.fork_rng(devices=[]):  # a DataLoader draws a seed for its workers
        batch = next(iter(loader))
    if hasattr(loader, "end"):
        loader.end()  # else Accelerate believes that the loop goes on
    return batch


def _value(trainer: Trainer, batch: Mapping[str, Any], items: Any) -> float:
    from accelerate.utils import send_to_device

    inputs = dict(send_to_device(dict(batch), trainer.args.device))
    found = trainer.compute_loss(trainer.model, inputs, num_items_in_batch=items)
    return float(cast(Tensor, found))


@contextmanager
def _evaluated(network: nn.Module) -> Iterator[None]:
    """Evaluate a network without gradients, and put its modes back."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
