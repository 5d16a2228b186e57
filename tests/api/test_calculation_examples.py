"""Every calculation has an input to begin with that computes, and tables for its result, as the page shows them."""

from collections.abc import Iterator

import pytest
from httpx import Client

from api.calculations import registry
from tests.api_doubles import client_of, services

HERE = "/api/v1/calculations"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of(services()) as found:
        yield found


@pytest.mark.parametrize("name", registry.names())
def test_every_calculation_has_examples_that_compute(name: str) -> None:
    calculation, examples = registry.find(name), registry.examples(name)
    variants = {variant.name: variant for variant in calculation.variants}
    assert examples
    assert len({example.variant for example in examples}) == len(examples)
    for example in examples:
        assert example.source
        assert variants[example.variant].required <= example.input.keys() <= variants[example.variant].known
        result = calculation.compute(example.input)
        assert result.get("status") != "NOT_COMPUTABLE", example.variant


def test_every_file_of_examples_belongs_to_a_calculation() -> None:
    assert {path.stem for path in registry.EXAMPLES.glob("*.json")} == set(registry.names())


@pytest.mark.parametrize("name", registry.names())
def test_the_result_comes_with_its_tables(client: Client, name: str) -> None:
    about = client.get(f"{HERE}/{name}").json()
    assert {variant["name"] for variant in about["variants"]} >= {one["variant"] for one in about["examples"]}
    assert about["schema"]["title"] == name
    for example in about["examples"]:
        answer = client.post(f"{HERE}/{name}", params={"view": "sheets"}, json=example["input"]).json()
        assert answer["result"] == client.post(f"{HERE}/{name}", json=example["input"]).json()
        assert answer["sheets"]
        for sheet in answer["sheets"]:
            assert sheet["title"]
            assert sheet["rows"]
            assert set(sheet["amounts"]) <= set(sheet["columns"])
            cells = [cell for row in sheet["rows"] for cell in row.values()]
            assert all(cell is None or isinstance(cell, str) for cell in cells)


def test_a_view_that_is_none_is_refused(client: Client) -> None:
    assert client.post(f"{HERE}/duration", params={"view": "table"}, json={}).status_code == 422


def test_an_unknown_calculation_is_not_found(client: Client) -> None:
    assert client.get(f"{HERE}/nothing").status_code == 404
