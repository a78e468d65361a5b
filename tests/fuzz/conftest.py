"""Says how many calls of each loss were generated."""

import os
from collections import Counter

import pytest

CALLS = int(os.environ.get("LOSSARY_FUZZ", "25"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report the calls: the reports come from all workers, each with what its test noted."""
    found: dict[str, Counter[str]] = {"inside": Counter(), "beside": Counter()}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "calls":
                where = "inside" if "in_the_domain" in report.nodeid else "beside"
                loss, calls = value
                found[where][loss] += calls
    for where, calls_of in found.items():
        if calls_of:
            loss, least = min(calls_of.items(), key=lambda item: item[1])
            fewer = sum(calls < CALLS for calls in calls_of.values())
            terminalreporter.write_line(
                f"{calls_of.total():,} calls {where} the domain of {len(calls_of)} losses, "
                f"least {least:,} of {loss}; {fewer} losses had fewer than {CALLS:,}"
            )
