"""Make ``golden/scripts_paddleocr.json``: what a script prints and learns in PaddleOCR.

Run it in the environment of ``make_golden_paddleocr.py``, with the same folder:

    python tests/migrate/make_golden_scripts_paddleocr.py FOLDER
"""

import sys
from pathlib import Path

import paddle
from migration import SCRIPTS, run, start, write


def layouts(net):
    """Yield every parameter, and whether it is the transpose of torch's."""
    for layer in net.sublayers():
        for parameter in layer.parameters(include_sublayers=False):
            yield parameter, isinstance(layer, paddle.nn.Linear) and parameter.ndim == 2


def begin(net):
    for number, (parameter, turned) in enumerate(layouts(net)):
        shape = tuple(parameter.shape)
        values = start(shape[::-1], number).T if turned else start(shape, number)
        parameter.set_value(paddle.to_tensor(values))


def learnt(net):
    return [p.numpy().T if turned else p.numpy() for p, turned in layouts(net)]


def main():
    sys.path.insert(0, sys.argv[1])
    name = "paddleocr_direction.py"
    found = {name: run(SCRIPTS / name, begin, learnt)}
    golden = {"versions": {"paddlepaddle": paddle.__version__}, "scripts": found}
    path = Path(__file__).parent / "golden" / "scripts_paddleocr.json"
    write(path, golden)


if __name__ == "__main__":
    main()
