"""Every test runs on one thread, since they run side by side; examples have torch at hand."""

import pytest
import torch

import lossary

torch.set_num_threads(1)
collect_ignore_glob = ["tests/references/*.py"]  # they need packages, and hold no tests


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(torch=torch, lossary=lossary)
