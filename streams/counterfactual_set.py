"""Single values laid over a policy, by path: `large_flow.BERKA.CZK.rolling`, `limits.watch.margin`.

Each setter changes the parsed file in place, as an edit of the file would; the parser judges the result. A value
holds for every version of the policy, since the question is of a past in which the rule was another one.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_text
from projections.large_flow_policy import NEVER, LargeFlowPolicy

Policy = dict[str, Any]
Setter = Callable[[Policy, str, str, str], None]

SELECTORS = ("entity", "currency", "organisation", "customer_class")
ANY = "*"
_WHOLE = {"window_minutes", "lateness_minutes"}
_LIMIT_KINDS: Mapping[str, type] = {
    "minimum": str,
    "maximum": str,
    "amber_headroom": str,
    "share": str,
    "margin": str,
    "policy_ref": str,
    "owner": str,
    "entity": str,
    "currency": str,
    "clear_readings": int,
    "clear_interval_s": int,
    "arming_s": int,
    "deadline_days": int,
    "plan": bool,
    "alert": bool,
    "scopes": list,
    "valid_from": date,
    "valid_to": date,
}


def set_large_flow(policy: Policy, path: str, rest: str, value: str) -> None:
    """`window_minutes`, `lateness_minutes`, or `ENTITY.CURRENCY[.ORGANISATION[.CLASS]]` with `.single` or `.rolling`;
    `*` is any."""
    *members, field = rest.split(".")
    if not members:
        if field not in _WHOLE:
            raise _unknown(path, sorted(_WHOLE))
        for version in policy.get("version", []):
            version[field] = _whole(path, value)
        return
    if field not in ("single", "rolling"):
        raise _unknown(path, ["single", "rolling"])
    if not 2 <= len(members) <= len(SELECTORS) or members[1] == ANY:
        raise InvalidInput(f"{path}: want ENTITY.CURRENCY[.ORGANISATION[.CUSTOMER_CLASS]].{field}", field=path)
    selector = {name: member for name, member in zip(SELECTORS, members, strict=False) if member != ANY}
    parsed = {one.name: one for one in LargeFlowPolicy.parse(policy).versions}
    for version in policy.get("version", []):
        rules = version["rule"] = list(version["rule"]) if isinstance(version["rule"], list) else [version["rule"]]
        # The last of equal rules wins, so that is the one to change.
        found = [rule for rule in rules if {name: rule[name] for name in SELECTORS if name in rule} == selector]
        if not found:
            asked = (selector.get(name, "") for name in SELECTORS)
            held = parsed[str(version["name"])].thresholds(*asked)
            currency = selector["currency"]
            known = {
                name: to_text(minor, currency)
                for name, minor in zip(("single", "rolling"), held, strict=True)
                if minor != NEVER
            }
            found = [selector | known]
            rules.append(found[0])
        found[-1][field] = value
        missing = {"single", "rolling"} - found[-1].keys()
        if missing:
            raise InvalidInput(f"{path}: no rule was there before, so {min(missing)} is needed too", field=path)


def set_limits(policy: Policy, path: str, rest: str, value: str) -> None:
    """`watch.FIELD`, or `LIMIT_ID.FIELD` of a limit or a large withdrawal; `scopes` are comma-separated."""
    name, _, field = rest.rpartition(".")
    if field == "name" and not name:
        policy["name"] = value
        return
    if field not in _LIMIT_KINDS:
        raise _unknown(path, sorted(_LIMIT_KINDS))
    if name == "watch":
        found = [policy.setdefault("watch", {})]
    else:
        found = [one for one in policy.get("limit", []) if one.get("limit_id") == name]
        found += [one for one in policy.get("large_withdrawal", []) if one.get("rule_id") == name]
    if not found:
        known = [one.get("limit_id") for one in policy.get("limit", [])]
        known += [one.get("rule_id") for one in policy.get("large_withdrawal", [])]
        raise InvalidInput(f"{path}: no limit {name!r}; there are {', '.join(map(str, known))}", field=path)
    for one in found:
        one[field] = _converted(path, value, _LIMIT_KINDS[field])


def set_factors(policy: Policy, path: str, rest: str, value: str) -> None:
    """`parameters.NAME`, or `CODE.factor`; `CODE@MATURITY_BUCKET.factor` where a code has several."""
    name, _, field = rest.rpartition(".")
    if name == "parameters":
        for version in policy.get("version", []):
            if field not in version.get("parameters", {}):
                raise _unknown(path, sorted(version.get("parameters", {})))
            version["parameters"] = version["parameters"] | {field: value}
        return
    if field != "factor":
        raise _unknown(path, ["factor"])
    code, _, bucket = name.partition("@")
    found = [
        item
        for version in policy.get("version", [])
        for item in version.get("item", [])
        if item.get("code") == code and bucket in ("", item.get("maturity_bucket"))
    ]
    if not found:
        raise InvalidInput(f"{path}: no item {name!r} in the table", field=path)
    if not bucket and len({item.get("maturity_bucket") for item in found}) > 1:
        raise InvalidInput(f"{path}: {code} has several maturity buckets: want {code}@BUCKET.factor", field=path)
    for item in found:
        item["factor"] = value


def set_mapping(policy: Policy, path: str, rest: str, value: str) -> None:
    """The mapping is rules in an order: it comes as a whole file."""
    raise InvalidInput(f"{path}: live_liquidity is changed by a whole file, not by single values", field=path)


setters: Mapping[str, Setter] = {
    "large_flow": set_large_flow,
    "limits": set_limits,
    "lcr": set_factors,
    "nsfr": set_factors,
    "live_liquidity": set_mapping,
}


def _converted(path: str, value: str, kind: type) -> Any:
    if kind is int:
        return _whole(path, value)
    if kind is bool:
        if value not in ("true", "false"):
            raise InvalidInput(f"{path}: want true or false", field=path)
        return value == "true"
    if kind is list:
        return [one.strip() for one in value.split(",")]
    if kind is date:
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise InvalidInput(f"{path}: {value!r} is no date", field=path) from error
    return value


def _whole(path: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidInput(f"{path}: want a whole number from 0, not {value!r}", field=path)
    return int(value)


def _unknown(path: str, wanted: list[str]) -> InvalidInput:
    return InvalidInput(f"{path}: want one of {', '.join(wanted)}", field=path)
