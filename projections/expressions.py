"""Expressions that people write over named facts, in CEL (Common Expression Language), checked before they run.

One vocabulary of facts per use: a name that is not in it, or a comparison of unlike types, is refused when the
expression is written, not when it is first needed. Amounts are integers of minor units inside; in an expression they
are written `money("1234.50")`, read in the currency of the facts at hand. Evaluation has neither clock nor state, and
it ends: CEL loops over nothing but the lists it is given. Not for rules of the house's own, which are code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cel_expr_python import cel

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent, to_minor

Fact = bool | int | float | str | list[str]
LONGEST = 2_000  # characters
_ANY_CURRENCY = "CNY"  # to check an expression before the currency of its facts is known


class FactType(StrEnum):
    BOOL = "bool"
    INT = "int"
    NUMBER = "double"
    TEXT = "string"
    MONEY = "money"  # minor units; to CEL an int
    TEXTS = "list<string>"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What an expression may speak of: name -> type. `name` is the use, for errors."""

    name: str
    facts: Mapping[str, FactType]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression that says yes or no."""

    text: str
    vocabulary: Vocabulary
    _by_currency: dict[str, cel.Expression] = field(default_factory=dict, compare=False, repr=False)

    def holds(self, facts: Mapping[str, Fact], currency: str) -> bool:
        """Raises InvalidInput where that cannot be said: a fact it needs is missing, a division by zero, an amount
        with more digits than `currency` has. Facts that do not decide may be missing (CEL's `&&` and `||`)."""
        compiled = self._by_currency.get(currency)
        if compiled is None:
            compiled = self._by_currency[currency] = _compiled(self.text, self.vocabulary, currency)
        try:
            value = compiled.eval(data=dict(facts))
        except RuntimeError as error:  # an integer beyond 64 bits
            raise _refused(self, str(error)) from error
        if value.type() != cel.Type.BOOL:
            raise _refused(self, str(value.value()))
        return bool(value.value())


def expression(text: str, vocabulary: Vocabulary) -> Expression:
    """Raises InvalidInput naming the place: an unknown name, unlike types, or no yes-or-no."""
    if len(text) > LONGEST:
        raise InvalidInput(f"an expression has at most {LONGEST} characters", field="expression", record=text[:80])
    return Expression(text, vocabulary, {_ANY_CURRENCY: _compiled(text, vocabulary, _ANY_CURRENCY)})


def environment(vocabulary: Vocabulary, currency: str) -> cel.Env:
    """What an expression over these facts is compiled in; `money` reads amounts of `currency`."""

    def money(amount: str) -> int:
        # A rule for several currencies says "1000.00" also of those that have no decimals.
        whole, _, fraction = amount.partition(".")
        kept = fraction[: exponent(currency)] if not fraction[exponent(currency) :].strip("0") else fraction
        return to_minor(f"{whole}.{kept}" if kept else whole, currency)

    overload = cel.Overload("money_of_text", cel.Type.INT, [cel.Type.STRING], False, money)
    return cel.NewEnv(
        variables={
            name: cel.Type("int" if kind is FactType.MONEY else kind.value) for name, kind in vocabulary.facts.items()
        },
        functions=[cel.FunctionDecl("money", [overload])],
    )


def _compiled(text: str, vocabulary: Vocabulary, currency: str) -> cel.Expression:
    try:
        compiled = environment(vocabulary, currency).compile(text)
    except RuntimeError as error:
        raise InvalidInput(_readable(str(error)), field="expression", record=text) from error
    if compiled.return_type() != cel.Type.BOOL:
        raise InvalidInput("the expression has to say yes or no", field="expression", record=text)
    return compiled


def _refused(expression: Expression, why: str) -> InvalidInput:
    return InvalidInput(f"cannot be evaluated: {why}", field="expression", record=expression.text)


def _readable(message: str) -> str:
    """The library's text without its framing: what is wrong, and where."""
    return message.removeprefix("INVALID_ARGUMENT: ERROR: <input>:").removesuffix(" [INVALID_ARGUMENT]")
