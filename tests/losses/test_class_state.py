"""What losses keep between calls: how it is updated, saved, and kept out of the gradient."""

import math

import pytest
import torch

import lossary


def _sigmoid(t):
    return 1 / (1 + math.exp(-t))


def _close(found, wanted):
    torch.testing.assert_close(found, torch.tensor(wanted), rtol=1e-5, atol=1e-6)


def _updated(which):
    """Return a fresh loss, the same after an update, its tensors, and its state's names."""
    x = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], requires_grad=True)
    y = torch.tensor([2, 0])
    one_hot = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    score, label = x[:, 0], torch.tensor([1.0, 0.0])
    index = torch.tensor([3, 1])
    make, tensors, update, names = {
        "seesaw": (
            lambda: lossary.SeesawLoss(3),
            (x, y),
            (torch.tensor([2, 2, 2, 0]),),
            {"class_count"},
        ),
        "equalization": (
            lambda: lossary.EqualizationV2Loss(3),
            (x, one_hot),
            (x, one_hot),
            {"gradient_ratio", "positive_gradient", "negative_gradient"},
        ),
        "early_learning": (
            lambda: lossary.EarlyLearningLoss(4, 3),
            (x, y, index),
            (x, index),
            {"ensemble"},
        ),
        "average_precision": (
            lambda: lossary.RunningAveragePrecisionLoss(4),
            (score, label, index),
            (-score, label, index),  # in its own means the loss is zero
            {"running"},
        ),
    }[which]
    loss = make()
    loss.update(*update)
    return make(), loss, tensors, names


STATEFUL = ["seesaw", "equalization", "early_learning", "average_precision"]


@pytest.mark.parametrize("which", STATEFUL)
def test_state_is_saved_and_restored(which):
    fresh, loss, tensors, names = _updated(which)
    assert set(loss.state_dict()) == names
    assert any(not torch.equal(fresh.state_dict()[n], loss.state_dict()[n]) for n in names)
    before = fresh(*tensors)
    fresh.load_state_dict(loss.state_dict())
    assert fresh(*tensors) == loss(*tensors) != before


@pytest.mark.parametrize("which", STATEFUL)
def test_no_gradient_flows_through_state(which):
    _, loss, tensors, names = _updated(which)
    assert all(not loss.state_dict(keep_vars=True)[n].requires_grad for n in names)
    assert not list(loss.parameters())
    # the gradient is that of the function, given the state as numbers
    (found,) = torch.autograd.grad(loss(*tensors), tensors[0])
    apart = tensors[0].detach().requires_grad_()
    operands = [o.detach().clone() for o in loss.operands(apart, *tensors[1:])]
    operands[0] = apart
    (wanted,) = torch.autograd.grad(loss.function(*operands), apart)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("which", STATEFUL)
def test_the_loss_itself_changes_no_state(which):
    _, loss, tensors, names = _updated(which)
    before = {n: loss.state_dict()[n].clone() for n in names}
    loss(*tensors).backward()
    assert all(torch.equal(before[n], loss.state_dict()[n]) for n in names)


def test_seesaw_counts_the_labels_that_take_part():
    loss = lossary.SeesawLoss(3, p=1.0, q=0.0)
    loss.update(torch.tensor([[0, 0, 2], [0, -100, 0]]))
    assert loss.class_count.tolist() == [4.0, 0.0, 1.0]
    loss.update(torch.tensor([2, 1, 0]))
    loss.update(torch.tensor([], dtype=torch.long))
    assert loss.class_count.tolist() == [5.0, 1.0, 2.0]
    # of equal logits and label 0 the others count 1/5 and 2/5; rarer classes count fully
    x = torch.zeros(1, 3)
    assert loss(x, torch.tensor([0])).item() == pytest.approx(math.log(1 + 1 / 5 + 2 / 5))
    assert loss(x, torch.tensor([1])).item() == pytest.approx(math.log(3))


@pytest.mark.parametrize("label", [3, -1])
def test_seesaw_counts_no_label_that_is_no_class(label):
    with pytest.raises(ValueError, match=rf"update: target must hold .* 0 to 2, got {label}"):
        lossary.SeesawLoss(3).update(torch.tensor([0, label]))


def test_equalization_adds_up_weighted_gradients():
    loss = lossary.EqualizationV2Loss(2)
    x, y = torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    loss.update(x, y)  # all weights are 1 while the ratios are 100; all gradients are 1/2
    _close(loss.positive_gradient, [0.5, 0.0])
    _close(loss.negative_gradient, [0.5, 1.0])
    _close(loss.gradient_ratio, [1.0, 0.0])
    absent = [_sigmoid(12 * (1.0 - 0.8)), _sigmoid(12 * (0.0 - 0.8))]
    loss.update(x, y)
    positive, negative = 0.5 + 0.5 * (1 + 4 * (1 - absent[0])), 0.5 + 0.5 * absent[0]
    _close(loss.positive_gradient, [positive, 0.0])
    _close(loss.negative_gradient, [negative, 1.0 + absent[1]])
    _close(loss.gradient_ratio, [positive / negative, 0.0])


def test_equalization_keeps_its_ratios_until_something_was_seen():
    loss = lossary.EqualizationV2Loss(2)
    loss.update(torch.zeros(0, 2), torch.zeros(0, 2))
    assert loss.gradient_ratio.tolist() == [100.0, 100.0]


def test_early_learning_moves_the_samples_of_the_batch():
    loss = lossary.EarlyLearningLoss(3, 2)
    x = torch.tensor([[1.0, 3.0]]).log()  # probabilities 1/4 and 3/4
    loss.update(x, torch.tensor([2]))
    _close(loss.ensemble, [[0.0, 0.0], [0.0, 0.0], [0.3 * 0.25, 0.3 * 0.75]])
    loss.update(x.flip(1).half(), torch.tensor([2]), momentum=0.5)
    wanted = [0.5 * 0.075 + 0.5 * 0.75, 0.5 * 0.225 + 0.5 * 0.25]
    torch.testing.assert_close(loss.ensemble[2], torch.tensor(wanted), rtol=0, atol=1e-3)


def test_average_precision_moves_both_means():
    loss = lossary.RunningAveragePrecisionLoss(4)
    score, label = torch.tensor([0.5, 0.0]), torch.tensor([1.0, 0.0])
    loss.update(score, label, torch.tensor([3, 0]))
    # costs: 1 of each with itself, (1 - 0.5)^2 of the first, (1 + 0.5)^2 of the second
    first, second = [(1 + 0.25) / 2, 1 / 2], [(1 + 2.25) / 2, 2.25 / 2]
    zero = [0.0, 0.0]
    _close(loss.running, [[0.9 * v for v in second], zero, zero, [0.9 * v for v in first]])
    loss.update(score, label, torch.tensor([3, 0]), rate=0.5)
    _close(loss.running[3], [0.95 * v for v in first])


def test_running_average_precision_has_the_gradient_of_the_whole():
    torch.manual_seed(0)
    x, y = (
        torch.randn(6, dtype=torch.float64, requires_grad=True),
        torch.tensor([1.0, 0, 1, 0, 0, 1]),
    )
    index = torch.arange(6)
    loss = lossary.RunningAveragePrecisionLoss(6).double()
    loss.update(x, y, index, rate=1.0)
    (found,) = torch.autograd.grad(loss(x, y, index), x)
    (wanted,) = torch.autograd.grad(lossary.average_precision_loss(x, y), x)
    torch.testing.assert_close(found, wanted)


def test_average_precision_learns_nothing_from_samples_never_seen():
    loss = lossary.RunningAveragePrecisionLoss(4)
    x = torch.tensor([0.5, 0.0], dtype=torch.float16, requires_grad=True)
    value = loss(x, torch.tensor([1.0, 0.0]), torch.tensor([3, 0]))
    value.backward()
    assert value == 0
    assert x.grad.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"running must have two columns.*got 3"):
        lossary.running_average_precision_loss(
            torch.zeros(1), torch.zeros(4, 3), torch.ones(1), torch.tensor([0])
        )


def test_the_game_of_the_auc_ends_at_the_means_and_their_distance():
    torch.manual_seed(0)
    x, y = torch.randn(8), torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0])
    loss = lossary.AUCMarginLoss(positive_share=0.25)
    assert set(loss.state_dict()) == {"a", "b", "alpha"}
    present, absent = x[y == 1].mean(), x[y == 0].mean()
    with torch.no_grad():
        loss.a.copy_(present)
        loss.b.copy_(absent)
        loss.alpha.copy_(1 + absent - present)
    loss(x, y).backward()
    for parameter in (loss.a, loss.b, loss.alpha):
        assert parameter.grad.item() == pytest.approx(0.0, abs=1e-6)
    # it is a minimum in the means and a maximum in the multiplier
    best = loss(x, y).item()
    for parameter, sign in ((loss.a, 1), (loss.b, 1), (loss.alpha, -1)):
        for step in (0.5, -1.0):
            with torch.no_grad():
                parameter.add_(step)
            assert sign * (loss(x, y).item() - best) > 0
            with torch.no_grad():
                parameter.sub_(step)
    fresh = lossary.AUCMarginLoss(positive_share=0.25)
    fresh.load_state_dict(loss.state_dict())
    assert fresh(x, y) == loss(x, y)


@pytest.mark.parametrize("div_value", [1.0, 2.0, 4.0])
def test_adaptive_softmax_predicts_what_torch_predicts(div_value):
    torch.manual_seed(0)
    torch_loss = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 11, [3, 6], div_value=div_value)
    loss = lossary.AdaptiveSoftmaxLoss(16, cutoffs=[3, 6], num_classes=11, div_value=div_value)
    with torch.no_grad():
        loss.head.copy_(torch_loss.head.weight)
        pieces = [layer.weight.reshape(-1) for tail in torch_loss.tail for layer in tail]
        loss.tails.copy_(torch.cat(pieces))
    x, y = torch.randn(5, 16), torch.tensor([0, 3, 10, 6, 2])
    log_p = loss.log_prob(x)
    torch.testing.assert_close(log_p, torch_loss.log_prob(x))
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(5))
    torch.testing.assert_close(loss(x, y), torch_loss(x, y).loss)
    torch.testing.assert_close(loss(x, y), -log_p.gather(1, y.unsqueeze(1)).mean())


def test_adaptive_softmax_of_a_cluster_without_rank_is_even():
    loss = lossary.AdaptiveSoftmaxLoss(2, cutoffs=[1], num_classes=4)  # 2 // 4 is no rank at all
    log_p = loss.log_prob(torch.randn(3, 2))
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(3))
    torch.testing.assert_close(log_p[:, 1], log_p[:, 3])


@pytest.mark.parametrize("label", [-1, 7])
def test_adaptive_softmax_names_a_wrong_label(label):
    loss = lossary.AdaptiveSoftmaxLoss(4, cutoffs=[2, 5], num_classes=7)
    x, y = torch.zeros(2, 4), torch.tensor([0, label])
    with pytest.raises(ValueError, match=rf"target must hold .* 0 to 6, got {label} at \(1,\)"):
        loss(x, y)
    ignoring = lossary.AdaptiveSoftmaxLoss(4, cutoffs=[2, 5], num_classes=7, ignore_index=label)
    assert ignoring(x, y).isfinite()
    assert loss(x, y, weight=torch.tensor([True, False])).isfinite()


def test_weights_of_an_adaptive_softmax_must_fit_its_cutoffs():
    x, y = torch.zeros(1, 4), torch.tensor([0])
    options = {"cutoffs": (2, 5), "num_classes": 7}
    with pytest.raises(ValueError, match="head must have the length 4 for these cutoffs, got 5"):
        lossary.adaptive_softmax_loss(x, torch.zeros(5, 4), torch.zeros(7), y, **options)
    with pytest.raises(ValueError, match="tails must have the length 7 for these cutoffs, got 8"):
        lossary.adaptive_softmax_loss(x, torch.zeros(4, 4), torch.zeros(8), y, **options)
    for cutoffs in ([], [0, 3], [3, 3], [7]):
        with pytest.raises(ValueError, match="cutoffs must be at least one class, rising"):
            lossary.AdaptiveSoftmaxLoss(4, cutoffs=cutoffs, num_classes=7)


def test_a_tree_needs_a_path_for_every_class():
    loss = lossary.hierarchical_softmax_loss
    x, w, y = torch.zeros(1, 3), torch.zeros(3, 3), torch.tensor([3])
    nodes, code = torch.zeros(3, 2, dtype=torch.long), torch.ones(3, 2)
    with pytest.raises(ValueError, match=r"one row per class.*, 4, got 3"):
        loss(x, w, y, path_nodes=nodes, path_code=code)
    with pytest.raises(ValueError, match="given together, got only path_nodes"):
        loss(x, w, y, path_nodes=nodes)


def test_the_label_prior_is_the_mean_over_the_frames_of_an_epoch():
    loss = lossary.LabelPriorCTCLoss(3)
    assert torch.equal(loss.log_prior, torch.zeros(3))
    batches = [torch.randn(2, 4, 3), torch.randn(1, 5, 3)]
    lengths = [torch.tensor([4, 2]), torch.tensor([5])]
    frames = []
    for x, count in zip(batches, lengths, strict=True):
        loss.update(x, count)
        frames += [x[i, t].softmax(0) for i in range(len(x)) for t in range(int(count[i]))]
    assert torch.equal(loss.log_prior, torch.zeros(3)), "it holds from the next epoch on"
    loss.end_epoch()
    wanted = torch.stack(frames).double().mean(0).log().float()
    torch.testing.assert_close(loss.log_prior, wanted)
    loss.end_epoch()  # of an epoch without a frame
    torch.testing.assert_close(loss.log_prior, wanted)
