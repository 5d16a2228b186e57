"""What receivers read, in both languages, and what they do not: account numbers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.channels import alert_facts as facts
from infra.channels.messages import Messages
from infra.channels.words import EN, ZH
from projections.alert_notification import Notification, Purpose
from tests.infra.delivery_world import ALERT, LIMIT_ALERT, PAGE, note

ACCOUNT = ALERT["account"]
MESSAGES = Messages(PAGE)
TEST: dict[str, Any] = {"alert_id": "test-1", "kind": "test", "rule": "test", "entity": "NORTH"}


def body(told: Notification, messages: Messages = MESSAGES) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(messages.body(told))
    return read


def test_both_languages_say_the_same_things() -> None:
    assert EN.keys() == ZH.keys()
    assert all(EN[name].count("{") == ZH[name].count("{") for name in EN)


def test_the_body_of_a_webhook() -> None:
    read = body(note("al-1"))
    alert = read["data"]["alerts"][0]
    assert (read["type"], read["version"], read["timestamp"]) == ("alert.notified", "1", "2026-11-22T12:00:00.000Z")
    assert read["data"]["delivery_id"] == note("al-1").notification_id
    assert (read["data"]["alert_ids"], read["data"]["alerts_omitted"]) == (["al-1"], 0)
    assert alert["summary"] == "large single flow NORTH 45,000,000.00 CNY against 30,000,000.00"
    assert alert["link"] == f"{PAGE}/#/alerts/al-1"
    assert alert["explain"] == "tidemark alerts --entity NORTH --at 2026-11-22T11:59:58Z"
    assert alert["record"] == ALERT | {
        "account": "****0123",
        "reason": "one payment of account ****0123 is at or above 30,000,000.00",
    }


def test_account_numbers_are_sent_where_the_policy_says_so() -> None:
    assert ACCOUNT not in MESSAGES.body(note("al-1")).decode()
    assert body(note("al-1"), Messages(PAGE, mask=False))["data"]["alerts"][0]["record"] == ALERT
    for text in (MESSAGES.text(note("al-1")), MESSAGES.html(note("al-1")), MESSAGES.short(note("al-1"), 500)):
        assert ACCOUNT not in text
        assert "0123" in text or "account" not in text


def test_english() -> None:
    text = MESSAGES.text(note("al-2", alerts=[LIMIT_ALERT]))
    assert text.splitlines() == [
        "[Tidemark] CRITICAL: limit lcr NORTH 0.982 against minimum 1.00",
        "",
        "What: CRITICAL limit lcr raised",
        "How much: 0.982 against minimum 1.00",
        "Why: LCR of NORTH is below its minimum",
        "Since: 2026-11-22T11:59:58Z",
        "Entity: NORTH",
        "Incident: al-2",
        "Alert: al-2",
        f"On the page: {PAGE}/#/alerts/al-2",
        "Explain it: tidemark ratios lcr --at-offsets '{\"tm.in.core.txn.v1/0\":12}'",
        "",
        "Sent by Tidemark for subscription SUB-1. Account numbers are shortened.",
    ]


def test_chinese() -> None:
    told = note("al-2", alerts=[LIMIT_ALERT], language="zh", purpose=Purpose.ESCALATION)
    assert MESSAGES.title(told) == "[Tidemark] 无人确认 严重：限额 lcr NORTH 0.982 对比 下限 1.00"
    assert "法人机构：NORTH" in MESSAGES.text(told)
    assert '<html lang="zh">' in MESSAGES.html(told)


def test_several_alerts_are_told_by_the_worst() -> None:
    told = note("al-1", "al-2", "al-3", alerts=[ALERT, LIMIT_ALERT, ALERT | {"alert_id": "al-3"}], digest=True)
    assert MESSAGES.title(told).endswith("limit lcr NORTH 0.982 against minimum 1.00 (+2 more)")
    assert MESSAGES.text(told).count("Alert: al-") == 3


def test_what_is_too_much_is_left_out_and_counted() -> None:
    few, told = Messages(PAGE, alerts_max=2), note("a", "b", "c", "d")
    read = body(told, few)["data"]
    assert (len(read["alerts"]), read["alerts_omitted"], read["alert_ids"]) == (2, 2, ["a", "b", "c", "d"])
    assert "2 more alerts are named by id only." in few.text(told)


@pytest.mark.parametrize("purpose", Purpose)
def test_types(purpose: Purpose) -> None:
    wanted = {"alert": "alert.notified", "escalation": "alert.escalated", "resolved": "alert.resolved"}
    assert body(note("a", purpose=purpose))["type"] == wanted[purpose]


def test_a_test_says_so() -> None:
    told = note("test-1", alerts=[TEST])
    assert body(told)["type"] == "subscription.test"
    assert MESSAGES.title(told).startswith("[Tidemark] TEST")
    assert "nothing has happened" in MESSAGES.text(told)


@given(st.integers(40, 400), st.text(min_size=1, max_size=300), st.sampled_from(["en", "zh"]))
def test_a_short_text_fits_and_says_how_much_is_missing(length: int, entity: str, language: str) -> None:
    told = note("al-1", alerts=[ALERT | {"entity": entity}], language=language)
    text, title = MESSAGES.short(told, length), MESSAGES.title(told)
    assert len(text) <= length
    if title not in text:
        kept, _, mark = text.rpartition("…")
        assert title.startswith(kept)
        assert str(len(title) - len(kept)) in mark


def test_a_rule_of_people_is_told_under_its_name() -> None:
    rule = {
        "name": "Thin USD",
        "name_zh": "美元偏低",
        "expression": "available < 100",
        "value": "99.5",
        "metric": "lcr",
    }
    alert = ALERT | {"rule": "rule", "rule_facts": rule | {"offsets": {"a/0": 1}, "incident": "al-0"}}
    assert MESSAGES.summary(alert, "en") == "Thin USD NORTH 99.5 against available < 100"
    assert MESSAGES.summary(alert, "zh") == "美元偏低 NORTH 99.5 对比 available < 100"
    assert (facts.explain(alert), facts.incident(alert)) == ("tidemark ratios lcr --at-offsets '{\"a/0\":1}'", "al-0")
    bare = ALERT | {"rule": "rule", "rule_facts": {"name": "X", "facts": {"b": "2", "a": True}, "expression": "a"}}
    assert MESSAGES.summary(bare, "zh") == "X NORTH a True, b 2 对比 a"


def test_html_is_escaped() -> None:
    html = MESSAGES.html(note("al-1", alerts=[ALERT | {"reason": "<script>alert(1)</script>", "entity": '"><img>'}]))
    assert "<script>" not in html
    assert "<img>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "alert",
    [
        {"alert_id": "x", "rule": "liquidity-anomaly", "kind": "raised"},
        {"alert_id": "x", "rule": "limit", "kind": "raised", "limit": {"value": "n/d", "light": "amber"}},
        ALERT | {"rule": "large-flow-rolling", "rolling": "50000001.00", "window_minutes": 60},
        {},
    ],
)
def test_an_alert_of_a_later_version_is_told_as_far_as_it_is_known(alert: dict[str, Any]) -> None:
    told = note("x", alerts=[alert])
    assert MESSAGES.text(told) == MESSAGES.text(told)
    assert body(told)["data"]["alerts"][0]["severity"] == "WARNING"
    assert facts.explain(alert).startswith("tidemark alerts --entity")
