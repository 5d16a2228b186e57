"""A ledger's amount with the events that it is the sum of, proved and recomputed by the verifier alone."""

import copy
import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.ledgers import Ledgers
from api.lineage_fields import ledger_bundle
from api.verifier import tidemark_verify
from engines.primitives.errors import InvalidInput, NotFound
from infra.checkpoint_keys import KEY_FILE, HeadKey
from infra.event_store_proofs import LogTree, event_proof
from infra.ledger_views import LedgerViews
from infra.lineage_log import AuditSigner
from projections.ledgers.registry import LEDGERS
from projections.ledgers.table import Kind
from streams.lineage_bundle import statement_lines
from tests.aggregates.world import AUDITOR, LOAN, World, open_world

Bundle = dict[str, Any]


class Room:
    def __init__(self, folder: Path) -> None:
        self.world: World = open_world(folder)
        self.world.lost()
        self.world.do("SY", "ApplyRecovery", flow_id="F1", split_no=1, mode="CASH_VOLUNTARY", amount="150000.00")
        self.world.do("SY", "ApplyRecovery", flow_id="F2", split_no=1, mode="CASH_VOLUNTARY", amount="50.50")
        self.ledgers = Ledgers(LedgerViews(self.world.app.published_after), self.world.clock, self.world.app.bank_day)
        self.signer = AuditSigner(HeadKey(folder / KEY_FILE))

    def bundle(self, ledger: str, key: str, column: str) -> Bundle:
        recorder = self.world.store.recorder
        tree = LogTree(recorder)
        return ledger_bundle(
            self.world.app,
            self.ledgers,
            lambda events, shown, subject: event_proof(recorder, tree, events, shown, subject),
            self.signer,
            (ledger, key, column),
            (None, None),
            AUDITOR,
        )

    def verified(self, bundle: Bundle) -> int:
        """How many things are wrong; sealed again, so that what is edited is found by recomputing."""
        rest = {name: value for name, value in bundle.items() if name != "statement"}
        sealed = rest | {"statement": self.signer.statement(statement_lines(rest))}
        verifier: Any = tidemark_verify
        options = Namespace(keys=[verifier.Key(self.signer.vkey)], heads=[], witness_keys=[], quiet=True)
        failed: int = verifier.verify(json.loads(json.dumps(sealed)), options)
        return failed


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    found = Room(tmp_path_factory.mktemp("fields"))
    yield found
    found.world.store.close()


def cells(room: Room) -> Iterator[tuple[str, str, str]]:
    """Every amount of every ledger that has a row."""
    for name, ledger in LEDGERS.items():
        if not ledger.rules:
            continue
        table = room.ledgers.table(name, reader=AUDITOR)
        keys = {str(row[0]) for row in table.rows} | {LOAN}
        for field in ledger.fields:
            if field.column.kind is Kind.MONEY and not field.derived and not field.joined:
                yield from ((name, key, field.column.name) for key in sorted(keys))


def test_every_amount_that_its_events_state_is_proved(room: Room) -> None:
    proved = 0
    for cell in cells(room):
        try:
            bundle = room.bundle(*cell)
        except (InvalidInput, NotFound):
            continue  # worked out by a rule, or no such row
        assert room.verified(bundle) == 0, cell
        proved += 1
    assert proved >= 2


def test_edits_are_found(room: Room) -> None:
    cell = next(one for one in cells(room) if amount_of(room, one))
    bundle = room.bundle(*cell)
    assert bundle["figure"]["amount_minor"]
    edits: list[Any] = [
        lambda b: b["figure"].update(amount_minor=b["figure"]["amount_minor"] + 1),
        lambda b: b["figure"]["terms"].pop(),
        lambda b: b["figure"]["terms"][0].update(sign=-b["figure"]["terms"][0]["sign"]),
        lambda b: b["proof"]["items"][0].update(position=99),
        lambda b: b["proof"]["items"][0].update(state=b["proof"]["items"][0]["state"][:-8] + "AAAAfQ=="),
        lambda b: b["proof"]["logs"][0].update(checkpoint=b["statement"]),
    ]
    for number, edit in enumerate(edits):
        edited = copy.deepcopy(bundle)
        edit(edited)
        try:
            assert room.verified(edited), number
        except (tidemark_verify.Malformed, ValueError, KeyError, IndexError):
            continue  # no readable bundle any more


def amount_of(room: Room, cell: tuple[str, str, str]) -> int:
    try:
        return int(room.bundle(*cell)["figure"]["amount_minor"])
    except (InvalidInput, NotFound):
        return 0


def test_what_has_no_bundle(room: Room) -> None:
    name = next(iter(LEDGERS))
    with pytest.raises(InvalidInput):
        room.bundle(name, LOAN, "entity")
    with pytest.raises(NotFound):
        room.bundle("nothing", LOAN, "amount")
