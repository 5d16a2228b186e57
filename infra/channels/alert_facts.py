"""What an alert says, in words: how bad, what, how much against what, since when, where to look. Pure.

An alert comes as the JSON of its record: of whatever version, so a field that is missing is left out, never an error.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aggregates.personal_tokens import TOKEN, Personal
from infra.channels.words import WORDS
from infra.masking import masked, scrubbed
from projections.alert_routing_facts import incident_of, severity_of

RATIOS = ("lcr", "nsfr")
TEST = "test"
FACTS_SHOWN = 4

Alert = Mapping[str, Any]


def is_test(alert: Alert) -> bool:
    return alert.get("kind") == TEST


def severity(alert: Alert) -> str:
    """As routing has it; a test is no more than news."""
    return "INFO" if is_test(alert) else str(severity_of(alert))


def subject_matter(alert: Alert, language: str) -> str:
    """`limit lcr`, `large single flow`, or the rule's own name."""
    words, limit, rule = WORDS[language], _part(alert, "limit"), str(alert.get("rule", "-"))
    if is_test(alert):
        return words["test"]
    if own := _part(alert, "rule_facts"):  # a rule that people wrote, under the name they gave it
        return str((language == "zh" and own.get("name_zh")) or own.get("name") or rule)
    shown = words.get(rule, rule)
    metric = limit.get("metric")
    return f"{shown} {metric}" if metric else shown


def amounts(alert: Alert, language: str) -> str:
    """How much against what: of a limit the value and its edges, of a flow amount and threshold with the currency."""
    words, limit, own = WORDS[language], _part(alert, "limit"), _part(alert, "rule_facts")
    if own:
        told = str(own["value"]) if own.get("value") is not None else _listed(_part(own, "facts"))
        return " ".join(part for part in (told, words["against"], str(own.get("expression", ""))) if part)
    if limit:
        edges = [
            words[name].format(value=limit[name]) for name in ("minimum", "maximum") if limit.get(name) is not None
        ]
        return (
            f"{limit.get('value', '-')} {words['against']} {', '.join(edges)}"
            if edges
            else str(limit.get("value", "-"))
        )
    if alert.get("amount") in (None, ""):
        return ""
    rolling, currency = alert.get("rolling"), str(alert.get("currency", ""))
    told = f"{grouped(rolling or alert['amount'])} {currency}".strip()
    if rolling and alert.get("window_minutes"):
        told += " " + words["within"].format(minutes=alert["window_minutes"])
    if alert.get("threshold") in (None, ""):
        return told
    return f"{told} {words['against']} {grouped(alert['threshold'])}"


def reason(alert: Alert, language: str, *, mask: bool) -> str:
    """The record's own sentence, without the account's number and without what looks like a person's or a card's."""
    if is_test(alert):
        return WORDS[language]["test_reason"]
    text = str(alert.get("reason", ""))
    return masked_text(text, alert) if mask else text


def masked_text(text: str, alert: Alert) -> str:
    account = str(alert.get("account", ""))
    if len(account) > 3:
        text = text.replace(account, masked(account, Personal.ACCOUNT))
    return scrubbed(TOKEN.sub("***", text))


def account(alert: Alert, *, mask: bool) -> str:
    found = str(alert.get("account", ""))
    return masked(found, Personal.ACCOUNT) if mask and found not in ("", "-") else found


def link(alert: Alert, page: str) -> str:
    return f"{page.rstrip('/')}/#/alerts/{quote(str(alert.get('alert_id', '')), safe='')}"


def explain(alert: Alert) -> str:
    """A command that shows the figures behind the alert as they were."""
    entity = shlex.quote(str(alert.get("entity", "-")))
    limit = _part(alert, "limit") or _part(alert, "rule_facts")
    if limit.get("metric") in RATIOS and limit.get("offsets"):
        offsets = json.dumps(limit["offsets"], separators=(",", ":"), sort_keys=True)
        return f"tidemark ratios {limit['metric']} --at-offsets {shlex.quote(offsets)}"
    at = alert.get("appended_at") or alert.get("event_time")
    return f"tidemark alerts --entity {entity}" + (f" --at {shlex.quote(str(at))}" if at else "")


def incident(alert: Alert) -> str:
    """What groups the alerts of one crossing: the alert that opened it, or this one."""
    return incident_of(alert) or str(alert.get("corrects") or alert.get("alert_id", "-"))


def grouped(amount: Any) -> str:
    """`30000000.00` as `30,000,000.00`; what is no number stays as it is."""
    sign, digits = ("-", str(amount)[1:]) if str(amount).startswith("-") else ("", str(amount))
    whole, point, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}" if whole.isascii() and whole.isdigit() else str(amount)


def _part(alert: Alert, name: str) -> Mapping[str, Any]:
    found = alert.get(name)
    return found if isinstance(found, Mapping) else {}


def _listed(found: Mapping[str, Any]) -> str:
    """The first facts of a rule, by name."""
    return ", ".join(f"{name} {value}" for name, value in sorted(found.items())[:FACTS_SHOWN])
