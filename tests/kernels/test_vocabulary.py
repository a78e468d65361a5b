"""Two processes with a part of the vocabulary each give the numbers of one with all of it."""

from pathlib import Path

import pytest
import torch

import lossary
from kernels.vocabulary_process import CASES, SPLIT, C, N, made
from two_processes import of_two_processes


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    program = Path(__file__).with_name("vocabulary_process.py")
    return of_two_processes(program, tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("name", CASES)
def test_two_slices_equal_one_vocabulary(name, results):
    options = dict(CASES[name])
    dtype = options.pop("dtype", torch.float32)
    x, w, y = made(dtype)
    x.requires_grad_()
    w.requires_grad_()
    want = lossary.linear_cross_entropy(x, w, y, **options)
    of_x, of_w = torch.autograd.grad(want, (x, w), torch.ones_like(want))
    tolerance = (
        {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 1e-4}
    )
    parts = []
    for rank in range(2):
        value, found_x, found_w = results[rank][name]
        assert value.dtype == want.dtype
        torch.testing.assert_close(value, want.detach(), **tolerance)
        torch.testing.assert_close(found_x, of_x, **tolerance)
        parts.append(found_w)
    assert tuple(map(len, parts)) == SPLIT
    torch.testing.assert_close(torch.cat(parts), of_w, **tolerance)


def test_a_label_outside_the_vocabulary_is_refused_by_all(results):
    message = f"target must hold class indices from 0 to {C - 1}, got {C}"
    assert all(message in found["error"] for found in results)


def test_without_processes_the_error_says_what_to_call():
    x, w, _ = made(torch.float32)
    with pytest.raises(RuntimeError, match="init_process_group"):
        lossary.vocab_parallel_linear_cross_entropy(x, w, torch.zeros(N, dtype=torch.int64))
