"""Runs of the scripts in scripts/: how they are begun, and which of their imports are changed.

The programs that write the golden files use it with a framework, the tests with Lossary.
"""

import contextlib
import io
import json
import math
import re
import runpy
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parent / "scripts"

# what is run of each script
TRAININGS = {
    "mindspore_losses.py": (
        "train_built_in",
        "train_own",
        "train_with_loss_cell",
        "train_unreduced",
        "train_two_labels",
    ),
    "mindspore_classifier.py": ("train",),
    "paddleocr_direction.py": ("train",),
    "torch_cifar10.py": ("train",),
}

# the lines that change, and nothing else does
IMPORTS = {
    "mindspore_losses.py": {
        "from mindspore import Tensor, nn, ops": (
            "import torch as ops\n"
            "from torch import tensor as Tensor\n"
            "from lossary.migrate import mindspore as nn"
        ),
        "from mindspore.common.initializer import Normal": (
            "from lossary.migrate.mindspore.initializer import Normal"
        ),
        "from mindspore.dataset import GeneratorDataset": (
            "from lossary.migrate.mindspore.dataset import GeneratorDataset"
        ),
        "from mindspore.train import LossMonitor, Model": (
            "from lossary.migrate.mindspore.train import LossMonitor, Model"
        ),
    },
    "mindspore_classifier.py": {
        "from mindspore import nn, ops": (
            "import torch as ops\nfrom lossary.migrate import mindspore as nn"
        ),
        "from mindspore.dataset import GeneratorDataset": (
            "from lossary.migrate.mindspore.dataset import GeneratorDataset"
        ),
        "from mindspore.train import LossMonitor, Model, TimeMonitor": (
            "from lossary.migrate.mindspore.train import LossMonitor, Model, TimeMonitor"
        ),
    },
    "paddleocr_direction.py": {
        "from paddle import no_grad": "from torch import no_grad",
        "from paddle.io import DataLoader, Dataset": (
            "from torch.utils.data import DataLoader, Dataset"
        ),
        "from paddle.nn import AdaptiveAvgPool2D, Conv2D, Layer, Linear, ReLU, Sequential": (
            "from torch.nn import AdaptiveAvgPool2d as AdaptiveAvgPool2D, Conv2d as Conv2D\n"
            "from torch.nn import Linear, Module as Layer, ReLU, Sequential"
        ),
        "from paddle.optimizer import Adam": "from lossary.migrate.paddle.optimizer import Adam",
        "from ppocr.losses import build_loss": ("from lossary.migrate.paddleocr import build_loss"),
    },
    "torch_cifar10.py": {
        "import torch.nn as nn": "import lossary.migrate.torch as nn",
        "import torch.nn.functional as F": "import lossary.migrate.torch as F",
    },
}


def changed(script):
    """Return the text of a script with its imports changed."""
    lines = (SCRIPTS / script).read_text(encoding="utf-8").splitlines()
    imports = IMPORTS[script]
    missing = [line for line in imports if lines.count(line) != 1]
    if missing or not all(line.startswith(("import ", "from ")) for line in imports):
        raise ValueError(f"{script} has not once each of the imports {missing}")
    return "\n".join(imports.get(line, line) for line in lines) + "\n"


def start(shape, number):
    """Return what the parameter of this number begins with, in the layout of torch."""
    count, of_one = math.prod(shape), math.prod(shape[1:])
    waves = np.cos(2.4 * np.arange(count) + number) / math.sqrt(of_one)
    return waves.round(4).astype(np.float32).reshape(shape)


def run(path, begin, learnt, *arguments):
    """Run every training of a script; return what each printed and learnt.

    ``begin(net)`` gives the network of a training the parameters of ``start``, and ``learnt(net)``
    returns them as arrays in the layout of torch. Lines with times are left out.
    """
    module = runpy.run_path(str(path), run_name="script")
    results = {}
    for name in TRAININGS[Path(path).name]:
        net = module["Net"]()
        begin(net)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            module[name](net, *arguments)
        lines = [line for line in printed.getvalue().splitlines() if " time: " not in line]
        results[name] = {"printed": lines, "learnt": [a.tolist() for a in learnt(net)]}
    if "show_losses" in module:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            module["show_losses"]()
        results["show_losses"] = {"printed": printed.getvalue().splitlines(), "learnt": []}
    return results


def write(path, golden):
    """Write a golden file, one training to a line."""
    trainings = [
        f'"{script}/{name}": {json.dumps(result, separators=(",", ":"))}'
        for script, results in golden["scripts"].items()
        for name, result in results.items()
    ]
    versions, lines = json.dumps(golden["versions"]), ",\n".join(trainings)
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'{{"versions": {versions},\n"trainings": {{\n{lines}\n}}}}\n', encoding="utf-8"
    )


NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")


def text_and_numbers(lines):
    """Take the numbers with a point out of printed lines; return what is left, and them."""
    joined = "\n".join(lines)
    return NUMBER.sub("#", joined), [float(number) for number in NUMBER.findall(joined)]
