"""Pictures of losses: knobs, curves, surfaces, formulas, the page, figures."""

import base64
import inspect
import json
import math
import re
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import lossary
from lossary import LossBase, Reduction, catalog
from lossary.curve import curve
from lossary.explore.drawable import DrawError, drawable
from lossary.explore.formula import mathml
from lossary.explore.grids import CURVE_POINTS, record, sliders
from lossary.explore.knobs import NUMBERS
from lossary.explore.moons import two_moons
from lossary.explore.page import explore
from lossary.explore.reading import marked, read
from lossary.explore.surface import surface
from lossary.lookup import find


class CubicLoss(LossBase):
    """Cubic loss, :math:`|x - y|^p`.

    For nothing <b>but</b> tests.

    Args:
        power: the exponent.
    """

    takes = "real N, real N -> N"

    def __init__(self, *, power: float = 3.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, power=power)

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - target).abs() ** self.power


def quartic(input: Tensor, target: Tensor, scale: float = 1.0) -> Tensor:
    """A mean, as people write it."""
    return ((input - target) / scale).pow(4).mean()


# ---- knobs ---------------------------------------------------------------------------------


def test_every_knob_of_the_catalogue_has_values_it_may_take_its_default_among_them() -> None:
    for spec in catalog():
        for knob in drawable(spec).knobs:
            for count in set(NUMBERS.values()):
                values = knob.values(count)
                assert knob.default in values, (spec.name, knob)
                assert list(values) == sorted(set(values))
                assert all(knob.check(v) == v for v in values), (spec.name, knob, values)


def test_knobs_are_numbers_that_bend_a_loss() -> None:
    assert [knob.name for knob in drawable("focal_loss").knobs] == ["gamma"]  # no ignore_index
    assert [knob.name for knob in sliders(drawable("poisson_nll_loss"))] == []  # eps, clip: guards
    assert [knob.name for knob in drawable(quartic).knobs] == ["scale"]
    assert drawable("taylor_cross_entropy").knobs[0].whole


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_number_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(DrawError, match=r"huber_loss: delta must lie in \(0, inf\)"):
        drawable("huber_loss").curve(11, delta=value)


def test_an_unknown_hyperparameter_is_refused_with_those_there_are() -> None:
    with pytest.raises(DrawError, match="no numeric hyperparameter gama; it has gamma"):
        drawable("focal_loss").curve(11, gama=2.0)


# ---- curves --------------------------------------------------------------------------------


def test_a_loss_of_the_library_is_drawn_as_lossary_show_draws_it() -> None:
    for name in ("huber_loss", "focal_loss", "hinge_loss", "nll_loss"):
        shown, drawn = curve(find(name), 31), drawable(name).curve(31)
        assert shown is not None
        assert drawn is not None
        assert torch.equal(shown.value, drawn.value)


def test_a_hyperparameter_bends_the_curve() -> None:
    drawn = drawable("huber_loss").curve(9, delta=2.0)
    assert drawn is not None
    # Huber 1964: delta (|d| - delta / 2) beyond delta
    assert drawn.value[0].item() == pytest.approx(2 * (4 - 1))
    assert drawn.gradient is not None
    assert drawn.gradient[0].item() == pytest.approx(-2)


def test_relative_errors_are_drawn_against_a_target_of_one() -> None:
    drawn = drawable("absolute_percentage_loss").curve(9)
    assert drawn is not None
    assert drawn.axis == "input, target 1"
    assert drawn.value[drawn.at == 2].item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (CubicLoss, "CubicLoss"),
        (CubicLoss(power=2.0), "CubicLoss(power=2)"),
        (lossary.HuberLoss(delta=3.0), "huber_loss(delta=3)"),
        (lossary.huber_loss, "huber_loss"),
        (torch.nn.functional.mse_loss, "mse_loss"),
        (quartic, "quartic"),
    ],
)
def test_losses_of_every_form(loss: object, name: str) -> None:
    made = drawable(loss)
    drawn = made.curve(9)
    assert made.name == name
    assert drawn is not None
    assert drawn.value[4] == 0
    assert drawn.gradient is not None
    assert drawn.gradient[0] < 0


def test_a_loss_of_ones_own_is_the_formula() -> None:
    drawn = drawable(CubicLoss).curve(9, power=1.5)
    assert drawn is not None
    assert torch.allclose(drawn.value, drawn.at.abs() ** 1.5)
    module = CubicLoss(power=2.0)
    drawable(module).curve(9)
    assert module(torch.tensor([3.0]), torch.tensor([0.0])).dtype == torch.float32  # not changed
    means = drawable(quartic).curve(9)
    assert means is not None
    assert torch.allclose(means.value, means.at**4)


def test_losses_of_a_whole_batch_have_no_curve_of_a_unit() -> None:
    assert drawable("auc_logistic_loss").curve(11) is None
    within = drawable("gradient_harmonized_loss").curve(11)
    assert within is not None
    assert within.of_batch


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("hubr_loss", "did you mean huber_loss"),
        ("nowhere:Loss", "no module 'nowhere'"),
        (3, "cannot draw 3"),
        (lossary.CenterLoss, "cannot be made without arguments"),
    ],
)
def test_what_cannot_be_drawn_says_why(loss: object, message: str) -> None:
    with pytest.raises(DrawError, match=message):
        drawable(loss)


def test_a_loss_that_fails_says_what_it_was_given() -> None:
    def of_pairs(input: Tensor, target: Tensor) -> Tensor:
        return input[:, 1] - target[:, 0]

    with pytest.raises(DrawError, match=r"of_pairs cannot be drawn as real \*, real \*"):
        drawable(of_pairs).curve(9)
    with pytest.raises(DrawError, match="returned float, not a tensor"):
        drawable(lambda input, target: 1.0).curve(9)


# ---- surfaces ------------------------------------------------------------------------------


def test_boxes_over_shift_and_scale() -> None:
    found = surface(drawable("iou_loss"), 5)
    assert found is not None
    middle = found.value[2]  # of the true size, shifted by -2 to 2 widths
    # the overlap of unit squares one half apart would be 1/3; at one width they only touch
    assert middle.tolist() == pytest.approx([1, 1, 0, 1, 1])
    assert found.value[3, 2].item() == pytest.approx(1 - 1 / 4)  # twice as wide and as high


def test_triplets_over_two_distances() -> None:
    found = surface(drawable("triplet_margin_loss"), 5, margin=0.5)
    assert found is not None
    want = (found.x[None, :] - found.y[:, None] + 0.5).clamp(min=0)
    assert torch.allclose(found.value, want, atol=1e-4)
    assert found.gradient is not None
    assert torch.allclose(found.gradient[0, 0, 4], torch.tensor(1.0, dtype=torch.float64))


def test_pairs_over_two_distances() -> None:
    found = surface(drawable("contrastive_loss"), 5)
    assert found is not None
    want = (found.x[None, :] ** 2 + (1 - found.y[:, None]).clamp(min=0) ** 2) / 4
    assert torch.allclose(found.value, want)


def test_three_classes_over_two_logits() -> None:
    found = surface(drawable("cross_entropy"), 5)
    assert found is not None
    x, y = found.x[None, :].expand(5, 5), found.y[:, None].expand(5, 5)
    want = torch.stack([x, y, torch.zeros_like(x)]).logsumexp(0) - x
    assert torch.allclose(found.value, want)


def test_two_losses_of_one_family_differ_where_they_should() -> None:
    """A box that does not touch: GIoU pulls it, IoU does not."""
    far = 0  # two widths away
    for name, pulled in (("iou_loss", False), ("giou_loss", True)):
        found = surface(drawable(name), 5)
        assert found is not None
        assert found.gradient is not None
        assert bool(found.gradient[0, 2, far] != 0) == pulled


def test_one_number_needs_no_surface() -> None:
    assert surface(drawable("huber_loss")) is None
    assert surface(drawable("info_nce_loss")) is None  # of one sample it says nothing


# ---- docstrings ----------------------------------------------------------------------------


def test_formulas() -> None:
    assert mathml(r"\frac{a}{b_1}") == (
        "<math><mfrac><mi>a</mi><msub><mi>b</mi><mn>1</mn></msub></mfrac></math>"
    )
    assert "<munderover><mo>∑</mo>" in mathml(r"\sum_{i=1}^n x_i")
    assert "<mi>nonsense</mi>" in mathml(r"\nonsense")
    assert "&lt;" in mathml("a < b")


def test_every_formula_of_the_catalogue_is_well_formed_and_understood() -> None:
    from xml.etree import ElementTree as tree

    for spec in catalog():
        for tex in re.findall(r":math:`([^`]*)`", spec.function.__doc__ or ""):
            root = tree.fromstring(mathml(tex))
            assert "\\" not in "".join(root.itertext()), (spec.name, tex)
            for tag, children in (("mfrac", 2), ("msub", 2), ("msup", 2), ("msubsup", 3)):
                assert all(len(found) == children for found in root.iter(tag)), (spec.name, tex)


def test_docstrings_are_taken_apart_and_escaped() -> None:
    said = read(inspect.getdoc(CubicLoss) or "")
    assert said.what.startswith("Cubic loss, <math>")
    assert said.when == "For nothing &lt;b&gt;but&lt;/b&gt; tests."
    assert said.arguments == {"power": "the exponent."}
    assert marked("see :func:`~lossary.l1_loss`") == "see <code>l1_loss</code>"
    focal = read(drawable("focal_loss").doc)
    assert "easy examples" in focal.when
    assert "ICCV 2017" in focal.references
    assert ">>>" not in "".join(focal.more)


# ---- the page ------------------------------------------------------------------------------


def data_of(page: Path) -> dict[str, object]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_grids_hold_what_the_library_computes() -> None:
    made = record(drawable("huber_loss"))
    assert made is not None
    packed = bytearray(base64.b64decode(made["curve"]["grids"]))
    grids = torch.frombuffer(packed, dtype=torch.float32).reshape(-1, 2, CURVE_POINTS)
    (knob,) = made["knobs"]
    assert len(grids) == len(knob["values"])
    assert knob["values"][knob["start"]] == 1.0
    for delta, (value, slope) in zip(knob["values"], grids, strict=True):
        drawn = drawable("huber_loss").curve(CURVE_POINTS, delta=delta)
        assert drawn is not None
        assert drawn.gradient is not None
        assert torch.allclose(value, drawn.value.float())
        assert torch.allclose(slope, drawn.gradient.float())


def test_the_page_of_chosen_losses(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="of the extra compare")
    told: list[str] = []
    page = explore(
        ["huber_loss", CubicLoss, "giou_loss", CubicLoss],
        tmp_path / "page.html",
        lambda done, of, name: told.append(f"{done}/{of} {name}"),
    )
    data = data_of(page)
    assert data["first"] == ["huber_loss", "CubicLoss", "giou_loss", "CubicLoss (2)"]
    assert told[1] == "1/4 CubicLoss"
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r'(src|href)="http', text)
    assert "<b>but</b>" not in text
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_of_a_loss_without_a_picture_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="of the extra compare")
    with pytest.raises(DrawError, match=r"ctc_loss takes real N T V.*no picture"):
        explore(["ctc_loss"], tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DrawError, match="is not a folder"):
        explore(["l1_loss"], tmp_path / "no" / "page.html")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lossary.explore import landscape, plot

    for name in ("plotly", "jinja2"):
        monkeypatch.setitem(sys.modules, name, None)
    for make in (
        lambda: plot("l1_loss"),
        lambda: landscape(),
        lambda: explore(["l1_loss"], tmp_path / "page.html"),
    ):
        with pytest.raises(ModuleNotFoundError, match=r'pip install "lossary\[compare\]"'):
            make()


# ---- figures -------------------------------------------------------------------------------


def test_plot_overlays_value_and_gradient() -> None:
    pytest.importorskip("plotly", reason="of the extra compare")
    from lossary.explore import plot

    figure = plot("huber_loss", lossary.HuberLoss(delta=3.0), CubicLoss, points=9)
    assert [trace.name for trace in figure.data] == 2 * [
        "huber_loss",
        "huber_loss(delta=3)",
        "CubicLoss",
    ]
    assert figure.data[1].y[0] == pytest.approx(3 * (4 - 1.5))
    assert figure.layout.xaxis.title.text == "input - target"
    assert plot("focal_loss", "cross_entropy", gamma=0.0, points=9).data[0].y == pytest.approx(
        plot("cross_entropy", points=9).data[0].y
    )


def test_plot_draws_surfaces() -> None:
    pytest.importorskip("plotly", reason="of the extra compare")
    from lossary.explore import plot

    figure = plot("giou_loss", "iou_loss", points=5)
    assert [trace.type for trace in figure.data] == ["contour", "contour"]
    assert plot("cross_entropy", kind="surface", points=5).data[0].type == "contour"


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        ((), {}, "nothing to draw"),
        (("huber_loss", "hinge_loss"), {}, "do not share an axis"),
        (("huber_loss", "giou_loss"), {}, "huber_loss has a curve and giou_loss has not"),
        (("giou_loss",), {"kind": "curve"}, "no one number describes"),
        (("ctc_loss",), {}, "no two numbers describe"),
        (("huber_loss",), {"gamma": 1.0}, "gamma; there are delta"),
    ],
)
def test_plot_says_what_it_cannot_draw(
    losses: tuple[str, ...], options: dict[str, object], message: str
) -> None:
    pytest.importorskip("plotly", reason="of the extra compare")
    from lossary.explore import plot

    with pytest.raises(DrawError, match=message):
        plot(*losses, **options)  # type: ignore[arg-type]  # wrong on purpose


def test_two_moons_turn_the_labels_asked_for() -> None:
    moons, clean = two_moons(40, wrong=0.25, seed=3), two_moons(40, seed=3)
    assert torch.equal(moons.points, clean.points)
    assert torch.equal(moons.label != clean.label, moons.flipped)
    assert int(moons.flipped.sum()) == 10


def test_landscapes_are_of_trained_networks_and_reproducible() -> None:
    pytest.importorskip("plotly", reason="of the extra compare")
    from lossary.explore import landscape

    before = torch.get_rng_state()
    losses = ["cross_entropy", "hinge_loss", "binary_cross_entropy_with_logits"]
    figure = landscape(losses, steps=120, samples=60, wrong=0.0, noise=0.05)
    assert torch.equal(torch.get_rng_state(), before)
    for title in figure.layout.annotations:
        right = re.search(r"(\d+)% of the true labels", title.text)
        assert right
        assert int(right[1]) >= 95, title.text
    again = landscape(losses[:1], steps=120, samples=60, wrong=0.0, noise=0.05)
    assert again.data[0].z == figure.data[0].z


def test_a_film_starts_from_one_network_and_ends_at_two() -> None:
    pytest.importorskip("plotly", reason="of the extra compare")
    from lossary.explore import training_film

    film = training_film(["cross_entropy", "generalized_cross_entropy"], steps=20, frames=4)
    assert [frame.name for frame in film.frames] == ["0", "2", "9", "20"]
    first, last = film.frames[0], film.frames[-1]
    assert first.data[0].z == first.data[2].z
    assert last.data[0].z != last.data[2].z
    assert [step.label for step in film.layout.sliders[0].steps] == ["0", "2", "9", "20"]


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (["mse_loss"], "give a loss of classes"),
        ("cross_entropy", "give a list"),
        (["zero_one_loss"], "a metric"),
    ],
)
def test_landscapes_refuse_what_cannot_train(losses: object, message: str) -> None:
    pytest.importorskip("plotly", reason="of the extra compare")
    from lossary.explore import landscape

    with pytest.raises(DrawError, match=message):
        landscape(losses, steps=3)  # type: ignore[arg-type]  # wrong on purpose
