"""How a calculation plugs in, and how one is found and run: the same for the command line and for HTTP.

A module `api/calculations/NAME.py` exposes `CALCULATION`, of the name NAME, and is listed in `MODULES`.
It is imported when it is asked for. Not for reading files or requests: `api.cli.calc` and
`api.routes.calculations` do that.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from engines.primitives.errors import InvalidInput, NotFound

Result = dict[str, Any]  # of text, integers, booleans, null, lists and dicts; keys in the order to be read

EXAMPLES = Path(__file__).parent / "examples"

#: The calculations, alphabetically: a line each.
MODULES = (
    "adjusted_liquidity_ratio",
    "balance_sheet_optimisation",
    "balance_sheet_simulation",
    "behaviour",
    "capital",
    "capital_forecast",
    "capital_plan",
    "capital_stress",
    "cashflows",
    "classification",
    "concentration",
    "contingency_plan",
    "core_liability_ratio",
    "data_quality",
    "deadline",
    "disclosure",
    "dispatch",
    "duration",
    "duration_gap",
    "early_warning",
    "eve",
    "excess_reserve_ratio",
    "explain_change",
    "four_positions",
    "ftp",
    "ftp_simulation",
    "funding_gap",
    "funding_gates",
    "gap",
    "hqlaar",
    "interest_trial",
    "intraday",
    "large_flow",
    "lcr",
    "limits",
    "liquid_assets",
    "liquidity_at_risk",
    "liquidity_gap_ratio",
    "liquidity_indicators",
    "liquidity_need",
    "liquidity_ratio",
    "lmr",
    "loan_pricing",
    "loan_to_deposit",
    "model_backtest",
    "nii",
    "nsfr",
    "outlier",
    "position_forecast",
    "reconciliation",
    "repricing_gap",
    "reserve",
    "reserve_tiers",
    "reverse_stress",
    "roll_up",
    "scenario",
    "sources_and_uses",
    "stress",
    "survival_horizon",
    "treasury_pnl",
    "trend",
    "volume_forecast",
    "withdrawal_forecast",
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One input shape: `compute` is a pure function from the checked `inputs` to the result."""

    name: str
    inputs: type[BaseModel]
    compute: Callable[[Any], Result]

    @property
    def required(self) -> frozenset[str]:
        return frozenset(key for key, is_required in self._keys().items() if is_required)

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self._keys())

    def _keys(self) -> dict[str, bool]:
        fields = self.inputs.model_fields
        return {found.alias or name: found.is_required() for name, found in fields.items()}


@dataclass(frozen=True, slots=True)
class Example:
    """An input that computes, to begin with."""

    variant: str
    source: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A part of a result as a table for people; cells are text or null, those of `amounts` decimal text or null."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, str | None]]
    amounts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Calculation:
    name: str  # snake_case, the module's name
    description: str  # one line
    variants: tuple[Variant, ...]
    sheets: Callable[[Result], Sequence[Sheet]] | None = field(default=None)  # for `--table`

    def compute(self, given: Mapping[str, Any]) -> Result:
        """The result for a JSON object.

        Raises:
            InvalidInput: what is wrong; `field` is the path of the field, as `events[3].amount`, and `record`
                the list entry that holds it, as `events[3]`.
        """
        variant = self._variant(given)
        try:
            inputs = variant.inputs.model_validate(given)
        except ValidationError as error:
            raise _invalid(error) from error
        return variant.compute(inputs)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the input; `oneOf`, with the variants' names as titles, if there are several."""
        references, shared = models_json_schema([(variant.inputs, "validation") for variant in self.variants])
        shapes = [references[variant.inputs, "validation"] | {"title": variant.name} for variant in self.variants]
        chosen = {"oneOf": shapes} if len(shapes) > 1 else shapes[0]
        title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": self.name}
        return {**title, "description": self.description, **(chosen | {"title": self.name}), **shared}

    def _variant(self, given: Mapping[str, Any]) -> Variant:
        """The one variant whose required keys are all there and that knows every key (decision Q4)."""
        if len(self.variants) == 1:
            return self.variants[0]
        complete = [variant for variant in self.variants if variant.required <= given.keys()]
        fitting = [variant for variant in complete if given.keys() <= variant.known]
        if len(fitting) == 1:
            return fitting[0]
        if len(complete) == 1:
            return complete[0]  # its model names the unknown key
        shapes = "; ".join(f"{variant.name}: {', '.join(sorted(variant.required))}" for variant in self.variants)
        if complete:
            names = " and ".join(variant.name for variant in fitting or complete)
            extra = sorted(given.keys() - frozenset.intersection(*(variant.known for variant in complete)))
            raise InvalidInput(f"the keys fit {names}; give those of one variant ({shapes})", **_first(extra))
        nearest = max(self.variants, key=lambda variant: len(variant.required & given.keys()))
        missing = sorted(nearest.required - given.keys())
        raise InvalidInput(f"the keys fit no variant: want those of one of {shapes}", **_first(missing))


def names() -> tuple[str, ...]:
    return MODULES


def find(name: str) -> Calculation:
    """The calculation `name`; hyphens stand for underscores. Raises NotFound."""
    wanted = name.replace("-", "_")
    if wanted not in MODULES:
        raise NotFound(f"no calculation {name!r}; `tidemark calc --list` names them", field="engine")
    calculation = import_module(f"api.calculations.{wanted}").CALCULATION
    assert isinstance(calculation, Calculation)  # noqa: S101 - a test holds all modules to it
    return calculation


def examples(name: str) -> tuple[Example, ...]:
    """The inputs of `examples/NAME.json`, at most one a variant; none if there is no such file. Raises NotFound."""
    path = EXAMPLES / f"{find(name).name}.json"
    if not path.exists():
        return ()
    return tuple(Example(**entry) for entry in json.loads(path.read_bytes()))


def parse(content: bytes) -> dict[str, Any]:
    """A JSON object from UTF-8 text.

    Raises:
        InvalidInput: not JSON (NaN and Infinity are not), not an object, or a key twice in one object.
    """
    try:
        found = json.loads(content, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # ValueError covers broken UTF-8 and integers without end
        raise InvalidInput(f"the input is not JSON: {error}", field="input") from error
    if not isinstance(found, dict):
        raise InvalidInput("the input is not a JSON object", field="input")
    return found


def path_text(path: Sequence[str | int]) -> str:
    """A path into JSON as a person writes it: `events[3].amount`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidInput(f"the key {twice!r} stands twice in one object", field=twice)
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _invalid(error: ValidationError) -> InvalidInput:
    first = error.errors(include_url=False, include_input=False)[0]
    path = [part for part in first["loc"] if not (isinstance(part, str) and "[" in part)]  # pydantic's own marks
    message = first["msg"].removeprefix("Value error, ")
    messages = {"missing": "is missing", "extra_forbidden": "is not a known field"}
    entries = [place for place, part in enumerate(path) if isinstance(part, int)]
    facts = {"field": path_text(path)}
    if entries:
        facts["record"] = path_text(path[: entries[-1] + 1])
    return InvalidInput(f"{facts['field']}: {messages.get(first['type'], message)}", **facts)


def _first(keys: Sequence[str]) -> dict[str, str]:
    return {"field": keys[0]} if keys else {}
