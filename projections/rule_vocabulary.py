"""What alert rules may speak of: per subject ("about") the named facts with type, meaning and an example.

Facts come from recorded cuts and what they were before, nothing else; a fact that is not known is missing, and an
expression that needs it cannot be evaluated there. Not for the facts' values: those are `projections.rule_facts`.
"""

from dataclasses import dataclass

from projections.expressions import FactType, Vocabulary

#: Minutes over which changes are told; the readings reach back for the longest.
WINDOWS_MINUTES = (5, 15, 60)


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    type: FactType
    text: str
    text_zh: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that rules are about. `is_level`: it holds until it clears; else it happens once."""

    about: str
    text: str
    text_zh: str
    is_level: bool
    facts: tuple[Fact, ...]
    examples: tuple[tuple[str, str, str], ...]  # expression, what it says, the same in Chinese


def _windows(kind: str, type_: FactType, noun: str, noun_zh: str) -> tuple[Fact, ...]:
    return tuple(
        Fact(
            f"{kind}_change_{minutes}m",
            type_,
            f"{noun} less what it was {minutes} minutes ago",
            f"{noun_zh}较{minutes}分钟前的变化",
        )
        for minutes in WINDOWS_MINUTES
    )


_PLACE = (
    Fact("entity", FactType.TEXT, "legal entity; `-` is the group", "法人主体；`-` 为集团"),
    Fact("currency", FactType.TEXT, "ISO 4217", "币种"),
)

TOTALS = Subject(
    "totals",
    "figures of the recorded cuts: ratios, positions, gaps",
    "定格指标：比率、头寸、缺口",
    True,
    (
        Fact("metric", FactType.TEXT, "lcr, nsfr, position, projected_eod, available_position, …", "指标"),
        Fact("scope", FactType.TEXT, "currency, entity or group", "口径：currency、entity 或 group"),
        *_PLACE,
        Fact("as_of", FactType.TEXT, "business date of the figure, YYYY-MM-DD", "指标的业务日期"),
        Fact("known", FactType.BOOL, "the figure is computable", "指标可计算"),
        Fact("amount", FactType.MONEY, "of a figure that is money", "金额类指标的数值"),
        Fact("ratio", FactType.NUMBER, "of a figure that is a ratio; 1.0 is 100%", "比率类指标的数值，1.0 即 100%"),
        Fact("numerator", FactType.MONEY, "of a ratio", "比率的分子"),
        Fact("denominator", FactType.MONEY, "of a ratio", "比率的分母"),
        Fact("amount_change", FactType.MONEY, "since the cut before", "较上一定格的金额变化"),
        Fact("ratio_change", FactType.NUMBER, "since the cut before", "较上一定格的比率变化"),
        *_windows("amount", FactType.MONEY, "amount", "金额"),
        *_windows("ratio", FactType.NUMBER, "ratio", "比率"),
        Fact(
            "readings",
            FactType.INT,
            "readings behind z, one a minute, at most 60",
            "稳健统计的读数个数（每分钟一个，最多60）",
        ),
        Fact("z", FactType.NUMBER, "(x - median) / (1.4826 MAD) over the readings before", "稳健 z 值"),
        Fact("steady", FactType.BOOL, "more than half of the readings are equal: MAD is 0 and z is 0", "MAD 为 0"),
        Fact("amount_deviation", FactType.MONEY, "amount less the median of the readings", "金额与读数中位数之差"),
        Fact("ratio_deviation", FactType.NUMBER, "ratio less the median of the readings", "比率与读数中位数之差"),
    ),
    (
        (
            'metric == "lcr" && ratio < 1.05',
            "the LCR nears its minimum",
            "流动性覆盖率接近下限",
        ),
        (
            'metric == "position" && amount_change_15m <= money("-5000000.00")',
            "a position loses 5 million within 15 minutes",
            "头寸15分钟内下降500万",
        ),
        (
            'readings >= 20 && (z > 5.0 || z < -5.0 || (steady && (amount_deviation > money("1000.00") || '
            'amount_deviation < money("-1000.00"))))',
            "an amount is abnormal by robust statistics (LIQ-08)",
            "金额按稳健统计异常（LIQ-08）",
        ),
    ),
)

FLOW = Subject(
    "flow",
    "alerts of large flows (LIQ-02), once each",
    "大额走款预警（LIQ-02），每笔一次",
    False,
    (
        *_PLACE,
        Fact(
            "amount",
            FactType.MONEY,
            "of the entry; of the window where that raised the alert",
            "金额（滚动预警为窗口合计）",
        ),
        Fact("rolling", FactType.BOOL, "the sum of a window raised it, not one entry", "由滚动窗口触发"),
        Fact("window_minutes", FactType.INT, "of the window; 0 for a single flow", "窗口分钟数；单笔为0"),
        Fact("organisation", FactType.TEXT, "branch; `-`: not told", "机构"),
        Fact("customer_class", FactType.TEXT, "as RETAIL, CORPORATE; `-`: not told", "客户类别"),
        Fact("account", FactType.TEXT, "`-`: not told", "账户"),
        Fact("txn_id", FactType.TEXT, "of the entry that raised it", "触发流水号"),
    ),
    (
        (
            'amount >= money("30000000.00") && customer_class == "CORPORATE"',
            "a company takes out 30 million or more",
            "对公客户单笔或滚动走款达3000万",
        ),
        ("rolling && window_minutes <= 60", "many flows add up within an hour", "一小时内滚动走款超限"),
    ),
)

DECISION = Subject(
    "decision",
    "decisions and what befell their cases, as stored, once each",
    "已存储的决策与案件事件，每件一次",
    False,
    (
        *_PLACE,
        Fact("event", FactType.TEXT, "event type, as WriteOffApproved", "事件类型"),
        Fact("aggregate", FactType.TEXT, "kind of case, as WriteOff", "案件种类"),
        Fact("key", FactType.TEXT, "number of the case", "案件编号"),
        Fact("branch", FactType.TEXT, "organisation of who acted", "经办机构"),
        Fact("role", FactType.TEXT, "role of who acted, as HA", "角色"),
        Fact("has_amount", FactType.BOOL, "the event names an amount", "事件含金额"),
        Fact("amount", FactType.MONEY, "of the event, where it names one", "事件金额"),
        Fact("valid_on", FactType.TEXT, "business date, YYYY-MM-DD", "业务日期"),
    ),
    (
        (
            'event == "WriteOffApproved" && amount > money("1000000.00")',
            "a write-off above 1 million was approved",
            "批准核销超过100万",
        ),
        ('event == "DeadlineMissed"', "a term was missed", "期限已逾期"),
    ),
)

RESERVATION = Subject(
    "reservation",
    "approved withdrawals of an organisation that are past their value date and not executed",
    "机构已批准、已过预约日仍未执行的预约走款",
    True,
    (
        *_PLACE,
        Fact("organisation", FactType.TEXT, "branch", "机构"),
        Fact("amount", FactType.MONEY, "approved and not executed, past its date", "逾期未执行金额"),
        Fact("due_on", FactType.TEXT, "the oldest of these value dates, YYYY-MM-DD", "最早的预约日"),
        Fact(
            "days_past",
            FactType.INT,
            "days from the oldest value date to the business date",
            "已逾期天数（最早一笔）",
        ),
        Fact("dates", FactType.INT, "value dates on which something is left", "涉及的预约日个数"),
    ),
    (
        ('amount >= money("5000000.00")', "5 million are reserved and were not drawn", "逾期未走的预约达500万"),
        ("days_past > 3", "a reservation is more than three days late", "预约逾期超过三天"),
    ),
)

DEADLINE = Subject(
    "deadline",
    "terms and dates of cases that are at most 90 days away, or over and not settled",
    "90天内到期或已过期未了结的法定期限与案件期限",
    True,
    (
        *_PLACE,
        Fact("rule", FactType.TEXT, "TL01 to TL24, LIMIT, APPROVAL", "期限规则"),
        Fact("aggregate", FactType.TEXT, "kind of case, as Deadline, LimitBreach", "案件种类"),
        Fact("key", FactType.TEXT, "number of the case", "案件编号"),
        Fact("stage", FactType.TEXT, "of the case, as RUNNING, PAUSED, MISSED", "状态"),
        Fact("due_on", FactType.TEXT, "legal last day, YYYY-MM-DD", "法定截止日"),
        Fact("act_by", FactType.TEXT, "prudent day, at or before it", "审慎办理日"),
        Fact("days_left", FactType.INT, "to `act_by`; negative: over", "距审慎办理日天数"),
        Fact("days_to_due", FactType.INT, "to `due_on`; negative: over", "距法定截止日天数"),
        Fact("missed", FactType.BOOL, "the legal day is over", "已逾期"),
        Fact("reminders", FactType.INT, "reminders sent", "已发提醒次数"),
        Fact("has_amount", FactType.BOOL, "the case names an amount", "案件含金额"),
        Fact("amount", FactType.MONEY, "of the case, where it names one", "案件金额"),
    ),
    (
        ('rule == "TL01" && days_left <= 30', "a limitation of action ends within a month", "诉讼时效一个月内届满"),
        ("missed", "a term is over", "期限已过"),
    ),
)

SUBJECTS: tuple[Subject, ...] = (TOTALS, FLOW, RESERVATION, DEADLINE, DECISION)
VOCABULARIES: dict[str, Vocabulary] = {
    one.about: Vocabulary(one.about, {fact.name: fact.type for fact in one.facts}) for one in SUBJECTS
}
