"""A sale through the whole house: decided, published, in the gap with its probability, closed, explained."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from streams.topics import AUDIT
from tests.kafka.test_up import Running, port, start, until
from tests.kafka.test_write_off import ASSET, People

__all__ = ["port", "start"]  # fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]


def test_a_sale_enters_the_gap_and_leaves_it_when_it_ends(start: Callable[..., Running]) -> None:
    running = start("--feed", "none")
    running.wait_up()
    people = People(running)

    def done(role: str, aggregate: str, key: str, command: str, **payload: Any) -> None:
        answer = people.do(role, aggregate, key, command, **payload)
        assert answer.status_code == 200, answer.text

    def shown(stage: str) -> Any:
        rows = people.get("/recoveries?closed=true")["rows"]
        return next((row for row in rows if row["stage"] == stage), None)

    done("EX", "RiskAsset", "LN-1", "Admit", **ASSET)
    done("AM", "DebtTransfer", "TR-1", "Draft", asset_ids=["LN-1"], method="AUCTION", reserve="600.00")
    done("AM", "DebtTransfer", "TR-1", "Submit")
    done("HA", "DebtTransfer", "TR-1", "Approve", approval_no="A-1", level="HEAD_OFFICE")
    row = until(lambda: shown("APPROVED"), "the approved sale")
    assert (row["probability"], row["outstanding"], row["expected"]) == ("0.500000", "600.00", "300.00")

    gap = running.json("gap", "--view", "behavioural")
    found = {line["bucket"]: line["recoveries"] for line in gap["rows"] if line["recoveries"] != "0.00"}
    assert found == {"D91_180": "300.00"}  # half a year after the approval
    cut = quote(json.dumps({f"{AUDIT}/0": gap["offsets"][f"{AUDIT}/0"]}))

    done("AM", "DebtTransfer", "TR-1", "Fail", cause="NO_BUYER")
    row = until(lambda: shown("FAILED"), "the end of the sale")
    assert (row["expected"], row["missed"]) == ("0.00", "600.00")
    (moved,) = people.get(f"/recoveries/changes?from_offsets={cut}")["rows"]
    (part,) = moved["parts"]
    assert (part["difference"], part["closes"], moved["residual"]) == ("-300.00", True, "0/1")
    assert part["event"]["type"] == "TransferFailed"

    then = people.get(f"/recoveries?at_offsets={cut}")["rows"]
    assert [(one["case"], one["expected"]) for one in then] == [("TR-1", "300.00")]
    assert running.stop() == 0
