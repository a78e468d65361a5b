"""Every test runs on one thread, since they run side by side; examples have torch at hand."""

import pytest
import torch

import lossary

torch.set_num_threads(1)
# they need packages, or are run as programs, and hold no tests
collect_ignore_glob = [
    "tests/references/*.py",
    "tests/migrate/make_golden_*.py",
    "tests/migrate/scripts/*.py",
    # every process of the tests would load these packages
    "src/lossary/interop/keras.py",
    "src/lossary/interop/lightning.py",
    "src/lossary/interop/torchmetrics.py",
]


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(torch=torch, lossary=lossary)
