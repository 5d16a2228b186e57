"""What `tidemark up` plans, claims, wipes and says; that it runs is tested with a real broker."""

import io
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli import up, up_status, workspace
from api.login_codes import VALID_FOR, LoginCodeFiles, write_secret
from api.main import app
from engines.primitives.errors import Conflict, InvalidInput, Unavailable
from infra.processes import hold_lock
from infra.security import Unauthenticated
from infra.settings import Settings
from tests.api.cli_api import canned_api
from tests.waiting import until

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def settings(directory: Path, **others: Any) -> Settings:
    return Settings(data_dir=directory, **others)


# --- the data directory ---


def test_a_new_directory_is_marked_and_claimed_again(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    workspace.claim(directory)
    workspace.claim(directory, adopt=False)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_somebody_elses_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InvalidInput, match="not a data directory"):
        workspace.claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_single_part_left_is_adopted_but_not_to_be_wiped(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(InvalidInput):
        workspace.claim(tmp_path, adopt=False)
    workspace.claim(tmp_path)
    workspace.claim(tmp_path, adopt=False)


def test_fresh_wipes_log_snapshots_store_and_cursors_together_and_nothing_else(tmp_path: Path) -> None:
    workspace.claim(tmp_path)
    for folder in ("kafka", "snapshots", "feed", "keys"):
        (tmp_path / folder / "deep").mkdir(parents=True)
    (tmp_path / "events.db").write_text("rows")
    (tmp_path / "events.db-wal").write_text("rows")
    (tmp_path / "mine.txt").write_text("kept")
    removed = {path.name for path in workspace.wipe(settings(tmp_path))}
    assert removed == {"kafka", "snapshots", "feed", "events.db", "events.db-wal"}
    assert {path.name for path in tmp_path.iterdir()} == {"keys", "mine.txt", ".tidemark"}


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("kept")
    workspace.claim(tmp_path / "data")
    (tmp_path / "data" / "snapshots").symlink_to(elsewhere)
    workspace.wipe(settings(tmp_path / "data"))
    assert (elsewhere / "file").exists()


def test_fresh_without_the_marker_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(InvalidInput, match=r"\.tidemark"):
        workspace.wipe(settings(tmp_path))
    assert (tmp_path / "kafka").exists()


@pytest.mark.parametrize(
    "elsewhere",
    [{"kafka_bootstrap": "k:9092"}, {"snapshot_dir": Path("/shared")}, {"event_store": "postgresql://db/t"}],
)
def test_fresh_is_refused_while_part_of_the_state_is_elsewhere(tmp_path: Path, elsewhere: dict[str, Any]) -> None:
    workspace.claim(tmp_path)
    (tmp_path / "feed").mkdir()
    with pytest.raises(InvalidInput, match="wipes only"):
        workspace.wipe(settings(tmp_path, **elsewhere))
    assert (tmp_path / "feed").exists()


def test_fresh_is_refused_while_a_broker_runs_on_it(tmp_path: Path) -> None:
    workspace.claim(tmp_path)
    (tmp_path / "kafka").mkdir()
    with hold_lock(tmp_path / "kafka" / "broker.lock"), pytest.raises(Conflict):
        workspace.wipe(settings(tmp_path))
    assert (tmp_path / "kafka").exists()


def test_one_up_per_directory(tmp_path: Path) -> None:
    workspace.claim(tmp_path)
    with hold_lock(tmp_path / "up.lock"):
        result = CliRunner().invoke(app, ["up", "--feed", "none", "--data-dir", str(tmp_path), "--port", "0"])
    assert result.exit_code == 1
    assert "is held by process" in " ".join(result.stderr.split())


# --- the plan ---


@pytest.mark.parametrize(
    ("text", "rate", "arguments"),
    [
        ("none", None, None),
        ("simulated", None, ("simulated", "--rate", "200")),
        ("simulated", 5000.0, ("simulated", "--rate", "5000")),
        ("berka:.", None, ("berka", str(Path.cwd()), "--all")),  # as fast as it goes (decision S28)
        ("berka:.", 10.0, ("berka", str(Path.cwd()), "--all", "--rate", "10")),
    ],
)
def test_feeds(text: str, rate: float | None, arguments: tuple[str, ...] | None) -> None:
    assert up.choose_feed(text, rate).arguments == arguments


@pytest.mark.parametrize("text", ["", "berka", "berka:", "berka:/no/such/place", "mt940:x"])
def test_unknown_feeds_are_bad_input(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        up.choose_feed(text, None)
    assert caught.value.facts["field"] == "--feed"


def test_children_start_in_order_and_know_their_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_TOKEN", "of-the-shell")
    ours = settings(tmp_path, api_port=8123)
    children = up.plan(ours, up.choose_feed("simulated", None), workers=2)
    names = ["broker", "worker-1", "worker-2", "core", "archive", "notifier", "api", "feed"]
    assert [child.name for child in children] == names
    assert [child.restart for child in children] == [True] * 7 + [False]
    for child in children:
        assert child.env is not None
        assert child.env["TIDEMARK_DATA_DIR"] == str(tmp_path)
        assert child.env["TIDEMARK_API_PORT"] == "8123"
        assert "TIDEMARK_TOKEN" not in child.env
        assert child.log_path == tmp_path / "logs" / f"{child.name}.log"


def test_a_real_cluster_needs_no_broker_of_ours(tmp_path: Path) -> None:
    ours = settings(tmp_path, kafka_bootstrap="kafka:9092")
    assert [child.name for child in up.plan(ours, up.choose_feed("none", None), 1)] == [
        "worker",
        "core",
        "archive",
        "notifier",
        "api",
    ]


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unavailable, match="--port"):
            up.check_port(settings(tmp_path, api_port=taken.getsockname()[1]))


def test_a_death_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    shown = io.StringIO()
    notices = up_status.Notices(Console(file=shown, width=200), tmp_path)
    (tmp_path / "worker.log").write_text("first\nTraceback: it was the [bold] disk\n")
    died = {"event": "child_died", "child": "worker", "exit_code": 1, "restart_in_ms": 100}
    notices.msg(notices.render(None, "warning", died))
    assert "worker died (exit code 1)" in shown.getvalue()
    assert "it was the [bold] disk" in shown.getvalue()


def test_alerts_are_counted_from_the_vector() -> None:
    assert up_status.alert_count("") == 0
    assert up_status.alert_count("0:12,3:4") == 18


def test_the_status_line_follows_the_api(tmp_path: Path) -> None:
    shown = io.StringIO()
    console = Console(file=shown, width=100, force_terminal=True)
    (tmp_path / "token").write_text("left-by-up")
    with canned_api() as canned:
        # As the API answers: the last page has no cursor, the vector is always there.
        canned.answers["/alerts"] = {"offsets": {}, "cursor": None, "vector": "0:1,5:0", "alerts": []}
        canned.answers["/positions"] = {"offsets": {"tm.in.core.txn.v1/0": 1_234}, "rows": [], "lag_records": 5}
        with up_status.live_status(settings(tmp_path), canned.address, console):
            until(lambda: "1,234 events folded" in shown.getvalue(), shown.getvalue)
    assert "5 behind   3 alerts" in shown.getvalue()


def test_off_a_terminal_there_is_no_status_line(tmp_path: Path) -> None:
    shown = io.StringIO()
    with up_status.live_status(settings(tmp_path), "http://127.0.0.1:1", Console(file=shown)):
        pass
    assert shown.getvalue() == ""


# --- login links ---


def test_a_login_code_works_once(tmp_path: Path) -> None:
    codes = LoginCodeFiles(tmp_path / "login")
    code = codes.issue("signed", NOW)
    assert stat.S_IMODE((tmp_path / "login").stat().st_mode) == 0o700
    (held,) = (tmp_path / "login").iterdir()
    assert stat.S_IMODE(held.stat().st_mode) == 0o600
    assert code not in held.name  # whoever lists the directory cannot log in
    assert codes.redeem(code, NOW) == "signed"
    with pytest.raises(Unauthenticated):
        codes.redeem(code, NOW)
    assert list((tmp_path / "login").iterdir()) == []


def test_a_login_code_expires_and_can_be_voided(tmp_path: Path) -> None:
    codes = LoginCodeFiles(tmp_path / "login")
    late = codes.issue("signed", NOW)
    with pytest.raises(Unauthenticated, match="expired"):
        codes.redeem(late, NOW + VALID_FOR + timedelta(seconds=1))
    voided = codes.issue("signed", NOW)
    codes.forget_all()
    with pytest.raises(Unauthenticated):
        codes.redeem(voided, NOW)
    with pytest.raises(Unauthenticated):
        codes.redeem("../token", NOW)


def test_a_secret_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# --- when the API counts as ready ---


@pytest.mark.parametrize(
    ("status", "behind", "ready"),
    [(200, 0, True), (503, 12, True), (503, 0, False)],
)
def test_up_waits_for_a_view_that_waits_for_kafka(tmp_path: Path, status: int, behind: int, ready: bool) -> None:
    """Else the first question after a start could meet a partition whose leader is just being elected."""
    (tmp_path / "run").mkdir()
    with canned_api() as canned:
        (tmp_path / "run" / "api.json").write_text(f'{{"address":"{canned.address}"}}')
        canned.answers["/readyz"] = (status, {"records_behind": behind})
        assert up._api_is_ready(settings(tmp_path)) is ready
    assert up._api_is_ready(settings(tmp_path)) is False  # nobody answers any more
