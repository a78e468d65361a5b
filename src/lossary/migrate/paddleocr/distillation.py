"""Losses between the outputs of several networks, which are found by name in the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .basic import Batch, DistanceLoss, DKDLoss, DMLLoss, KLDivLoss, Losses, LossFromOutput
from .detection import DBLoss
from .recognition import CELoss, CTCLoss, SARLoss, VQASerTokenLayoutLMLoss

Pairs = Sequence[Any]
MAPS = {"thrink_maps": 0, "threshold_maps": 1, "binary_maps": 2}


def summed(losses: Losses) -> Losses:
    """Add their sum, which is 0 if there are none."""
    return losses | {"loss": sum(losses.values(), torch.zeros(()))}


def each_pair(predicts: Mapping[str, Any], pairs: Pairs, key: str | None) -> list[Any]:
    """Return ``(first name, second name, first output, second output)`` of every pair."""
    outputs = []
    for first, second in pairs:
        one, two = predicts[first], predicts[second]
        one, two = (one, two) if key is None else (one[key], two[key])
        outputs.append((first, second, one, two))
    return outputs


def _nested(pairs: Pairs) -> Pairs:
    """Return a list of pairs, of which one pair may be given."""
    return [pairs] if pairs and isinstance(pairs[0], str) else pairs


class PairLoss(nn.Module):
    """A loss of two outputs, of each pair of networks, with names and sum.

    Args:
        model_name_pairs: pairs of names of networks, or one pair.
        key: which output of the networks, if they have several by name.
        multi_head: whether that output has several heads.
        dis_head: which of them.
        maps_name: ``"thrink_maps"``, ``"threshold_maps"`` or ``"binary_maps"``: channels to compare
            in place of the whole. A list is not understood there, nor any other name: the loss is
            then 0, and so it is here.
        name: what the losses are called, with the number of the pair.
        options: of the loss itself.
    """

    called: ClassVar[str]
    compared: ClassVar[type[nn.Module]]

    def __init__(
        self,
        model_name_pairs: Pairs = (),
        key: str | None = None,
        multi_head: bool = False,
        dis_head: str = "ctc",
        maps_name: str | Sequence[str] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.pair_loss = self.compared(**options)
        self.pairs = _nested(model_name_pairs)
        self.key = key
        self.multi_head = multi_head
        self.dis_head = dis_head
        self.maps_name = maps_name
        self.name = self.called if name is None else name

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return the losses by name, and their sum as ``loss``."""
        losses = {}
        for i, (_, _, one, two) in enumerate(each_pair(predicts, self.pairs, self.key)):
            if self.maps_name is None and self.multi_head:
                heads = one[self.dis_head], two[self.dis_head]
                losses[f"{self.name}_{i}"] = self.pair_loss(*heads, *self.labels(batch))
            elif self.maps_name is None:
                losses[f"{self.name}_{i}"] = self.pair_loss(one, two)
            elif isinstance(self.maps_name, str) and self.maps_name in MAPS:
                maps = (x[:, MAPS[self.maps_name]] for x in (one, two))
                losses[f"{self.name}_{self.maps_name}_{i}"] = self.pair_loss(*maps)
        return summed(losses)

    def labels(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return what the loss of heads is given beside them."""
        return ()


def _spoken(batch: Batch) -> Tensor:
    labels: Tensor = batch[2][:, 1 : 2 + int(batch[3].max())].reshape(-1)
    return labels


class DistillationDMLLoss(PairLoss):
    """See :class:`.basic.DMLLoss`."""

    called = "dml"
    compared = DMLLoss

    def __init__(
        self,
        model_name_pairs: Pairs = (),
        act: str | None = None,
        use_log: bool = False,
        key: str | None = None,
        multi_head: bool = False,
        dis_head: str = "ctc",
        maps_name: str | Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            model_name_pairs, key, multi_head, dis_head, maps_name, name, act=act, use_log=use_log
        )


class DistillationKLDivLoss(PairLoss):
    """See :class:`.basic.KLDivLoss`; of heads, the tokens that are not 0 count."""

    called = "kl_div"
    compared = KLDivLoss

    def labels(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return which tokens count."""
        return (_spoken(batch) != 0,)


class DistillationDKDLoss(PairLoss):
    """See :class:`.basic.DKDLoss`; it needs labels, so it works with ``multi_head`` alone."""

    called = "dkd"
    compared = DKDLoss

    def __init__(
        self,
        model_name_pairs: Pairs = (),
        key: str | None = None,
        multi_head: bool = False,
        dis_head: str = "ctc",
        maps_name: str | Sequence[str] | None = None,
        name: str | None = None,
        temperature: float = 1.0,
        alpha: float = 1.0,
        beta: float = 1.0,
    ) -> None:
        weights = {"temperature": temperature, "alpha": alpha, "beta": beta}
        super().__init__(model_name_pairs, key, multi_head, dis_head, maps_name, name, **weights)

    def labels(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the labels."""
        return (_spoken(batch),)


class DistillationDistanceLoss(nn.Module):
    """See :class:`.basic.DistanceLoss`; named by ``_l2`` in every mode."""

    def __init__(
        self,
        mode: str = "l2",
        model_name_pairs: Pairs = (),
        key: str | None = None,
        name: str = "loss_distance",
        **kargs: Any,
    ) -> None:
        super().__init__()
        self.distance = DistanceLoss(mode, **kargs)
        self.pairs = model_name_pairs
        self.key = key
        self.name = f"{name}_l2"

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return the loss of every pair."""
        return {
            f"{self.name}_{first}_{second}_{i}": self.distance(*self.outputs(one, two, batch))
            for i, (first, second, one, two) in enumerate(each_pair(predicts, self.pairs, self.key))
        }

    def outputs(self, one: Tensor, two: Tensor, batch: Batch) -> list[Tensor]:
        """Return what is compared."""
        return [one, two]


class DistillationVQADistanceLoss(DistillationDistanceLoss):
    """The distance of the tokens that the attention mask ``batch[2]`` holds.

    Args:
        mode: see :class:`.basic.DistanceLoss`.
        model_name_pairs: pairs of names of networks.
        key: which output; without, it has one row for each token of the mask.
        index: which layer of that output, if it has several.
        name: what the losses are called.
        kargs: of the distance.
    """

    def __init__(
        self,
        mode: str = "l2",
        model_name_pairs: Pairs = (),
        key: str | None = None,
        index: int | None = None,
        name: str = "loss_distance",
        **kargs: Any,
    ) -> None:
        super().__init__(mode, model_name_pairs, key, name, **kargs)
        self.index = index

    def outputs(self, one: Tensor, two: Tensor, batch: Batch) -> list[Tensor]:
        """Return the tokens that count."""
        mask, outputs = batch[2], [one, two]
        if self.key is not None:
            if self.index is not None:
                outputs = [x[:, self.index] for x in outputs]
            if mask is not None:
                outputs = [x[:, : mask.shape[-1]] for x in outputs]
            outputs = [x.reshape(-1, x.shape[-1]) for x in outputs]
        return outputs if mask is None else [x[mask.reshape(-1) == 1] for x in outputs]


class DistillationSERDMLLoss(nn.Module):
    """See :class:`.basic.DMLLoss`, of the tokens that the attention mask ``batch[2]`` holds.

    ``num_classes`` has no effect.
    """

    def __init__(
        self,
        act: str = "softmax",
        use_log: bool = True,
        num_classes: int = 7,
        model_name_pairs: Pairs = (),
        key: str | None = None,
        name: str = "loss_dml_ser",
    ) -> None:
        super().__init__()
        self.pair_loss = DMLLoss(act, use_log)
        self.pairs = model_name_pairs
        self.key = key
        self.name = name

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return the loss of every pair."""
        losses = {}
        for i, (_, _, *outputs) in enumerate(each_pair(predicts, self.pairs, self.key)):
            rows = [x.reshape(-1, x.shape[-1]) for x in outputs]
            if batch[2] is not None:
                rows = [x[batch[2].reshape(-1) == 1] for x in rows]
            losses[f"{self.name}_{i}"] = self.pair_loss(*rows)
        return losses


class DistillCTCLogits(nn.Module):
    """Divergence of the mean probabilities over the frames, at temperature 0.5.

    The logit of the blank, class 0, is negated first. ``reduction`` has no effect. With ``key``
    the output has a head ``"ctc"``.
    """

    def __init__(
        self,
        model_name_pairs: Pairs = (),
        key: str | None = None,
        name: str = "ctc_logits",
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.pairs = _nested(model_name_pairs)
        self.key = key
        self.name = name

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return the loss of every pair."""
        losses = {}
        for i, (_, _, *outputs) in enumerate(each_pair(predicts, self.pairs, self.key)):
            logits = outputs if self.key is None else [x["ctc"] for x in outputs]
            scores = (torch.cat([-x[..., :1], x[..., 1:]], -1) for x in logits)
            p, q = ((2 * x).softmax(-1).mean(1) for x in scores)
            units = q * ((q + 1e-6) / (p + 1e-6) + 1e-6).log()
            losses[f"{self.name}_{i}"] = units.sum() / len(units)
        return losses


class EachLoss(nn.Module):
    """A loss with labels, of each network by name.

    Args:
        model_name_list: names of networks.
        key: which output of the networks, if they have several by name.
        multi_head: whether that output has several heads; then labels of two kinds are in
            ``batch``, and the loss takes its own.
        name: what the losses are called, with the name of the network.
        options: of the loss itself.
    """

    called: ClassVar[str]
    scored: ClassVar[type[nn.Module]]
    head: ClassVar[str] = ""
    label: ClassVar[int] = 2
    numbered: ClassVar[bool] = True

    def __init__(
        self,
        model_name_list: Sequence[str] = (),
        key: str | None = None,
        multi_head: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.each_loss = self.scored(**options)
        self.model_name_list = model_name_list
        self.key = key
        self.multi_head = multi_head
        self.name = self.called if name is None else name

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return the loss of every network."""
        losses = {}
        for i, model in enumerate(self.model_name_list):
            output = predicts[model] if self.key is None else predicts[model][self.key]
            given = batch
            if self.multi_head:
                output = output[self.head]
                given = [batch[0], batch[self.label], *batch[3:]]
            ending = f"_{i}" if self.numbered else ""
            losses[f"{self.name}_{model}{ending}"] = self.each_loss(output, given)["loss"]
        return losses


class DistillationCTCLoss(EachLoss):
    """See :class:`.recognition.CTCLoss`; its head is ``"ctc"``."""

    called = "loss_ctc"
    scored = CTCLoss
    head, label = "ctc", 1


class DistillationSARLoss(EachLoss):
    """See :class:`.recognition.SARLoss`; its head is ``"sar"``."""

    called = "loss_sar"
    scored = SARLoss
    head = "sar"


class DistillationNRTRLoss(EachLoss):
    """See :class:`.recognition.CELoss`, smoothed unless told otherwise; its head is ``"gtc"``."""

    called = "loss_nrtr"
    scored = CELoss
    head = "gtc"

    def __init__(
        self,
        model_name_list: Sequence[str] = (),
        key: str | None = None,
        multi_head: bool = False,
        smoothing: bool = True,
        name: str | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(model_name_list, key, multi_head, name, smoothing=smoothing)


class DistillationVQASerTokenLayoutLMLoss(EachLoss):
    """See :class:`.recognition.VQASerTokenLayoutLMLoss`."""

    called = "loss_ser"
    scored = VQASerTokenLayoutLMLoss
    numbered = False

    def __init__(
        self,
        num_classes: int,
        model_name_list: Sequence[str] = (),
        key: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(model_name_list, key, False, name, num_classes=num_classes)


class DistillationLossFromOutput(EachLoss):
    """See :class:`.basic.LossFromOutput`; ``dist_key`` is the output, ``key`` the loss in it."""

    called = "loss_re"
    scored = LossFromOutput
    numbered = False

    def __init__(
        self,
        reduction: str = "none",
        model_name_list: Sequence[str] = (),
        dist_key: str | None = None,
        key: str | None = "loss",
        name: str | None = None,
    ) -> None:
        super().__init__(model_name_list, dist_key, name=name)
        self.each_loss = LossFromOutput(key, reduction)


class DistillationDBLoss(nn.Module):
    """See :class:`.detection.DBLoss`, always with its defaults: other arguments have no effect.

    Args:
        model_name_list: names of networks.
        balance_loss: without effect.
        main_loss_type: without effect.
        alpha: without effect.
        beta: without effect.
        ohem_ratio: without effect.
        eps: without effect.
        name: what the losses are called, with the name of the network and of the part.
        kwargs: without effect.
    """

    def __init__(
        self,
        model_name_list: Sequence[str] = (),
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        alpha: float = 5,
        beta: float = 10,
        ohem_ratio: float = 3,
        eps: float = 1e-6,
        name: str = "db",
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.each_loss = DBLoss()
        self.model_name_list = model_name_list
        self.name = name

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return every part of every network by name, and their sum as ``loss``."""
        return summed(
            {
                f"{self.name}_{model}_{part}": loss
                for model in self.model_name_list
                for part, loss in self.each_loss(predicts[model], batch).items()
                if part != "loss"
            }
        )


class DistillationDilaDBLoss(nn.Module):
    """A student's maps against a teacher's shrunk map, thresholded and dilated.

    Args:
        model_name_pairs: pairs of names, the student's first.
        key: which output of the networks; there it fails without.
        balance_loss: without effect.
        main_loss_type: without effect.
        alpha: without effect.
        beta: without effect.
        ohem_ratio: without effect.
        eps: without effect.
        name: what the losses are called, with the names of the pair.
    """

    def __init__(
        self,
        model_name_pairs: Pairs = (),
        key: str | None = None,
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        alpha: float = 5,
        beta: float = 10,
        ohem_ratio: float = 3,
        eps: float = 1e-6,
        name: str = "dila_dbloss",
    ) -> None:
        super().__init__()
        self.db = DBLoss()
        self.pairs = model_name_pairs
        self.key = key
        self.name = name

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return the loss of every pair, and their sum as ``loss``."""
        losses = {}
        mask = batch[4]
        for first, second, student, teacher in each_pair(predicts, self.pairs, self.key):
            text = (teacher[:, 0] > 0.3).float()
            # a pixel, and those above, to the left and above that
            text = F.max_pool2d(F.pad(text, (1, 0, 1, 0)), 2, 1)
            shrunk = self.db.alpha * self.db.bce_loss(student[:, 0], text, mask)
            binary = self.db.dice_loss(student[:, 2], text, mask)
            losses[f"{self.name}_{first}_{second}"] = shrunk + binary
        return summed(losses)
