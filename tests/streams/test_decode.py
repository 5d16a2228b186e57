"""Decoding entries: a record means the same in whatever batch it comes, and garbage gets a reason, no figure."""

import json
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor
from streams import decode as decoding
from streams import entry_care
from streams.decode import Decoded, decode
from streams.entry_care import instant_us
from streams.entry_scan import LEFT, Scanned, scan
from streams.raw_batch import RawBatch, merged
from streams.schemas import Txn
from tests.projections.entries import APPENDED_US, encoded, raw, txn

LANES = ("low", "high")
GOOD = json.loads(msgspec.json.encode(txn(1, amount="12.50")))


def as_json(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def reasons(values: list[bytes | None]) -> list[tuple[int, str, str]]:
    return [(one.offset, one.field, one.reason) for one in decode(raw(values)).refusals]


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (None, "", "no value"),
        (b"", "", "empty"),
        (b"  ", "", "empty"),
        (b"{", "", "not JSON"),
        (b"[1]", "", "got `array`"),
        (b"null", "", "got `null`"),
        (as_json()[:-5], "", "not JSON"),
        (as_json(txn_id="\N{SNOWMAN}").decode().encode("utf-16"), "", "not JSON"),
        (as_json().replace(b"T1", b"T\xff"), "", "not UTF-8"),
        (as_json(amount=12.5), "amount", "Expected `str`, got `float`"),
        (as_json(account_id=17), "account_id", "Expected `str`, got `int`"),
        (as_json(txn_id=True), "txn_id", "Expected `str`, got `bool`"),
        (as_json(ccy=["CNY"]), "ccy", "Expected `str`, got `array`"),
        (as_json(intragroup="yes"), "intragroup", "Expected `bool | null`"),
        (as_json(amount=float("nan")), "", "not JSON"),
        (as_json(amount="NaN"), "amount", "not a decimal string"),
        (as_json(amount="1e5"), "amount", "not a decimal string"),
        (as_json(amount="+5.00"), "amount", "not a decimal string"),
        (as_json(amount="1,000.00"), "amount", "not a decimal string"),
        (as_json(amount="-5.00"), "amount", "negative"),
        (as_json(amount="5.001"), "amount", "more decimals"),
        (as_json(amount="5.1", ccy="JPY"), "amount", "more decimals"),
        (as_json(amount="9" * 16), "amount", "above"),
        (as_json(amount="9" * 17), "amount", "not a decimal string"),
        (as_json(ccy="XXX"), "ccy", "not an ISO 4217 currency"),
        (as_json(ccy="cny"), "ccy", "not an ISO 4217 currency"),
        (as_json(direction="OUT"), "direction", "not one of in, out"),
        (as_json(status="done"), "status", "not one of"),
        (as_json(value_date="2026-02-30"), "value_date", "not a date"),
        (as_json(value_date="22.11.2026"), "value_date", "not a date"),
        (as_json(value_date="2028-01-01"), "value_date", "more than 370 days"),
        (as_json(event_time="2026-11-22 08:00:00Z"), "event_time", "not an instant"),
        (as_json(event_time="2026-11-22T08:00:00+08:00"), "event_time", "not an instant"),
        (as_json(event_time="2126-11-22T08:00:00Z"), "event_time", "more than a day later"),
        (as_json(txn_id=""), "txn_id", "required"),
        (as_json(txn_id="x" * 129), "txn_id", "longer than 128 bytes"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "ccy"}).encode(), "ccy", "required"),
    ],
)
def test_garbage_gets_its_field_and_reason_and_takes_nothing_with_it(
    value: bytes | None, field: str, reason: str
) -> None:
    values: list[bytes | None] = [*encoded([txn(1), txn(2)]), value, *encoded([txn(3)])]
    done = decode(raw(values))
    assert done.batch.offset.tolist() == [0, 1, 3]
    [refusal] = done.refusals
    assert (refusal.offset, refusal.field) == (2, field)
    assert reason in refusal.reason


def test_an_empty_value_and_one_that_holds_two_do_not_cancel_out() -> None:
    """One record less and one row more would keep the count: the newline gives it away."""
    two = encoded([txn(1)])[0] or b""
    done = decode(raw([b"", two + b"\n" + two, *encoded([txn(2)])]))
    assert [one.offset for one in done.refusals] == [0, 1]
    assert done.batch.offset.tolist() == [2]


def test_pretty_printed_and_escaped_records_are_read() -> None:
    values: list[bytes | None] = [json.dumps(GOOD, indent=2).encode(), as_json(payment_ref="\N{SNOWMAN}\n")]
    done = decode(raw(values))
    assert done.refusals == []
    assert done.batch.amount_minor.tolist() == [1_250, 1_250]


def test_columns_carry_what_the_record_says() -> None:
    batch = decode(
        raw(
            encoded(
                [txn(7, 60.5, amount="0.07", direction="in", status="pending", reversal_of="T3", intragroup=True)]
            )
        )
    ).batch
    assert batch.amount_minor.tolist() == [7]
    assert batch.outgoing.tolist() == [False]
    assert batch.status.tolist() == [1]
    assert batch.event_time_us.tolist() == [int(np.datetime64("2026-11-22T09:00:30", "us").astype(np.int64))]
    assert batch.is_reversal.tolist() == [True]
    assert batch.position_keys.many(np.array([0])) == [("BANK", "O1", "-", "-", "CNY", "C1", "A1", "-", "true")]
    assert batch.txn_ids[0] == "T7"
    other = decode(raw(encoded([txn(3)]))).batch
    assert batch.reverses.low.tolist() == other.identity.low.tolist()


_texts = st.one_of(
    st.sampled_from(["-", "", "A1", "CNY", "JPY", "in", "out", "settled", "0", "1.5", "-1", "1.234", "2026-11-22"]),
    st.sampled_from(["2026-11-22T08:00:00Z", "2026-11-22T08:00:00.123Z", "2026-13-22T08:00:00Z", "NaN", "null"]),
    st.text(max_size=6),
)
_values = st.one_of(_texts, st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.integers(), max_size=2))
_names = st.sampled_from([*GOOD, "intragroup", "reversal_of", "org_id", "other"])
_records = st.dictionaries(_names, _values, max_size=6)


@st.composite
def raw_values(draw: st.DrawFn) -> bytes | None:
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.one_of(st.none(), st.binary(max_size=12)))
    record = GOOD | draw(_records)
    text = json.dumps(record, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), None])))
    if kind == 1:  # a key twice
        text = text[:-1] + "," + json.dumps({draw(st.sampled_from(list(GOOD))): draw(_values)})[1:]
    if kind == 2:
        text = text[: draw(st.integers(0, len(text)))]
    return text.encode("utf-8", "surrogatepass")


def columns(done: Decoded) -> list[Any]:
    batch = done.batch
    names = ("offset", "amount_minor", "event_time_us", "value_day", "status", "outgoing", "opening", "is_reversal")
    lanes = [getattr(getattr(batch, name), lane) for name in ("identity", "reverses", "position") for lane in LANES]
    plain = [column.tolist() for column in [*(getattr(batch, name) for name in names), *lanes]]
    keys = batch.position_keys.many(np.arange(len(batch)))
    return [plain, keys, [batch.txn_ids[row] for row in range(len(batch))]]


def joined(parts: list[Decoded]) -> list[Any]:
    """The columns of several batches, one after the other."""
    whole = [columns(part) for part in parts]
    plain = [[value for part in whole for value in part[0][place]] for place in range(len(whole[0][0]))]
    return [plain, *([value for part in whole for value in part[place]] for place in (1, 2))]


@settings(max_examples=300)
@given(st.lists(raw_values(), min_size=1, max_size=12))
@example([b'{"txn_id":"a\\ud83d"}'])
@example([as_json(txn_id=-9223372036854775809)])
def test_a_record_means_the_same_in_any_batch(values: list[bytes | None]) -> None:
    """Alone, together and behind others."""
    together = decode(raw(values))
    apart = [decode(raw([value], start)) for start, value in enumerate(values)]
    assert joined(apart) == columns(together)
    reasons = [(one.offset, one.field) for part in apart for one in part.refusals]
    assert reasons == [(one.offset, one.field) for one in together.refusals]
    assert len(together.refusals) + len(together.batch) == len(values)
    many: list[bytes | None] = [*encoded([txn(f"other{number}") for number in range(520)]), *values]
    crowd = decode(raw(many))
    assert [one.offset - 520 for one in crowd.refusals] == [one.offset for one in together.refusals]
    theirs = columns(crowd)[0]
    assert [column[520:] for column in theirs[1:]] == columns(together)[0][1:]


def with_care_only(values: list[bytes | None]) -> Decoded:
    """The same without compiled code: nothing is scanned, everything is read with care."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(decoding, "scan", left_whole)
        return decode(raw(values))


def left_whole(batch: RawBatch) -> Scanned:
    scanned = scan(batch)
    scanned.verdict[:] = LEFT
    for column in (scanned.event_us, scanned.value_day, scanned.amount_minor, *scanned.identity, *scanned.position):
        column[:] = 77
    for lane in scanned.reverses:
        lane[:] = 0
    return scanned


@settings(max_examples=600)
@given(st.lists(raw_values(), min_size=1, max_size=8))
@example([as_json(ccy="JPY", amount="1.")])
@example([as_json(amount="00000000000000.50"), as_json(amount="9999999999999999", ccy="JPY")])
@example([as_json(event_time="2024-02-29T23:59:59.999999999Z", value_date="2024-02-29")])
@example([as_json(value_date="2023-02-29"), as_json(value_date="0000-01-01"), as_json(value_date="0001-01-01")])
@example([as_json(event_time="1900-01-01T00:00:00Z", value_date="1900-12-31")])
@example([as_json(event_time="1899-12-31T00:00:00Z"), as_json(event_time="2026-11-22T24:00:00Z")])
@example([as_json(txn_id="\N{SNOWMAN}" * 42, status=None), as_json(txn_id="\N{SNOWMAN}" * 43)])
@example(
    [as_json(event_time="1899-12-31T00:00:00Z", value_date="1899-12-31"), as_json(event_time="2026-11-22T08:00:00.Z")]
)
@example(
    [as_json(payment_ref="a").replace(b'"a"', b'"' + b"x" * pad + b"\x01" + b"y" * 20 + b'"') for pad in range(9)]
)
@example(
    [
        as_json(payment_ref="a").replace(b'"a"}', b'"' + b"x" * pad + letter + b'"}')
        for pad in range(9)
        for letter in (b"\x1f", b"\t", b"\x7f", b"\\")
    ]
)
@example([as_json(payment_ref="a").replace(b'"a"', b'"' + b"x" * pad + b"\xc3\xa9" + b'"') for pad in range(9)])
@example([as_json(payment_ref="a").replace(b'"a"', b'"' + b"x" * pad + b"\xc3" + b'"') for pad in range(9)])
@example([as_json(reversal_of="-"), as_json(reversal_of=""), as_json(org_id="-", status="-", txn_type="OPENING")])
@example([as_json(source_seq=-0.5), as_json(source_seq=10), as_json().replace(b"12.50", b"12.50\x7f")])
@example([as_json()[:-1] + b',"source_seq":01}', as_json()[:-1] + b',"source_seq":1.}', as_json()[:-1] + b",}"])
@example([as_json()[:-1] + b',"amount":"7.00"}', as_json()[:-1] + b',"":1}', as_json() + b" x", b" " + as_json()])
def test_compiled_code_reads_what_care_reads(values: list[bytes | None]) -> None:
    scanned, careful = decode(raw(values)), with_care_only(values)
    assert columns(scanned) == columns(careful)
    assert scanned.refusals == careful.refusals


def test_records_of_the_common_shape_are_not_left_to_care() -> None:
    """Else everything would still be right, and slow."""
    values: list[bytes | None] = [
        *encoded([txn(1), txn(2, status="pending", reversal_of="T1", intragroup=True, ccy="JPY", amount="5")]),
        as_json(org_id="\N{SNOWMAN}").replace(b"\\u2603", "\N{SNOWMAN}".encode()),
        json.dumps(GOOD, indent=2).encode(),
        as_json(source_seq=12, rate=-0.25, checked=True, other=None, payment_ref="x" * 1_000),
    ]
    assert LEFT not in scan(raw(values)).verdict.tolist()


def test_the_decoder_reads_fields_of_the_published_contract() -> None:
    read = set(entry_care.EntryTexts.__struct_fields__)
    assert read < set(Txn.__struct_fields__)
    required = {one.name for one in msgspec.structs.fields(Txn) if one.required}
    assert required == entry_care.REQUIRED


def test_neighbouring_batches_merge_and_gaps_do_not() -> None:
    parts = [raw(encoded([txn(number)]), number) for number in range(4)] + [raw(encoded([txn(9)]), 7)]
    whole = merged(parts, 100)
    assert [(one.from_offset, one.to_offset, len(one)) for one in whole] == [(0, 4, 4), (7, 8, 1)]
    assert [len(one) for one in merged(parts[:4], 2)] == [2, 2]


@given(st.lists(st.sampled_from(["0", "1", "12.5", "0.05", "999.99", "9999999999999999", "1.234", "x", "-3"])))
def test_amounts_agree_with_the_exact_conversion(texts: list[str]) -> None:
    values = [as_json(txn_id=f"T{number}", amount=text) for number, text in enumerate(texts)]
    done = decode(raw([*values]))
    expected = []
    for text in texts:
        try:
            minor = to_minor(text, "CNY")
        except InvalidInput:
            continue
        if minor >= 0:
            expected.append(minor)
    assert done.batch.amount_minor.tolist() == expected


@given(st.datetimes(min_value=datetime(1901, 1, 1)), st.integers(0, 9))  # noqa: DTZ001 - Hypothesis wants it naive
def test_instants_are_parsed_exactly(moment: Any, places: int) -> None:
    nanoseconds = f"{moment.microsecond:06d}000"[:places]
    seconds = moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%S")
    text = seconds + (f".{nanoseconds}" if places else "") + "Z"
    kept = int(nanoseconds[:6].ljust(6, "0")) if places else 0
    expected = int(np.datetime64(moment.replace(microsecond=kept), "us").astype(np.int64))
    assert instant_us(text) == expected
    value = as_json(event_time=text, value_date=text[:10])
    batch = decode(raw([value])).batch
    assert batch.event_time_us.tolist() == ([expected] if expected < APPENDED_US + entry_care.EVENT_AHEAD_US else [])
