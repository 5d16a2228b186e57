"""The workbench in a real Chromium, over the API itself on a SQLite store: what is decided here is stored there.

No Kafka: the process managers are run by hand where a bank would wait for
them. What needs a script (broken lines, lists that are empty here) is tried on the bank of `mock_desk.py`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import WITHIN_MS, Watched, chromium, fits, needs_chromium, violations
from tests.browser.desk_bank import PEOPLE, DeskBank, desk_bank, fill
from tests.browser.mock_api import MockBank, MockServer
from tests.browser.mock_desk import MockDesk

pytestmark = needs_chromium


class Desk(Watched):
    """An open workbench."""

    def open(self, place: str = "") -> Page:
        self.page.goto(f"{self.address}/#/workbench{place}")
        expect(self.page.locator("#desk-person option").first).to_be_attached()
        return self.page

    def act_as(self, actor: str) -> None:
        """As a person does it: choose him, or paste his token once."""
        select = self.page.locator("select#desk-person")
        known = select.locator("option", has_text=re.compile(f"^{actor} ·"))
        if known.count():
            select.select_option(value=known.first.get_attribute("value"))
        else:
            select.select_option("another")
            self.page.get_by_label("Token").fill(actor)
            self.page.get_by_role("button", name="Act as this person").click()
        expect(select.locator("option:checked")).to_contain_text(f"{actor} ·")

    def begin(self, kind: str, key: str) -> None:
        self.page.locator("#desk-begin").click()
        self.page.get_by_label("Kind").select_option(kind)
        self.page.get_by_label("Number").fill(key)
        self.page.get_by_role("button", name="Go on").click()

    def form(self, command: str) -> Locator:
        self.page.locator(f".desk-do[data-command='{command}']").click()
        form = self.page.locator(f"form[data-command='{command}']")
        expect(form).to_be_visible()
        return form

    def do(self, command: str, stored: str, **values: str) -> None:
        """Gives a command by its form, and waits until the page says what was stored."""
        form = self.form(command)
        enter(form, **values)
        form.locator("button[type=submit]").click()
        expect(self.page.locator(".desk-said")).to_contain_text(stored)


def enter(form: Locator, **values: str) -> None:
    """Types into the fields of a form, by path; `splits__0__amount` is `splits[0].amount`."""
    for name, value in values.items():
        path = re.sub(r"__(\d+)__", r"[\1].", name)
        control = form.locator(f"[data-field='{path}'] :is(input, select, textarea)").first
        expect(control).to_be_attached()
        if not control.is_visible():  # behind a heading that is closed
            control.locator("xpath=ancestor::details[not(@open)]/summary").click()
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)


def look_again(page: Page) -> None:
    """What the page does by itself every few seconds, and whenever its window comes to the front."""
    page.evaluate("dispatchEvent(new Event('focus'))")


def badge(page: Page) -> Locator:
    return page.locator(".desk-head .desk-badge").first


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def desk_in(
    browser: Browser, address: str, *, actor: str = "reader", width: int = 1440, scheme: str = "light"
) -> Desk:
    """Signed in as somebody, by the cookie that a login link sets."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light", locale="en-GB"
    )
    context.set_default_timeout(WITHIN_MS)
    context.add_cookies([{"name": "tidemark_session", "value": actor, "url": address, "sameSite": "Strict"}])
    return Desk(context.new_page(), address)


@pytest.fixture
def bank() -> Iterator[DeskBank]:
    with desk_bank() as found:
        fill(found)
        yield found


@pytest.fixture
def desk(browser: Browser, bank: DeskBank) -> Iterator[Desk]:
    found = desk_in(browser, bank.address)
    yield found
    found.page.context.close()
    found.settled()


def test_a_loan_goes_from_registration_to_recovery(desk: Desk, bank: DeskBank) -> None:
    """Eight people take one loan through classification, write-off in four eyes, posting and recovery."""
    page = desk.open()
    desk.act_as("feed")
    page.locator("#desk-register").click()
    page.get_by_label("Number").fill("LN-9001")
    page.get_by_role("button", name="Go on").click()
    desk.do(
        "Admit", "Asset admitted", customer_no="C-9001", principal="5,000,000.00", interest_on="120000.00",
        penalty="3000.00", classification="SUBSTANDARD", overdue_since="2026-05-01",
    )  # fmt: skip
    expect(page.locator("[data-sum=claim]")).to_have_text("5,123,000.00")

    desk.act_as("zhao")
    desk.do("Reclassify", "Asset reclassified", to_class="LOSS")
    expect(page.locator(".desk-head .desk-badge[data-code=LOSS]")).to_be_visible()

    desk.act_as("wang")
    desk.begin("WriteOff", "WO-9001")
    desk.do("Draft", "Write off drafted", ground="BANKRUPTCY")
    desk.act_as("lin")
    desk.do("ReviewCompliance", "Compliance reviewed", outcome="PASS")
    desk.act_as("wang")
    desk.do("Submit", "Write off submitted")

    # wang may approve write-offs, but not his own
    refused = page.locator(".desk-shut li", has=page.locator("[data-command=Approve]"))
    expect(refused.locator("button")).to_be_disabled()
    expect(refused).to_contain_text("SD1")
    expect(refused).to_contain_text("The maker of a case never decides it")

    desk.act_as("chen")
    desk.do("Approve", "Write off approved", approval_no="WO-2026-031")
    expect(page.locator(".desk-held")).to_have_text("Held for Write off WO-9001")
    desk.act_as("he")
    desk.do("RequestPosting", "Write off posting requested")
    desk.act_as("gao")
    desk.do("ConfirmInstruction", "Instruction confirmed")
    desk.act_as("core")
    desk.do("MarkPosted", "Write off posted", core_txn_no="C-2290")
    expect(badge(page)).to_have_text("Posted")
    expect(page.locator("[data-sum=memo]")).to_have_text("5,123,000.00")

    page.get_by_role("link", name="Risk asset LN-9001").click()
    expect(badge(page)).to_have_text("Written off")
    desk.begin("RecoveryFlow", "C-3105")
    desk.do("Receive", "Flow received", amount="260000")
    desk.act_as("wang")
    form = desk.form("Tag")
    enter(form, splits__0__mode="POST_WRITE_OFF_CASH", splits__0__amount="250000")
    expect(form.locator(".desk-balance").last).to_have_text("10,000.00 still to be spread")
    enter(form, splits__0__amount="260000")
    expect(form.locator(".desk-balance").last).to_have_text("The parts add up to the amount.")
    form.locator("button[type=submit]").click()
    desk.act_as("sun")
    desk.do("ConfirmTag", "Flow tag confirmed")
    bank.follow()

    page.get_by_role("link", name="Risk asset LN-9001").click()
    expect(page.locator("[data-sum=memo]")).to_have_text("4,863,000.00")
    expect(page.locator("[data-sum=gone]")).to_have_text("260,000.00")
    expect(page.locator("[data-sum=all]")).to_have_text("5,123,000.00")  # not a yuan is lost
    expect(page.locator(".desk-now")).to_contain_text("Recovered")
    told = page.locator(".desk-history li[data-event] b")
    expect(told.last).to_have_text("Asset admitted")
    names = told.all_inner_texts()
    assert names[-2:] == ["Asset reclassified", "Asset admitted"]
    assert names.index("Write off posted") < names.index("Write off approved") < names.index("Write off drafted")
    assert {"chen", "wang", "gao"} <= set(page.locator("#desk-history-who option").all_inner_texts())
    state = bank.assets.state("RiskAsset", "LN-9001", reader=PEOPLE["reader"])
    assert (state["rec_cash"], state["memo"]["principal"]) == ("260000.00", "4740000.00")


def test_who_was_first_is_told_before_the_second_decides(desk: Desk, bank: DeskBank) -> None:
    desk.forgiven = ("409",)  # what the browser itself says of the answers
    page = desk.open("/WriteOff/WO-1")
    desk.act_as("chen")
    form = desk.form("Approve")
    enter(form, approval_no="A-1")
    bank.give("wang", "WriteOff", "WO-1", "Withdraw")
    look_again(page)
    expect(page.locator(".desk-news")).to_contain_text("wang Write off withdrawn")  # the form stays as it is
    form.get_by_role("button", name="Approve: store").click()
    refusal = form.locator(".desk-refusal")
    expect(refusal).to_contain_text("You decided on version 3; it is now version 4.")
    expect(refusal.locator("li")).to_contain_text("wang (AM)")
    expect(form.locator("[data-field=approval_no] input")).to_have_value("A-1")
    refusal.get_by_role("button").click()
    form.get_by_role("button", name="Approve: store").click()
    expect(refusal).to_contain_text("STATE")
    expect(refusal).to_contain_text("Approve is not possible while WITHDRAWN")
    page.locator(".desk-news").get_by_role("button", name="Reload").click()
    expect(badge(page)).to_have_text("Withdrawn")
    assert [event.type for event in bank.assets.history("WriteOff", "WO-1", reader=PEOPLE["reader"])][-1:] == [
        "WriteOffWithdrawn"
    ]


def test_a_refusal_stands_beside_its_field_and_names_its_rule(desk: Desk, bank: DeskBank) -> None:
    desk.forgiven = ("409", "422")
    page = desk.open("/RiskAsset/LN-7002")
    expect(page.locator(".desk-actions")).to_contain_text("You read as internal audit (IA)")
    desk.act_as("zhao")
    form = desk.form("Reclassify")
    expect(form.locator("[data-field=to_class] select")).to_be_focused()
    enter(form, to_class="SUBSTANDARD")
    form.locator("button[type=submit]").click()
    field = form.locator("[data-field=to_class]")
    expect(field.locator(".desk-problem")).to_have_text("the class does not change")
    expect(field.locator("select")).to_have_attribute("aria-invalid", "true")
    expect(field.locator("select")).to_be_focused()
    enter(form, to_class="SPECIAL_MENTION")
    form.locator("button[type=submit]").click()
    expect(form.locator(".desk-refusal")).to_contain_text("RiskAsset.Reclassify.2 an upgrade needs AP")
    expect(field.locator(".desk-problem")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(page.locator(".desk-do[data-command=Reclassify]")).to_be_focused()

    # what somebody else does is seen without a reload
    bank.give("zhao", "RiskAsset", "LN-7002", "Reclassify", to_class="DOUBTFUL")
    look_again(page)
    expect(page.locator(".desk-head .desk-badge[data-code=DOUBTFUL]")).to_be_visible()
    expect(page.locator(".desk-history li").first).to_contain_text("Asset reclassified")
    page.locator(".desk-history summary").first.click()
    expect(page.locator(".desk-history dl").first).to_contain_text("Doubtful")

    select = page.locator("select#desk-person")
    select.select_option("another")
    page.get_by_label("Token").fill("nobody-of-ours")
    page.get_by_role("button", name="Act as this person").click()
    expect(page.locator("dialog[open]")).to_contain_text("this token is not valid")
    page.keyboard.press("Escape")
    expect(select.locator("option:checked")).to_contain_text("zhao")
    desk.forgiven += ("401",)


def test_documents_are_stored_named_in_a_decision_and_given_back(desk: Desk, tmp_path: Path) -> None:
    letter = tmp_path / "approval.txt"
    letter.write_text("the board agrees")
    page = desk.open("/WriteOff/WO-1")
    desk.act_as("chen")
    form = desk.form("Approve")
    page.get_by_label("Upload a document").set_input_files(letter)
    expect(page.locator(".desk-papers")).to_contain_text("Stored: approval.txt")
    expect(form.locator("#desk-docs")).not_to_have_value("")
    form.locator("button[type=submit]").click()
    expect(page.locator(".desk-said")).to_contain_text("Write off approved")
    with page.expect_download() as waiting:
        page.locator(".desk-papers").get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == "approval.txt"
    assert waiting.value.path().read_text() == "the board agrees"


def test_the_workbench_speaks_chinese_and_is_walked_by_keyboard(desk: Desk) -> None:
    page = desk.open()
    page.get_by_label("Search loans").fill("doubtful")
    expect(page.get_by_text("No loan matches.")).to_be_visible()
    page.get_by_label("Search loans").fill("c-7003")
    expect(page.get_by_text("1 of 3 loans")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Risk asset LN-7003")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search loans")).to_be_focused()
    page.locator("#language").select_option("zh")
    expect(page.get_by_role("heading", name="风险资产 LN-7003")).to_be_visible()
    expect(page.locator("#workbench")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator(".desk-history li").first).to_contain_text("资产已登记")
    page.reload()
    expect(page.get_by_role("heading", name="工作台")).to_be_visible()
    page.get_by_role("link", name="实时头寸").click()
    expect(page.locator("#workbench")).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_accessibility(browser: Browser, bank: DeskBank, width: int, scheme: str) -> None:
    """WCAG 2.2 AA as far as axe can judge it, and nothing wider than the screen; a phone shows one pane at a time."""
    desk = desk_in(browser, bank.address, actor="wang", width=width, scheme=scheme)
    page = desk.open()
    expect(page.locator(".desk-loans li")).to_have_count(3)
    assert violations(page) == []
    page.locator(".desk-loans a").first.click()
    expect(page.locator(".desk-case")).to_be_visible()
    expect(page.locator(".desk-list")).to_be_visible(visible=width > 760)
    page.locator(".desk-around a").first.click()  # its approval is shut for wang
    expect(page.locator(".desk-shut")).to_be_visible()
    desk.form("Withdraw")
    for summary in page.locator(".desk-form summary").all():
        summary.click()
    assert violations(page) == []
    assert fits(page)
    if width < 760:
        page.get_by_role("button", name="History").click()
        expect(page.locator(".desk-history")).to_be_visible()
        assert violations(page) == []
    page.context.close()
    desk.settled()


# --- On the scripted bank ------------------------------------------------------------------------------------------


@pytest.fixture
def scripted(browser: Browser) -> Iterator[tuple[Desk, MockDesk]]:
    bank = MockBank([("TIDE-CN", "CNY")])
    with MockServer(bank) as server:
        found = desk_in(browser, server.address)
        yield found, bank.desk
        found.page.context.close()
        found.settled()


def test_every_kind_of_field_is_sent_as_it_was_typed(scripted: tuple[Desk, MockDesk]) -> None:
    desk, bank = scripted
    page = desk.open("/WriteOff/WO-1")
    form = desk.form("Approve")
    enter(
        form, asset_no="LN-7001", opinion="agreed, with care", ground="BANKRUPTCY", outcome="PASS",
        decided_on="2026-11-21", votes_for="6", veto="false", amount="90071992547409931.01", engine_diff="-0.05",
        fee_rate="0.0435", docs="D-1, D-2", conditions="first\nsecond", terms='{"rate": "0.04"}',
        bids='[{"by": "A"}]', splits__0__amount="5.00",
    )  # fmt: skip
    expect(form.locator("[data-field=amount]")).to_contain_text("= 90,071,992,547,409,931.01")
    form.locator("[data-field=alloc]").get_by_label("Costs").fill("90071992547409930.01")
    expect(form.locator("[data-field=alloc]")).to_contain_text("1.00 still to be spread")
    form.locator("button[type=submit]").click()
    expect(form.locator("[data-field=alloc]")).to_contain_text("The parts do not add up to the amount.")
    assert bank.sent == []
    form.locator("[data-field=alloc]").get_by_label("Principal").fill("1.00")
    form.get_by_text("Day, reason, documents").click()
    form.get_by_label("Reason").fill("as resolved")
    form.get_by_label("Counts on").fill("2026-11-20")
    form.locator("button[type=submit]").click()
    expect(page.locator(".desk-said")).to_contain_text("Stored: Write off approved")
    (sent,) = bank.sent
    assert sent.pop("cmd_id").startswith("page-")
    assert sent == {
        "aggregate": "WriteOff",
        "key": "WO-1",
        "command": "Approve",
        "valid_on": "2026-11-20",
        "reason": "as resolved",
        "payload": {
            "asset_no": "LN-7001",
            "opinion": "agreed, with care",
            "ground": "BANKRUPTCY",
            "outcome": "PASS",
            "decided_on": "2026-11-21",
            "votes_for": 6,
            "veto": False,
            "amount": "90071992547409931.01",
            "engine_diff": "-0.05",
            "alloc": {"costs": "90071992547409930.01", "principal": "1.00"},
            "fee_rate": "0.0435",
            "docs": ["D-1", "D-2"],
            "conditions": ["first", "second"],
            "terms": {"rate": "0.04"},
            "bids": [{"by": "A"}],
            "splits": [{"split_no": 1, "amount": "5.00"}],
            "expected_version": 3,
        },
    }


def test_a_broken_line_does_not_store_twice(scripted: tuple[Desk, MockDesk]) -> None:
    desk, bank = scripted
    desk.forgiven = ("503", "ERR_FAILED")
    bank.answers = [(503, {"title": "unavailable", "status": 503, "detail": "the event store does not answer"})]
    page = desk.open("/WriteOff/WO-1")
    form = desk.form("Return")
    page.route("**/api/v1/commands", lambda route: route.abort(), times=1)
    send = form.get_by_role("button", name="Return: store")
    send.click()
    expect(form.locator(".desk-refusal")).to_contain_text("Send again: it is stored once")
    send.click()
    expect(form.locator(".desk-refusal")).to_contain_text("the event store does not answer")
    send.click()
    expect(page.locator(".desk-said")).to_contain_text("Stored")
    first, second = bank.sent
    assert first == second


def test_lists_show_what_waits_and_the_claim_adds_up(scripted: tuple[Desk, MockDesk]) -> None:
    desk, bank = scripted
    bank.refused = {"code": "rejected", "guard": "WriteOff.Return.1", "text": "refused unless: not yet"}
    page = desk.open("/RiskAsset/LN-7001")
    loans = page.locator(".desk-loans li")
    expect(loans).to_have_count(6)
    expect(loans.first).to_contain_text("1 to-do")
    expect(loans.nth(1)).to_contain_text("2 d left")
    page.get_by_label("My to-dos only").check()
    expect(loans).to_have_count(1)
    page.get_by_label("My to-dos only").uncheck()
    page.locator("#desk-deadline").select_option("RED")
    expect(loans).to_have_count(1)
    expect(loans).to_contain_text("LN-7002")
    for name, shown in (("claim", "8,198,313.45"), ("gone", "150,000.00"), ("all", "8,348,313.45")):
        expect(page.locator(f"[data-sum={name}]")).to_have_text(shown)
    expect(page.locator(".desk-came")).to_have_attribute("data-came", "8348313.45")
    expect(page.locator(".desk-case")).to_contain_text("act by 2026-11-24")
    page.locator(".desk-around a").click()
    expect(page.locator(".desk-shut")).to_contain_text("WriteOff.Return.1 refused unless: not yet")
    history = page.locator(".desk-history li")
    expect(history).to_have_count(3)
    page.get_by_label("Search in the history").fill("WF-9")
    expect(history).to_have_count(1)
    page.get_by_label("Search in the history").fill("")
    history.nth(1).locator("summary").click()
    expect(history.nth(1)).to_contain_text("8,195,386.67 (was 8,000,000.00)")
