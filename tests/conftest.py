"""What tests of several folders share: one real broker, topics of one's own, the reference data."""

import contextlib
import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from confluent_kafka.admin import AdminClient
from hypothesis import settings as hypothesis_settings

from infra.kafka.admin import ensure_topics
from infra.kafka.archive import prepare
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import client_config
from infra.kafka.topic import Topic
from infra.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
#: The folders of all tests that need a broker or a browser, so that nothing else is collected for them.
SERVED = ("kafka", "browser")
#: Files of minutes begin first, so that no worker is left alone with one at the end.
LONG = frozenset(("test_users_days", "test_worker", "test_up", "test_berka", "test_workout", "test_write_off"))
#: Of those without servers: files of single tests that take a quarter of a minute or more.
LONG |= {"test_contract_schemathesis", "test_contract_client", "test_past_replay", "test_live_ratios"}
OURS = frozenset({"TIDEMARK_REFERENCE", "TIDEMARK_HYPOTHESIS"})

hypothesis_settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis_settings.register_profile("search", derandomize=False, deadline=None, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    # The settings of whoever runs the tests are not those of the tests.
    for name in [name for name in os.environ if name.startswith("TIDEMARK_") and name not in OURS]:
        del os.environ[name]
    # `ci` tries the same cases at each run; TIDEMARK_HYPOTHESIS=search looks for new ones.
    hypothesis_settings.load_profile(os.environ.get("TIDEMARK_HYPOTHESIS", "ci"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    # What is collected and imported stays until the end: looking through it for garbage again and again finds none.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:  # before `-m` chooses
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")
        if item.path.parent.name not in SERVED and {"kafka", "browser"} & {mark.name for mark in item.iter_markers()}:
            raise pytest.UsageError(f"{item.nodeid} needs servers: its place is one of {', '.join(SERVED)}")
    yield
    items.sort(key=lambda item: item.path.stem not in LONG)  # after pytest-randomly has shuffled the files


@dataclass(frozen=True, slots=True)
class Cluster:
    """The session's broker. `settings` name it as an external cluster, with a data directory of their own."""

    bootstrap: str
    settings: Settings
    broker: EmbeddedBroker
    admin: AdminClient


class MakeTopics(Protocol):
    """Creates one topic per stem, named `<stem>.<unique>`, and returns the names in that order."""

    def __call__(self, *stems: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> list[str]: ...


@pytest.fixture(scope="session")
def jars() -> Path:
    """The jars of the embedded broker, downloaded into the user's cache the first time."""
    return prepare()


@pytest.fixture(scope="session")
def kafka(jars: Path) -> Iterator[Cluster]:
    """One real broker for the whole session. Tests must not stop it; those that do start one of their own."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tidemark-tests-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        broker = stack.enter_context(EmbeddedBroker(folder, jars, heap_mib=384))
        settings = Settings.model_validate({"data_dir": folder, "kafka_bootstrap": broker.bootstrap})
        admin = AdminClient(client_config(settings, broker.bootstrap))
        yield Cluster(broker.bootstrap, settings, broker, admin)


@pytest.fixture
def make_topics(kafka: Cluster) -> Iterator[MakeTopics]:
    """`make_topics("txn", "position", partitions=2)`; the topics are deleted when the test ends."""
    made: list[str] = []

    def make(*stems: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> list[str]:
        names = [f"{stem}.{uuid.uuid4().hex[:12]}" for stem in stems or ("topic",)]
        ensure_topics(kafka.admin, [Topic(name, partitions, config or {}) for name in names], replication=1)
        made.extend(names)
        return names

    yield make
    if made:
        for answer in kafka.admin.delete_topics(made).values():
            answer.result()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference data of TIDEMARK_REFERENCE, by default `../shared` beside the repository."""
    named = os.environ.get("TIDEMARK_REFERENCE")
    path = Path(named) if named else REPOSITORY.parent / "shared"
    if not path.is_dir():
        pytest.skip(f"no reference data at {path}: set TIDEMARK_REFERENCE to where it is")
    return path
