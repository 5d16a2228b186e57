"""What a worker says of itself to Prometheus; each worker has a registry and a port of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class WorkerMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.folded = Counter("tidemark_folded_records_total", "Records folded.", ["topic"], registry=self.registry)
        self.dead_letters = Counter(
            "tidemark_dead_letters_total",
            "Records sent to the dead letters.",
            ["topic"],
            registry=self.registry,
        )
        self.batch_records = Histogram(
            "tidemark_batch_records",
            "Records a batch.",
            ["topic"],
            registry=self.registry,
            buckets=(1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000),
        )
        self.fold_seconds = Histogram(
            "tidemark_fold_seconds",
            "Decoding and folding a batch.",
            ["topic"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.publish_seconds = Histogram(
            "tidemark_publish_seconds", "Publishing a tick.", registry=self.registry, buckets=_SECONDS
        )
        self.snapshot_seconds = Histogram(
            "tidemark_snapshot_seconds", "Storing a snapshot.", registry=self.registry, buckets=_SECONDS
        )
        self.snapshot_bytes = Counter(
            "tidemark_snapshot_bytes_total", "Bytes of snapshots stored.", registry=self.registry
        )
        self.snapshot_age = Gauge(
            "tidemark_snapshot_age_seconds",
            "Age of the oldest snapshot that lacks records.",
            registry=self.registry,
        )
        self.lag = Gauge(
            "tidemark_lag_records", "Records in the log and not folded.", ["topic"], registry=self.registry
        )
        self.partitions = Gauge("tidemark_partitions", "Partitions owned.", registry=self.registry)
