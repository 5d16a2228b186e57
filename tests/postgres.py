"""A real PostgreSQL for the tests: a cluster of its own in a temporary folder, on a Unix socket, stopped at
the end.

PostgreSQL refuses to run as root; then it runs as user `postgres`, who owns the folder. Not for production.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

PACKAGE = "postgresql (Debian: apt-get install postgresql)"


def binaries() -> Path | None:
    """Folder of initdb and pg_ctl: on the PATH, or where Debian keeps them, the newest version first."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    candidates = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(candidates, key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    return newest[-1].parent if newest else None


class PostgresServer:
    def __init__(self, folder: Path, bin_dir: Path, user: str, *, durable: bool = False) -> None:
        """Tests need no durability; `durable` is what a bank has, for benchmarks."""
        self.folder, self.bin_dir, self.user, self.durable = folder, bin_dir, user, durable
        self.port = 5432  # names the socket file only: TCP is off
        self.databases = 0

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin_dir / program), *arguments]
        as_root = os.geteuid() == 0
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            user=self.user if as_root else None,
            group=pwd.getpwnam(self.user).pw_gid if as_root else None,
            extra_groups=[] if as_root else None,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")

    def start(self) -> None:
        sockets = f"-c listen_addresses= -c unix_socket_directories={self.folder}"
        settings = sockets if self.durable else f"{sockets} -c fsync=off -c full_page_writes=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", log, "-o", settings)

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-m", "immediate", "-D", str(self.folder / "data"))

    def url(self, database: str) -> str:
        return f"postgresql://{self.user}@/{database}?host={self.folder}&port={self.port}"

    def new_database(self) -> str:
        """URL of a new, empty database."""
        self.databases += 1
        name = f"tidemark_{self.databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    bin_dir = binaries()
    if bin_dir is None:
        pytest.skip(f"PostgreSQL's initdb is missing; install the package {PACKAGE}")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    # A short path: a Unix socket's may not exceed some 100 bytes, and pytest's own folders are long.
    folder = Path(tempfile.mkdtemp(prefix="tm-pg-"))
    server = PostgresServer(folder, bin_dir, user, durable=durable)
    try:
        if os.geteuid() == 0:
            try:
                shutil.chown(folder, user)
            except LookupError:
                pytest.skip(f"user postgres is missing; install the package {PACKAGE}")
        data = str(folder / "data")
        server.run("initdb", "-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "--no-sync")
        server.start()
        yield server
    finally:
        with suppress(RuntimeError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
