"""`fields=` on answers: what is kept, what is refused by name."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from api.sparse_fields import check, select, tree_of
from engines.primitives.errors import InvalidInput
from tests.api_doubles import client_of, services

V1 = "/api/v1"
SCHEMAS: dict[str, Any] = {
    "Row": {"type": "object", "properties": {"entity": {"type": "string"}, "money": {"type": "string"}}},
}
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
        "offsets": {"type": "object", "additionalProperties": {"type": "integer"}},
        "limit": {"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}]},
    },
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of(services()) as found:
        yield found


def test_the_wanted_part_in_the_answers_own_order(client: Client) -> None:
    whole = client.get(V1 + "/positions").json()
    found = client.get(
        V1 + "/positions", params={"fields": "rows.currency,rows.entity,offsets,provenance.digest"}
    ).json()
    assert list(found) == ["offsets", "rows", "provenance"]
    assert found["offsets"] == whole["offsets"]
    assert found["rows"] == [{"entity": row["entity"], "currency": row["currency"]} for row in whole["rows"]]
    assert found["provenance"] == {"digest": whole["provenance"]["digest"]}


def test_one_of_a_kind_and_a_list_of_them_take_fields(client: Client) -> None:
    assert client.get(V1 + "/risk-assets/LN-1", params={"fields": "principal"}).json() == {"principal": "100.00"}
    rows = client.get(V1 + "/risk-assets", params={"fields": "rows.lifecycle"}).json()
    assert rows == {"rows": [{"lifecycle": "ACTIVE"}] * 2}


@pytest.mark.parametrize("unknown", ["planet", "rows.planet", "provenance.digest.more"])
def test_an_unknown_field_is_refused_by_name(client: Client, unknown: str) -> None:
    answer = client.get(V1 + "/positions", params={"fields": f"rows,{unknown}"})
    assert answer.status_code == 422
    assert answer.json()["facts"] == {"field": "fields", "record": unknown}


def test_problems_are_whole(client: Client) -> None:
    answer = client.get(V1 + "/alerts/none", params={"fields": "alert_id"})
    assert (answer.status_code, answer.json()["title"]) == (404, "not-found")


@pytest.mark.parametrize("text", ["", "a,,b", ".a", "a.", ",".join(["a"] * 101)])
def test_paths_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="field"):
        tree_of(text)


def test_the_whole_of_a_field_beside_a_part_of_it() -> None:
    assert tree_of("rows.entity,rows") == tree_of("rows,rows.entity") == {"rows": {}}


def test_below_an_open_object_any_name_is_taken() -> None:
    check(tree_of("offsets.any-topic/0,limit.what.ever,rows.money"), ANSWER, SCHEMAS)
    with pytest.raises(InvalidInput, match=r"rows\.other"):
        check(tree_of("rows.other"), ANSWER, SCHEMAS)


NAMES = st.sampled_from("abc")
BODIES = st.recursive(
    st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(BODIES, st.lists(st.lists(NAMES, min_size=1, max_size=3).map(".".join), min_size=1, max_size=4))
@settings(max_examples=100)
def test_a_selection_is_a_part_and_selecting_again_changes_nothing(body: Any, paths: list[str]) -> None:
    wanted = tree_of(",".join(paths))
    found = select(body, wanted)
    assert select(found, wanted) == found
    assert is_part(found, body)


def is_part(part: Any, whole: Any) -> bool:
    if isinstance(whole, dict):
        return isinstance(part, dict) and all(
            name in whole and is_part(value, whole[name]) for name, value in part.items()
        )
    if isinstance(whole, list):
        return len(part) == len(whole) and all(is_part(a, b) for a, b in zip(part, whole, strict=True))
    return bool(part == whole)
