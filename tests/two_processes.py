"""Two real processes that compute together, and what each of them found."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch


def of_two_processes(program: Path, folder: Path, timeout: float = 120) -> list[dict[Any, Any]]:
    """Run ``program RANK PORT FOLDER`` for both ranks, and return what each saved as RANK.pt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        subprocess.Popen([sys.executable, program, str(rank), str(port), str(folder)])
        for rank in range(2)
    ]
    assert [process.wait(timeout=timeout) for process in processes] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
