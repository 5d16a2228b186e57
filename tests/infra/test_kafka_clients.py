"""Settings become client configurations, or are refused by name; no broker is needed for it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from engines.primitives.errors import InvalidInput, Unavailable
from infra.kafka import distribution
from infra.kafka.broker import run_broker
from infra.kafka.clients import client_config, consumer_config, producer_config, resolve_bootstrap
from infra.settings import Settings

SASL = {"kafka_sasl_mechanism": "SCRAM-SHA-512", "kafka_sasl_username": "u", "kafka_sasl_password": "p"}


def settings(**fields: object) -> Settings:
    return Settings.model_validate({"data_dir": Path("absent"), **fields})


def test_plaintext_is_the_default() -> None:
    config = client_config(settings(), "h:1")
    assert config["bootstrap.servers"] == "h:1"
    assert config["security.protocol"] == "PLAINTEXT"
    assert not [key for key in config if key.startswith(("ssl.", "sasl."))]


def test_tls_and_sasl_are_mapped() -> None:
    tls = {"kafka_ssl_ca": "/ca.pem", "kafka_ssl_certificate": "/cert.pem", "kafka_ssl_key": "/key.pem"}
    config = client_config(settings(kafka_security_protocol="SASL_SSL", **SASL, **tls), "h:1")
    assert {key: value for key, value in config.items() if key.startswith(("ssl.", "sasl.", "security."))} == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": "/ca.pem",
        "ssl.certificate.location": "/cert.pem",
        "ssl.key.location": "/key.pem",
    }


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (SASL, "kafka_sasl_mechanism"),
        (SASL | {"kafka_security_protocol": "SSL"}, "kafka_sasl_mechanism"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT"}, "kafka_sasl_mechanism"),
        (SASL | {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_password": None}, "kafka_sasl_password"),
        ({"kafka_ssl_ca": "/ca.pem"}, "kafka_ssl_ca"),
        (SASL | {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_ssl_ca": "/ca.pem"}, "kafka_ssl_ca"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_certificate": "/cert.pem"}, "kafka_ssl_key"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(fields: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput, match=named) as caught:
        client_config(settings(**fields), "h:1")
    assert caught.value.facts["field"] == named
    assert "'p'" not in str(caught.value)


def test_librdkafka_accepts_what_we_configure() -> None:
    """It refuses unknown names and values out of range when the client is made."""
    sasl = settings(kafka_security_protocol="SASL_SSL", **SASL)
    Producer(producer_config(sasl, "127.0.0.1:1", linger_ms=0) | {"log_level": 0})
    Consumer(consumer_config(sasl, "127.0.0.1:1", enable_partition_eof=True) | {"log_level": 0}).close()


def test_producers_cannot_differ_in_what_matters() -> None:
    config = producer_config(settings(), "h:1", linger_ms=1)
    assert config["partitioner"] == "murmur2_random"
    assert config["enable.idempotence"] is True
    assert config["linger.ms"] == 1
    assert "linger_ms" not in config


def test_consumers_read_what_is_committed() -> None:
    assert consumer_config(settings(), "h:1")["isolation.level"] == "read_committed"
    assert consumer_config(settings(group="desk"), "h:1")["group.id"] == "desk-reader"
    assert consumer_config(settings(), "h:1", "other")["group.id"] == "other"


def test_the_address_is_the_setting_or_what_the_broker_left(tmp_path: Path) -> None:
    assert resolve_bootstrap(settings(data_dir=tmp_path, kafka_bootstrap="a:1,b:2")) == "a:1,b:2"
    with pytest.raises(Unavailable, match="tidemark broker"):
        resolve_bootstrap(settings(data_dir=tmp_path))
    run_file = tmp_path / "run" / "kafka.json"
    run_file.parent.mkdir()
    for damaged in ("", "{", "[]", "{}"):
        run_file.write_text(damaged)
        with pytest.raises(Unavailable, match="TIDEMARK_KAFKA_BOOTSTRAP"):
            resolve_bootstrap(settings(data_dir=tmp_path))
    run_file.write_text(json.dumps({"bootstrap": "127.0.0.1:7"}))
    assert resolve_bootstrap(settings(data_dir=tmp_path)) == "127.0.0.1:7"


def test_security_without_a_cluster_of_ones_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="kafka_security_protocol"):
        resolve_bootstrap(settings(data_dir=tmp_path, kafka_security_protocol="SSL"))


def test_no_embedded_broker_beside_a_real_cluster(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="TIDEMARK_KAFKA_BOOTSTRAP"):
        run_broker(settings(data_dir=tmp_path, kafka_bootstrap="a:1"))
    assert not list(tmp_path.iterdir())


def test_the_environment_names_an_external_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_KAFKA_BOOTSTRAP", "kafka.bank.example:9093")
    monkeypatch.setenv("TIDEMARK_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("TIDEMARK_KAFKA_SSL_CA", "/etc/bank/ca.pem")
    found = Settings()
    config = client_config(found, resolve_bootstrap(found))
    assert config["bootstrap.servers"] == "kafka.bank.example:9093"
    assert (config["security.protocol"], config["ssl.ca.location"]) == ("SSL", "/etc/bank/ca.pem")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with Java and a Maven of ours, which writes two jars and counts its calls."""
    tools = tmp_path / "bin"
    tools.mkdir()
    maven = tools / "mvn"
    maven.write_text(
        "#!/bin/sh\n"
        'for argument; do case "$argument" in -DoutputDirectory=*) out=${argument#*=};; esac; done\n'
        f'echo called >> "{tmp_path}/calls"\n'
        f'[ ! -e "{tmp_path}/slow" ] || sleep 0.5\n'
        f'[ ! -e "{tmp_path}/offline" ] || {{ echo "ERROR: no route to the repository"; exit 1; }}\n'
        'mkdir -p "$out" && echo kafka > "$out/kafka_2.13-0.jar" && echo log > "$out/log4j-0.jar"\n'
    )
    java = tools / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n")
    for tool in (maven, java):
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def calls(cache: Path) -> int:
    path = cache / "calls"
    return path.read_text().count("called") if path.exists() else 0


def test_jars_are_fetched_once(cache: Path) -> None:
    jars = distribution.ensure_jars(cache / "kafka")
    assert sorted(jar.name for jar in jars.iterdir()) == ["kafka_2.13-0.jar", "log4j-0.jar"]
    assert distribution.ensure_jars(cache / "kafka") == jars
    assert calls(cache) == 1


def test_two_at_once_fetch_once(cache: Path) -> None:
    (cache / "slow").touch()
    with ThreadPoolExecutor(2) as pool:  # the lock is of the open file: threads exclude each other as processes do
        found = list(pool.map(distribution.ensure_jars, [cache / "kafka"] * 2))
    assert found[0] == found[1]
    assert calls(cache) == 1


def test_half_a_download_is_not_trusted(cache: Path) -> None:
    jars = distribution.ensure_jars(cache / "kafka")
    (jars / "log4j-0.jar").write_text("")  # a full disk, a sweeper
    distribution.ensure_jars(cache / "kafka")
    (cache / "kafka" / distribution.MARKER).unlink()  # killed before the end
    distribution.ensure_jars(cache / "kafka")
    assert (jars / "log4j-0.jar").read_text() == "log\n"
    assert calls(cache) == 3


def test_a_changed_pom_fetches_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution.ensure_jars(cache / "kafka")
    changed = cache / "pom.xml"
    changed.write_text(distribution.POM.read_text() + "<!-- another -->")
    monkeypatch.setattr(distribution, "POM", changed)
    distribution.ensure_jars(cache / "kafka")
    assert calls(cache) == 2


def test_a_failed_download_shows_what_maven_said(cache: Path) -> None:
    (cache / "offline").touch()
    with pytest.raises(Unavailable, match=r"exit code 1(?s:.*)no route to the repository"):
        distribution.ensure_jars(cache / "kafka")
    (cache / "offline").unlink()
    assert distribution.ensure_jars(cache / "kafka").is_dir()


def test_what_is_missing_is_named_with_its_remedy(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "bin" / "mvn").unlink()
    monkeypatch.setenv("PATH", str(cache / "bin"))
    with pytest.raises(Unavailable, match="install Maven"):
        distribution.ensure_jars(cache / "kafka")
    (cache / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    with pytest.raises(Unavailable, match="release 11, Kafka needs 17"):
        distribution.ensure_jars(cache / "kafka")
    (cache / "bin" / "java").unlink()
    with pytest.raises(Unavailable, match="java is not found: install a JDK 17"):
        distribution.ensure_jars(cache / "kafka")


def test_the_pom_names_exact_versions_and_no_repository() -> None:
    text = distribution.POM.read_text()
    assert distribution.kafka_version().startswith("4.1.")
    assert "<repositor" not in text
    assert "SNAPSHOT" not in text
    assert "[" not in text  # no version ranges
