"""The real Trainer, with tiny models from a config: accumulated batches are the one big batch."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lossary

transformers = pytest.importorskip("transformers", reason='needs "lossary[transformers]"')

from lossary.interop.transformers import (  # noqa: E402 - it needs the package
    callback,
    check_trainer,
    compute_loss_func,
    ignore_first_label,
)

PAGE = Path(__file__).parents[2] / "docs" / "integrations" / "transformers.md"
VOCABULARY = 11
LENGTHS = (7, 2, 5, 3, 6, 1, 4, 7)  # of 8 sequences, so that micro-batches differ


def sequences(first: int = 0) -> list[dict[str, Tensor]]:
    """Make ragged sequences; the first ``first`` labels of each are ignored too."""
    draw = torch.Generator().manual_seed(1)
    found = []
    for length in LENGTHS:
        ids = torch.randint(VOCABULARY, (8,), generator=draw)
        labels = ids.clone()
        labels[length + 1 :] = -100
        labels[:first] = -100
        found.append({"input_ids": ids, "labels": labels})
    return found


def llama() -> nn.Module:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    return transformers.LlamaForCausalLM(config).double()


def gpt2() -> nn.Module:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=8, n_embd=8, n_layer=1, n_head=2,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config).double()


def bert(kind: str = "SequenceClassification", labels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=8, num_labels=labels,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return getattr(transformers, f"BertFor{kind}")(config).double()


def classes(dtype: torch.dtype = torch.int64) -> list[dict[str, Tensor]]:
    labels = torch.tensor([0, 1, 2, -100, -100, -100, 1, 0]).to(dtype)
    ids = [{"input_ids": each["input_ids"]} for each in sequences()]
    return [{**each, "labels": label} for each, label in zip(ids, labels, strict=True)]


def trainer(
    model: nn.Module,
    func: Callable[..., Tensor] | None,
    data: list[dict[str, Tensor]],
    accumulate: int,
    folder: Path,
    **options: Any,
) -> Any:
    """Make a Trainer whose steps have 8 samples, in so many batches."""
    args = transformers.TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=8 // accumulate,
        per_device_eval_batch_size=8 // accumulate,
        gradient_accumulation_steps=accumulate,
        max_steps=2,
        optim="sgd",
        learning_rate=0.5,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    return transformers.Trainer(
        model=model, args=args, train_dataset=data, compute_loss_func=func, **options
    )


def trained(*given: Any, **options: Any) -> dict[str, Tensor]:
    made = trainer(*given, **options)
    made.train()
    return {name: p.detach().clone() for name, p in made.model.named_parameters()}


def assert_equal(found: Mapping[str, Tensor], want: Mapping[str, Tensor]) -> None:
    for name, tensor in want.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-10, msg=name)


def shifted_cross_entropy(model: nn.Module, data: list[dict[str, Tensor]]) -> Tensor:
    """The mean over all labels that have a position before them, by torch alone."""
    ids = torch.stack([each["input_ids"] for each in data])
    labels = torch.stack([each["labels"] for each in data])
    logits = model(input_ids=ids).logits[:, :-1]
    return nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), labels[:, 1:].reshape(-1))


def by_hand(model: nn.Module, value: Callable[[nn.Module], Tensor]) -> dict[str, Tensor]:
    """Two steps of plain gradient descent on the one big batch."""
    wanted = dict(model.named_parameters())
    for _ in range(2):
        slopes = torch.autograd.grad(value(model), list(wanted.values()), allow_unused=True)
        with torch.no_grad():
            for p, slope in zip(wanted.values(), slopes, strict=True):
                p -= 0.0 if slope is None else 0.5 * slope
    return {name: p.detach() for name, p in wanted.items()}


@pytest.mark.parametrize("accumulate", [1, 2, 8])
def test_a_causal_model_trains_as_on_the_one_big_batch(accumulate: int, tmp_path: Path) -> None:
    func = compute_loss_func(lossary.CrossEntropyLoss(), shift=True)
    found = trained(llama(), func, sequences(), accumulate, tmp_path)
    want = by_hand(llama(), lambda model: shifted_cross_entropy(model, sequences()))
    assert_equal(found, want)


@pytest.mark.parametrize(
    "loss",
    [
        lossary.FocalLoss(gamma=2.0),
        0.7 * lossary.CrossEntropyLoss(label_smoothing=0.1) + lossary.PolyCrossEntropyLoss(),
        lossary.UncertaintyWeightedSum(
            {"ce": lossary.CrossEntropyLoss(), "focal": lossary.FocalLoss()}
        ),
    ],
    ids=["focal", "sum", "uncertainty"],
)
def test_other_losses_and_sums(loss: nn.Module, tmp_path: Path) -> None:
    """Also one that adds something of its own to every mean, and has parameters."""
    ends = []
    for accumulate in (1, 8):
        model, own = llama(), copy.deepcopy(loss).double()
        model.lossary_loss = own
        func = compute_loss_func(own, shift=True)
        ends.append(trained(model, func, sequences(), accumulate, tmp_path))
    assert_equal(ends[1], ends[0])
    for name, p in loss.named_parameters():
        assert (ends[0][f"lossary_loss.{name}"] != p).all()


def test_a_classifier_with_ignored_labels(tmp_path: Path) -> None:
    """One micro-batch has none that counts."""
    func = compute_loss_func(lossary.CrossEntropyLoss())
    found = trained(bert(), func, classes(), 4, tmp_path)
    ids = torch.stack([each["input_ids"] for each in classes()])
    labels = torch.stack([each["labels"] for each in classes()])
    want = by_hand(bert(), lambda m: nn.functional.cross_entropy(m(input_ids=ids).logits, labels))
    assert_equal(found, want)


def test_a_regression_whose_output_has_a_dimension_more(tmp_path: Path) -> None:
    """And a loss without an ignore_index, which gets a mask."""
    data = classes(torch.float64)
    func = compute_loss_func(lossary.HuberLoss())
    found = trained(bert(labels=1), func, data, 4, tmp_path)
    kept = [each for each in data if each["labels"] != -100]
    ids = torch.stack([each["input_ids"] for each in kept])
    labels = torch.stack([each["labels"] for each in kept])
    want = by_hand(
        bert(labels=1),
        lambda m: nn.functional.huber_loss(m(input_ids=ids).logits.squeeze(1), labels),
    )
    assert_equal(found, want)


@pytest.mark.parametrize(
    "loss", [lossary.BCEWithLogitsLoss(), lossary.ZLPRLoss()], ids=["labels", "rows"]
)
def test_several_labels_per_sample(loss: nn.Module, tmp_path: Path) -> None:
    """One unit per label, or one per sample: the Trainer counts labels either way."""
    draw = torch.Generator().manual_seed(2)
    data = [
        {**each, "labels": torch.randint(2, (3,), generator=draw).double()} for each in sequences()
    ]
    ends = [trained(bert(), compute_loss_func(loss), data, k, tmp_path) for k in (1, 4)]
    assert_equal(ends[1], ends[0])
    ids = torch.stack([each["input_ids"] for each in data])
    labels = torch.stack([each["labels"] for each in data])
    assert_equal(ends[0], by_hand(bert(), lambda m: loss(m(input_ids=ids).logits, labels)))


@pytest.mark.parametrize("kind", ["TokenClassification", "MaskedLM"])
def test_labels_that_stand_where_they_are_predicted(kind: str, tmp_path: Path) -> None:
    data = [{**each, "labels": each["labels"].clamp(max=2)} for each in sequences(first=1)]
    func = compute_loss_func(lossary.CrossEntropyLoss())
    found = trained(bert(kind), func, data, 4, tmp_path)
    ids = torch.stack([each["input_ids"] for each in data])
    labels = torch.stack([each["labels"] for each in data]).flatten()
    want = by_hand(
        bert(kind),
        lambda m: nn.functional.cross_entropy(m(input_ids=ids).logits.flatten(0, 1), labels),
    )
    assert_equal(found, want)


WEIGHTS = torch.linspace(0.5, 2.0, VOCABULARY, dtype=torch.float64)


def test_class_weights_are_exact_where_a_batch_is_the_step(tmp_path: Path) -> None:
    loss = lossary.CrossEntropyLoss(class_weight=WEIGHTS)
    found = trained(llama(), compute_loss_func(loss, shift=True), sequences(), 1, tmp_path)

    def value(model: nn.Module) -> Tensor:
        ids = torch.stack([each["input_ids"] for each in sequences()])
        labels = torch.stack([each["labels"] for each in sequences()])[:, 1:].reshape(-1)
        logits = model(input_ids=ids).logits[:, :-1].reshape(-1, VOCABULARY)
        return nn.functional.cross_entropy(logits, labels, WEIGHTS)

    assert_equal(found, by_hand(llama(), value))


def test_class_weights_are_refused_over_several_batches(tmp_path: Path) -> None:
    loss = lossary.CrossEntropyLoss(class_weight=WEIGHTS)
    made = trainer(llama(), compute_loss_func(loss, shift=True), sequences(), 2, tmp_path)
    message = r"divides by .* in this batch, which has .* labels;.* in all.*divide_by='items'"
    with pytest.raises(ValueError, match=message):
        check_trainer(made)
    with pytest.raises(ValueError, match=message):
        made.train()


def test_class_weights_divided_by_the_number_of_labels(tmp_path: Path) -> None:
    loss = lossary.CrossEntropyLoss(class_weight=WEIGHTS)
    func = compute_loss_func(loss + lossary.FocalLoss(), shift=True, divide_by="items")
    ends = [trained(llama(), func, sequences(), k, tmp_path) for k in (1, 4)]
    assert_equal(ends[1], ends[0])


def test_a_sum_whose_parts_count_differently_is_refused(tmp_path: Path) -> None:
    loss = lossary.WeightedSum(
        {
            "plain": lossary.CrossEntropyLoss(),
            "rare": lossary.CrossEntropyLoss(class_weight=WEIGHTS),
        }
    )
    func = compute_loss_func(loss, shift=True)
    with pytest.raises(ValueError, match="the mean of rare divides by"):
        check_trainer(trainer(llama(), func, sequences(), 2, tmp_path))


def test_a_model_without_a_loss_type_is_noticed_and_mended(tmp_path: Path) -> None:
    """GPT-2 shifts its labels, which the Trainer does not know: it counts 43 for 35."""
    func = compute_loss_func(lossary.CrossEntropyLoss(), shift=True)
    for accumulate in (1, 2):
        made = trainer(gpt2(), func, sequences(), accumulate, tmp_path)
        before = copy.deepcopy(made.model.state_dict())
        with pytest.raises(ValueError, match="counted 43 labels in this step, but only 35 are"):
            made.train()
        assert_equal(made.model.state_dict(), before)
        with pytest.raises(ValueError, match="If the model shifts its labels, give the Trainer"):
            check_trainer(made)
    with pytest.raises(ValueError, match=r"counts 43 labels .* over 35: every step is 1.229 times"):
        check_trainer(trainer(gpt2(), None, sequences(), 1, tmp_path))

    collate = pickle.loads(pickle.dumps(ignore_first_label(transformers.default_data_collator)))
    made = trainer(gpt2(), func, sequences(), 4, tmp_path, data_collator=collate)
    check_trainer(made)
    made.train()
    want = by_hand(gpt2(), lambda model: shifted_cross_entropy(model, sequences()))
    assert_equal(dict(made.model.named_parameters()), want)
    check_trainer(trainer(gpt2(), None, sequences(), 4, tmp_path, data_collator=collate))


def test_a_model_that_ignores_the_number_of_labels_is_noticed(tmp_path: Path) -> None:
    made = trainer(bert(), None, classes(), 4, tmp_path)
    state = torch.get_rng_state()
    made.model.train()
    with pytest.raises(
        ValueError, match=r"takes the number of labels and ignores it.* 4 times too"
    ):
        check_trainer(made)
    assert made.model.training
    assert torch.equal(torch.get_rng_state(), state)
    check_trainer(trainer(bert(), None, classes(), 1, tmp_path))  # one batch is the step


def test_what_is_noticed_is_so(tmp_path: Path) -> None:
    """The gradient of the plain Trainer really is 4 times too large with that model."""
    data = [each for each in classes() if each["labels"] != -100][:4] * 2
    one, four = (trained(bert(), None, data, k, tmp_path) for k in (1, 4))
    with pytest.raises(AssertionError):
        assert_equal(four, one)


def test_a_model_that_takes_no_number_of_labels_is_noticed(tmp_path: Path) -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 3)

        def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            logits = self.linear(input_ids.float())
            if labels is None:
                return {"logits": logits}
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    with pytest.raises(ValueError, match=r"Plain takes no number of labels.*mean of means"):
        check_trainer(trainer(Plain(), None, classes(), 2, tmp_path))
    check_trainer(trainer(Plain(), None, classes(), 1, tmp_path))
    check_trainer(
        trainer(Plain(), compute_loss_func(lossary.CrossEntropyLoss()), classes(), 2, tmp_path)
    )


def test_the_check_passes_where_all_is_well(tmp_path: Path) -> None:
    func = compute_loss_func(lossary.CrossEntropyLoss(), shift=True)
    made = trainer(llama(), func, sequences(), 4, tmp_path)
    before = copy.deepcopy(made.model.state_dict())
    check_trainer(made)
    check_trainer(made, transformers.default_data_collator(sequences()[:3]))
    assert_equal(made.model.state_dict(), before)
    check_trainer(trainer(llama(), None, sequences(), 4, tmp_path))


def test_parameters_of_the_loss_that_nobody_trains(tmp_path: Path) -> None:
    loss = lossary.UncertaintyWeightedSum({"ce": lossary.CrossEntropyLoss()})
    made = trainer(bert(), compute_loss_func(loss), classes(), 2, tmp_path)
    with pytest.raises(ValueError, match=r"nobody trains or saves: \['log_variance.ce'\]"):
        check_trainer(made)


def test_an_unshifted_loss_for_a_model_that_shifts(tmp_path: Path) -> None:
    func = compute_loss_func(lossary.CrossEntropyLoss(), shift=False)
    made = trainer(llama(), func, sequences(), 2, tmp_path)
    with pytest.raises(ValueError, match="43 labels have come in this step, but the Trainer count"):
        made.train()


def test_parts_and_steps(tmp_path: Path) -> None:
    """Parts are means over all batches of a step; the ramp goes up with the steps."""
    loss = lossary.WeightedSum(
        {"ce": lossary.CrossEntropyLoss(), "focal": lossary.FocalLoss()},
        {"focal": lossary.ramp(0.0, 1.0, 2)},
    )
    func = compute_loss_func(loss, shift=True)
    made = trainer(llama(), func, sequences(), 4, tmp_path, callbacks=[callback(func)])
    want = shifted_cross_entropy(llama(), sequences()).item()
    made.train()
    first, second = made.state.log_history[:2]
    assert first["loss_ce"] == pytest.approx(want, abs=1e-6)
    assert first["loss"] == pytest.approx(first["loss_ce"], abs=1e-4)
    total = second["loss_ce"] + 0.5 * second["loss_focal"]
    assert second["loss"] == pytest.approx(total, abs=1e-4)


def test_evaluation_is_the_mean(tmp_path: Path) -> None:
    func = compute_loss_func(lossary.CrossEntropyLoss(), shift=True)
    made = trainer(llama(), func, sequences(), 1, tmp_path, eval_dataset=sequences())
    want = shifted_cross_entropy(llama(), sequences()).item()
    assert made.evaluate()["eval_loss"] == pytest.approx(want, abs=1e-6)


def test_a_loss_that_compares_samples_is_warned_of() -> None:
    func = compute_loss_func(lossary.SupervisedContrastiveLoss())
    x, labels = torch.randn(4, 3), torch.tensor([0, 1, 0, 1])
    func(x, labels, 4)  # the whole step
    with pytest.warns(RuntimeWarning, match="compares the samples of a batch with each other"):
        func(x, labels, 8)
    func(x, labels, 8)  # once is enough


LOGITS = torch.zeros(2, 4, 3)
TOKENS = torch.zeros(2, 4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: compute_loss_func(lossary.cross_entropy), TypeError, "takes a loss Module"),
        (lambda: compute_loss_func(lossary.L1Loss(), divide_by="n"), ValueError, "got 'n'"),
        (
            lambda: compute_loss_func(lossary.CrossEntropyLoss(ignore_index=0)),
            ValueError,
            "ignore_index of CrossEntropyLoss must be -100, got 0",
        ),
        (
            lambda: compute_loss_func(lossary.L1Loss(reduction="sum")),
            ValueError,
            "reduction of L1Loss must be 'mean', got 'sum'",
        ),
        (
            lambda: compute_loss_func(lossary.CrossEntropyLoss())({"logits": LOGITS}, TOKENS),
            ValueError,
            "every position has a label, and dict does not tell",
        ),
        (
            lambda: compute_loss_func(lossary.CrossEntropyLoss(), shift=True)(
                LOGITS[:, 0], TOKENS[:, 0]
            ),
            ValueError,
            r"shift=True wants an output \(N, T, C\) and labels \(N, T\), got \(2, 3\) and \(2,\)",
        ),
        (
            lambda: compute_loss_func(lossary.L1Loss())({"logits": LOGITS}, None),
            TypeError,
            "column 'labels' of a batch; got NoneType",
        ),
        (
            lambda: compute_loss_func(lossary.L1Loss(), field="embeds")({"logits": LOGITS}, TOKENS),
            TypeError,
            r"no tensor 'embeds', but \['logits'\]",
        ),
        (
            lambda: compute_loss_func(lossary.L1Loss())(LOGITS, LOGITS, torch.ones(2, 1)),
            ValueError,
            "DataParallel",
        ),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    exec(compile(program, PAGE.name, "exec"), {"__name__": "page"})


def test_two_processes(tmp_path: Path) -> None:
    """With check and logs; the miscount is noticed by both before the first step."""
    program = Path(__file__).with_name("share_of_accelerate.py")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*start, program, "trainer", tmp_path], capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr
    want = by_hand(llama(), lambda model: shifted_cross_entropy(model, sequences()))
    mean = shifted_cross_entropy(llama(), sequences()).item()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert_equal(found, want)
        assert found["loss_ce"] == pytest.approx(mean, abs=1e-6)
        assert "counted 43 labels in this step, but only 35 are predicted" in found["trained"]
        assert "a batch whose loss is the mean over" in found["checked"]
