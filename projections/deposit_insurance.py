"""Up to which balance a depositor is insured: policy, read from data, asked once for each kind of balance.

Cover below 100% insures nobody in the sense of the LCR: the whole balance is then less stable. Not for what a
deposit runs off at: that is the factor table's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor


@dataclass(frozen=True, slots=True)
class InsuranceRule:
    """One limit for each depositor and bank; what is empty matches everything."""

    currency: str
    limit_minor: int
    entities: frozenset[str] = frozenset()
    customer_classes: frozenset[str] = frozenset()

    def covers(self, entity: str, currency: str, customer_class: str) -> bool:
        return (
            currency == self.currency
            and (not self.entities or entity in self.entities)
            and (not self.customer_classes or customer_class in self.customer_classes)
        )


@dataclass(frozen=True, slots=True)
class DepositInsurance:
    rules: tuple[InsuranceRule, ...] = ()  # the first one that covers a balance decides

    def limit_minor(self, entity: str, currency: str, customer_class: str) -> int:
        """0 where no rule covers it."""
        found = (rule.limit_minor for rule in self.rules if rule.covers(entity, currency, customer_class))
        return next(found, 0)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "DepositInsurance":
        """From the list `insurance` of a parsed policy file: currency, limit and cover as decimal text, and optional
        lists entity and customer_class. Raises InvalidInput naming the entry.

        Source of the rule on cover: BCBS 238 paragraphs 75-76.
        """
        return cls(tuple(_rule(entry, f"insurance[{at}]") for at, entry in enumerate(data.get("insurance", ()))))


def _rule(entry: Mapping[str, Any], record: str) -> InsuranceRule:
    try:
        currency = str(entry["currency"])
        limit = to_minor(entry["limit"], currency)
        cover = Fraction(entry["cover"])
    except KeyError as error:
        raise InvalidInput(f"{record} lacks {error.args[0]}", field=str(error.args[0]), record=record) from error
    except (InvalidInput, TypeError, ValueError) as error:
        raise InvalidInput(f"{record}: {error}", field="limit", record=record) from error
    if limit < 0 or not 0 <= cover <= 1:
        raise InvalidInput(f"{record}: the limit is >= 0, cover from 0 to 1", field="limit", record=record)
    return InsuranceRule(
        currency,
        limit if cover == 1 else 0,
        _members(entry.get("entity", ())),
        _members(entry.get("customer_class", ())),
    )


def _members(value: "str | Sequence[str]") -> frozenset[str]:
    return frozenset({value} if isinstance(value, str) else value)
