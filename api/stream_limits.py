"""Open files: each live stream is one, and many systems let a process have 1,024 unless it asks for more."""

import resource

import structlog

log = structlog.get_logger()
OTHER_FILES = 512  # the log, the store, Kafka's connections, requests


def raise_file_limit(wanted: int) -> int:
    """Have the soft limit raised to `wanted`, as far as the hard one lets; returns the limit now in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return wanted if soft == resource.RLIM_INFINITY else soft


def make_room(streams: int) -> None:
    """For so many live streams; says plainly where the system allows fewer."""
    wanted = streams + OTHER_FILES
    found = raise_file_limit(wanted)
    if found < wanted:
        log.warning(
            "few_open_files", allowed=found, wanted=wanted, streams=max(0, found - OTHER_FILES), remedy="ulimit -Hn"
        )
