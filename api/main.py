"""The program `tidemark`: one command line over everything, and the only place where parts are put together.

Importing it opens nothing and reads no environment; each command imports what it needs when it runs, so that
`tidemark --help` is quick. Not for the commands themselves: those are in `api/cli/`.
"""

from importlib.metadata import version
from typing import Annotated

import typer

from api.cli import access, admin, audit, doctor, figures, limits, ratios, records, up
from api.cli.actus import actus
from api.cli.alert_centre import alert, subscription
from api.cli.alert_rules import alert_rule
from api.cli.archive import archive
from api.cli.calc import calc
from api.cli.contracts import explain
from api.cli.counterfactual import counterfactual
from api.cli.deadletter import deadletter
from api.cli.documents import attachment, document
from api.cli.feed_files import feed
from api.cli.histories import history
from api.cli.ledger import ledger
from api.cli.ledger_views import view
from api.cli.lineage import trace
from api.cli.lineage_bundle import bundle
from api.cli.nostro import nostro
from api.cli.notifier import deliveries, notifier, webhook
from api.cli.output import Group
from api.cli.parts import api, broker, core, worker
from api.cli.pivot import pivot
from api.cli.plans import plan
from api.cli.privacy import privacy
from api.cli.recoveries import recoveries
from api.cli.replay import past, replay
from api.cli.report import report
from api.cli.reservation import reservation
from api.cli.reverse_stress import reverse_stress
from api.cli.scenario import scenario
from api.cli.teams import teams
from api.cli.trust import trust
from api.cli.upload import upload
from api.cli.watch import watch
from api.cli.work import work

app = typer.Typer(
    cls=Group,
    help=(
        "Tidemark, an event-sourced streaming risk monitor for banks.\n\n"
        "Exit codes: 0 done; 1 a check failed, or a rule said no; 2 wrong input; 3 a part is not available."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals may hold tokens and account numbers
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("tidemark"))
        raise typer.Exit


@app.callback()
def root(
    shown: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Only holds the options that stand before a command."""


RUN, LOOK, DECIDE, KEEP = "Run", "Figures", "Decisions and audit", "Look after it"

app.command(rich_help_panel=RUN)(up.up)
app.command(rich_help_panel=RUN)(up.login)
for part in (broker, worker, api, core, notifier):
    app.command(rich_help_panel=RUN)(part)
app.add_typer(feed, name="feed", rich_help_panel=RUN)
for figure in (figures.positions, figures.gap, figures.withdrawals, ratios.ratios, figures.alerts):
    app.command(rich_help_panel=LOOK)(figure)
app.command(rich_help_panel=LOOK)(watch)
app.command(rich_help_panel=LOOK)(limits.limits)
app.command(rich_help_panel=LOOK)(limits.cuts)
app.command(rich_help_panel=LOOK)(past)
app.command(rich_help_panel=LOOK)(recoveries)
app.command(rich_help_panel=LOOK)(trust)
app.command(name="reverse-stress", rich_help_panel=LOOK)(reverse_stress)
app.command(rich_help_panel=LOOK)(counterfactual)
app.add_typer(report, name="report", rich_help_panel=LOOK)
app.add_typer(pivot, name="pivot", rich_help_panel=LOOK)
app.add_typer(explain, name="explain", rich_help_panel=LOOK)
app.add_typer(nostro, name="nostro", rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(calc)
app.add_typer(actus, name="actus", rich_help_panel=LOOK)
app.command(rich_help_panel=DECIDE)(records.command)
app.command(rich_help_panel=DECIDE)(upload)
app.add_typer(document, name="document", rich_help_panel=DECIDE)
app.add_typer(attachment, name="attachment", rich_help_panel=DECIDE)
app.add_typer(work, name="work", rich_help_panel=DECIDE)
ledger.add_typer(view, name="view")
app.add_typer(ledger, name="ledger", rich_help_panel=DECIDE)
app.add_typer(plan, name="plan", rich_help_panel=DECIDE)
app.add_typer(reservation, name="reservation", rich_help_panel=DECIDE)
app.add_typer(alert, name="alert", rich_help_panel=DECIDE)
app.add_typer(subscription, name="subscription", rich_help_panel=DECIDE)
app.add_typer(teams, name="teams", rich_help_panel=DECIDE)
app.add_typer(alert_rule, name="alert-rule", rich_help_panel=DECIDE)
app.add_typer(scenario, name="scenario", rich_help_panel=DECIDE)
audit.audit.command()(access.access)
audit.audit.command()(replay)
audit.audit.command()(trace)
audit.audit.command()(bundle)
audit.audit.command()(history)
app.add_typer(audit.audit, name="audit", rich_help_panel=DECIDE)
app.command(rich_help_panel=KEEP)(admin.token)
app.add_typer(deadletter, name="deadletter", rich_help_panel=KEEP)
app.add_typer(deliveries, name="deliveries", rich_help_panel=KEEP)
app.add_typer(webhook, name="webhook", rich_help_panel=KEEP)
app.add_typer(archive, name="archive", rich_help_panel=KEEP)
app.add_typer(privacy, name="privacy", rich_help_panel=KEEP)
app.command(rich_help_panel=KEEP)(doctor.doctor)
app.add_typer(admin.config, name="config", rich_help_panel=KEEP)
app.command(rich_help_panel=KEEP, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    admin.bench
)


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="tidemark")


if __name__ == "__main__":
    main()
