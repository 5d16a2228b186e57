"""Facts from neighbours over HTTP: of the customer and his loans, of the reader's entities, newest only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregates.envelope import Principal
from infra.security import Unauthenticated
from streams.integrations import names
from streams.integrations.facts import facts_of_customer
from tests.api_doubles import client_of, services
from tests.streams.integration_world import CUSTOMER, ENTITY, LOAN, neighbourhood

PEOPLE = {
    "manager": Principal("U-118", ("AM",), "3301", (ENTITY,)),
    "stranger": Principal("U-9", ("AM",), "-", ("BANK-B",)),
    "nobody": Principal("U-0", (), "-", (ENTITY,)),
}


def verify_token(token: str, _now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("unknown")
    return PEOPLE[token]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    bank = neighbourhood(tmp_path)
    bank.world.clock.now = datetime(2024, 9, 25, 4, tzinfo=UTC)
    bank.send(names.HANDOVER)
    for topic in (names.CREDIT_LINE, names.COLLATERAL, names.ACCRUAL):
        bank.send(topic)
    bank.send(names.CREDIT_LINE, as_of="2024-09-20", used="1.00")
    bank.send(names.CREDIT_LINE, entity_id="BANK-B", used="2.00")

    def facts(reader: Principal, customer_no: str) -> list[dict[str, Any]]:
        return facts_of_customer(bank.app, bank.reference, customer_no, reader=reader)

    with client_of(services(verify_token=verify_token, external_facts=facts)) as found:
        yield found
    bank.world.store.close()


def ask(client: httpx.Client, who: str, customer: str = CUSTOMER) -> httpx.Response:
    path = f"/api/v1/customers/{customer}/external-facts"
    return client.get(path, headers={"Authorization": f"Bearer {who}"})


def test_the_newest_facts_of_a_customer_and_his_loans(client: httpx.Client) -> None:
    facts = ask(client, "manager").json()["facts"]
    assert [(one["kind"], one["key"], one["entity"]) for one in facts] == [
        ("ACCRUAL", LOAN, ENTITY),
        ("COLLATERAL", "CO-1", ENTITY),
        ("CREDIT_LINE", CUSTOMER, ENTITY),
    ]
    assert facts[2]["record"]["used"] == "1.00"


def test_another_entitys_facts_are_its_own(client: httpx.Client) -> None:
    facts = ask(client, "stranger").json()["facts"]
    assert [one["record"]["used"] for one in facts] == ["2.00"]


def test_who_may_not_read_is_told_so(client: httpx.Client) -> None:
    assert ask(client, "nobody").status_code == 403
    assert ask(client, "unknown").status_code == 401
    assert ask(client, "manager", "a b").status_code == 422
    assert ask(client, "manager", "C-404").json()["facts"] == []
