"""What is special to segmentation: masks, classes that are not there, skeletons of real images."""

import importlib

import pytest
import torch

from lossary.catalog import catalog
from references.papers_segmentation import REFERENCES

GENERATOR = torch.Generator().manual_seed(0)
SPECS = {spec.name: spec for spec in catalog() if spec.family == "segmentation"}
MASKED = [spec for spec in SPECS.values() if "mask" in spec.signature.extras]
F64 = torch.float64


def loss(name):
    return SPECS[name].function


def images(spec, shape=(2, 3, 4)):
    """Make tensors that fit, with pixels of ``shape``."""
    classes, tensors = 3, []
    for operand in (alternatives[0] for alternatives in spec.signature.operands):
        size = (2, classes, *shape) if "C" in operand.dims else (2, *shape)
        drawn = torch.randn(size, generator=GENERATOR, dtype=F64)
        match operand.domain:
            case "label":
                drawn = torch.randint(classes, size, generator=GENERATOR)
            case "prob":
                drawn = (drawn > 0).to(F64)
            case "nonneg":
                drawn = drawn.abs()
        tensors.append(drawn)
    return tensors


def test_every_loss_of_a_region_takes_a_mask_unless_its_pixels_belong_together():
    assert set(SPECS) - {spec.name for spec in MASKED} == {"cl_dice_loss", "dice_cl_dice_loss"}


@pytest.mark.parametrize("spec", MASKED, ids=lambda spec: spec.name)
def test_a_masked_pixel_is_a_pixel_that_is_not_there(spec):
    """Whatever it holds, and in the gradient too."""
    for hyper in spec.variants:
        tensors = images(spec)
        mask = torch.rand(2, 2, 3, 4, generator=GENERATOR) < 0.6
        mask[1] = mask[0]  # as many pixels in each image, so that the rest is a tensor
        want = spec.function(*(t[..., mask[0]] for t in tensors), **hyper, reduction="none")
        poisoned = (
            tensors[0]
            .masked_fill(~mask.unsqueeze(1) if tensors[0].ndim == 5 else ~mask, torch.nan)
            .requires_grad_()
        )
        got = spec.function(poisoned, *tensors[1:], **hyper, mask=mask, reduction="none")
        torch.testing.assert_close(got, want)
        (slope,) = torch.autograd.grad(got.sum(), poisoned)
        assert slope.isfinite().all()
        assert not slope.isnan().any()


@pytest.mark.parametrize("spec", MASKED, ids=lambda spec: spec.name)
def test_a_whole_mask_changes_nothing_and_whole_numbers_repeat_pixels(spec):
    for hyper in spec.variants:
        tensors = images(spec, (6,))
        every = torch.ones(2, 6, dtype=torch.bool)
        plain = spec.function(*tensors, **hyper, reduction="none")
        masked = spec.function(*tensors, **hyper, mask=every, reduction="none")
        torch.testing.assert_close(masked, plain)
        counts = torch.tensor([2, 1, 0, 3, 1, 1])
        repeated = [t.repeat_interleave(counts, -1) for t in tensors]
        want = spec.function(*repeated, **hyper, reduction="none")
        got = spec.function(*tensors, **hyper, mask=counts.expand(2, 6), reduction="none")
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("spec", MASKED, ids=lambda spec: spec.name)
def test_an_image_without_a_pixel_weighs_nothing(spec):
    for hyper in spec.variants:
        tensors = images(spec)
        mask = torch.ones(2, 2, 3, 4, dtype=torch.bool)
        mask[0] = False
        got = spec.function(*tensors, **hyper, mask=mask, reduction="parts")
        kept = [t[1:] for t in tensors]
        torch.testing.assert_close(got, spec.function(*kept, **hyper, reduction="parts"))


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)], ids=str)
def test_planes_and_volumes_agree_with_the_papers(spec, shape):
    """Labels are crisp here; the laws try shares on a line of two pixels."""
    for hyper in spec.variants:
        tensors = images(spec, shape)
        got = spec.function(*tensors, **hyper, reduction="none")
        want = REFERENCES[spec.name](*tensors, **hyper)
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_empty_and_full_targets_teach_without_nan(spec):
    """In single precision, sure and unsure, whether the prediction is right or wrong."""
    smooth = spec.signature.intervals.get("smooth")
    least = {} if smooth is None else {"smooth": 0.0 if 0.0 in smooth else 1e-6}
    for hyper in (*spec.variants, least):
        for score in (0.0, 20.0, -20.0, 200.0, -200.0, 1e4, -1e4):
            for level in (0, 1):
                made = [t.to(torch.float32) if t.is_floating_point() else t for t in images(spec)]
                real = spec.signature.operands[0][0].domain == "real"
                first = torch.full_like(made[0], score if real else float(score > 0))
                if first.ndim == 5:
                    first[:, 1:] = 0
                rest = [torch.full_like(t, level) for t in made[1:]]
                first.requires_grad_()
                value = spec.function(first, *rest, **hyper)
                (slope,) = torch.autograd.grad(value, first)
                assert value.isfinite(), (hyper, score, level)
                assert slope.isfinite().all(), (hyper, score, level)


@pytest.mark.parametrize("name", [n for n in SPECS if "class_weight" in SPECS[n].signature.extras])
def test_class_weights_of_one_change_nothing(name):
    tensors = images(SPECS[name])
    torch.testing.assert_close(
        loss(name)(*tensors, class_weight=torch.ones(3)), loss(name)(*tensors)
    )


def test_losses_that_are_each_other():
    x, y = images(SPECS["dice_loss"])
    f, q = images(SPECS["sigmoid_dice_loss"])
    same = torch.testing.assert_close
    same(
        loss("tversky_loss")(x, y, alpha=0.5, beta=0.5, smooth=0.0),
        loss("dice_loss")(x, y, smooth=0.0),
    )
    same(loss("tversky_loss")(x, y, alpha=1.0, beta=1.0), loss("jaccard_loss")(x, y))
    same(loss("focal_tversky_loss")(x, y, gamma=1.0), loss("tversky_loss")(x, y))
    same(loss("sigmoid_dice_loss")(f, q), loss("probability_dice_loss")(f.sigmoid(), q))
    same(
        loss("dice_loss")(
            torch.stack([torch.zeros_like(f), f], 1),
            q.long(),
            class_weight=torch.tensor([0.0, 1.0]),
        ),
        loss("sigmoid_dice_loss")(f, q),
    )
    same(loss("dice_focal_loss")(x, y, gamma=0.0), loss("dice_cross_entropy_loss")(x, y))
    same(
        loss("sigmoid_dice_focal_loss")(f, q, gamma=0.0),
        loss("dice_binary_cross_entropy_loss")(f, q),
    )
    same(
        loss("wasserstein_dice_loss")(
            torch.stack([torch.zeros_like(f), f], 1), q.long(), smooth=0.0
        ),
        loss("sigmoid_dice_loss")(f, q, smooth=0.0),
    )
    for name in ("symmetric_unified_focal_loss", "asymmetric_unified_focal_loss"):
        got = loss(name)(f, q, gamma=0.0, delta=0.5, smooth=0.0)
        both = torch.cat([f, -f]), torch.cat([q, 1 - q])
        overlap = loss("sigmoid_dice_loss")(*both, smooth=0.0)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(f, q)
        same(got, (overlap + entropy / 2) / 2)


def test_alpha_of_tversky_is_that_of_false_alarms():
    """As in the paper; hits 1.1, false alarms 0.4, misses 0.9."""
    p = torch.tensor([[0.6, 0.5, 0.3, 0.1]])
    q = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    got = loss("sigmoid_tversky_loss")(p.logit(), q, alpha=0.9, beta=0.1, smooth=0.0)
    torch.testing.assert_close(got, torch.tensor(1 - 1.1 / (1.1 + 0.9 * 0.4 + 0.1 * 0.9)))


def test_absent_classes():
    """One that is nowhere costs 0, one that is only predicted 1, one that is skipped nothing."""
    x = torch.full((1, 3, 4), -50.0)
    x[:, 0] = 50.0
    y = torch.zeros(1, 4, dtype=torch.long)
    assert loss("dice_loss")(x, y).item() < 1e-30
    x[0, :, 3] = torch.tensor([-50.0, 50.0, -50.0])
    close = {"rtol": 1e-4, "atol": 0.0}  # smooth, in one pixel
    torch.testing.assert_close(loss("dice_loss")(x, y), torch.tensor((1 / 7 + 1 + 0) / 3), **close)
    torch.testing.assert_close(
        loss("dice_loss")(x, y, skip_absent=True), torch.tensor(1 / 7), **close
    )
    only_skipped = loss("dice_loss")(
        x, y, skip_absent=True, class_weight=torch.tensor([0.0, 1.0, 1.0]), reduction="parts"
    )
    assert only_skipped.tolist() == [0, 0]


def test_a_generalized_dice_of_sizes_far_apart_is_finite():
    x = torch.zeros(1, 2, 3, requires_grad=True)
    q = torch.tensor([[[1.0, 1.0, 1.0], [1e-30, 0.0, 0.0]]])
    value = loss("generalized_dice_loss")(x, q)
    assert value.isfinite()
    assert torch.autograd.grad(value, x)[0].isfinite().all()


def test_the_background_of_wasserstein_is_a_class():
    x, y = images(SPECS["wasserstein_dice_loss"])
    with pytest.raises(ValueError, match="background must be one of the 3 classes, got 3"):
        loss("wasserstein_dice_loss")(x, y, background=3)


def test_a_skeleton_is_one_pixel_wide():
    """A bar of three rows has the skeleton of its middle, so it does not matter how wide it is."""
    module = importlib.import_module("lossary.losses.segmentation.cl_dice")
    bar = torch.zeros(1, 7, 12)
    bar[:, 2:5, 1:11] = 1
    skeleton = module._skeleton(bar, 3)
    assert skeleton[0, 3, 2:10].eq(1).all()
    assert skeleton[0, :, 4:8].sum() == 4
