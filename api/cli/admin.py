"""`tidemark token`, `config` and `bench`: what an operator does on the host itself."""

import re
import runpy
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import NotFound
from infra.settings import Settings

config = typer.Typer(help="Settings as Tidemark sees them.")

#: `scheme://user:password@host`: the event store's setting is an address that may hold a password.
PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)([^/@:\s]*):[^@\s]*@")


def token(
    *,
    actor: Annotated[str, typer.Option("--actor", help="Who acts, as U-1.")],
    role: Annotated[list[str], typer.Option("--role", help="Role code, as AM; repeat for several.")],
    entity: Annotated[
        list[str] | None,
        typer.Option("--entity", help="Legal entity the actor may see; * for all. Repeatable."),
    ] = None,
    org: Annotated[str, typer.Option("--org", help="Organisation the actor belongs to.")] = "-",
    hours: Annotated[float, typer.Option("--hours", min=0.01, max=8_760, help="How long it is valid.")] = 8.0,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Issue a signed token of this installation, for TIDEMARK_TOKEN or an Authorization header."""
    settings = load_settings(data_dir=data_dir)
    now, lifetime = datetime.now(UTC), timedelta(hours=hours)
    text = signed(
        settings,
        actor=actor,
        roles=role,
        entities=entity or ["*"],
        now=now,
        lifetime=lifetime,
        organisation=org,
    )
    if as_json:
        print_json({"token": text, "actor": actor, "roles": role, "expires_at": (now + lifetime).isoformat()})
    else:
        print(text)


def signed(
    settings: Settings,
    *,
    actor: str,
    roles: Sequence[str],
    entities: Sequence[str],
    now: datetime,
    lifetime: timedelta,
    organisation: str = "-",
) -> str:
    """A token by the key of this data directory, which is made if there is none."""
    from infra.security import SigningKeys, issue_token

    return issue_token(
        SigningKeys.load_or_create(settings.data_dir / "keys"),
        actor=actor,
        roles=roles,
        organisation=organisation,
        entities=entities,
        issued_at=now,
        lifetime=lifetime,
    )


@config.command("print")
def print_config(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every setting, its value (secrets redacted) and where it is set."""
    settings = load_settings(data_dir=data_dir)
    if as_json:
        print_json({name: shown_value(settings, name) for name in Settings.model_fields}, indent=2)
        return
    rows = [
        {
            "setting": f"TIDEMARK_{name.upper()}",
            "value": shown_value(settings, name),
            "from": "set" if name in settings.model_fields_set else "default",
            "meaning": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    out().print(table(rows, ("setting", "value", "from", "meaning")))


def shown_value(settings: Settings, name: str) -> Any:
    """A setting's value as JSON has it; SecretStr fields and passwords inside addresses come out as stars."""
    value = settings.model_dump(mode="json", include={name})[name]
    return PASSWORD_IN_ADDRESS.sub(r"\1:**********@", value) if isinstance(value, str) else value


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Script in benchmarks/, without .py; further arguments go to it.")],
) -> None:
    """Run one of the repository's benchmarks."""
    folder = Path(__file__).parents[2] / "benchmarks"
    known = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if name.replace("-", "_") not in known:
        have = ", ".join(known) or "none: this is not a checkout of the repository"
        raise NotFound(f"no benchmark {name!r}; there are: {have}", field="NAME")
    script = folder / f"{name.replace('-', '_')}.py"
    sys.argv = [str(script), *context.args]
    runpy.run_path(str(script), run_name="__main__")
