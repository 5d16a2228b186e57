"""Statements by others (tests/golden/statements): all load without loss, with the totals that other parsers find.

Some of these files were made up or anonymised and do not add up themselves. Which do is counted here; that the others
disagree by just what we find is shown by the standard library and by mt-940.
"""

import logging
import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import mt940 as library
import pytest

from infra.statements.checks import check_statement
from infra.statements.records import Statement
from tests.infra.statement_files import Read, camt, mt940

SAMPLES = Path(__file__).parent.parent / "golden" / "statements"
CAMT = sorted(SAMPLES.glob("*/*.xml"))
SWIFT = sorted(path for path in SAMPLES.glob("mt940/*") if path.suffix in {".sta", ".txt"})
#: Read by nobody as statements: an amount of 5 decimals, information that is no entry, a file without a statement,
#: currencies that ceased to be.
REFUSED = {
    "camt053.v2.wrong.xml": 1,
    "FI_camt_054_sample.xml": 1,
    "cmxl-mt940.sta": 13,
    "self-provided-raphaelm.sta": 15,
}
#: Made up or anonymised by their authors: opening and entries do not make the closing balance, by any reading.
DISAGREE = {
    "camt053.v2.all-balance-types.xml": 1,
    "camt053.v2.five.decimals.xml": 1,
    "camt053.v2.minimal.ultimate.xml": 1,  # this and the next five open in EUR and close in SEK
    "camt053.v2.minimal.xml": 1,
    "camt053.v2.with-party-ids.xml": 1,
    "camt053.v3.xml": 1,
    "camt053.v4.xml": 1,
    "camt053.v8.xml": 1,
    "200519_camt.052_P_CH2909000000250094239_1110092686_0_2019042416072347.xml": 1,
    "camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml": 1,
    "camt053_001_02.xml": 1,
    "betterplace-sepa_snippet.sta": 1,
    "betterplace-sepa_snippet_broken.sta": 1,
    "jejik-abnamro.sta": 2,
    "jejik-ing.sta": 1,
    "jejik-knab.sta": 1,
    "jejik-postfinance.sta": 1,
    "jejik-rabobank.sta": 2,
    "jejik-triodos.sta": 1,
    "mBank-with_newline_in_tnr.sta": 1,
    "self-provided-details_60-63.sta": 1,
    "self-provided-malformed_details.sta": 1,
    "self-provided-multiline.sta": 1,
    "self-provided-overly_long_details.sta": 1,
    "self-provided-raiffeisen-cmi.sta": 1,
    "self-provided-whitespace.sta": 1,
}
CENTS = Decimal("0.01")


def agreement(statements: list[Statement]) -> tuple[int, int]:
    both = [one for one in statements if one.opening and one.closing]
    good = [one for one in both if not any(f.check in {"balance", "currency"} for f in check_statement(one))]
    return len(both), len(good)


def naive_camt(path: Path) -> tuple[int, dict[str, Decimal]]:
    """Number of entries and their signed sum by currency, by a reader of another making: information left out."""
    tree = ET.parse(path)  # noqa: S314 (our own copies)
    number, sums = 0, dict[str, Decimal]()
    for entry in tree.iterfind(".//{*}Ntry"):
        number += 1
        if entry.findtext("{*}Sts") == "INFO":
            continue
        amount: Any = entry.find("{*}Amt")
        sign = 1 if entry.findtext("{*}CdtDbtInd") == "CRDT" else -1
        sums[amount.get("Ccy")] = sums.get(amount.get("Ccy"), Decimal(0)) + sign * Decimal(amount.text)
    return number, sums


def ours(found: Read) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for entry in found.entries:
        sums[entry.currency] = sums.get(entry.currency, Decimal(0)) + entry.amount_minor * CENTS
    return sums


@pytest.mark.parametrize("path", CAMT, ids=lambda path: path.name[:50])
def test_a_camt_sample_loads_whole(path: Path) -> None:
    found = camt(path.read_bytes(), path.name)
    number, sums = naive_camt(path)
    assert len(found.refused) == REFUSED.get(path.name, 0), found.refused
    assert len(found.entries) + len([one for one in found.refused if "Ntry" in one.place.path]) == number
    assert ours(found) == sums
    assert sum(one.entries for one in found.statements) == len(found.entries)
    for entry in found.entries:
        assert sum(part.amount_minor for part in entry.parts) == entry.amount_minor


@pytest.mark.parametrize("path", SWIFT, ids=lambda path: path.name[:50])
def test_an_mt940_sample_loads_whole(path: Path) -> None:
    data = path.read_bytes()
    found = mt940(data, path.name)
    assert len(found.refused) == REFUSED.get(path.name, 0), found.refused
    framed = data[data.find(b":20:") :]
    lines = len(re.findall(rb"(?m)^:61:", framed))
    assert len(found.entries) + sum(1 for one in found.refused if one.place.path == ":61:") == lines


def test_mt940_totals_are_those_of_the_library() -> None:
    """Statement by statement, for each file that the library reads and we read without a reject."""
    logging.getLogger("mt940").setLevel(logging.CRITICAL)
    compared = 0
    for path in SWIFT:
        data = path.read_bytes()
        found = mt940(data, path.name)
        try:
            theirs = library.parse_statements(data, options=library.Options.all())
        except Exception:  # noqa: S112 (their parser gives up on some of their samples, in several ways)
            continue
        if found.refused or len(theirs) != len(found.statements):
            continue
        for their, own in zip(theirs, found.statements, strict=True):
            booked = [one.data for one in their.transactions if "amount" in one.data]
            assert sum(one["amount"].amount for one in booked) == own.booked_minor * CENTS, path.name
            assert len(booked) == own.entries
        compared += 1
    assert compared >= 25


def test_how_many_samples_agree_with_their_own_balances() -> None:
    disagreeing: dict[str, int] = {}
    counted = {"camt": [0, 0, 0], "mt940": [0, 0, 0]}
    for path in [*CAMT, *SWIFT]:
        kind = "camt" if path.suffix == ".xml" else "mt940"
        found = (camt if kind == "camt" else mt940)(path.read_bytes(), path.name)
        both, good = agreement(found.statements)
        counted[kind] = [sum(pair) for pair in zip(counted[kind], (both, good, len(found.entries)), strict=True)]
        if both != good:
            disagreeing[path.name] = both - good
    assert disagreeing == DISAGREE
    assert counted == {"camt": [16, 5, 97], "mt940": [127, 110, 208]}
