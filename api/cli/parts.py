"""`tidemark broker|worker|api|core`: one part alone, as `up` starts them and as production runs them.

Each imports what it needs before it asks for Kafka: in `up` the broker starts at the same time.
"""

from typing import Annotated

import typer

from api.cli.options import DataDir, load_settings


def broker(data_dir: DataDir = None) -> None:
    """Run the embedded Kafka broker until Ctrl-C or SIGTERM."""
    from api.startup import configure_logs
    from infra.kafka.broker import run_broker

    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    run_broker(settings)


def worker(data_dir: DataDir = None) -> None:
    """Run one worker: it folds the partitions that the consumer group gives it."""
    import streams.worker  # noqa: F401 - early, see above
    from api.startup import await_kafka, configure_logs
    from api.wiring import run_worker

    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    await_kafka(settings)
    run_worker(settings)


def api(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.", show_default="loopback")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 takes any free one.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve HTTP, the live stream and the page."""
    import api.app  # noqa: F401 - early, see above
    from api.startup import await_kafka, configure_logs
    from api.wiring import run_api

    settings = load_settings(data_dir=data_dir, api_host=host, api_port=port)
    configure_logs(settings)
    await_kafka(settings)
    run_api(settings)


def core(data_dir: DataDir = None) -> None:
    """Run the simulated core-banking system, which answers posting requests."""
    from api.startup import await_kafka, configure_logs, run_core

    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    await_kafka(settings)
    run_core(settings)
