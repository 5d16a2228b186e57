"""The approver's day on a phone, in a real Chromium over the real API: approve, be stale, tap twice, lose the link.

Decisions, publisher and figures are the real ones (`tests.desk_of_withdrawals`); only Kafka is left out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.api_doubles import Running, running
from tests.browser.chromium import PAGE, Watched, chromium, fits, needs_chromium, violations
from tests.desk_of_withdrawals import ENTITY, PEOPLE, DeskBank, token_of

pytestmark = needs_chromium
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskBank]:
    found = DeskBank.open(tmp_path_factory.mktemp("desk-page"))
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def server(bank: DeskBank) -> Iterator[Running]:
    with running(bank.services(page_dir=PAGE / "dist")) as found:
        yield found


def announced(bank: DeskBank, number: str, amount: str = "200.00") -> None:
    """By a channel, as most are."""
    bank.tells(number, amount=amount, customer_id=f"C-{number}", account_id=f"A-{number}", channel="BRANCH-7")


@contextmanager
def signed_in(
    browser: Browser, server: Running, who: str, *, viewport: dict[str, int] = PHONE, scheme: str = "light"
) -> Iterator[Watched]:
    """A person's own browser, signed in by the cookie, with everything that goes wrong in it."""
    context = browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="en-GB",
        has_touch=viewport is PHONE,
    )
    host = urlsplit(server.address).hostname or ""
    context.add_cookies([{"name": "tidemark_session", "value": token_of(who), "domain": host, "path": "/"}])
    found = Watched(context.new_page(), server.address)
    try:
        yield found
        found.settled()
    finally:
        context.close()


def opened(watched: Watched, number: str) -> Page:
    watched.page.goto(f"{watched.address}/#/desk/{number}")
    expect(watched.page.locator("#wd-task-title")).to_be_visible()
    return watched.page


def test_an_approver_approves_on_the_phone_and_the_figures_hold_it_back(
    browser: Browser, server: Running, bank: DeskBank
) -> None:
    announced(bank, "PH-1")
    with signed_in(browser, server, "branch") as watched:
        page = watched.page
        page.goto(f"{watched.address}/#/desk")
        card = page.locator("#wd-card-PH-1")
        expect(card).to_contain_text("CNY 200.00")
        assert fits(page)
        assert violations(page) == []
        card.tap()
        expect(page.locator("#wd-task-title")).to_be_focused()
        impact = page.locator(".wd-impact")
        expect(impact).to_contain_text("before 800.00")
        expect(impact).to_contain_text("after 600.00")
        expect(impact).to_contain_text("180.00 below the floor")
        assert fits(page)
        for button in ("approve", "reject", "delegate"):
            expect(page.locator(f"#wd-{button}")).to_be_visible()
            box = page.locator(f"#wd-{button}").bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= PHONE["height"]  # within the thumb's reach without scrolling
        page.locator("#wd-approve").tap()
        expect(page.locator("#wd-sure")).to_be_focused()
        assert violations(page) == []
        page.locator("#wd-confirm").tap()
        expect(page.locator(".wd-state")).to_have_text("Approved")
        expect(page.locator(".wd-task .wd-said")).to_have_text("Approved.")
        expect(page.locator(".wd-history")).to_contain_text("approved for the branch branch")
    bank.publish()
    assert bank.reserved()[ENTITY, "N1", "CNY"] >= 20_000


def test_a_second_approver_on_an_old_version_is_refused_and_sees_it_as_it_is(
    browser: Browser, server: Running, bank: DeskBank
) -> None:
    announced(bank, "PH-2")
    with signed_in(browser, server, "branch") as watched:
        watched.forgiven = ("409",)
        page = opened(watched, "PH-2")
        page.locator("#wd-approve").tap()
        expect(page.locator("#wd-sure")).to_be_visible()
        announced(bank, "PH-2", amount="450.00")  # the customer asked for more meanwhile
        page.locator("#wd-confirm").tap()
        expect(page.locator(".wd-task .wd-said")).to_contain_text("It has changed since you read it")
        expect(page.locator("#wd-task-title")).to_have_text("CNY 450.00")
        expect(page.locator("#wd-approve")).to_be_visible()  # may decide on what it is now
    assert bank.app.find("WithdrawalReservation", "PH-2") is None


def test_a_double_tap_and_a_lost_link_are_one_decision(browser: Browser, server: Running, bank: DeskBank) -> None:
    announced(bank, "PH-3")
    announced(bank, "PH-4")
    with signed_in(browser, server, "branch") as watched:
        page = opened(watched, "PH-3")
        page.locator("#wd-approve").tap()
        page.evaluate("() => { const b = document.querySelector('#wd-confirm'); b.click(); b.click(); }")
        expect(page.locator(".wd-state")).to_have_text("Approved")
    with signed_in(browser, server, "branch") as watched:
        watched.forgiven = ("net::ERR", "Failed to load")
        page = opened(watched, "PH-4")
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.post_data or "") if one.method == "POST" else None)
        page.locator("#wd-approve").tap()
        page.locator("#wd-comment").fill("known customer")
        page.route(re.compile("/approve$"), lambda route: (route.fetch(), route.abort()))  # arrives, unanswered
        page.locator("#wd-confirm").tap()
        said = page.locator(".wd-task .wd-said")
        expect(said).to_contain_text("Not sent")
        page.unroute(re.compile("/approve$"))
        page.locator("#wd-confirm").tap()
        expect(page.locator(".wd-state")).to_have_text("Approved")
        assert len(sent) == 2
        assert sent[0] == sent[1]  # the same key
    for number in ("PH-3", "PH-4"):
        case: Any = bank.app.find("WithdrawalReservation", number)
        assert len(case.approvals) == 1


def test_a_large_amount_wants_a_proof_and_takes_a_code(browser: Browser, server: Running, bank: DeskBank) -> None:
    announced(bank, "PH-5", amount="30000000.00")
    bank.codes._token_by_code |= {"code-7": token_of("branch")}
    with signed_in(browser, server, "branch") as watched:
        watched.forgiven = ("403",)
        page = opened(watched, "PH-5")
        page.locator("#wd-approve").tap()
        page.locator("#wd-confirm").tap()
        expect(page.locator("#wd-code")).to_be_focused()
        page.keyboard.type("code-7")
        page.keyboard.press("Enter")
        expect(page.locator(".wd-state")).to_contain_text("waits for treasury")


def unanswered(route: Route) -> None:
    """A command arrives and its answer is lost; questions are answered."""
    if route.request.method != "POST":
        route.continue_()
        return
    route.fetch()
    route.abort()


def test_a_clerk_announces_changes_and_withdraws_by_keyboard_on_the_phone(
    browser: Browser, server: Running, bank: DeskBank
) -> None:
    with signed_in(browser, server, "clerk") as watched:
        watched.forgiven = ("net::ERR", "Failed to load", "422")
        page = watched.page
        page.goto(f"{watched.address}/#/desk")
        expect(page.locator("#wd-announce")).to_be_visible()
        page.locator("#wd-announce").focus()
        page.keyboard.press("Enter")
        dialog = page.locator(".wd-asking")
        expect(dialog).to_be_visible()
        assert fits(page)
        assert violations(page) == []
        customer, amount = (
            dialog.locator("[data-field=customer_no] input"),
            dialog.locator("[data-field=amount] input"),
        )
        expect(customer).to_be_focused()
        page.keyboard.press("Enter")
        expect(dialog.locator("[data-field=customer_no] .desk-problem")).to_have_text("This is needed.")
        customer.fill("C-CLERK")
        amount.fill("0")
        amount.press("Enter")
        expect(dialog.locator("[data-field=amount] .desk-problem")).to_have_text("An amount above zero.")
        amount.fill("1,234,567.891")
        amount.press("Enter")
        expect(dialog.locator("[data-field=amount] .desk-problem")).to_contain_text("amount")  # the server's own
        expect(amount).to_be_focused()
        amount.fill("1,234,567.89")
        dialog.locator("[data-field=value_date] input").fill("2026-11-22")
        amount.press("Enter")
        expect(dialog.locator("[data-field=value_date] .desk-problem")).to_contain_text("2026-11-23")
        dialog.locator("[data-field=value_date] input").fill("2026-11-24")
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.post_data or "") if one.method == "POST" else None)
        page.route(
            re.compile("/withdrawal-desk$"), lambda route: (route.fetch(), route.abort())
        )  # arrives, unanswered
        amount.press("Enter")
        expect(dialog.locator(".wd-said")).to_contain_text("Not sent")
        page.unroute(re.compile("/withdrawal-desk$"))
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.locator("#wd-announce").click()
        expect(amount).to_have_value("1,234,567.89")
        page.get_by_role("button", name="Send again").click()
        expect(page.locator("#wd-task-title")).to_have_text("CNY 1,234,567.89")
        assert len(sent) == 2
        assert sent[0] == sent[1]  # the same key
        expect(page.locator(".wd-task")).to_contain_text("C-CLERK")
        expect(page.locator(".wd-state")).to_contain_text("waits for the branch")

        page.locator("#wd-amend").tap()
        amount.fill("900.00")
        amount.press("Enter")
        expect(page.locator("#wd-task-title")).to_have_text("CNY 900.00")
        expect(page.locator(".wd-task .wd-said")).to_have_text("Changed.")
        page.locator("#wd-cancel").tap()
        dialog.locator("[data-field=comment] input").fill("no longer wanted")
        assert violations(page) == []
        page.keyboard.press("Enter")
        expect(page.locator(".wd-state")).to_have_text("Cancelled")
        expect(page.locator(".wd-history")).to_contain_text("no longer wanted")
        expect(page.locator("#wd-amend")).to_have_count(0)
    with signed_in(browser, server, "committee") as watched:  # who decides only
        page = watched.page
        page.goto(f"{watched.address}/#/desk")
        expect(page.locator(".wd-list")).to_contain_text("of")
        expect(page.locator("#wd-announce")).to_be_hidden()
    announced_here = [one for one in bank.app.list_cases("WithdrawalReservation", reader=PEOPLE["clerk"])]
    assert [one["state"] for one in announced_here if one["customer_no"] == "C-CLERK"] == ["CANCELLED"]


def test_a_lost_answer_to_a_dispatch_makes_one_proposal_and_one_instruction(
    browser: Browser, server: Running, bank: DeskBank
) -> None:
    bank.entry("D-out", "out", "900.00", customer="C-D", branch="N2")
    bank.entry("D-in", "in", "900000000.00", customer="X-D", branch="N1", kind="TRANSFER")

    def lost_once(page: Page, path: str, button: str, dialog: str) -> list[str]:
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.post_data or "") if one.method == "POST" else None)
        page.route(re.compile(path), unanswered)
        page.locator(button).first.click()
        box = page.locator(".wd-asking")
        expect(box).to_contain_text(dialog)
        assert violations(page) == []
        box.locator("[type=submit]").click()
        expect(box.locator(".wd-said")).to_contain_text("Not sent")
        page.keyboard.press("Escape")
        expect(box).to_have_count(0)
        page.unroute(re.compile(path))
        return sent

    with signed_in(browser, server, "treasurer", viewport=DESKTOP) as watched:
        watched.forgiven = ("net::ERR", "Failed to load")
        page = watched.page
        page.goto(f"{watched.address}/#/desk")
        sent = lost_once(page, "/dispatch$", ".wd-propose", "Propose to move CNY")
        page.locator(".wd-propose").first.click()
        page.get_by_role("button", name="Send again").click()
        expect(page.locator(".wd-branches .wd-said")).to_contain_text("another person approves it")
        assert len(sent) == 2
        assert sent[0] == sent[1]
    (proposal,) = bank.app.list_cases("DispatchProposal", reader=PEOPLE["second"])
    with signed_in(browser, server, "second", viewport=DESKTOP) as watched:
        watched.forgiven = ("net::ERR", "Failed to load")
        page = watched.page
        page.goto(f"{watched.address}/#/desk")
        button = f"#wd-reject-{proposal['proposal_no']}"
        expect(page.locator(button)).to_be_visible()
        page.locator(button).click()
        page.get_by_role("button", name="Not now").click()
        expect(page.locator(button)).to_be_focused()  # asked, and not done
        sent = lost_once(page, "/approve$", button.replace("reject", "approve"), "core banking is told")
        assert len(sent) == 1
    case: Any = bank.app.find("DispatchProposal", proposal["proposal_no"])
    assert case.stage == "APPROVED"
    assert case.version == 2  # proposed and approved, once each


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desktop_shows_days_ahead_and_branches_in_both_languages(
    browser: Browser, server: Running, bank: DeskBank, scheme: str
) -> None:
    announced(bank, "PH-9", amount="1500000.00")
    bank.entry(f"T-{scheme}", "out", "900.00", customer=f"C-{scheme}", branch="N2")
    bank.entry(f"T-{scheme}-in", "in", "5000.00", customer=f"X-{scheme}", branch="N1", kind="TRANSFER")
    with signed_in(browser, server, "treasurer", viewport=DESKTOP, scheme=scheme) as watched:
        page = watched.page
        page.goto(f"{watched.address}/#/desk")
        page.get_by_role("button", name="All open").click()
        page.locator("#wd-card-PH-9").click()
        expect(page.locator(".wd-days .summary")).to_contain_text("Expected CNY")
        expect(page.locator(".wd-branches")).to_contain_text("N2")
        expect(page.locator(".wd-decision")).to_contain_text("not for you")
        assert fits(page)
        assert violations(page) == []
        page.locator("#language").select_option("zh")
        expect(page.locator("#wd-title")).to_have_text("大额走款工作台")
        expect(page.locator(".wd-days")).to_contain_text("最坏")
        assert violations(page) == []
