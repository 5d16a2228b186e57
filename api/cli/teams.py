"""`tidemark teams`: who is told when nobody acknowledges, in which order and after how long; as the token's actor."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.alert_centre import STDIN, CmdId, Comment, Content, read_object
from api.cli.client import Api
from api.cli.options import DataDir, load_settings, taking
from api.cli.output import Json, out, print_json, table
from api.cli.sending import posted

teams = typer.Typer(help="Teams that alerts escalate to: members with their contacts, levels with their minutes.")

TeamNo = Annotated[str, typer.Argument(metavar="TEAM", help="Number of the team.")]
TEAMS = ("team_no", "state", "title", "members", "levels")
MEMBERS = ("person", "channel", "target", "language")
LEVELS = ("after_minutes", "persons")
EVENTS = ("recorded_at", "type", "actor", "position")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What every command on a team takes besides its own."""

    cmd_id: CmdId = None
    data_dir: DataDir = None
    as_json: Json = False

    def send(self, path: str, body: dict[str, Any]) -> None:
        answer = posted(path, body, self.cmd_id, self.data_dir)
        if self.as_json:
            print_json(answer, indent=2)
        else:
            out().print(f"{answer['state']['team_no']} is {answer['state']['state']}", markup=False)


@teams.command("list")
def list_teams(
    *,
    disbanded: Annotated[bool, typer.Option("--disbanded", help="Also those that are no more.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Teams, newest first."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get_all("/alert-teams", "rows", stage=None if disbanded else "FOUNDED")
    rows = [
        one
        | {"members": " ".join(dict.fromkeys(member["person"] for member in one["members"]))}
        | {"levels": "; ".join(f"{level['after_minutes']} min: {_persons(level)}" for level in one["levels"])}
        for one in found["rows"]
    ]
    print_json(found, indent=2) if as_json else out().print(table(rows, TEAMS))


@teams.command()
def show(*, team_no: TeamNo, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One team: who is reached how, and who is told after how many minutes."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(_path(team_no))
    if as_json:
        print_json(found, indent=2)
        return
    out().print(f"{found['team_no']} is {found['state']}", markup=False)
    out().print(table(found["members"], MEMBERS))
    out().print(table([one | {"persons": _persons(one)} for one in found["levels"]], LEVELS))


@teams.command()
def history(*, team_no: TeamNo, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Its versions and its end, oldest first: who changed it, and when."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(f"{_path(team_no)}/history")
    print_json(found, indent=2) if as_json else out().print(table(found["events"], EVENTS))


@teams.command()
@taking(Sending)
def found(sending: Sending, *, team_no: TeamNo, input_file: Content = STDIN) -> None:
    """Name members and levels, as the page on the alert centre tells."""
    sending.send("/alert-teams", {"key": team_no, "payload": read_object(input_file)})


@teams.command()
@taking(Sending)
def change(sending: Sending, *, team_no: TeamNo, input_file: Content = STDIN) -> None:
    """Say members and levels anew, as a whole."""
    sending.send(f"{_path(team_no)}/change", {"payload": read_object(input_file)})


@teams.command()
@taking(Sending)
def disband(sending: Sending, *, team_no: TeamNo, text: Comment = None) -> None:
    """Nobody of it is told any more."""
    sending.send(f"{_path(team_no)}/disband", {"payload": {} if text is None else {"comment": text}})


def _path(team_no: str) -> str:
    return f"/alert-teams/{quote(team_no, safe='')}"


def _persons(level: dict[str, Any]) -> str:
    return " ".join(level["persons"])
