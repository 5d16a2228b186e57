"""The jars of the embedded broker: fetched once by Maven, at the versions of `pom.xml`, into a user's cache.

The cache belongs to no data directory: `--fresh` does not download again. Not for running them: see `broker`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from engines.primitives.errors import Unavailable
from infra.files import read_bytes_or_none, write_atomically
from infra.processes import kill_group, last_lines, spawn

log = structlog.get_logger(__name__)

POM = Path(__file__).with_name("pom.xml")
MARKER = "complete.json"
JAVA_MINIMUM = 17
PROGRESS_S = 3.0
INSTALL_JAVA = "install a JDK 17 or later (Debian: apt-get install openjdk-17-jdk-headless) or set JAVA_HOME"
INSTALL_MAVEN = "install Maven (Debian: apt-get install maven)"


def kafka_version() -> str:
    """The version of Apache Kafka that `pom.xml` pins."""
    found = re.search(r"<kafka\.version>([^<]+)<", POM.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{POM} names no kafka.version")
    return found[1]


def default_directory() -> Path:
    """Where the jars are kept unless the caller says otherwise: the user's cache, one folder a version."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "tidemark" / f"kafka-{kafka_version()}"


def ensure_jars(directory: Path | None = None) -> Path:
    """The folder of the broker's jars, downloaded first if need be (some 45 MB, 10 to 40 s).

    A second process that comes meanwhile waits for the first. The marker, written last, holds the digest of
    the pom and the size of each jar, so that half a download, a swept cache or a changed pom are noticed.

    Raises:
        Unavailable: Maven or Java is missing, or the download failed; the message says what to do.
    """
    directory = (directory or default_directory()).resolve()
    jars = directory / "jars"
    if _is_complete(directory):
        return jars
    directory.mkdir(parents=True, exist_ok=True)
    with _exclusive(directory / "lock"):
        if not _is_complete(directory):
            _download(directory, jars)
    return jars


def find_java() -> str:
    """The `java` to run: of JAVA_HOME, else of the PATH.

    Raises:
        Unavailable: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    candidate = str(Path(home) / "bin" / "java") if home else "java"
    java = shutil.which(candidate)
    if java is None:
        raise Unavailable(f"{candidate} is not found: {INSTALL_JAVA}")
    return java


def java_version(java: str) -> tuple[int, str]:
    """(feature release, full text) of a `java`, such as (17, 'openjdk version "17.0.15" …').

    Raises:
        Unavailable: it does not run, or is older than 17.
    """
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{java} does not run: {INSTALL_JAVA}") from error
    text = answer.stderr.strip()
    found = re.search(r'version "(\d+)', text)
    release = int(found[1]) if found else 0
    if release < JAVA_MINIMUM:
        raise Unavailable(f"{java} is of release {release}, Kafka needs {JAVA_MINIMUM}: {INSTALL_JAVA}")
    return release, text


def _download(directory: Path, jars: Path) -> None:
    java_version(find_java())  # Maven needs it too, and says so less clearly
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(f"mvn is not found, which fetches the embedded Kafka broker: {INSTALL_MAVEN}")
    incoming = directory / "incoming"
    for left_over in (directory / MARKER, incoming, jars):
        shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink(missing_ok=True)
    report = directory / "maven.log"
    log.info("kafka_download_started", version=kafka_version(), directory=str(directory), megabytes=45)
    command = [maven, "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={incoming}", "-DincludeScope=runtime"]
    started = time.monotonic()
    with report.open("wb") as output:
        process = spawn(command, output=output)
    try:
        while (code := _wait(process)) is None:
            files = report.read_bytes().count(b"Downloaded from ")
            log.info("kafka_download_running", files=files, seconds=round(time.monotonic() - started))
    finally:
        kill_group(process)
    found = sorted(incoming.glob("*.jar")) if incoming.is_dir() else []
    if code != 0 or not any(jar.name.startswith("kafka_") for jar in found):
        raise Unavailable(f"Maven could not fetch the broker's jars (exit code {code}){last_lines(report)}")
    incoming.rename(jars)
    content = {"pom": _pom_digest(), "jars": {jar.name: (jars / jar.name).stat().st_size for jar in found}}
    write_atomically(directory / MARKER, json.dumps(content, indent=1).encode())
    log.info("kafka_download_finished", jars=len(found), seconds=round(time.monotonic() - started))


def _wait(process: "subprocess.Popen[bytes]") -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(PROGRESS_S)
    return None


def _is_complete(directory: Path) -> bool:
    raw = read_bytes_or_none(directory / MARKER)
    if raw is None:
        return False
    try:
        marker = json.loads(raw)
        sizes = {name: (directory / "jars" / name).stat().st_size for name in marker["jars"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(marker["pom"] == _pom_digest() and marker["jars"] == sizes)


def _pom_digest() -> str:
    return hashlib.sha256(POM.read_bytes()).hexdigest()


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Wait for our turn; the kernel lets go if we die. Not `hold_lock`, which refuses to wait."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("kafka_download_awaited", lock=str(path))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
