"""The liquidity ratios at `calc`: against a naive second implementation, and what they refuse, choose and tell."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api import ratio_oracle
from tests.api.golden_cases import cases

NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

Strategies = dict[str, st.SearchStrategy[Any]]

#: The sections of each ratio and the beginnings of the categories that belong there.
SECTIONS = {
    "lcr": {"hqla": "HQLA", "outflows": "outflow", "inflows": "inflow"},
    "nsfr": {"asf": "ASF", "rsf": "RSF"},
    "lmr": {"sources": "source", "uses": "use"},
    "hqlaar": {"hqla": "HQLA", "outflows": "outflow", "inflows": "inflow"},
    "liquidity_ratio": {"assets": "liquid asset", "liabilities": "liquid liability"},
}
FROM_ELSEWHERE = {"NSFR.RSF.100.02", "NSFR.RSF.100.05", "NSFR.ASF.0.03", "LR.A.04", "LR.L.03"}
ORACLES: dict[str, Callable[[dict[str, Any]], Fraction | None]] = {
    name: getattr(ratio_oracle, name) for name in SECTIONS
}

amounts = st.integers(0, 10**12).map(lambda cents: f"{cents // 100}.{cents % 100:02}") | st.integers(0, 9).map(str)
factors = st.integers(0, 1_000).map(lambda thousandths: f"{thousandths / 1_000:.3f}")
levels = st.sampled_from(["1", "2A", "2B", "none"])
repos = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["repo", "reverse_repo"]),
        "cash": amounts,
        "collateral_level": levels,
        "collateral_market_value": amounts,
        "collateral_factor": factors,
        "days_to_maturity": st.integers(0, 60),
    }
)
swaps = st.fixed_dictionaries(
    {
        "kind": st.just("collateral_swap"),
        "days_to_maturity": st.integers(0, 60),
        **{f"{side}_level": levels for side in ("given", "received")},
        **{f"{side}_market_value": amounts for side in ("given", "received")},
        **{f"{side}_factor": factors for side in ("given", "received")},
    }
)
derivatives = st.fixed_dictionaries(
    dict.fromkeys(
        ("positive_replacement_cost", "cash_vm_received", "negative_replacement_cost", "vm_posted"), amounts
    ),
    optional={"addon_factor": factors, "other_collateral_received": amounts},
)
OPTIONAL: dict[str, Strategies] = {
    "lcr": {"sft": st.lists(repos | swaps, max_size=4)},
    "nsfr": {"derivatives": derivatives},
    "liquidity_ratio": {"interbank_claims_1m": amounts, "interbank_debts_1m": amounts},
}


def lines(name: str, start: str) -> st.SearchStrategy[list[dict[str, str]]]:
    found = []
    for (code, bucket), item in ratio_oracle.items(name).items():
        if item["category"].startswith(start) and code not in FROM_ELSEWHERE:
            named = {"code": code} | ({} if bucket is None else {"maturity_bucket": bucket})
            if name == "lmr" or bucket is None:
                fixed: Strategies = {key: st.just(value) for key, value in named.items()} | {"amount": amounts}
                own: Strategies = {"factor": factors}
                may, must = (own, fixed) if "factor" in item else (Strategies(), fixed | own)
                found.append(st.fixed_dictionaries(must, optional=may))
    return st.lists(st.one_of(found), max_size=8)


def inputs(name: str) -> st.SearchStrategy[dict[str, Any]]:
    sections: Strategies = {key: lines(name, start) for key, start in SECTIONS[name].items()}
    return st.fixed_dictionaries(sections, optional=OPTIONAL.get(name, {}))


BOOKS = {name: inputs(name) for name in SECTIONS}


@given(st.data())
@pytest.mark.parametrize("name", SECTIONS)
def test_a_naive_second_program_finds_the_same(name: str, data: st.DataObject) -> None:
    book = data.draw(BOOKS[name])
    found, ratio = find(name).compute(book), ORACLES[name](book)
    if ratio is None:
        assert found[f"{name}_exact"] is found[f"{name}_pct"] is found["meets_minimum"] is None
        assert found["status"] == "NOT_COMPUTABLE"
        assert found["reason"].endswith("0")
    else:
        assert Fraction(found[f"{name}_exact"]) == ratio
        assert found["meets_minimum"] is (ratio >= (Fraction(1, 4) if name == "liquidity_ratio" else 1))
        assert "status" not in found


@pytest.mark.parametrize("name", SECTIONS)
def test_the_second_program_agrees_with_the_golden_cases(name: str) -> None:
    checked = [case for case in cases(name) if f"{name}_exact" in case["expected"]]
    for case in checked:
        assert ORACLES[name](case["inputs"]) == Fraction(case["expected"][f"{name}_exact"]), case["id"]
    assert len(checked) > 1


@pytest.mark.parametrize("name", SECTIONS)
def test_the_table_serves_where_a_case_leaves_out_the_factors(name: str) -> None:
    """The factors inside the cases are those of the table, save what the case overrides."""
    for case in cases(name):
        if f"{name}_exact" not in case["expected"]:
            continue  # a split has no lines
        given_inputs = case["inputs"]
        whole = find(name).compute(given_inputs)
        overridden = {entry["field"] for entry in whole["overrides"]}
        bare = given_inputs | {
            key: [
                {part: line[part] for part in line if part != "factor" or f"{key}[{at}].factor" in overridden}
                for at, line in enumerate(given_inputs[key])
            ]
            for key in SECTIONS[name]
        }
        assert find(name).compute(bare) == whole, case["id"]


# -- what is told


def test_every_line_says_where_its_factor_comes_from() -> None:
    found = find("hqlaar").compute(cases("hqlaar")[0]["inputs"])
    line = next(line for line in found["lines"] if line["code"] == "HQLAAR.2.5.3")
    assert line["record"] == "outflows[6]"
    assert (line["amount"], line["factor"], line["weighted"]) == ("200", "0.025", "5")
    assert line["confidence"] == "low"
    assert line["source"].startswith("CBIRC Order 2018 No 3")
    assert sum(Fraction(line["weighted"]) for line in found["lines"][5:12]) == Fraction(found["total_outflows"])
    assert found["factor_table"] == {
        "name": "hqlaar",
        "version": "CBIRC Order 2018 No 3",
        "effective_from": "2018-07-01",
    }


def test_what_differs_from_the_table_is_listed() -> None:
    found = find("lcr").compute(
        {
            "hqla": [{"code": "LCR.HQ1.01", "amount": "100", "factor": "1.0"}],
            "outflows": [
                {"code": "LCR.OF.CTG.01", "amount": "100", "factor": "0.03"},
                {"code": "LCR.OF.RET.02", "amount": "1000", "factor": "0.06"},
            ],
            "inflows": [],
            "inflow_cap": "0.5",
            "horizon_days": 30,
            "minimum_pct": "110",
        }
    )
    assert found["overrides"] == [
        {"field": "minimum_pct", "code": None, "used": "110.00", "table": "100.00"},
        {"field": "outflows[0].factor", "code": "LCR.OF.CTG.01", "used": "0.03", "table": None},
        {"field": "outflows[1].factor", "code": "LCR.OF.RET.02", "used": "0.06", "table": "0.05"},
        {"field": "inflow_cap", "code": None, "used": "0.50", "table": "0.75"},
    ]
    assert found["net_outflows"] == "63.000000"
    assert found["inflow_cap"] == "31.500000"


def test_a_date_chooses_version_and_minimum() -> None:
    half = {"hqla": [{"code": "LCR.HQ1.01", "amount": 85}], "outflows": [{"code": "LCR.OF.OLE.01", "amount": 100}]}
    found = [find("lcr").compute({**half, "inflows": [], "as_of": f"{year}-06-30"}) for year in (2017, 2018, 2026)]
    assert [(one["minimum_pct"], one["meets_minimum"]) for one in found] == [
        ("80.000000", True),
        ("90.000000", False),
        ("100.000000", False),
    ]
    with pytest.raises(InvalidInput, match="2015-01-01") as caught:
        find("lcr").compute({**half, "inflows": [], "as_of": "2014-12-31"})
    assert caught.value.facts["field"] == "as_of"
    early = find("hqlaar").compute({"hqla": [], "outflows": [], "inflows": [], "as_of": "2018-07-01"})
    assert early["minimum_pct"] is early["meets_minimum"] is early["surplus"] is None


def test_facility_and_lending_take_the_table_where_nothing_is_given() -> None:
    facility = {"undrawn": "100", "client_debt_backed_due_30d": "35"}
    assert find("lcr").compute(facility)["outflow"] == "17.000000"
    assert find("lcr").compute({**facility, "client": "other_financial"})["outflow"] == "61.000000"
    lending = {"contractual_obligations": "420", "contractual_inflows": "600", "inflow_share": "0.25"}
    found = find("lcr").compute(lending)
    assert found["outflow"] == "270.000000"
    assert found["overrides"] == [{"field": "inflow_share", "code": None, "used": "0.25", "table": "0.50"}]


def test_a_deposit_without_relationship_is_less_stable() -> None:
    deposit = {
        "deposit": "D",
        "balance": "80.125",
        "insurance_limit": "100",
        "relationship_or_transactional": False,
    }
    related = deposit | {"deposit": "E", "relationship_or_transactional": True}
    found = find("lcr").compute({"deposits": [deposit, related]})
    assert [(row["stable"], row["less_stable"]) for row in found["deposits"]] == [
        ("0.00", "80.125"),
        ("80.125", "0.00"),
    ]
    assert found["total_outflow"] == "12.018750"


def test_a_code_gives_the_factor_of_an_encumbered_asset() -> None:
    asset = {"asset": "A", "amount": "100", "code": "NSFR.RSF.5.01", "encumbrance_months_left": 0}
    rows = [asset, asset | {"encumbrance_months_left": 6}, asset | {"unencumbered_factor": "0.07"}]
    found = find("nsfr").compute({"assets": rows})
    assert [row["factor"] for row in found["assets"]] == ["0.05", "0.50", "0.07"]
    assert [entry["field"] for entry in found["overrides"]] == ["assets[2].unencumbered_factor"]


def test_a_date_gives_the_matching_bucket() -> None:
    book = {"sources": [{"code": "LMR.SRC.02", "amount": "100", "maturity_date": "2024-06-15"}], "uses": []}
    found = find("lmr").compute({**book, "as_of": "2024-03-15"})
    assert found["lines"][0]["maturity_bucket"] == "3m-<1y"
    assert found["weighted_sources"] == "70.000000"


def test_results_print_as_tables() -> None:
    for name in SECTIONS:
        for case in cases(name):
            found = find(name)
            assert found.sheets is not None
            shown = found.sheets(found.compute(case["inputs"]))
            assert shown
            for sheet in shown:
                assert all(set(row) == set(sheet.columns) for row in sheet.rows)
                cells = [row[name] for row in sheet.rows for name in sheet.amounts]
                assert all(cell is None or NUMBER.fullmatch(cell) for cell in cells)
                assert set(sheet.amounts) <= set(sheet.columns)


# -- what is refused

LCR: dict[str, Any] = {"hqla": [], "outflows": [], "inflows": []}
REPO = {
    "kind": "repo",
    "cash": "1",
    "collateral_level": "2A",
    "collateral_market_value": "1",
    "collateral_factor": "0.85",
    "days_to_maturity": 1,
}
DEPOSIT = {"code": "LMR.SRC.02", "amount": "1"}


@pytest.mark.parametrize(
    ("name", "given_inputs", "field"),
    [
        ("lcr", LCR | {"outflows": [{"code": "LCR.OF.RET.02", "amount": "-1"}]}, "outflows[0].amount"),
        ("lcr", LCR | {"outflows": [{"code": "LCR.OF.RET.02", "amount": 1.5}]}, "outflows[0].amount"),
        ("lcr", LCR | {"outflows": [{"code": "LCR.OF.RET.2", "amount": "1"}]}, "outflows[0].code"),
        ("lcr", LCR | {"inflows": [{"code": "LCR.OF.RET.02", "amount": "1"}]}, "inflows[0].code"),
        ("lcr", LCR | {"outflows": [{"code": "LCR.OF.CTG.04", "amount": "1"}]}, "outflows[0].factor"),
        ("lcr", LCR | {"hqla": [{"code": "LCR.HQ1.01", "amount": "1", "factor": "1.01"}]}, "hqla[0].factor"),
        ("lcr", LCR | {"sft": [REPO | {"days_to_maturity": -1}]}, "sft[0].days_to_maturity"),
        ("lcr", LCR | {"sft": [REPO, REPO | {"given_level": "1"}]}, "sft[1].given_level"),
        ("lcr", LCR | {"sft": [{key: REPO[key] for key in REPO if key != "cash"}]}, "sft[0].cash"),
        ("lcr", LCR | {"sft": [REPO | {"kind": "collateral_swap"}]}, "sft[0].given_level"),
        ("nsfr", {"asf": [], "rsf": [{"code": "NSFR.OBS.02", "amount": "1"}]}, "rsf[0].factor"),
        ("nsfr", {"asf": [], "rsf": [{"code": "NSFR.ASF.0.01", "amount": "1"}]}, "rsf[0].code"),
        (
            "nsfr",
            {"assets": [{"asset": "A", "amount": "1", "encumbrance_months_left": 1}]},
            "assets[0].unencumbered_factor",
        ),
        (
            "nsfr",
            {"assets": [{"asset": "A", "amount": "1", "encumbrance_months_left": 1, "code": "NSFR.OBS.01"}]},
            "assets[0].code",
        ),
        ("lmr", {"sources": [DEPOSIT], "uses": []}, "sources[0].maturity_bucket"),
        ("lmr", {"sources": [DEPOSIT | {"maturity_bucket": "<1y"}], "uses": []}, "sources[0].maturity_bucket"),
        (
            "lmr",
            {"sources": [DEPOSIT | {"maturity_bucket": "<3m", "maturity_date": "2024-01-01"}], "uses": []},
            "sources[0].maturity_date",
        ),
        ("hqlaar", LCR | {"inflows": [{"code": "HQLAAR.3.4", "amount": "1"}]}, "inflows[0].factor"),
        (
            "liquidity_ratio",
            {"assets": [{"code": "LR.A.04", "amount": "1"}], "liabilities": [], "interbank_claims_1m": "1"},
            "assets[0].code",
        ),
    ],
)
def test_what_is_wrong_is_named(name: str, given_inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        find(name).compute(given_inputs)
    assert caught.value.facts == {"field": field, "record": field.rpartition(".")[0]}


def test_a_maturity_date_wants_a_day_to_count_from() -> None:
    with pytest.raises(InvalidInput) as caught:
        find("lmr").compute({"sources": [DEPOSIT | {"maturity_date": "2024-01-01"}], "uses": []})
    assert caught.value.facts["field"] == "as_of"


def test_caps_that_mean_nothing_are_refused() -> None:
    for cap in ({"level2_share_cap": "1"}, {"level2b_share_cap": "0.5"}):
        with pytest.raises(InvalidInput) as caught:
            find("lcr").compute(LCR | cap)
        assert caught.value.facts["field"] == next(iter(cap))
