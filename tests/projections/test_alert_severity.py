"""One scale of severity: what a record says counts, and of those that say none every reader finds the same."""

import msgspec
import pytest

from projections.alert_routing_facts import severity_of
from projections.alert_severity import Severity, unsaid_severity
from streams.views_wire import Alert
from tests.projections.alert_world import alert

LIGHTS = ("green", "amber", "red")


@pytest.mark.parametrize(
    ("kind", "light_before", "light", "expected"),
    [
        ("raised", "green", "amber", "WARNING"),
        ("raised", "green", "red", "CRITICAL"),
        ("raised", "amber", "red", "CRITICAL"),
        ("eased", "red", "amber", "CRITICAL"),
        ("cleared", "red", "green", "CRITICAL"),
        ("cleared", "amber", "green", "WARNING"),
        ("raised", None, None, "WARNING"),  # a large flow
        ("corrected", None, None, "WARNING"),
    ],
)
def test_an_alert_that_says_none_is_as_severe_as_its_light(
    kind: str, light_before: str | None, light: str | None, expected: str
) -> None:
    assert unsaid_severity(kind, light, light_before) == expected


def test_the_scale_has_an_order() -> None:
    assert sorted(Severity, key=lambda one: one.rank) == ["INFO", "WARNING", "CRITICAL"]


@pytest.mark.parametrize("severity", [None, "INFO", "WARNING", "CRITICAL"])
@pytest.mark.parametrize("kind", ["raised", "eased", "cleared"])
@pytest.mark.parametrize("light", [None, *LIGHTS])
@pytest.mark.parametrize("light_before", LIGHTS)
def test_page_and_notifier_read_a_stored_record_alike(
    severity: str | None, kind: str, light: str | None, light_before: str
) -> None:
    source = {"topic": "tm.risk.cut.v1", "partition": 0, "offset": 2, "log": "l", "fold": 1}
    record = alert(1, kind=kind, source=source)
    if severity is not None:
        record["severity"] = severity
    if light is not None:
        record["limit"] = LIMIT | {"light": light, "light_before": light_before}
    read = msgspec.convert(record, Alert)
    assert read.severity == severity_of(record) == (severity or read.severity)
    assert msgspec.json.decode(msgspec.json.encode(read))["severity"] == read.severity


LIMIT = {
    "limit_id": "lcr-board", "metric": "lcr", "scope": "entity", "as_of": "2026-11-22", "value": "1",
    "incident": "a", "cut": 1, "offsets": {}, "light": "red", "light_before": "green",
}  # fmt: skip
