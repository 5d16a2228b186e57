"""`tidemark feed simulated|berka|cases`: a bank's records into Kafka, as fast or as slowly as one likes.

A feed stores how far it came, so that a second run goes on and repeats nothing (decision S28).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from api.cli.admin import signed
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, err, print_json
from engines.primitives.errors import InvalidInput
from infra.settings import Settings

if TYPE_CHECKING:
    from streams.feeds.runner import FeedResult
    from streams.feeds.start import FeedOptions
    from streams.producer import RecordProducer

feed = typer.Typer(help="Real producers into Kafka: a simulated bank, or a bank's own files.")

DEFAULT_SEED = 1
#: What `up` sends: lively on a page, and a gigabyte or so of log a day.
DEFAULT_RATE = 200.0

Rate = Annotated[
    float | None, typer.Option("--rate", min=0.001, help="Events per second; as fast as it goes if left out.")
]
TellTotal = Callable[[int], None]
Count = Annotated[int | None, typer.Option("--count", min=1, help="Stop after this many events.")]


@feed.command()
def simulated(
    *,
    rate: Rate = None,
    count: Count = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed is another bank.")] = DEFAULT_SEED,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="Weekdays from this date on, not following the clock."),
    ] = None,
    events_per_day: Annotated[
        int, typer.Option("--events-per-day", min=5_000, help="Length of a simulated day.")
    ] = 250_000,
    customers: Annotated[int, typer.Option("--customers", min=500, help="Size of the bank.")] = 20_000,
    commands: Annotated[
        bool,
        typer.Option("--commands/--no-commands", help="People decide on loans at risk, with tokens of this host."),
    ] = True,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """A seeded bank day after day: salaries, cards, payroll, interbank, large payments, several entities."""
    from streams.feeds.simulated import Simulation, bank_date
    from streams.feeds.start import run_simulated

    settings = load_settings(data_dir=data_dir)
    first_day = _date(start, "--from")
    # Of an earlier run the cursor keeps these: with others, event number n would be another event.
    day = first_day or bank_date(_now())
    simulation = Simulation(seed, day, events_per_day, customers, commands=commands, treasury=True)
    clock = _now if first_day is None else None

    def run(producer: "RecordProducer", options: "FeedOptions", _tell_total: TellTotal) -> "FeedResult":
        return run_simulated(producer, simulation, options, clock, lambda role: _simulated_token(settings, role))

    _run(settings, "simulated", run, rate=rate, count=count, as_json=as_json)


@feed.command()
def berka(
    *,
    directory: Annotated[Path, typer.Argument(help="Directory with account.asc, trans.asc and the others.")],
    rate: Rate = None,
    count: Count = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Up to this day; the last transaction's if left out."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything in the directory, as `up` does.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The Berka bank (PKDD'99): transactions, orders and loans of a real bank, 1993."""
    from streams.feeds.berka import last_transaction_date
    from streams.feeds.berka_files import read_berka
    from streams.feeds.start import run_berka

    settings = load_settings(data_dir=data_dir)
    last_day = _date(until, "--until")
    if everything and last_day is not None:
        raise InvalidInput("give --until or --all, not both", field="--all")
    files = read_berka(directory.expanduser())
    if last_day is None and not everything:
        last_day = last_transaction_date(files)
    token = _berka_token(settings)

    def run(producer: "RecordProducer", options: "FeedOptions", tell_total: TellTotal) -> "FeedResult":
        return run_berka(producer, files, options, until=last_day, token=token, on_total=tell_total)

    _run(settings, "berka", run, rate=rate, count=count, as_json=as_json)


@feed.command(name="cases")
def take_cases(
    *,
    count: Annotated[int, typer.Option("--count", min=1, help="How many loans at risk.")] = 2_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed is another portfolio.")] = DEFAULT_SEED,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1, help="Cases that people work on at a time.")] = 200,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The newest business date; today if left out.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Loans at risk that people take through every path: collected, sued, reduced, sold, foreclosed, written off."""
    from api.startup import stop_on_signals
    from infra.kafka.clients import consumer_config, producer_config, resolve_bootstrap
    from streams.feeds.cases.run import CasesOptions, run_cases
    from streams.feeds.simulated import bank_date
    from streams.producer import RecordProducer

    settings = load_settings(data_dir=data_dir)
    bootstrap = resolve_bootstrap(settings)
    today = _date(until, "--until") or bank_date(_now())

    @cache
    def token(actor: str, role: str, entity: str) -> str:
        lifetime = timedelta(days=1)
        return signed(settings, actor=actor, roles=(role,), entities=(entity,), now=_now(), lifetime=lifetime)

    producer = RecordProducer(producer_config(settings, bootstrap))
    with stop_on_signals() as stop, feeding_progress("cases") as (tell, tell_total):
        options = CasesOptions(seed, count, today, in_flight, on_progress=tell, on_total=tell_total, stop=stop)
        result = run_cases(producer, consumer_config(settings, bootstrap), token, options)
    refused = [asdict(refusal) for refusal in result.refusals]
    if as_json:
        print_json(asdict(result) | {"feed": "cases", "refusals": refused, "stuck": list(result.stuck)})
    else:
        err().print(f"cases: {result.finished:,} of {result.cases:,} taken to their end, {result.acts:,} acts")
        for refusal in result.refusals[:20]:
            err().print(f"  {refusal.loan_no} ({refusal.path}): {refusal.act} was refused: {refusal.reason}")
        for waiting in result.stuck[:20]:
            err().print(f"  still waiting: {waiting}")
    if result.refusals:
        raise typer.Exit(1)


def _simulated_token(settings: Settings, role: str) -> str:
    """Of one person of the simulated bank. Always made on this host: one given token could not be the several
    people whom segregation of duties demands. Made anew for each command, since this feed has no end."""
    from streams.feeds.workout import PEOPLE
    from streams.feeds.world import ENTITIES

    return signed(
        settings, actor=PEOPLE[role], roles=(role,), entities=ENTITIES, now=_now(), lifetime=timedelta(days=1)
    )


def _berka_token(settings: Settings) -> str:
    """Whom the workflow commands act as: the token given, else an external system made on this host."""
    if settings.token:
        return settings.token.get_secret_value()
    return signed(
        settings, actor="feed-berka", roles=("EX",), entities=("BERKA",), now=_now(), lifetime=timedelta(days=7)
    )


def _run(
    settings: Settings,
    name: str,
    run: Callable[["RecordProducer", "FeedOptions", TellTotal], "FeedResult"],
    *,
    rate: float | None,
    count: int | None,
    as_json: bool,
) -> None:
    from api.startup import stop_on_signals
    from infra.kafka.clients import producer_config, resolve_bootstrap
    from streams.feeds.start import FeedOptions
    from streams.producer import RecordProducer

    producer = RecordProducer(producer_config(settings, resolve_bootstrap(settings), linger_ms=20))
    with stop_on_signals() as stop, feeding_progress(name) as (tell, tell_total):
        options = FeedOptions(
            settings.data_dir / "feed",
            run_id=_now().strftime("%Y%m%dT%H%M%SZ"),
            rate=rate,
            count=count,
            on_progress=tell,
            stop=stop,
        )
        result = run(producer, options, tell_total)
    if as_json:
        body = {
            "feed": name,
            "produced": result.produced,
            "next_index": result.index,
            "stopped": result.stopped,
            "seconds": round(result.seconds, 3),
        }
        print_json(body)
    else:
        how = "stopped" if result.stopped else "done"
        per_second = result.produced / result.seconds if result.seconds else 0.0
        err().print(f"{name}: {how}, {result.produced:,} events, {per_second:,.0f}/s, at event {result.index:,}")


@contextmanager
def feeding_progress(name: str) -> Iterator[tuple[Callable[[int], None], TellTotal]]:
    """A bar on a terminal; nothing where no person looks. Progress is told as the feed's own event number."""
    console = err()
    if not console.is_terminal:
        yield (lambda index: None), (lambda total: None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=None, rate="…")

        def tell(index: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, completed=index, rate=f"{speed:,.0f}" if speed else "…")

        yield tell, (lambda total: progress.update(task, total=total))


def _date(text: str | None, field: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date, want YYYY-MM-DD", field=field) from error


def _now() -> datetime:
    return datetime.now(UTC)
