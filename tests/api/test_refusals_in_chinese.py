"""Every sentence with which the server refuses a person is in the page's Chinese list, and the list is well made.

The sentences are read from the source, with `x` for what is only known when it is said. Not asked for: what only a
command line, a feed, or the start of a process says, and what has the code of a rule (api/page/src/problems-zh.ts).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import _pydantic_core

ROOT = Path(__file__).parents[2]
LIST = ROOT / "api" / "page" / "src" / "refusals-zh.txt"
SPOKEN = (
    *(
        "aggregates/**/*.py",
        "api/*.py",
        "api/routes/*.py",
        *(f"projections/{room}/*.py" for room in ("ledgers", "work")),
    ),
    *("projections/expressions.py", "projections/alert_rules.py", "infra/attachments.py", "infra/documents/desk.py"),
    *("infra/documents/renderer.py", "infra/media_types.py", "infra/exports/*.py", "infra/pivot*.py"),
    *("infra/deliveries_ended.py", "infra/deliveries_reading.py", "infra/channels/http.py"),
    *("streams/counterfactual*.py", "streams/past*.py", "streams/lineage*.py", "streams/views*.py"),
    *("streams/deadletters.py", "engines/interest_trial*.py", "engines/deadlines.py", "engines/primitives/money.py"),
)
# Said to who starts or scripts the installation, or by the system to itself.
UNHEARD = re.compile(
    r"api/(startup|scenario_server|server|archive_\w+|verification|login_codes)\.py|aggregates/(scenario|process_managers/\w+)\.py"
)
KINDS = {
    "InvalidInput",
    "MissingField",
    "NotFound",
    "Forbidden",
    "Rejected",
    "Conflict",
    "Unavailable",
    "Unauthenticated",
}
FIELD_GUARDS = {"unless_field", "wrong", "_wrong"}
PLACED = re.compile(r"^(?:\d+:\d+|[\w.[\]-]+): (?=.)", re.DOTALL)


def _text(node: ast.expr) -> str | None:
    """What a string in the source says; None for one that is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
    return None


def _said(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("message", "reason"):
            yield from filter(None, [_text(node.value)])
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        guard = next((word.value for word in node.keywords if word.arg == "guard"), None)
        if name in KINDS and guard is None:
            yield from filter(None, [_text(one) for one in node.args[:1]])
        elif name in FIELD_GUARDS:
            yield from filter(None, [_text(node.args[-1])])
        elif name in ("set_status", "warn"):
            yield from filter(None, [_text(word.value) for word in node.keywords] + [_text(one) for one in node.args])


def _sentences() -> list[tuple[str, str]]:
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    assert all(line.count(" ⇒ ") == 1 for line in lines), [line for line in lines if line.count(" ⇒ ") != 1]
    return [(english, chinese) for english, _, chinese in (line.partition(" ⇒ ") for line in lines)]


@pytest.fixture(scope="module")
def known() -> re.Pattern[str]:
    return re.compile(
        "|".join(".*?".join(map(re.escape, english.split("{}"))) for english, _ in _sentences()), re.DOTALL
    )


def _is_known(text: str, known: re.Pattern[str]) -> bool:
    rest = PLACED.sub("", text)
    return bool(known.fullmatch(text)) or (rest != text and _is_known(rest, known))


def test_every_refusal_of_the_server_is_in_the_list(known: re.Pattern[str]) -> None:
    files = {path for pattern in SPOKEN for path in ROOT.glob(pattern)}
    heard = sorted(path for path in files if not UNHEARD.fullmatch(str(path.relative_to(ROOT))))
    said = {
        text: path.name
        for path in heard
        for text in _said(path.read_text())
        if re.search(r"[a-z]{2} |[a-z] [a-z]{2}", text)
    }
    assert len(said) > 400
    missing = {text: file for text, file in said.items() if not _is_known(text, known)}
    assert missing == {}


def test_the_library_that_reads_requests_refuses_in_words_of_the_list(known: re.Pattern[str]) -> None:
    kinds = """missing extra_forbidden string_type int_type int_parsing int_from_float float_type
        float_parsing bool_type bool_parsing list_type dict_type date_type datetime_type date_parsing
        datetime_parsing timezone_aware greater_than greater_than_equal less_than less_than_equal
        multiple_of finite_number decimal_type decimal_parsing decimal_max_digits decimal_max_places
        string_too_short string_too_long string_pattern_mismatch too_short too_long literal_error enum
        uuid_parsing json_invalid union_tag_invalid union_tag_not_found value_error assertion_error
        time_type date_from_datetime_inexact model_attributes_type"""
    told: dict[str, str] = {
        error["type"]: error["message_template_python"] for error in _pydantic_core.list_all_errors()
    }
    texts = {kind: re.sub(r"\{\w+\}", "x", told[kind]) for kind in kinds.split()}
    assert {kind: text for kind, text in texts.items() if not _is_known(text, known)} == {}


def test_each_sentence_stands_once_and_keeps_its_places() -> None:
    pairs = _sentences()
    assert len({english for english, _ in pairs}) == len(pairs)
    for english, chinese in pairs:
        places, used = english.count("{}"), chinese.count("{}")
        numbered = [int(one) for one in re.findall(r"\{(\d+)\}", chinese)]
        assert used <= places, (english, chinese)
        assert all(1 <= one <= places for one in numbered), (english, chinese)
        assert not (used and numbered), (english, chinese)
        assert re.search(r"[一-鿿]", chinese) or chinese == "{}", chinese
