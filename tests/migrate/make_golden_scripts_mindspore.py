"""Make ``golden/scripts_mindspore.json``: what scripts print and learn in MindSpore.

Run it in the environment of ``make_golden_mindspore.py``:

    python tests/migrate/make_golden_scripts_mindspore.py
"""

from pathlib import Path

import mindspore as ms
from migration import SCRIPTS, run, start, write

ms.set_context(mode=ms.PYNATIVE_MODE, device_target="CPU")


def begin(net):
    for number, parameter in enumerate(net.trainable_params()):
        parameter.set_data(ms.Tensor(start(parameter.shape, number)))


def learnt(net):
    return [parameter.asnumpy() for parameter in net.trainable_params()]


def main():
    found = {
        name: run(SCRIPTS / name, begin, learnt)
        for name in ("mindspore_losses.py", "mindspore_classifier.py")
    }
    golden = {"versions": {"mindspore": ms.__version__}, "scripts": found}
    path = Path(__file__).parent / "golden" / "scripts_mindspore.json"
    write(path, golden)


if __name__ == "__main__":
    main()
