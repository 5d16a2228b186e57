"""What every reference store promises; the tests of each database subclass it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations

import pytest

from infra.event_store import EventStore
from infra.reference_store import Fact, ReferenceStore


def fact(
    as_of: str = "2024-09-01", record_id: str = "R-1", key: str = "K", entity: str = "BANK", body: str = "{}"
) -> Fact:
    return Fact("CREDIT_LINE", entity, key, f"C-{key}", as_of, record_id, body)


class ReferenceStoreSuite:
    @pytest.fixture
    def reference(self, store: EventStore) -> ReferenceStore:
        return ReferenceStore(store)

    def test_what_is_put_is_found_by_key_subject_and_kind(self, reference: ReferenceStore) -> None:
        one, other = fact(body='{"名": "%s"}'), fact(key="L", entity="OTHER")
        assert reference.put(one)
        assert reference.put(other)
        assert reference.get("CREDIT_LINE", "BANK", "K") == one
        assert reference.get("CREDIT_LINE", "OTHER", "K") is None
        assert reference.of_subject("C-L") == [other]
        assert reference.of_kind("CREDIT_LINE") == [one, other]
        assert reference.of_kind("GRAPH") == []

    def test_the_newest_stays_in_whatever_order_they_come(self, reference: ReferenceStore) -> None:
        told = [fact("2024-09-01", "R-3"), fact("2024-09-02", "R-1"), fact("2024-09-02", "R-2", body="[1]")]
        for number, order in enumerate(permutations(told)):
            mine = [replace(one, entity=f"E{number}") for one in order]
            newest = max(mine, key=lambda one: (one.as_of, one.record_id))
            for one in (*mine, *mine):
                reference.put(one)
            assert reference.get("CREDIT_LINE", f"E{number}", "K") == newest
            assert [reference.put(one) for one in mine] == [one == newest for one in mine]

    def test_a_fact_may_be_removed_and_put_again(self, reference: ReferenceStore) -> None:
        reference.put(fact("2024-09-02"))
        reference.remove(fact())
        assert reference.of_subject("C-K") == []
        assert reference.put(fact("2024-09-01"))

    def test_several_processes_may_open_it_at_once(self, store: EventStore) -> None:
        with ThreadPoolExecutor(4) as threads:
            opened = list(threads.map(lambda _: ReferenceStore(store), range(4)))
        assert opened[0].put(fact())
        assert opened[3].of_kind("CREDIT_LINE") == [fact()]
