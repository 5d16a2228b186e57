"""schemathesis on the whole OpenAPI document: whatever it makes up, answers are as told and errors are the caller's.

Bounded by default; CONTRACT_EXAMPLES=50 (`make contract`) tries more, and the combinations of its coverage phase.
CONTRACT_PATHS, a regular expression, tries only some addresses: to see a complaint again.
The live stream has no end and is left out here: tests/api/test_stream.py is its own. `fields` makes answers of fewer
members, which OpenAPI has no word for: tests/api/test_sparse_fields.py.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from api.app import create_app
from tests.contract_world import contract_services

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "2"))
PATHS = os.environ.get("CONTRACT_PATHS", "")
STREAM = "/api/v1/stream"
#: A rule may refuse what the document allows, and what this small world lacks is unavailable.
ALLOWED = ["2XX", "3XX", "401", "403", "404", "409", "422", "429", "503"]


def config() -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "base-url": "http://testserver",
            "headers": {"Authorization": "Bearer all"},
            "continue-on-failure": True,
            "generation": {
                "max-examples": EXAMPLES,
                "deterministic": os.environ.get("TIDEMARK_HYPOTHESIS") != "search",
                "database": "none",
                "no-shrink": True,
            },
            "checks": {
                "not_a_server_error": {"expected-statuses": ["2XX", "3XX", "4XX", "503"]},
                "positive_data_acceptance": {"expected-statuses": ALLOWED},
            },
            "phases": {"stateful": {"enabled": False}, "coverage": {"enabled": EXAMPLES > 10}},
        }
    )


def tried(document: dict[str, Any]) -> dict[str, Any]:
    found = deepcopy(document)
    found["paths"] = {
        path: part for path, part in found["paths"].items() if path != STREAM and re.search(PATHS, path)
    }
    for operations in found["paths"].values():
        for operation in operations.values():
            operation["parameters"] = [one for one in operation.get("parameters", ()) if one["name"] != "fields"]
    return found


def problem_complaint(status: int, kind: str, content: bytes) -> str | None:
    """What every refusal has: the form of a problem, and at 422 the field."""
    if status < 400:
        return None
    if kind == "application/json" and status == 503 and b'"warnings"' in content:
        return None  # readiness, in its own form
    if kind != "application/problem+json":
        return f"{status} is {kind}"
    problem = json.loads(content)
    if problem["status"] != status or "title" not in problem:
        return f"{status} says {problem}"
    return "422 names no field" if status == 422 and "field" not in problem.get("facts", {}) else None


def complaints_of(event: events.ScenarioFinished) -> Iterator[tuple[str, str]]:
    """What is wrong with the answers of one operation in one phase: the complaint, and how to see it again."""
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        if (answer := interaction.response) is not None:
            kind = answer.headers.get("content-type", ["-"])[0].partition(";")[0]
            if why := problem_complaint(answer.status_code, kind, answer.content or b""):
                yield f"{recorder.label}: {why}", recorder.cases[case_id].value.as_curl_command()
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                name = f"{recorder.label}: {check.name}: {failure.title}: {failure.message[:200]}"
                yield name, check.failure_info.code_sample


@pytest.mark.timeout(3_000)
def test_whatever_is_asked_the_answer_is_as_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    complaints: Counter[str] = Counter()
    examples: dict[str, str] = {}
    cases, called, start = 0, set[str](), monotonic()
    answers: Counter[tuple[str, int]] = Counter()

    def told(line: str) -> None:
        """At length the test says as it goes how far it is and what it has met."""
        if EXAMPLES > 10:
            with capsys.disabled():
                print(line, flush=True)

    with contract_services(tmp_path) as ours:
        app = create_app(ours)
        document = tried(app.openapi())
        schema = schemathesis.openapi.from_dict(document, config=config())
        schema.app = app
        for event in from_schema(schema).execute():
            if isinstance(event, events.NonFatalError | events.FatalError):
                complaints[f"{event}"] += 1
                told(f"  ! {event}")
            if not isinstance(event, events.ScenarioFinished):
                continue
            label, tries = event.recorder.label, len(event.recorder.cases)
            cases += tries
            called.add(label)
            if tries:
                told(
                    f"{monotonic() - start:5.0f} s {event.phase.value} {label}: {tries} in {event.elapsed_time:.1f} s"
                )
            answers.update(
                (label, one.response.status_code)
                for one in event.recorder.interactions.values()
                if one.response is not None
            )
            for name, example in complaints_of(event):
                complaints[name] += 1
                if name not in examples:
                    examples[name] = example[:400]
                    told(f"  ! {name}\n    {examples[name]}")
    good = {label for label, status in answers if status < 400}
    told(f"{cases} cases of {len(called)} operations; never answered 2xx: {', '.join(sorted(called - good)) or '-'}")
    assert not complaints, "\n".join(
        f"{count} x {name}\n    {examples.get(name)}" for name, count in complaints.items()
    )
    operations = [f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found]
    assert called >= {*operations}
    assert cases >= len(operations)
