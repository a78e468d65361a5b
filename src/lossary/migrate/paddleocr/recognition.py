"""Losses of text recognition, direction, tables and entities: ``loss(predicts, batch)``.

``batch`` is the list that the data loader gives: the image first, then labels, lengths and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..paddle import MSELoss, functional
from .basic import Batch, Losses, chosen


def tokens(predicts: Tensor, labels: Tensor, **options: Any) -> Tensor:
    """Cross-entropy of scores (..., C) and as many labels, with Paddle's rules."""
    return functional.cross_entropy(predicts.flatten(0, -2), labels.reshape(-1).long(), **options)


def smoothed(predicts: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Cross-entropy of known labels, a tenth of each spread over the *other* classes."""
    rows, labels = predicts.flatten(0, -2), labels.reshape(-1).long()
    known = labels != ignore_index
    hot = F.one_hot(torch.where(known, labels, 0), rows.shape[1])
    target = 0.9 * hot + 0.1 * (1 - hot) / (rows.shape[1] - 1)
    return -(target * rows.log_softmax(1)).sum(1)[known].mean()


def spoken(batch: Batch) -> Tensor:
    """Return the labels after the start token, to one beyond the longest of the batch."""
    labels: Tensor = batch[1][:, 1 : 2 + int(batch[2].max())]
    return labels


class TokenLoss(nn.Module):
    """Cross-entropy of every token; its subclasses say which, and what can be configured.

    Where no ``ignore_index`` is set it is -100, and the mean counts tokens of that label too: see
    :func:`lossary.migrate.paddle.functional.cross_entropy`. Other arguments are ignored.
    """

    first: ClassVar[int] = 0
    last: ClassVar[int | None] = None
    options: ClassVar[tuple[str, ...]] = ()
    ignore_index: int = -100
    reduction: str = "mean"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        for option in self.options:
            setattr(self, option, kwargs.get(option, getattr(self, option)))

    def forward(self, predicts: Tensor, batch: Batch) -> Losses:
        """Return the loss of scores (N, T, C) and labels ``batch[1]``, (N, T)."""
        return {"loss": self.loss(predicts[:, : self.last], batch[1][..., self.first :])}

    def loss(self, predicts: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of scores and as many labels."""
        options = {"ignore_index": self.ignore_index, "reduction": self.reduction}
        return tokens(predicts, labels, **options)


class ClsLoss(TokenLoss):
    """Cross-entropy of the direction of each image."""


class AttentionLoss(TokenLoss):
    """The sum over all tokens of the batch."""

    reduction = "sum"


class SPINAttentionLoss(TokenLoss):
    """The labels' first token is left out."""

    first = 1
    options = ("reduction", "ignore_index")


class SARLoss(TokenLoss):
    """The labels' first token is left out, and the last prediction."""

    first, last = 1, -1
    options = ("ignore_index",)
    ignore_index = 92


class SATRNLoss(SARLoss):
    """As :class:`SARLoss`, but the mean counts ignored tokens too."""

    def loss(self, predicts: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over all tokens."""
        return tokens(predicts, labels, ignore_index=self.ignore_index, reduction="none").mean()


class PRENLoss(TokenLoss):
    """Label 0 is ignored."""

    ignore_index = 0


class LaTeXOCRLoss(TokenLoss):
    """The labels' first token is left out."""

    first = 1

    def __init__(self) -> None:
        super().__init__()


class PPFormulaNet_S_Loss(nn.Module):  # noqa: N801  # its name there
    """Cross-entropy of logits and labels that the network gives, after ``parallel_step`` tokens."""

    def __init__(self, vocab_size: int = 50000, parallel_step: int = 1) -> None:
        super().__init__()
        self.parallel_step = int(parallel_step)

    def forward(self, preds: Sequence[Tensor], batch: Batch) -> Losses:
        """Return the loss of ``(logits, labels)``."""
        loss = tokens(preds[0], preds[1][:, self.parallel_step :])
        return {"loss": loss, "word_loss": loss}


class PPFormulaNet_L_Loss(PPFormulaNet_S_Loss):  # noqa: N801  # its name there
    """Cross-entropy of logits and labels that the network gives, after the first token."""

    def __init__(self, vocab_size: int = 50000) -> None:
        super().__init__(vocab_size)


class UniMERNetLoss(nn.Module):
    """Cross-entropy of formulas, and the Huber loss of the logarithm of how often tokens occur.

    ``length_aware=False`` fails there; here there is then no ``count_loss``.
    """

    def __init__(self, length_aware: bool = True, vocab_size: int = 50000) -> None:
        super().__init__()
        self.length_aware = length_aware
        self.vocab_size = vocab_size

    def forward(self, preds: Sequence[Tensor], batch: Batch) -> Losses:
        """Return the loss of ``(logits, counts, labels)``; token 1 is padding."""
        logits, counted, masked = preds
        word_loss = tokens(logits, masked[:, 1:])
        if not self.length_aware:
            return {"loss": word_loss, "word_loss": word_loss}
        labels = batch[1][:, 1:]
        hot = F.one_hot(labels.long(), self.vocab_size) * (labels != 1).unsqueeze(-1)
        count_loss = functional.smooth_l1_loss(counted, (hot.sum(1) + 1.0).log())
        loss = word_loss + 0.5 * count_loss
        return {"loss": loss, "word_loss": word_loss, "count_loss": count_loss}


class CTCLoss(nn.Module):
    """Mean over the samples, not divided by the length of their labels; class 0 is the blank.

    Args:
        use_focal_loss: whether to multiply each by ``(1 - exp(-loss))**2``.
        kwargs: ignored.
    """

    def __init__(self, use_focal_loss: bool = False, **kwargs: object) -> None:
        super().__init__()
        self.use_focal_loss = use_focal_loss

    def forward(self, predicts: Any, batch: Batch) -> Losses:
        """Return the loss of logits (N, T, C), the last of them if there are several."""
        predicts = predicts[-1] if isinstance(predicts, list | tuple) else predicts
        labels, lengths = batch[1].long(), batch[2].long()
        frames = torch.full_like(lengths, predicts.shape[1])
        units = functional.ctc_loss(
            predicts.transpose(0, 1), labels, frames, lengths, reduction="none"
        )
        if self.use_focal_loss:
            units = units * (1 - (-units).exp()).square()
        return {"loss": units.mean()}


class NRTRLoss(nn.Module):
    """Cross-entropy after the start token; smoothed over the other classes by default.

    With smoothing label 0 is padding, whatever ``ignore_index`` says.
    """

    def __init__(self, smoothing: bool = True, ignore_index: int = 0, **kwargs: object) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.ignore_index = ignore_index

    def forward(self, pred: Any, batch: Batch) -> Losses:
        """Return the loss of scores (N, T, C) with T one more than the longest label."""
        if self.smoothing:
            return {"loss": smoothed(pred, spoken(batch), 0)}
        return {"loss": tokens(pred, spoken(batch), ignore_index=self.ignore_index)}


class CELoss(NRTRLoss):
    """As :class:`NRTRLoss` without smoothing, or of all tokens, or of several outputs.

    Args:
        smoothing: whether to spread a tenth of the label over the other classes.
        with_all: whether the labels are used as they come; this excludes smoothing.
        ignore_index: a label that does not count, if not negative.
        kwargs: ignored.
    """

    def __init__(
        self,
        smoothing: bool = False,
        with_all: bool = False,
        ignore_index: int = -1,
        **kwargs: object,
    ) -> None:
        super().__init__(smoothing, ignore_index if ignore_index >= 0 else -100)
        self.with_all = with_all

    def forward(self, pred: Any, batch: Batch) -> Losses:
        """Return the loss of scores, or of named scores and lists of scores, and their sum."""
        if isinstance(pred, Mapping):
            losses = {}
            for name, logits in pred.items():
                several = logits if isinstance(logits, list) else [logits]
                labels = torch.cat([batch[1]] * len(several))
                losses[f"{name}_loss"] = tokens(
                    torch.cat(several), labels, ignore_index=self.ignore_index
                )
            return losses | {"loss": torch.stack(list(losses.values())).sum()}
        if self.with_all:
            return {"loss": tokens(pred, batch[1], ignore_index=self.ignore_index)}
        return super().forward(pred, batch)


class SRNLoss(nn.Module):
    """Sums over all tokens: three times the words', the images', 0.15 times the reasoning's."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__()

    def forward(self, predicts: Mapping[str, Tensor], batch: Batch) -> Losses:
        """Return the losses, each of shape (1,)."""
        word, reasoned, image = (
            tokens(predicts[name], batch[1], reduction="sum").reshape(1)
            for name in ("word_out", "gsrm_out", "predict")
        )
        loss = 3.0 * word + image + 0.15 * reasoned
        return {"loss": loss, "word_loss": word, "img_loss": image}


class VLLoss(nn.Module):
    """Cross-entropy of the tokens up to the first 0, of one output or three.

    Args:
        mode: ``"LF_1"`` for the first output; ``"LF_2"`` and ``"LA"`` for all three.
        weight_res: weight of what is left of a word.
        weight_mas: weight of the masked character.
        kwargs: ignored.
    """

    def __init__(
        self,
        mode: str = "LF_1",
        weight_res: float = 0.5,
        weight_mas: float = 0.5,
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.mode = chosen("mode", mode, ("LF_1", "LF_2", "LA"))
        self.weights = (1.0, weight_res, weight_mas)

    def forward(self, predicts: Sequence[Tensor], batch: Batch) -> Losses:
        """Return the loss of scores, each (N, T, C)."""
        weights = self.weights[:1] if self.mode == "LF_1" else self.weights
        losses = []
        for weight, scores, labels in zip(weights, predicts, batch[1:], strict=False):
            used = ((labels == 0).cumsum(1) - (labels == 0).long()) == 0
            losses.append(weight * tokens(scores[:, : labels.shape[1]][used], labels[used]))
        return {"loss": torch.stack(losses).sum()}


class CANLoss(nn.Module):
    """Cross-entropy of the symbols, and Huber losses of three counts of how often each occurs."""

    channels = 111
    uncounted = (0, 1, 107, 108, 109, 110)

    def forward(self, preds: Sequence[Tensor], batch: Batch) -> Losses:
        """Return the loss of ``(scores, counts, counts, counts)``."""
        labels = batch[2].long()
        counts = F.one_hot(labels, self.channels).sum(1)
        counts[:, self.uncounted] = 0
        counting = [functional.smooth_l1_loss(given, counts.float()) for given in preds[1:4]]
        return {"loss": tokens(preds[0], labels) + torch.stack(counting).sum()}


class RFLLoss(nn.Module):
    """Squared error of the counts of characters, cross-entropy of the sequence, or both."""

    def __init__(self, ignore_index: int = -100, **kwargs: Any) -> None:
        super().__init__()
        self.cnt_loss = MSELoss(**kwargs)
        self.ignore_index = ignore_index

    def forward(self, predicts: Any, batch: Batch) -> Losses:
        """Return the loss of ``(counts, scores)``, either of them None, or of counts."""
        counts, scores = predicts if isinstance(predicts, list | tuple) else (predicts, None)
        losses: Losses = {}
        if counts is not None:
            losses["cnt_loss"] = self.cnt_loss(counts, batch[3].float())
        if scores is not None:
            losses["seq_loss"] = tokens(
                scores[:, :-1], batch[1][:, 1:], ignore_index=self.ignore_index
            )
        return losses | {"loss": torch.stack(list(losses.values())).sum()}


class CPPDLoss(nn.Module):
    """Cross-entropy of counts and tokens, binary cross-entropy of 26 positions."""

    def __init__(
        self,
        smoothing: bool = False,
        ignore_index: int = 100,
        sideloss_weight: float = 1.0,
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.ignore_index = ignore_index
        self.sideloss_weight = sideloss_weight

    def forward(self, pred: Any, batch: Batch) -> Losses:
        """Return the loss of ``((counts, positions), tokens)``."""
        (counts, positions), edges = pred
        places = batch[2][:, -26:].flatten(0, 1).float()
        nodes = tokens(counts, batch[2][:, :-26])
        nodes = nodes + functional.binary_cross_entropy_with_logits(positions.flatten(0, 1), places)
        if self.smoothing:
            edge = smoothed(edges, batch[1], self.ignore_index)
        else:
            edge = tokens(edges, batch[1], ignore_index=self.ignore_index)
        nodes = self.sideloss_weight * nodes
        return {"loss": nodes + edge, "loss_node": nodes, "loss_edge": edge}


class ParseQLoss(nn.Module):
    """Cross-entropy of several orders of reading, those after the second without end tokens."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__()

    def forward(self, predicts: Mapping[str, Any], targets: Batch) -> Losses:
        """Return the mean over the tokens of all orders."""
        pad, end = predicts["pad_id"], predicts["eos_id"]
        labels = targets[1][:, 1 : int(targets[2].max()) + 2]
        losses, counts = [], []
        for i, logits in enumerate(predicts["logits_list"]):
            if i == 2:
                labels = torch.where(labels == end, pad, labels)
            counts.append((labels != pad).sum())
            losses.append(counts[-1] * tokens(logits, labels, ignore_index=pad))
        return {"loss": torch.stack(losses).sum() / torch.stack(counts).sum()}


class AsterLoss(nn.Module):
    """Negative log-likelihood of the tokens, and a tenth of one minus the cosine of embeddings.

    ``weight``, ``size_average`` and ``ignore_index`` have no effect.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool = True,
        ignore_index: int = -100,
        sequence_normalize: bool = False,
        sample_normalize: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.sequence_normalize = sequence_normalize
        self.sample_normalize = sample_normalize

    def forward(self, predicts: Mapping[str, Tensor], batch: Batch) -> Losses:
        """Return the loss; ``batch`` holds labels, lengths and embeddings of the words."""
        meant, given = batch[3].float(), predicts["embedding_vectors"]
        norms = given.norm(dim=-1) * meant.norm(dim=-1) + 1e-12
        meaning = (1 - (given * meant).sum(-1) / norms).mean()
        scores, lengths = predicts["rec_pred"], batch[2].long()
        labels = batch[1].long()[:, : int(lengths.max())]
        used = torch.arange(labels.shape[1], device=labels.device) < lengths.unsqueeze(1)
        loss = -(scores.log_softmax(2).gather(2, labels.unsqueeze(2)).squeeze(2) * used).sum()
        loss = loss / used.sum() if self.sequence_normalize else loss
        loss = loss / len(labels) if self.sample_normalize else loss
        return {"loss": loss + 0.1 * meaning}


class CenterLoss(nn.Module):
    """Mean squared distance of features from the centre of the class that is predicted.

    Not the centre loss of its paper: the centres are random numbers that do not learn, in double
    precision, and the other centres add 1e-12 each. There a file of centres is unpickled, which
    can run any code, so it is refused here: set ``centers``.
    """

    centers: Tensor

    def __init__(
        self,
        num_classes: int = 6625,
        feat_dim: int = 96,
        center_file_path: str | None = None,
    ) -> None:
        super().__init__()
        if center_file_path is not None:
            raise ValueError(
                f"center_file_path must be None, got {center_file_path!r}: pickle files are not "
                "read, copy their numbers to `centers`"
            )
        self.register_buffer("centers", torch.randn(num_classes, feat_dim).double())

    def forward(self, predicts: Sequence[Tensor], batch: Batch) -> Losses:
        """Return the loss of ``(features, scores)``, (N, T, D) and (N, T, C)."""
        features, scores = predicts
        rows = features.flatten(0, -2).double()
        centers = self.centers[scores.argmax(2).reshape(-1)]
        distances = (rows.square() + centers.square() - 2 * rows * centers).sum(1)
        others = 1e-12 * (len(self.centers) - 1)
        return {"loss_center": distances.clamp(1e-12, 1e12).mean() + others}


class ACELoss(nn.Module):
    """Aggregation cross-entropy, of each sample, (N, 1).

    Not that of its paper: the mean probabilities go through a softmax a second time.
    :func:`lossary.aggregation_cross_entropy_loss` is.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__()

    def forward(self, predicts: Any, batch: Batch) -> Losses:
        """Return the loss of logits (N, T, C), lengths ``batch[2]``, counts ``batch[3]``."""
        predicts = predicts[-1] if isinstance(predicts, list | tuple) else predicts
        frames = predicts.shape[1]
        counts = torch.cat([frames - batch[2].reshape(-1, 1), batch[3][:, 1:]], 1)
        mean = predicts.softmax(-1).mean(1)
        options: dict[str, Any] = {"soft_label": True, "reduction": "none"}
        return {"loss_ace": functional.cross_entropy(mean, counts.float() / frames, **options)}


class MultiLoss(nn.Module):
    """CTC, and SAR or NRTR, each on its head.

    Args:
        loss_config_list: mappings of a name to arguments or None; the arguments stay for the
            losses that follow.
        weight_1: the weight of CTC.
        weight_2: the weight of the others.
        kwargs: arguments of all of them.
    """

    heads: ClassVar[dict[str, tuple[type[nn.Module], str]]] = {
        "CTCLoss": (CTCLoss, "ctc"),
        "SARLoss": (SARLoss, "sar"),
        "NRTRLoss": (NRTRLoss, "gtc"),
    }

    def __init__(
        self,
        loss_config_list: Sequence[Mapping[str, Mapping[str, Any] | None]],
        weight_1: float = 1.0,
        weight_2: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.weight_1, self.weight_2 = weight_1, weight_2
        self.losses = nn.ModuleDict()
        for config in loss_config_list:
            for name, arguments in config.items():
                kwargs |= arguments or {}
                chosen("a loss of MultiLoss", name, list(self.heads))
                self.losses[name] = self.heads[name][0](**kwargs)

    def forward(self, predicts: Mapping[str, Any], batch: Batch) -> Losses:
        """Return each weighted loss and their sum; CTC has the labels ``batch[1]``."""
        parts: Losses = {}
        for name, loss in self.losses.items():
            ctc = name == "CTCLoss"
            given = [*batch[:2], *batch[3:]] if ctc else [*batch[:1], *batch[2:]]
            weight = self.weight_1 if ctc else self.weight_2
            parts[name] = weight * loss(predicts[self.heads[name][1]], given)["loss"]
        return parts | {"loss": torch.stack(list(parts.values())).sum()}


class VQASerTokenLayoutLMLoss(nn.Module):
    """Cross-entropy of the tokens ``batch[5]`` that the attention mask ``batch[2]`` holds."""

    def __init__(self, num_classes: int, key: str | None = None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.key = key

    def forward(self, predicts: Any, batch: Batch) -> Losses:
        """Return the loss of scores (N, T, C)."""
        if isinstance(predicts, Mapping) and self.key is not None:
            predicts = predicts[self.key]
        rows, labels = predicts.reshape(-1, self.num_classes), batch[5].reshape(-1)
        if batch[2] is not None:
            active = batch[2].reshape(-1) == 1
            rows, labels = rows[active], labels[active]
        return {"loss": tokens(rows, labels)}


def _table(structure: Tensor, place: Tensor) -> Losses:
    return {"loss": structure + place, "structure_loss": structure, "loc_loss": place}


class TableAttentionLoss(nn.Module):
    """Cross-entropy of the structure, squared error of the boxes, masked ones too."""

    def __init__(
        self, structure_weight: float = 1.0, loc_weight: float = 0.0, **kwargs: object
    ) -> None:
        super().__init__()
        self.structure_weight = structure_weight
        self.loc_weight = loc_weight

    def forward(self, predicts: Mapping[str, Tensor], batch: Batch) -> Losses:
        """Return the losses; the first token of the labels is left out."""
        structure = tokens(predicts["structure_probs"], batch[1][:, 1:])
        boxes, mask = batch[2][:, 1:].float(), batch[3][:, 1:].float()
        place = functional.mse_loss(predicts["loc_preds"] * mask, boxes)
        return _table(structure * self.structure_weight, place * self.loc_weight)


class SLALoss(nn.Module):
    """Cross-entropy of the structure, Huber loss of the boxes over the sum of their mask.

    ``loc_loss`` has no effect.
    """

    def __init__(
        self,
        structure_weight: float = 1.0,
        loc_weight: float = 0.0,
        loc_loss: str = "mse",
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.structure_weight = structure_weight
        self.loc_weight = loc_weight

    def forward(self, predicts: Mapping[str, Tensor], batch: Batch) -> Losses:
        """Return the losses; the lengths are the last but one of ``batch``."""
        used = slice(1, int(batch[-2].max()) + 2)
        structure = tokens(predicts["structure_probs"], batch[1][:, used])
        boxes, mask = batch[2][:, used].float(), batch[3][:, used].float()
        place = functional.smooth_l1_loss(predicts["loc_preds"] * mask, boxes * mask, "sum")
        place = place * self.loc_weight / (mask.sum() + 1e-12)
        return _table(structure * self.structure_weight, place)


class TableMasterLoss(nn.Module):
    """Cross-entropy of the structure, absolute errors of the boxes over the sum of their mask."""

    def __init__(self, ignore_index: int = -1) -> None:
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, predicts: Mapping[str, Tensor], batch: Batch) -> Losses:
        """Return the losses; boxes are (x, y, w, h), or any number of such pairs."""
        structure = tokens(
            predicts["structure_probs"], batch[1][:, 1:], ignore_index=self.ignore_index
        )
        mask = batch[3][:, 1:]
        errors = ((predicts["loc_preds"] - batch[2][:, 1:]) * mask).abs() / (mask.sum() + 1e-12)
        across, down = errors[..., 0::2].sum(), errors[..., 1::2].sum()
        return {
            "structure_loss": structure,
            "loss": structure + across + down,
            "horizon_bbox_loss": across,
            "vertical_bbox_loss": down,
        }


class SDMGRLoss(nn.Module):
    """Cross-entropy of the nodes and edges of a graph of text boxes, and their accuracies.

    Args:
        node_weight: the weight of the nodes.
        edge_weight: the weight of the edges.
        ignore: a label of nodes that does not count; of edges it is -1.
    """

    def __init__(self, node_weight: float = 1.0, edge_weight: float = 1.0, ignore: int = 0) -> None:
        super().__init__()
        self.node_weight = node_weight
        self.edge_weight = edge_weight
        self.ignore = ignore

    def forward(self, pred: Sequence[Tensor], batch: Batch) -> Losses:
        """Return the losses, and the percentages that are right; ``batch[5]`` counts the boxes."""
        labels = [
            graph[:count, : count + 1]
            for graph, count in zip(batch[4].long(), batch[5][:, 0].tolist(), strict=True)
        ]
        nodes = torch.cat([graph[:, 0] for graph in labels])
        edges = torch.cat([graph[:, 1:].reshape(-1) for graph in labels])
        node = tokens(pred[0], nodes, ignore_index=self.ignore)
        edge = tokens(pred[1], edges, ignore_index=-1)
        return {
            "loss": self.node_weight * node + self.edge_weight * edge,
            "loss_node": node,
            "loss_edge": edge,
            "acc_node": _accuracy(pred[0], nodes, self.ignore),
            "acc_edge": _accuracy(pred[1], edges, -1),
        }


def _accuracy(scores: Tensor, labels: Tensor, ignore: int) -> Tensor:
    known = labels != ignore
    right = (scores.argmax(1) == labels)[known].sum()
    return (100.0 * right / known.sum()).reshape(1)
