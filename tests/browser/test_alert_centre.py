"""The alert centre in a real Chromium, over a real server: alerts, rules, subscriptions, silences, deliveries."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from aggregates.assets import Assets
from aggregates.envelope import Principal
from api.alert_centre import AlertCentre
from api.alert_rules import AlertRules, telling
from api.counterfactual_jobs import Counterfactuals
from api.notifier import telling_suspended
from api.notifier_desk import Deliveries
from infra.channels.outcome import retry
from infra.deliveries import DeliveryStore, Ended, Suspension
from infra.deliveries_ended import SuspendedTarget
from infra.event_store import open_event_store
from infra.security import Unauthenticated
from projections.alert_notification import Channel
from projections.alert_rules import check_rule
from streams.alert_rules_preview import PreviewQuestion
from streams.views_live import LiveView
from tests.api.test_alert_rules import run
from tests.api.test_limits import end_of_tick, limit_alert
from tests.api_doubles import NOW, fill, running, services
from tests.browser.chromium import PAGE, Watched, chromium, fits, needs_chromium, violations
from tests.infra.delivery_world import note
from tests.projections.alert_world import CALENDAR

pytestmark = needs_chromium

PEOPLE = {
    "treasurer": Principal("U-701", ("TR",), "-", ("NORTH", "SOUTH", "BANK", "OTHER")),
    "risk": Principal("U-501", ("RM",), "-", ("*",)),
}
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"limit_id": "nsfr", "incident": "limit-1"},
    {"limit_id": "nsfr", "kind": "eased", "light": "amber", "light_before": "red", "incident": "limit-1"},
    {"limit_id": "third", "incident": "limit-3", "light": "amber"},
)


@dataclass
class World:
    address: str
    live: LiveView
    suspend: Callable[[str, str], None]
    numbers: Iterator[int] = field(default_factory=lambda: count(len(LIMITS)))

    def arrive(self, **facts: Any) -> str:
        """One more alert, without a gap before it, of which the page would warn."""
        number = next(self.numbers)
        self.live.feed([limit_alert(number, incident=f"limit-{number}", **facts), end_of_tick(99 + number)])
        return f"limit-{number}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def verify(token: str, _now: datetime) -> Principal:
        if token not in PEOPLE:
            raise Unauthenticated("this token is not valid")
        return PEOPLE[token]

    live = LiveView()
    fill(live)
    live.feed([*(limit_alert(number, **facts) for number, facts in enumerate(LIMITS)), end_of_tick(99)])
    live.set_status(ready=True)
    with ExitStack() as stack:
        store = stack.enter_context(open_event_store("sqlite", tmp_path_factory.mktemp("store"), clock=lambda: NOW))
        app = Assets(store.factory)
        stack.callback(app.close)
        jobs: Counterfactuals[PreviewQuestion] = Counterfactuals(
            telling(run, app, lambda: NOW), check=lambda asked: check_rule(asked.rule)
        )
        deliveries = DeliveryStore(store)
        deliveries.put([note("limit-0")])
        found = deliveries.due(NOW, 9, holder="x", lease=NOW - NOW)
        deliveries.record(
            [Ended(one, retry("the receiver answered 500", 500), NOW, None) for one in found],
            Suspension(failures=10**6),
        )
        ours = services(
            live, assets=app, verify_token=verify, page_dir=PAGE / "dist", deliveries=Deliveries(deliveries),
            alert_centre=AlertCentre(app.decisions, app.decode, CALENDAR), alert_rules=AlertRules(jobs, lambda _: {}),
        )  # fmt: skip
        server = stack.enter_context(running(ours))

        def suspend(number: str, target: str) -> None:
            told = telling_suspended(app, lambda: NOW)
            told(SuspendedTarget(number, Channel.WEBHOOK, target, "the receiver wants no more (410)", NOW))

        yield World(server.address, live, suspend)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


Open = Callable[..., Page]


@pytest.fixture
def enter(browser: Browser, world: World) -> Iterator[Open]:
    """Opens the room as a person, each in a browser session of its own."""
    with ExitStack() as stack:

        def opened(place: str = "", who: str = "treasurer", width: int = 1440) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme="light", locale="en-GB"
            )
            context.add_cookies([{"name": "tidemark_session", "value": who, "url": world.address}])
            found = Watched(context.new_page(), world.address, forgiven=("503", "404", "422", "403", "409"))
            stack.callback(found.settled)
            stack.callback(context.close)
            found.page.clock.set_fixed_time(NOW)
            found.page.goto(f"{world.address}/#/alerts{place}")
            expect(found.page.get_by_role("heading", name="Alerts", exact=True, level=2)).to_be_visible()
            return found.page

        yield opened


def row(page: Page, alert_id: str) -> Any:
    return page.locator(f".ac-row[data-alert='{alert_id}']")


def test_alerts_arrive_where_they_move_nothing_and_are_acted_on_by_keyboard(enter: Open, world: World) -> None:
    page = enter()
    expect(row(page, "limit-3")).to_contain_text("Warning")
    expect(row(page, "limit-1")).to_be_hidden()
    page.get_by_role("button", name="1 more of this incident").press("Enter")
    expect(row(page, "limit-1")).to_be_visible()
    first = page.locator(".ac-row .ac-name").first
    first.focus()
    page.keyboard.press("j")
    held = page.evaluate("document.activeElement.closest('li').dataset.alert")
    top = page.evaluate("document.activeElement.getBoundingClientRect().top")
    expect(row(page, world.arrive(light="amber", limit_id="tenth"))).to_be_attached()
    page.wait_for_function(
        "([held, top]) => document.activeElement.closest('li')?.dataset.alert === held"
        " && Math.abs(document.activeElement.getBoundingClientRect().top - top) < 1",
        arg=[held, top],
    )
    page.keyboard.press("a")
    expect(page.locator(".ac-said").first).to_have_text("Acknowledged: 1")
    expect(row(page, held)).to_contain_text("Acknowledged")
    page.keyboard.press("r")
    expect(page.locator("#ac-how")).to_be_focused()
    page.locator("#ac-how").select_option("FALSE_ALARM")
    page.locator("#ac-how").press("Enter")
    expect(row(page, held)).to_have_count(0)  # resolved ones are filtered away
    page.wait_for_function("document.activeElement.closest('.ac-row') !== null")
    page.get_by_role("group", name="State").get_by_role("button", name="Resolved").click()
    expect(row(page, held)).to_contain_text("Resolved")
    page.get_by_role("button", name="Select all shown").click()
    expect(page.locator("#ac-chosen")).to_contain_text("selected")
    page.locator("#ac-acknowledge").click()
    expect(page.locator(".ac-said").first).to_contain_text("refused: ")  # the resolved one


def test_one_alert_in_full_with_its_deliveries_and_a_comment(enter: Open) -> None:
    page = enter("/limit-0")
    expect(page.locator("#aud-why")).to_contain_text("too little")
    expect(page.locator("#aud-life")).to_contain_text("Delivery by Webhook to https://receiver.example/")
    page.locator("#ac-one-note").fill("a late booking")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#aud-life")).to_contain_text("a late booking")
    expect(page.locator("#aud-life")).to_contain_text("by U-701")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator(".ac-head")).to_contain_text("Resolved")
    page.locator("#ac-one-note").fill("it came back")
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator(".ac-head")).to_contain_text("Open")
    page.get_by_role("link", name="Back to the list").click()
    expect(row(page, "limit-0")).to_be_visible()
    page.locator("#language").select_option("zh")
    expect(page.get_by_role("heading", name="预警", exact=True, level=2)).to_be_visible()
    expect(row(page, "limit-0")).to_contain_text("严重")


def test_a_treasurer_drafts_and_previews_a_rule_and_another_person_enables_it(enter: Open) -> None:
    page = enter("/rules/new")
    expression = page.locator("#ac-rule-expression")
    page.locator("#ac-rule-no").fill("low-cash")
    page.locator("#ac-rule-name").fill("low cash")
    page.locator("#ac-rule-why").fill("the desk asked")
    expression.fill("amount < luck")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("#ac-rule-expression-error")).to_contain_text("undeclared reference to 'luck'")
    expect(expression).to_be_focused()
    page.wait_for_function(
        "(e => e.value.slice(e.selectionStart, e.selectionEnd) === 'luck')"
        "(document.getElementById('ac-rule-expression'))"
    )
    expression.fill("")
    expression.press_sequentially("amoun")
    expect(page.get_by_role("option", name=re.compile("^amount ")).first).to_be_visible()
    expression.press("Enter")
    expect(expression).to_have_value("amount")
    expression.fill('amount < money("450.00")')
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("#aud-editor")).to_contain_text("Draft saved")
    expect(page.locator("#ac-rule-enable")).to_be_disabled()
    page.locator("#ac-rule-try").click()
    expect(page.locator(".ac-verdict")).to_contain_text(re.compile(r"Would have fired [1-9]\d* times over \d+ cuts"))
    expect(page.locator(".ac-chart rect").first).to_be_attached()
    expect(page.locator(".ac-preview tbody tr").first).to_contain_text(re.compile("BANK|OTHER"))
    expect(page.locator("#ac-rule-hint")).to_contain_text("another person enables it")
    expect(page.locator("#ac-rule-enable")).to_be_disabled()
    looked_at(page)

    other = enter("/rules/low-cash", who="risk")
    other.locator("#ac-rule-why").fill("tried on November")
    other.locator("#ac-rule-enable").click()
    expect(other.locator("#aud-editor")).to_contain_text("In force from the next cut on.")
    expect(other.locator("#aud-rules tbody tr").first).to_contain_text("version 1")


def test_a_subscription_is_tried_made_tested_and_ended(enter: Open) -> None:
    page = enter("/subscriptions")
    page.locator("#ac-sub-no").fill("SUB-7")
    page.locator("#ac-sub-way").select_option("expression")
    page.locator("#ac-sub-filter").fill("rule ==")
    page.locator("#ac-sub-email").fill("desk@example.org")
    page.locator("#ac-sub-try").click()
    expect(page.locator("#ac-sub-filter-error")).not_to_be_empty()
    page.locator("#ac-sub-filter").fill("")
    page.locator("#ac-sub-way").select_option("words")
    page.locator("#ac-sub-rule").fill("limit")
    page.locator("#ac-sub-try").click()
    expect(page.locator(".ac-verdict")).to_contain_text(re.compile("[1-9][0-9]* alerts match"))
    page.get_by_role("button", name="Subscribe", exact=True).click()
    listed = page.locator("#aud-subscriptions tbody tr").filter(has_text="SUB-7")
    expect(listed).to_contain_text('rule == "limit"')
    page.get_by_role("button", name="Send a test: SUB-7").click()
    expect(page.locator("#aud-subscriptions")).to_contain_text("1 test message is on its way")
    looked_at(page)
    page.get_by_role("button", name="End: SUB-7").click()
    expect(listed).to_contain_text("Ended")


def test_a_silence_of_critical_alerts_waits_for_another_person(enter: Open) -> None:
    page = enter("/silences")
    page.locator("#ac-silence-no").fill("Q-1")
    page.locator("#ac-silence-matcher").fill('limit_id == "sold"')
    page.locator("#ac-silence-comment").fill("a planned sale")
    page.locator("#ac-silence-critical").check()
    page.get_by_role("button", name="Silence", exact=True).click()
    expect(page.locator("#aud-silence")).to_contain_text("Q-1 waits for another person")
    other = enter("/silences", who="risk")
    other.get_by_role("button", name="Approve: Q-1").click()
    expect(other.locator("#aud-silences tbody tr")).to_contain_text("In force")
    looked_at(other)
    other.get_by_role("link", name="Alerts", exact=True).last.click()
    expect(other.get_by_role("link", name="1 silence holds back deliveries")).to_be_visible()


def test_a_team_is_founded_and_changed(enter: Open) -> None:
    page = enter("/teams", who="risk")
    form = page.locator("#ac-team-form")
    expect(form.get_by_label("Person", exact=True)).to_have_value("U-501")  # a new team begins with its founder
    form.get_by_label("Number").fill("NIGHT")
    form.get_by_label("Address", exact=True).fill("night@bank.example")
    form.get_by_role("button", name="Add a member").click()
    expect(form.get_by_label("Person", exact=True).nth(1)).to_be_focused()
    form.get_by_label("Person", exact=True).nth(1).fill("U-701")
    form.get_by_label("Channel").nth(1).select_option("sms")
    form.get_by_label("Address", exact=True).nth(1).fill("nobody")
    form.get_by_label("After minutes").fill("15")
    form.get_by_label("Tells (persons, comma-separated)").fill("U-701")
    form.get_by_role("button", name="Found the team").click()
    expect(form).to_contain_text("is no address of sms")
    form.get_by_label("Address", exact=True).nth(1).fill("+8613912345678")
    form.get_by_role("button", name="Found the team").click()
    team = page.locator("#aud-teams tbody tr").filter(has_text="NIGHT")
    expect(team).to_contain_text("U-501 (E-mail), U-701 (Text message)")
    expect(team).to_contain_text("after 15 min: U-701")
    page.get_by_role("button", name="Edit: NIGHT").click()
    expect(form.get_by_label("Number")).to_have_value("NIGHT")
    form.get_by_role("button", name="Remove 2", exact=True).first.click()
    expect(form.get_by_label("Person", exact=True)).to_have_count(1)
    form.get_by_label("Tells (persons, comma-separated)").fill("U-501")
    form.get_by_role("button", name="Save the change").click()
    expect(team).to_contain_text("after 15 min: U-501")
    page.get_by_role("button", name="Disband: NIGHT").click()
    expect(team).to_contain_text("Disbanded")


def test_a_suspended_target_is_seen_by_its_owner_and_resumed(enter: Open, world: World) -> None:
    page = enter("/subscriptions")
    page.locator("#ac-sub-no").fill("GONE")
    page.locator("#ac-sub-webhook").fill("https://gone.example/hook")
    page.get_by_role("button", name="Subscribe", exact=True).click()
    kept = page.locator("#aud-subscriptions tbody tr").filter(has_text="GONE")
    expect(kept).to_contain_text("In force")
    world.suspend("GONE", "https://gone.example/hook")
    page.reload()
    expect(kept).to_contain_text("Webhook suspended since 2026-11-22")
    expect(kept).to_contain_text("the receiver wants no more (410)")
    page.get_by_role("button", name="Resume: GONE").click()
    expect(page.locator("#aud-subscriptions")).to_contain_text("GONE is tried again; 0 messages are due again.")
    expect(kept).not_to_contain_text("suspended")


def test_the_list_is_narrowed_to_what_a_silence_held_back(enter: Open, world: World) -> None:
    heard = world.arrive(limit_id="heard")
    page = enter("")
    expect(row(page, heard)).to_be_visible()
    page.locator("#ac-silenced").select_option("true")
    expect(row(page, heard)).to_have_count(0)
    page.locator("#ac-silenced").select_option("false")
    expect(row(page, heard)).to_be_visible()


def test_dead_letters_are_seen_and_sent_again(enter: Open) -> None:
    page = enter("/deliveries", who="risk")
    page.locator("#ac-delivery-state").select_option("failed")
    expect(page.locator("#aud-deliveries tbody tr")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Attempts: SUB-1")).click()
    expect(page.locator("#aud-attempts")).to_contain_text("the receiver answered 500")
    expect(page.locator("#aud-attempts")).to_contain_text("500")
    expect(page.get_by_role("button", name=re.compile("^Send again: SUB-1"))).to_have_count(1)
    page.get_by_role("button", name=re.compile("^All to this target: SUB-1")).click()
    expect(page.locator("#aud-deliveries")).to_contain_text("1 message is due again")
    expect(page.locator("#aud-deliveries")).to_contain_text("No deliveries match.")


def test_an_alert_is_acknowledged_on_a_phone(enter: Open, world: World) -> None:
    alert_id = world.arrive(limit_id="phone")
    page = enter("", width=390)
    row(page, alert_id).get_by_role("checkbox").check()
    page.locator("#ac-acknowledge").click()
    expect(row(page, alert_id)).to_contain_text("Acknowledged")
    assert fits(page)


WIDE = "[...document.querySelectorAll('#alert-centre *')].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.className || e.id)"  # noqa: E501


def looked_at(page: Page) -> None:
    """WCAG 2.2 AA as far as axe can judge it, light and dark, wide and on a phone; nothing wider than the screen."""
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert violations(page) == [], (page.url, width, scheme)
        assert fits(page), (page.url, width, page.evaluate(WIDE))


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("", ".ac-row"),
        ("/limit-0", "#aud-life li"),
        ("/deliveries", "#aud-deliveries tbody tr"),
        ("/teams", "#ac-team-form"),
    ],
)
def test_accessibility(enter: Open, place: str, shown: str) -> None:
    page = enter(place, who="risk")
    expect(page.locator(shown).first).to_be_visible()
    looked_at(page)
