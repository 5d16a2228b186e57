"""Readers of camt, pacs and MT940: what is written is read back; what is broken is told, and the rest is read."""

import random
from datetime import date, timedelta
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.statements.checks import check_sequence, check_statement, end_of
from infra.statements.iso20022 import read_iso20022
from tests.infra.statement_files import (
    Line,
    Read,
    balance_xml,
    camt,
    camt_xml,
    entry_xml,
    gathered,
    money,
    mt940,
    mt940_text,
)

DAY = date(2026, 3, 2)
DAYS = st.integers(-40, 40).map(lambda days: DAY + timedelta(days=days))
TEXTS = st.sampled_from(["", "Rent & heat <2026>", "Gehälter", "x" * 60, "工资", "?20free text", "a:61:b"])
REFERENCES = st.sampled_from(["", "R1", "R2", "ABC123456789"])
SOME = settings(max_examples=40)
LINES = st.lists(
    st.builds(
        Line,
        st.integers(-(10**11), 10**11),
        DAYS,
        DAYS,
        REFERENCES,
        st.booleans(),
        TEXTS,
    ),
    max_size=6,
)


def shape(found: Read) -> list[tuple[int, date, date, str, bool]]:
    return [
        (one.amount_minor, one.booking_date, one.value_date, one.reference, one.reversal) for one in found.entries
    ]


def wanted(lines: list[Line]) -> list[tuple[int, date, date, str, bool]]:
    return [(line.minor, line.booked, line.valued, line.reference, line.reversal) for line in lines]


@SOME
@given(LINES, st.integers(-(10**11), 10**11))
def test_a_camt_statement_is_read_back(lines: list[Line], opening: int) -> None:
    found = camt(camt_xml(lines, opening))
    assert shape(found) == wanted(lines)
    (statement,) = found.statements
    assert not list(check_statement(statement))
    assert (statement.account, statement.sequence) == ("DE89370400440532013000", 1)


@SOME
@given(LINES, st.integers(-(10**11), 10**11))
def test_an_mt940_statement_is_read_back(lines: list[Line], opening: int) -> None:
    # A booking date has no year: it is the one nearest to the value date. A text that begins like a tag is one.
    lines = [line._replace(text=line.text.lstrip(":-{}")) for line in lines]
    found = mt940(mt940_text(lines, opening))
    assert not found.refused
    # The sign of zero is not kept: nothing comes in or goes out.
    assert shape(found) == wanted(lines)
    assert not list(check_statement(found.statements[0]))


@SOME
@given(LINES, st.randoms(use_true_random=False))
def test_corrupted_bytes_are_told_with_their_line_or_change_nothing_unseen(
    lines: list[Line], chance: random.Random
) -> None:
    """Whatever a byte is turned into: every entry is read or refused, or the document says where it broke off."""
    data = bytearray(camt_xml(lines, 500).encode())
    data[chance.randrange(len(data))] = chance.randrange(256)
    found = camt(bytes(data))
    broke_off = [one for one in found.refused if one.field in {"xml", "xmlns"}]
    told = [*found.refused, *(finding for one in found.statements for finding in check_statement(one))]
    if shape(found) != wanted(lines) and not broke_off and not told:
        # Only references, dates and marks may change without arithmetic to tell: the count may not.
        assert len(found.entries) == len(lines)
    for one in found.refused:
        assert one.place.file == "file.xml"
        assert one.place.line >= 1


def test_a_document_that_breaks_off_keeps_what_was_whole() -> None:
    text = camt_xml([Line(100, DAY, DAY, "A"), Line(200, DAY, DAY, "B"), Line(300, DAY, DAY, "C")])
    cut = text[: text.index("<AcctSvcrRef>C")]
    found = camt(cut)
    assert [one.reference for one in found.entries] == ["A", "B"]
    (fault,) = found.refused
    assert (fault.field, fault.place.line) == ("xml", 5)
    assert fault.reason.startswith("not well-formed")
    assert found.statements[0].refused == 1


def test_one_broken_entry_is_refused_with_its_path_and_the_rest_loads() -> None:
    bad = entry_xml(Line(1, DAY, DAY)).replace("0.01", "1,23x")
    found = camt(camt_xml([Line(100, DAY, DAY, "A"), bad, Line(300, DAY, DAY, "C")], closing=400))
    assert [one.reference for one in found.entries] == ["A", "C"]
    (fault,) = found.refused
    assert (fault.place.path, fault.field) == ("/Document/BkToCstmrStmt/Stmt[1]/Ntry[2]/Amt", "Amt")
    assert (fault.place.line, fault.value) == (4, "1,23x")


ATTACKS = {
    "entity": '<!DOCTYPE a [<!ENTITY x "100.00">]>',
    "external": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    "laughs": '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>',
    "external subset": '<!DOCTYPE a SYSTEM "http://localhost:1/a.dtd">',
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_declaration_is_refused_in_any_encoding(name: str, encoding: str) -> None:
    text = camt_xml([Line(100, DAY, DAY)]).replace('"UTF-8"?>', f'"{encoding}"?>{ATTACKS[name]}')
    found = camt(text.encode(encoding))
    assert not found.entries
    assert "document type" in found.refused[0].reason


def test_depth_and_size_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = camt(camt_xml(["<Ntry>" + "<a>" * 70 + "</a>" * 70 + "</Ntry>"]))
    assert "deeper than" in deep.refused[0].reason
    monkeypatch.setattr("infra.statements.xml_stream.SUBTREE_MAX", 10_000)
    large = camt(camt_xml([Line(100, DAY, DAY, "A"), Line(1, DAY, DAY, text="x" * 20_000)]))
    assert "more than 10000 characters" in large.refused[0].reason
    assert [one.reference for one in large.entries] == ["A"]


def test_another_message_is_refused_by_its_namespace() -> None:
    (fault,) = camt(camt_xml([]).replace("camt.053.001.08", "pain.001.001.09")).refused
    assert fault.field == "xmlns"


def test_chinese_encodings_are_read() -> None:
    text = camt_xml([Line(100, DAY, DAY, "A", text="工资支付")]).replace("UTF-8", "GB18030")
    (entry,) = camt(text.encode("gb18030")).entries
    assert entry.parts[0].text == "工资支付"
    sta = mt940_text([Line(100, DAY, DAY, "A", text="工资支付")])
    (entry,) = mt940(sta.encode("gb18030"), encoding="gb18030").entries
    assert entry.parts[0].text == "工资支付"


# -- batches -----------------------------------------------------------------------------------------------------


def payment(minor: int, reference: str, inner: str = "") -> str:
    amount = f"<Amt Ccy='EUR'>{money(minor)}</Amt>"
    return f"<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>{amount}{inner}</TxDtls>"


def batch(total: int, *payments: str) -> Read:
    return camt(camt_xml([entry_xml(Line(total, DAY, DAY, "B"), "".join(payments))], closing=total))


def test_a_batch_that_adds_up_has_its_payments() -> None:
    (entry,) = batch(600, payment(100, "a"), payment(200, "b"), payment(300, "c")).entries
    assert [(part.amount_minor, part.end_to_end) for part in entry.parts] == [(100, "a"), (200, "b"), (300, "c")]


def test_a_batch_that_does_not_add_up_is_refused() -> None:
    found = batch(600, payment(100, "a"), payment(200, "b"))
    assert not found.entries
    assert found.refused[0].reason == "its 2 payments add up to 300 minor units, the entry is 600"
    assert found.statements[0].refused == 1


def test_charges_explain_what_a_batch_lacks() -> None:
    charge = "<Chrgs><Rcrd><Amt Ccy='EUR'>0.05</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>"
    (entry,) = batch(295, payment(100, "a", charge), payment(200, "b")).entries
    assert [(part.amount_minor, part.charge) for part in entry.parts] == [(100, False), (200, False), (-5, True)]


def test_pending_and_reversed_entries_say_so() -> None:
    pending = entry_xml(Line(100, DAY, DAY, "P"), status="<Cd>PDNG</Cd>")
    found = camt(camt_xml([pending, Line(-70, DAY, DAY, "R", reversal=True)], 70))
    assert [(one.pending, one.reversal, one.amount_minor) for one in found.entries] == [
        (True, False, 100),
        (False, True, -70),
    ]
    assert not list(check_statement(found.statements[0]))  # the pending one is in no balance


# -- pacs --------------------------------------------------------------------------------------------------------


def pacs(message: str, version: str, ours: str) -> Read:
    text = f"""<Envelope xmlns="urn:x"><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><{message}>
    <GrpHdr><MsgId>M1</MsgId><NbOfTxs>2</NbOfTxs><TtlIntrBkSttlmAmt Ccy="EUR">30.00</TtlIntrBkSttlmAmt>
    <IntrBkSttlmDt>2026-03-02</IntrBkSttlmDt></GrpHdr>
    <CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><TxId>T1</TxId></PmtId>
    <IntrBkSttlmAmt Ccy="EUR">10.00</IntrBkSttlmAmt><DbtrAcct><Id><IBAN>AA1</IBAN></Id></DbtrAcct>
    <DbtrAgt><FinInstnId><BICFI>AAAADEFF</BICFI></FinInstnId></DbtrAgt>
    <CdtrAgt><FinInstnId><BICFI>BBBBDEFF</BICFI></FinInstnId></CdtrAgt>
    <CdtrAcct><Id><IBAN>BB1</IBAN></Id></CdtrAcct></CdtTrfTxInf>
    <CdtTrfTxInf><PmtId><EndToEndId>NOTPROVIDED</EndToEndId><TxId>T2</TxId></PmtId>
    <IntrBkSttlmAmt Ccy="EUR">20.00</IntrBkSttlmAmt><DbtrAcct><Id><IBAN>CC1</IBAN></Id></DbtrAcct>
    <CdtrAcct><Id><Othr><Id>DD1</Id></Othr></Id></CdtrAcct></CdtTrfTxInf></{message}></Document></Envelope>"""
    return gathered(read_iso20022(BytesIO(text.encode()), "p.xml", lambda account: account in ours.split()))


@pytest.mark.parametrize(
    ("message", "version"), [("FIToFICstmrCdtTrf", "pacs.008.001.08"), ("FICdtTrf", "pacs.009.001.08")]
)
def test_payments_between_banks_are_entries_of_our_accounts(message: str, version: str) -> None:
    found = pacs(message, version, "BB1 CC1 DD1")
    assert [(one.account, one.amount_minor, one.reference) for one in found.entries] == [
        ("BB1", 1000, "T1"),
        ("CC1", -2000, "T2"),
        ("DD1", 2000, "T2"),
    ]
    assert found.entries[0].parts[0].counterparty_bank == "AAAADEFF"
    (told,) = found.statements
    assert (told.entries, told.told_entries, told.credits_minor, told.told_credits_minor) == (2, 2, 3000, 3000)
    assert not list(check_statement(told))


def test_a_payment_between_strangers_is_refused() -> None:
    found = pacs("FIToFICstmrCdtTrf", "pacs.008.001.02", "BB1")
    assert len(found.entries) == 1
    assert found.refused[0].place.path.endswith("CdtTrfTxInf[2]")
    assert found.refused[0].value == "CC1 -> DD1"


# -- MT940 -------------------------------------------------------------------------------------------------------


def test_marks_of_mt940() -> None:
    head = ":20:X\n:25:A\n:28C:1/1\n:60F:C260302EUR100,00\n"
    lines = "".join(
        f":61:2603020302{mark}1,00NTRFNONREF//{mark}\n" for mark in ("C", "D", "RC", "RD", "EC", "ED", "CR", "DR")
    )
    found = mt940(head + lines + ":62F:C260302EUR100,00\n-\n")
    assert [(one.amount_minor, one.reversal, one.pending) for one in found.entries] == [
        (100, False, False),
        (-100, False, False),
        (-100, True, False),
        (100, True, False),
        (100, False, True),
        (-100, False, True),
        (100, False, False),
        (-100, False, False),
    ]
    assert not list(check_statement(found.statements[0]))


def test_an_amount_too_long_for_swift_loses_no_digit() -> None:
    """The library's pattern would take 15 characters and give the others to the reference."""
    found = mt940(":20:X\n:25:A\n:60F:C260302EUR0,00\n:61:2603020302C1234567890123,456\n:62F:C260302EUR0,00\n")
    assert not found.entries
    assert (found.refused[0].field, found.refused[0].place.line) == ("amount", 4)


@pytest.mark.parametrize(
    ("line", "field"),
    [("991332D1,00NTRF", "value_date"), ("260302XD1,00NTRF", "mark"), ("260302C1,005NTRF", "amount"), ("?", "61")],
)
def test_a_broken_line_is_refused_and_the_rest_loads(line: str, field: str) -> None:
    found = mt940(
        f":20:X\n:25:A\n:60F:C260302EUR0,00\n:61:{line}\n:61:2603020302C7,00NTRFR//B\n:62F:C260302EUR7,00\n"
    )
    assert [one.amount_minor for one in found.entries] == [700]
    assert (found.refused[0].field, found.refused[0].place.line) == (field, 4)


def test_pages_and_several_messages_follow_on_one_another() -> None:
    first = mt940_text([Line(500, DAY, DAY)], 100, last=False)
    second = mt940_text([Line(-50, DAY, DAY)], 600, page=2)
    third = mt940_text([Line(1, DAY, DAY)], 550, number=2, day=DAY + timedelta(days=1))
    found = mt940(first + second + third)
    assert [(one.sequence, one.page) for one in found.statements] == [(1, 1), (1, 2), (2, 1)]
    ends = [end for one in found.statements if (end := end_of(one))]
    assert not list(check_sequence(ends, "f"))
    missing = list(check_sequence([ends[0], ends[2]], "f"))
    assert [one.check for one in missing] == ["opening"]


def test_a_swift_envelope_is_looked_into() -> None:
    inner = mt940_text([Line(500, DAY, DAY, "R")], 100).replace("-\r\n", "-}")
    found = mt940("{1:F01BANKDEFFAXXX0000000000}{2:O9401200}{4:\r\n" + inner + "{5:{CHK:123456789ABC}}")
    assert shape(found) == [(500, DAY, DAY, "R", False)]
    assert not found.refused


def test_structured_details_are_taken_apart() -> None:
    text = "166?00GUTSCHRIFT?20EREF+ABC123?21SVWZ+Invoice 7?30COBADEFFXXX?31DE89370400440532013000?32ACME"
    (entry,) = mt940(mt940_text([Line(500, DAY, DAY, text=text)])).entries
    part = entry.parts[0]
    assert (part.end_to_end, part.counterparty_bank, part.counterparty_account, part.text) == (
        "ABC123",
        "COBADEFFXXX",
        "DE89370400440532013000",
        "Invoice 7",
    )


# -- sequences ---------------------------------------------------------------------------------------------------


def test_missing_statements_and_wrong_openings_are_found_whatever_the_order() -> None:
    texts = [
        camt_xml([Line(10, DAY, DAY)], 10 * number, number=number + 1, day=DAY + timedelta(days=number))
        for number in range(5)
    ]
    ends = [end for text in texts if (end := end_of(camt(text).statements[0]))]
    assert not list(check_sequence(reversed(ends), "f"))
    found = list(check_sequence([ends[4], ends[0], ends[1], ends[3]], "f"))
    assert [(one.check, one.message, one.difference) for one in found] == [
        ("sequence", "1 between 2 and 4: missing", 1),
        ("opening", "it does not open as S2 of 2026-03-03 closed", 10),
    ]


def test_a_new_year_begins_with_one() -> None:
    last = end_of(camt(camt_xml([], number=251, day=date(2025, 12, 31))).statements[0])
    first = end_of(camt(camt_xml([], number=1, day=date(2026, 1, 2))).statements[0])
    assert last is not None
    assert first is not None
    assert not list(check_sequence([first, last], "f"))


def test_a_statement_that_disagrees_with_its_own_totals_says_by_how_much() -> None:
    summary = (
        "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries></TtlNtries>"
        "<TtlCdtNtries><Sum>5.00</Sum></TtlCdtNtries></TxsSummry>"
    )
    text = camt_xml([summary, Line(100, DAY, DAY), Line(300, DAY, DAY)], closing=450)
    found = {one.check: one.difference for one in check_statement(camt(text).statements[0])}
    assert found == {"balance": -50, "count": -1, "sum": -100}
    assert balance_xml("CLBD", 450, DAY) in text
