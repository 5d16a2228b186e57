"""Figure bundles: made from a log in memory, checked by the verifier that knows nothing of us; edits are found."""

import base64
import copy
import json
import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.verifier import tidemark_verify
from engines.primitives.errors import InvalidInput, NotFound
from infra.checkpoint import verifies
from infra.checkpoint_keys import HeadKey
from infra.lineage_log import AuditSigner, PartitionLog, inclusion_paths
from infra.merkle import inclusion_path, leaf_hash
from streams import topics
from streams.lineage_bundle import alert_bundle, position_bundle, statement_lines
from streams.lineage_records import KeyedBatch
from streams.views import AsOf
from streams.views_wire import Alert
from tests.live_bank import LiveBank, records
from tests.memory_replay import MemoryReplay, vector
from tests.streams.test_lineage_effects import entry

DAY = AsOf(date(2026, 3, 16), {})
OPPOSITE = {"in": "out", "out": "in"}
Bundle = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _quick_signatures() -> Iterator[None]:
    """Hundreds of signatures by a library; that the verifier's own arithmetic agrees is tested beside proofs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tidemark_verify, "ed25519_verifies", verifies)
        yield


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    """Two customers of one partition, with pending, rejected, repeated and later entries; one large flow."""
    events = [entry(n, f"A{1 + n % 2}", amount) for n, amount in enumerate([900, -70, 40, 8, -5, 31, 2, -77], 1)]
    events += [
        entry(11, "A1", 5, status="pending"),
        entry(12, "A1", 6, status="pending"),
        entry(12, "A1", 6),
        entry(13, "A1", 7, status="rejected"),
        entry(2, "A1", -70),
        entry(14, "A1", 9, value_date="2026-03-17"),
        entry(15, "A1", -20_000_000),
        entry(16, "A1", -25_000_000),
        entry(17, "A1", -31_000_000),
    ]
    return LiveBank(partitions=1).feed(events)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> AuditSigner:
    key = HeadKey(tmp_path_factory.mktemp("key") / "audit" / "key.pem", "bank.example/log")
    key.key()
    return AuditSigner(key)


def keyed(bank: LiveBank, size: int = 3) -> Any:
    def read(topic: str, partition: int, end: int) -> Iterator[KeyedBatch]:
        for raw in MemoryReplay(bank, size).batches(topic, partition, 0, end):
            parts = [msgspec.json.decode(value or b"") for value in raw.values]
            yield KeyedBatch(raw, [f"{one['entity_id']}|{one['customer_id']}".encode() for one in parts])

    return read


def positions(bank: LiveBank, signer: AuditSigner, *, whole: bool = False, **scope: str) -> Bundle:
    logs = MemoryReplay(bank).all()
    folder: Any = bank.folders[topics.TXN]
    scope = scope or {"account": "A1"}
    return position_bundle(keyed(bank), folder, logs, vector(bank), scope, DAY, signer, whole=whole)


def is_wrong(bundle: Bundle, signer: AuditSigner) -> bool:
    try:
        checked(bundle, signer)
    except tidemark_verify.Wrong:
        return True
    return False


def checked(bundle: Bundle, signer: AuditSigner) -> list[str]:
    """What the verifier says was proved. Raises its `Wrong`."""
    verifier: Any = tidemark_verify  # it has no types: it runs under an old Python
    return list(verifier.check_figure(json.loads(json.dumps(bundle)), [verifier.Key(signer.vkey)]))


def test_a_position_is_proved_from_its_settled_entries(bank: LiveBank, signer: AuditSigner) -> None:
    bundle = positions(bank, signer)
    state = bank.states[topics.TXN, 0]
    (amount,) = bundle["figure"]["amounts"]
    settled = sum(
        row.settled_minor
        for row in state.positions.accounts_by_day()
        if row.key[6] == "A1" and row.value_day <= (date(2026, 3, 16) - date(1970, 1, 1)).days
    )
    assert round(float(amount["amount"]) * 100) == settled
    assert amount["as_of"] == "2026-03-16"
    (log,) = bundle["logs"]
    offsets = [one["offset"] for one in log["records"]]
    assert 10 in offsets  # settled at last
    assert not {8, 9, 11, 12, 13} & set(offsets)  # pending, rejected, repeated, later
    told = checked(bundle, signer)
    assert any(amount["amount"] in line for line in told)
    assert any(line.startswith("that ") for line in told)


def test_a_whole_partition_proves_that_no_other_record_has_the_keys(bank: LiveBank, signer: AuditSigner) -> None:
    bundle = positions(bank, signer, whole=True)
    told = checked(bundle, signer)
    assert any("all 17 records of the log are told" in line for line in told)
    others = positions(bank, signer, customer="C-A2", whole=True)
    assert any("0 others" in line for line in checked(others, signer))
    bundle["logs"][0]["all"]["offsets"].pop()
    with pytest.raises(tidemark_verify.Wrong):
        checked(sealed(bundle, signer), signer)


def test_alerts_are_proved_from_the_entries_of_their_window(bank: LiveBank, signer: AuditSigner) -> None:
    folder: Any = bank.folders[topics.TXN]
    where = MemoryReplay(bank).all()[topics.TXN, 0]
    rules = set()
    for alert in alerts(bank):
        bundle = alert_bundle(keyed(bank), folder, where, alert, signer)
        rules.add(bundle["rule"])
        assert any("at or above" in line for line in checked(bundle, signer))
        for name in ("rolling", "threshold", "amount"):
            if bundle["figure"][name] is not None and not (name == "amount" and bundle["rule"] == "window"):
                wrong = copy.deepcopy(bundle)
                wrong["figure"][name] = "99999999.00"
                with pytest.raises(tidemark_verify.Wrong):
                    checked(sealed(wrong, signer), signer)
    assert rules == {"single", "window"}
    corrected = msgspec.structs.replace(alerts(bank)[0], kind="corrected")
    with pytest.raises(InvalidInput):
        alert_bundle(keyed(bank), folder, where, corrected, signer)


def alerts(bank: LiveBank) -> list[Alert]:
    from streams.folders import source_of

    folder, state, found = bank.folders[topics.TXN], bank.folders[topics.TXN].empty(), list[Alert]()
    for raw in MemoryReplay(bank, 1).batches(topics.TXN, 0, 0, len(bank.logs[topics.TXN, 0])):
        absorbed = folder.absorb(state, raw)
        source = source_of(folder, state, 0, "cluster/topic")
        found += [msgspec.json.decode(one.value, type=Alert) for one in folder.publish_at_once(absorbed, source)]
    return found


def test_what_has_no_bundle(bank: LiveBank, signer: AuditSigner) -> None:
    logs = MemoryReplay(bank).all()
    folder: Any = bank.folders[topics.TXN]
    with pytest.raises(NotFound):
        positions(bank, signer, account="A9")
    for scope, offsets in (({}, vector(bank)), ({"product": "X"}, vector(bank)), ({"account": "A1"}, {})):
        with pytest.raises(InvalidInput):
            position_bundle(keyed(bank), folder, logs, offsets, scope, DAY, signer)
    with pytest.raises(NotFound):
        position_bundle(keyed(bank), folder, logs, {f"{topics.TXN}/7": 1}, {"account": "A1"}, DAY, signer)


def sealed(bundle: Bundle, signer: AuditSigner) -> Bundle:
    """Signed again by the key's holder: what is wrong must be found by recomputing."""
    rest = {name: value for name, value in bundle.items() if name != "statement"}
    return rest | {"statement": signer.statement(statement_lines(rest))}


def mutations(bundle: Bundle, chance: random.Random, other: Bundle) -> Iterator[tuple[str, Callable[[Bundle], None]]]:
    """Edits that change what is claimed; each must be found even if the holder of the key signed it."""
    log = bundle["logs"][0]
    place = chance.randrange(len(log["records"]))
    second = chance.choice([at for at in range(len(log["records"])) if at != place])

    def record(change: Callable[[dict[str, Any]], None]) -> Callable[[Bundle], None]:
        def edit(edited: Bundle) -> None:
            one = edited["logs"][0]["records"][place]
            value = json.loads(base64.b64decode(one["value"]))
            change(value)
            one["value"] = base64.b64encode(json.dumps(value).encode()).decode()

        return edit

    def figure(edited: Bundle) -> None:
        whole = int(edited["figure"]["amounts"][0]["amount"].partition(".")[0])
        edited["figure"]["amounts"][0]["amount"] = f"{whole + chance.randint(1, 9)}.00"

    def swap(edited: Bundle) -> None:
        rows = edited["logs"][0]["records"]
        rows[place]["value"], rows[second]["value"] = rows[second]["value"], rows[place]["value"]

    def path(edited: Bundle) -> None:
        nodes = edited["logs"][0]["records"][place]["path"]
        at = chance.randrange(len(nodes))
        nodes[at] = nodes[at][::-1] if nodes[at] != nodes[at][::-1] else "00" * 32

    def twice(edited: Bundle) -> None:
        edited["logs"][0]["records"].insert(place, copy.deepcopy(edited["logs"][0]["records"][place]))

    def head(edited: Bundle) -> None:
        edited["logs"][0]["checkpoint"] = other["logs"][0]["checkpoint"]
        edited["logs"][0]["next_offset"] = other["logs"][0]["next_offset"]

    yield "amount of the figure", figure
    yield "amount of an entry", record(lambda one: one.update(amount=f"{chance.randint(10**8, 10**9)}.00"))
    yield "account of an entry", record(lambda one: one.update(account_id="A9"))
    yield (
        "direction of an entry",
        record(lambda one: one.update(direction="out" if one["direction"] == "in" else "in")),
    )
    yield "dropped entry", lambda edited: edited["logs"][0]["records"].pop(place)
    yield "swapped entries", swap
    yield "entry twice", twice
    yield "path", path
    yield "offset", lambda edited: edited["logs"][0]["records"][place].update(offset=place + 100)
    yield "index", lambda edited: edited["logs"][0]["records"][place].update(index=place + 100)
    yield "key", lambda edited: edited["logs"][0]["records"][place].update(key="QQ==")
    yield "other head", head
    yield "next offset", lambda edited: edited["logs"][0].update(next_offset=3)
    yield "scope", lambda edited: edited["figure"]["scope"].update(account_id="A2")
    yield "currency", lambda edited: edited["figure"]["amounts"][0].update(ccy="USD")
    yield "earlier day", lambda edited: edited["figure"]["amounts"][0].update(as_of="2026-03-15")
    yield "rule", lambda edited: edited.update(rule="single")


def test_two_hundred_edits_are_found_even_if_the_key_signs_them(bank: LiveBank, signer: AuditSigner) -> None:
    bundle = positions(bank, signer)
    later = LiveBank(partitions=1).feed([])
    later.logs = {(topics.TXN, 0): [*bank.logs[topics.TXN, 0], bank.logs[topics.TXN, 0][0]]}
    other = positions(later.feed([]), signer)
    chance, tried = random.Random(7), 0
    while tried < 200:
        for name, edit in mutations(bundle, chance, other):
            edited = copy.deepcopy(bundle)
            edit(edited)
            assert edited != bundle, name
            for signed in (edited, sealed(edited, signer)):
                assert is_wrong(signed, signer), name
            tried += 1


def test_an_entry_that_was_repeated_counts_once(bank: LiveBank, signer: AuditSigner) -> None:
    """The repetition stands in the log as well, and its path holds: only its id tells."""
    bundle = positions(bank, signer)
    log = PartitionLog()
    for raw, keys in keyed(bank)(topics.TXN, 0, len(bank.logs[topics.TXN, 0])):
        for offset, key, value in zip(raw.offsets.tolist(), keys, raw.values, strict=True):
            log.append(offset, key, value)
    repeated = 12
    value = bank.logs[topics.TXN, 0][repeated]
    rows = bundle["logs"][0]["records"]
    (twin,) = [one for one in rows if base64.b64decode(one["value"]) == value]
    path = [node.hex() for node in inclusion_path(repeated, log.leaves)]
    rows.append(twin | {"index": repeated, "offset": repeated, "path": path})
    rows.sort(key=lambda one: one["offset"])
    amount = bundle["figure"]["amounts"][0]
    amount["amount"] = f"{int(amount['amount'][:-3]) - 70}.00"
    with pytest.raises(tidemark_verify.Wrong, match="counts twice: T2"):
        checked(sealed(bundle, signer), signer)


def test_an_edit_that_no_rule_recomputes_breaks_the_statement(bank: LiveBank, signer: AuditSigner) -> None:
    bundle = positions(bank, signer)
    for name, value in (("as_of", "2026-03-20"), ("amount", "-5499271.0")):
        edited = copy.deepcopy(bundle)
        edited["figure"]["amounts"][0][name] = value
        with pytest.raises(tidemark_verify.Wrong):
            checked(edited, signer)


def test_another_key_signs_nothing_of_ours(bank: LiveBank, signer: AuditSigner, tmp_path: Path) -> None:
    thief = HeadKey(tmp_path / "audit" / "key.pem", "bank.example/log")
    thief.key()
    forged = positions(bank, AuditSigner(thief))
    assert checked(forged, AuditSigner(thief))
    with pytest.raises(tidemark_verify.Wrong):
        checked(forged, signer)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_paths_of_many_are_those_of_each(size: int) -> None:
    leaves = [leaf_hash(bytes([at])) for at in range(size)]
    assert inclusion_paths(range(size), leaves) == {at: inclusion_path(at, leaves) for at in range(size)}


def test_a_record_without_key_or_value_has_a_leaf_of_its_own() -> None:
    log = PartitionLog()
    for key, value in ((None, None), (b"", b""), (None, b""), (b"", None)):
        log.append(5, key, value)
    assert len(set(log.leaves)) == len(log) == 4
    assert records(LiveBank(), topics.TXN) == []
