"""Every test runs on one thread, since they run side by side; examples have torch at hand."""

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["torch"] = torch
