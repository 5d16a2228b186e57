"""Rules of the house that no linter knows: layout, lock, addresses, paths, module docstrings."""

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

PACKAGES = {"aggregates", "api", "engines", "infra", "projections", "streams"}
FOLDERS = PACKAGES | {"benchmarks", "deploy", "docs", "tests"}

#: Registries and mirrors: where packages come from is the user's own configuration. Written apart, so that this
#: file does not hold what it forbids.
REGISTRIES = [
    "".join(parts)
    for parts in (
        ("pypi", ".org"),
        ("files.python", "hosted.org"),
        ("registry.npm", "js.org"),
        ("npm", "mirror.com"),
        ("repo.maven.", "apache.org"),
        ("repo1.", "maven.org"),
        ("maven.", "aliyun.com"),
        ("crates", ".io"),
        ("proxy.", "golang.org"),
        ("deb.", "debian.org"),
    )
]

#: Home directories and mount points of whoever wrote a file; `/home/tidemark` is a user of our own image.
MACHINE_PATHS = re.compile(rb"(?<![\w./-])/(?:work|root|home/(?!tidemark)\w+|Users/\w+|mnt/\w+)(?:/|\b)")


@cache
def files() -> tuple[Path, ...]:
    """What is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout
    paths = (REPOSITORY / name.decode() for name in listed.split(b"\0") if name)
    return tuple(path for path in paths if path.is_file())


def modules() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_the_house_has_no_room_but_those_of_the_plan() -> None:
    found = {path.relative_to(REPOSITORY).parts[0] for path in files() if path.parent != REPOSITORY}
    assert {name for name in found if not name.startswith(".")} <= FOLDERS
    assert found >= PACKAGES


def test_every_package_says_so() -> None:
    folders = {path.parent for path in modules() if path.relative_to(REPOSITORY).parts[0] in PACKAGES}
    assert [named(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path in modules():
        source = path.read_text(encoding="utf-8")
        shipped = path.relative_to(REPOSITORY).parts[0] in PACKAGES | {"benchmarks"}
        # An empty __init__ is a marker and explains itself; a test's name says what it is for.
        if shipped and source.strip() and not ast.get_docstring(ast.parse(source)):
            silent.append(named(path))
    assert silent == []


def test_no_file_names_a_registry() -> None:
    found = [
        f"{named(path)}: {host}" for path in files() for host in REGISTRIES if host.encode() in path.read_bytes()
    ]
    assert found == []


def test_no_file_holds_a_path_of_the_machine_it_was_written_on() -> None:
    found = []
    for path in files():
        content = path.read_bytes()
        if path == Path(__file__) or b"\0" in content[:8_192]:
            continue
        found += [f"{named(path)}: {match[0].decode()}" for match in MACHINE_PATHS.finditer(content)]
    assert found == []


def test_every_locked_package_is_pinned_and_hashed_and_has_no_address() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index-url" not in lock
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    loose = [entry.split()[0] for entry in entries if "==" not in entry.split()[0] or "--hash=sha256:" not in entry]
    assert loose == []


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    lock = (REPOSITORY / "requirements.lock").read_text()
    locked = {re.sub(r"[-_.]+", "-", name.lower()) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    wanted = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", line)[0].lower()) for line in asked}
    assert wanted - locked == set()


def test_the_page_lock_has_no_addresses() -> None:
    lock = (REPOSITORY / "api" / "page" / "package-lock.json").read_text()
    assert '"resolved"' not in lock


def test_make_lists_its_targets_and_each_is_there() -> None:
    listed = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^  make (\S+)", listed, re.MULTILINE)
    assert set(targets) >= {"help", "setup", "run", "check", "test", "bench", "chaos", "soak", "lock", "clean"}
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=REPOSITORY, capture_output=True, check=True)


def test_ci_runs_what_make_test_runs() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text()
