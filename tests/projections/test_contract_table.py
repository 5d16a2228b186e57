"""Contracts in columns, and codes of many keys at once, say what they say one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projections.contract_table import ContractTable
from projections.contract_terms import ContractTerms
from projections.dictionary import KeyDictionary


def terms(number: int, principal_minor: int = 100, **changes: object) -> ContractTerms:
    known = {
        "contract_id": f"C{number}",
        "entity": "E1",
        "organisation": f"O{number % 2}",
        "business_line": "-",
        "product": "-",
        "currency": "CNY",
        "side": "asset",
        "amortisation": "bullet",
        "day_count": "ACT/360",
        "months": 0,
        "principal_minor": principal_minor,
        "rate_units": 0,
        "start_day": 19_000,
        "maturity_day": 19_100,
        "on_demand": False,
        "closed": False,
    }
    return ContractTerms(**(known | changes))  # type: ignore[arg-type]


def shown(table: ContractTable) -> tuple[object, ...]:
    values = {name: column.tolist() for name, column in table.values.items()}
    return list(table.keys), list(table.cells), values, dict(table.more)


RAW = {"contractType": "PAM"}
BOOKS = st.lists(
    st.builds(
        lambda number, principal, raw: terms(number, principal, actus=RAW if raw else {}),
        st.integers(0, 3),
        st.integers(1, 5),
        st.booleans(),
    ),
    max_size=8,
)


@given(BOOKS, st.data())
def test_places_are_taken_with_their_texts(book: list[ContractTerms], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(book) - 1), max_size=6) if book else st.just([]))
    taken = ContractTable.of(book).take(np.array(places, np.int64))
    assert shown(taken) == shown(ContractTable.of([book[place] for place in places]))


@given(BOOKS, BOOKS)
def test_one_table_follows_another(first: list[ContractTerms], second: list[ContractTerms]) -> None:
    both = ContractTable.of(first).followed_by(ContractTable.of(second))
    assert shown(both) == shown(ContractTable.of(first + second))


@given(BOOKS, st.integers(0, 9))
def test_the_last_record_of_a_contract_stands_where_the_first_stood(book: list[ContractTerms], start: int) -> None:
    latest = {one.contract_id: one for one in book[start:]}
    assert shown(ContractTable.of(book).latest(start)) == shown(ContractTable.of(list(latest.values())))


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=6), max_size=4))
def test_codes_of_many_keys_are_those_given_one_by_one(batches: list[list[tuple[str, ...]]]) -> None:
    one_by_one, together = KeyDictionary(), KeyDictionary()
    for keys in batches:
        assert together.codes(keys) == [one_by_one.code(key) for key in keys]
    assert together.tail() == one_by_one.tail()
    assert [together.find(key) for key in together.tail()] == list(range(len(together)))
