"""Every loss of the catalog obeys every law of the contract."""

import os
from dataclasses import replace

import pytest

from lossary import catalog
from lossary.check import LAWS, Subject, examine, subject_of
from lossary.spec import LossSpec
from references import MISSING, REFERENCES, reference_cases

SPECS = catalog()
COMPILE = {"compiles", "fused_agrees"}  # seconds each
EVERYTHING = "LOSSARY_ALL" in os.environ  # `make test-all`


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_conformance(spec: LossSpec, law: str) -> None:
    if law == "reference":
        pytest.skip("held below, against every reference there is")
    subject = subject_of(spec)
    if law in COMPILE and not EVERYTHING:
        subject = replace(subject, variants=subject.variants[:1])
    result = examine(subject, law)
    assert result.outcome != "failed", result.reason
    if result.outcome == "skipped":
        pytest.skip(result.reason)


@pytest.mark.parametrize(("spec", "source"), reference_cases(SPECS))
def test_reference(spec: LossSpec, source: str) -> None:
    """The units agree with an independent implementation, at ordinary and at extreme inputs."""
    subject: Subject = subject_of(spec, reference=REFERENCES[source][spec.name])
    result = examine(subject, "reference")
    assert result.outcome == "passed", result.reason


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_has_a_reference(spec: LossSpec) -> None:
    assert any(spec.name in known for known in REFERENCES.values()), (
        f"{spec.name} has no independent implementation in tests/references"
    )


@pytest.mark.parametrize("source", MISSING)
def test_source_is_installed(source: str) -> None:
    pytest.skip(f"{MISSING[source]} is not installed: `make references` installs and runs it")


def test_every_reference_has_a_loss() -> None:
    """A misspelt name would verify nothing."""
    names = {spec.name for spec in SPECS}
    for source, known in REFERENCES.items():
        assert set(known) <= names, f"{source}: {sorted(set(known) - names)}"
