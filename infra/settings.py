"""Settings of one running Tidemark: environment variables `TIDEMARK_*` or `tidemark.toml`, built once in `main`.

Limits, thresholds and run-off rates are not here: they are policy, versioned data with an effective date.
"""

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "tidemark"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TIDEMARK_", frozen=True, extra="ignore", toml_file="tidemark.toml")

    data_dir: Path = Field(default_factory=default_data_dir, description="everything this host keeps")

    kafka_bootstrap: str | None = Field(None, description="host:port,… of a real cluster; none: embedded broker")
    kafka_security_protocol: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    kafka_sasl_mechanism: str | None = Field(None, pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$")
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_ca: Path | None = Field(None, description="PEM file of the authorities that may sign brokers")
    kafka_ssl_certificate: Path | None = Field(None, description="PEM file of our client certificate")
    kafka_ssl_key: Path | None = Field(None, description="PEM file of its key")
    kafka_replication: int = Field(1, ge=1, le=9, description="replicas of each topic; 3 on a real cluster")
    kafka_partitions: int = Field(8, ge=1, le=1024, description="of each keyed topic; fixed for the log's life")
    kafka_heap_mib: int = Field(512, ge=256, le=65536, description="heap of the embedded broker, MiB")

    group: str = Field("tidemark", description="Kafka consumer group of the workers")
    session_timeout_s: float = Field(6.0, ge=1.0, le=300.0, description="a silent worker loses its partitions")
    heartbeat_s: float = Field(2.0, gt=0, le=100.0)
    snapshot_interval_s: float = Field(1.0, gt=0, le=60.0, description="at most this old is a snapshot")
    snapshot_records_max: int = Field(500_000, ge=1_000, description="or after this many records, if sooner")
    snapshot_dir: Path | None = Field(None, description="where all workers reach them; none: data_dir/snapshots")
    tick_interval_ms: int = Field(25, ge=0, le=10_000, description="shortest time between two published ticks")
    batch_records_max: int = Field(20_000, ge=1, le=1_000_000, description="records folded in one go")
    unacknowledged_bytes_max: int = Field(268_435_456, ge=1_048_576, description="bytes read beyond a snapshot")
    dedup_horizon_days: int = Field(45, ge=1, le=3_660, description="how long an entry id is remembered")
    watchdog_s: float = Field(30.0, ge=1.0, description="lag without advance for this long ends the worker")
    worker_metrics_port: int = Field(0, ge=0, le=65535, description="of /metrics on loopback; 0: any free one")
    policy_dir: Path | None = Field(None, description="versioned policies; none: those shipped with Tidemark")
    template_dir: Path | None = Field(None, description="templates of the bank's own papers, beside those shipped")

    attachment_dir: Path | None = Field(None, description="where all hosts reach them; none: data_dir/attachments")
    attachment_bytes_max: int = Field(52_428_800, ge=1_024, le=1_073_741_824, description="largest attachment")

    archive: Path | None = Field(None, description="where all hosts reach it; none: data_dir/archive")
    archive_age_s: float = Field(60.0, ge=0.1, le=86_400.0, description="a record waits at most so long for its file")
    archive_records_max: int = Field(200_000, ge=1, le=10_000_000, description="records of one file of the archive")

    export_sync_rows: int = Field(50_000, ge=0, le=1_000_000, description="above it an export runs as a job")

    event_store: str = Field("sqlite", description="`sqlite`, or postgresql://user:password@host:port/database")

    privacy_key: SecretStr | None = Field(None, description="master key, base64 of 32 bytes; none: keys/privacy.key")
    privacy_key_next: SecretStr | None = Field(None, description="what `tidemark privacy rotate` wraps keys by then")
    subject_keys: str = Field("sqlite", description="`sqlite` (privacy/subject-keys.db) or a postgresql:// URL")
    unmask_roles: str = Field("AM BR HM HA LG IA", description="roles that see personal values unmasked")

    audit_key: Path | None = Field(None, description="PEM file that signs heads; none: data_dir/audit/key.pem")
    audit_origin: str | None = Field(None, description="name of the log in its heads; none: by its first key")
    heads_file: Path | None = Field(None, description="where heads are added; none: data_dir/heads/heads.jsonl")
    witness: str = Field("", description="who cosigns heads, as `URL VKEY, URL VKEY`")
    witness_required: int = Field(0, ge=0, le=15, description="appends are refused without so many cosignatures")
    witness_lag_s: float = Field(60.0, ge=1.0, le=86_400.0, description="after a head has waited for them this long")

    api_host: str = Field("127.0.0.1", description="address the API listens on; loopback unless told otherwise")
    api_port: int = Field(8000, ge=0, le=65535)
    api: str = Field("http://127.0.0.1:8000", description="where commands that show figures ask")
    token: SecretStr | None = Field(None, description="signed token of the actor; none: the one `up` left")

    rate_limit_read: int = Field(6_000, ge=0, le=10_000_000, description="reads a minute of one token; 0: no limit")
    rate_limit_heavy: int = Field(600, ge=0, le=10_000_000, description="replays, files and calculations a minute")
    rate_limit_command: int = Field(1_200, ge=0, le=10_000_000, description="changes a minute of one token")
    rate_limit_stream: int = Field(20_000, ge=0, le=10_000_000, description="live streams opened a minute")
    rate_limit_anonymous: int = Field(1_200, ge=0, le=10_000_000, description="requests a minute of one address")

    notifier_page: str = Field("", description="address of the page as receivers of messages reach it; empty: api")
    notifier_metrics_port: int = Field(0, ge=0, le=65535, description="of /metrics on loopback; 0: any free one")
    notifier_webhook_secrets: SecretStr | None = Field(None, description="`SUB=whsec_… …, *=whsec_…`; none: files")
    notifier_smtp_password: SecretStr | None = Field(None, description="of the mail server; none: smtp.password")
    notifier_sms_token: SecretStr | None = Field(None, description="of the SMS gateway; none: sms.token")

    access_log_reads_of: str = Field("IA", description="roles whose reads of cases are told, as `IA OP`; empty: none")

    simulated_core: str = Field("", description="how the simulated core misbehaves, as `WO-1*:reject=ACCT_BUSY:2`")
    simulated_neighbours: str = Field("", description="how the other simulated systems do, as `smartcoll:silent:2`")

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    log_json: bool = Field(False, description="one JSON object a line instead of text")

    @property
    def snapshots(self) -> Path:
        return self.snapshot_dir or self.data_dir / "snapshots"

    @property
    def archives(self) -> Path:
        return self.archive or self.data_dir / "archive"

    @property
    def attachments(self) -> Path:
        return self.attachment_dir or self.data_dir / "attachments"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
