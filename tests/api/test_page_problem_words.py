"""Every code that the server can refuse with has its words on the page, in English and in Chinese.

Titles are the error kinds' codes and what the edges of HTTP add; guards are those of the aggregates' own tables and
the few that are named in code. A rule's text is shown in English as the server sends it, hence Chinese alone there.
"""

import ast
import os
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from aggregates.registry import KINDS
from aggregates.steps.rows import IN_STAGE
from engines.primitives.errors import TidemarkError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "api" / "page" / "src"
FOLDERS = ("aggregates", "api", "infra", "streams", "projections", "engines")
NAMING = re.compile(r"guard=|unless|^    code = |document\(|HTTPException\(", re.M)


def sources() -> Iterator[ast.AST]:
    for folder in FOLDERS:
        for place, folders, names in os.walk(ROOT / folder):
            folders[:] = sorted(set(folders) - {"page", "__pycache__"})
            for name in sorted(names):
                text = Path(place, name).read_text() if name.endswith(".py") else ""
                if NAMING.search(text):
                    yield ast.parse(text)


TREES = list(sources())


def texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def named_guards() -> set[str]:
    """`guard="SD5"` wherever a refusal is raised by hand, and the second argument of `unless`."""
    found = set()
    for tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                given = [one.value for one in node.keywords if one.arg == "guard"]
                if getattr(node.func, "id", "") in ("unless", "unless_segregated"):
                    given += node.args[1:2]
                found |= {text for one in given for text in texts(one)}
    return found


def guards() -> set[str]:
    of_rows = {
        item.guard if "." not in item.guard else f"{kind.NAME}.{item.guard}"
        for kind in KINDS.values()
        for row in kind.ROWS
        for item in row.clauses
    }
    return of_rows | {one for one in named_guards() if "." not in one or one.split(".")[0] in KINDS}


def titles() -> set[str]:
    """Of the error kinds, of documents written by hand, and of the framework's refusals."""
    found = {"internal", "not-found", "method-not-allowed"}
    for tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code":
                        found |= set(texts(line.value))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("document") and len(node.args) > 1:
                found |= set(texts(node.args[1]))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("HTTPException"):
                found |= {HTTPStatus(one.value).phrase.lower().replace(" ", "-") for one in node.args[:1]}  # type: ignore[attr-defined]
    return found


def table(name: str, part: str) -> dict[str, str]:
    """The pairs of one object of `problems.ts` or `problems-zh.ts`."""
    text = (PAGE / name).read_text()
    body = re.search(rf"\n  {part}: \{{\n(.*?)\n  \}},", text, re.S)
    assert body is not None, part
    return dict(re.findall(r'"?([A-Za-z0-9-]+)"?: "([^"]+)"', body[1]))


def rules() -> dict[str, str]:
    text = (PAGE / "problems-zh.ts").read_text()
    found = {}
    for words, names in re.findall(r'\["([^"]+)", ["`]([^"`]+)["`]\]', text):
        for guard in names.split():
            kinds, _, rest = guard.partition(".")
            for kind in kinds.split("/"):
                assert f"{kind}.{rest}" not in found, guard
                found[f"{kind}.{rest}"] = words
    return found


def test_every_title_has_words_in_both_languages() -> None:
    assert {error.code for error in TidemarkError.__subclasses__()} <= titles()
    for name in ("problems.ts", "problems-zh.ts"):
        assert titles() - table(name, "titles").keys() == set(), name
    assert table("problems.ts", "titles").keys() == table("problems-zh.ts", "titles").keys()


def test_every_guard_has_words_in_both_languages() -> None:
    wanted = guards()
    assert len(wanted) > 400  # the tables were found
    shared = {one for one in wanted if "." not in one}
    for name in ("problems.ts", "problems-zh.ts"):
        assert shared - table(name, "guards").keys() == set(), name
    known = rules()
    assert wanted - shared - known.keys() == set()
    assert known.keys() - wanted == set()  # a rule that is gone says nothing any more
    assert all(re.search("[一-鿿]", words) for words in known.values())


def test_a_rule_has_english_of_its_own() -> None:
    """What a clause says is what the server sends as `detail`."""
    for kind in KINDS.values():
        for row in kind.ROWS:
            assert all(item.text == IN_STAGE or item.text.strip() for item in row.clauses)
