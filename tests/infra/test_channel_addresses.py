"""Where webhooks may go: OWASP's table of server-side request forgery, and names that resolve to somewhere else."""

import asyncio
from collections.abc import Sequence

import pytest

from engines.primitives.errors import InvalidInput
from infra.channels.addresses import AddressGuard, AddressRefused, resolve
from infra.channels.http import ANSWER_BYTES_MAX, Answer, HttpCaller
from infra.channels.outcome import Outcome, Result
from tests.infra.delivery_world import LOOPBACK, receiving

REFUSED = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # metadata of clouds
    "100.64.0.1",  # carrier-grade NAT, and Alibaba's metadata
    "100.100.100.200",
    "192.0.0.192",  # Oracle's metadata
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::101:101")


@pytest.mark.parametrize("address", REFUSED)
def test_is_not_called(address: str) -> None:
    assert not AddressGuard().permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_is_called(address: str) -> None:
    assert AddressGuard().permits(address)


def test_a_policy_allows_networks_and_never_those_of_metadata() -> None:
    guard = AddressGuard.of(["10.20.0.0/16", "::1/128", "0.0.0.0/0", "::/0"])
    assert all(guard.permits(one) for one in ("10.20.3.4", "::1", "127.0.0.1", "192.168.1.1"))
    assert not any(guard.permits(one) for one in ("169.254.169.254", "::ffff:169.254.169.254", "0.1.1.1", "fe80::1"))
    assert not AddressGuard.of(["10.20.0.0/16"]).permits("10.21.0.1")
    with pytest.raises(InvalidInput):
        AddressGuard.of(["10.20.0.1/16"])


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "127.0.0.1"])
def test_other_forms_are_judged_as_what_they_resolve_to(host: str) -> None:
    with pytest.raises(AddressRefused):
        asyncio.run(AddressGuard(resolve=resolve).addresses(host, 443))


def told(*answers: Sequence[str]) -> AddressGuard:
    """A guard whose resolver answers in turn."""
    left = list(answers)

    async def resolver(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return AddressGuard(resolve=resolver)


@pytest.mark.parametrize("answer", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], []])
def test_a_name_that_resolves_to_a_private_address_is_refused(answer: list[str]) -> None:
    caller = HttpCaller(told(answer), timeout_s=1)
    found = asyncio.run(caller.send("https://innocent.example/", {}, b""))
    assert isinstance(found, Outcome)
    assert (found.result, found.blames_lane) == (Result.FAILED, False)


def test_the_address_that_was_judged_is_the_one_that_is_connected_to() -> None:
    """Rebinding: the name means an allowed address when it is asked first, and whoever asks again gets another. It is
    asked once."""

    async def work() -> tuple[int, int]:
        asked: list[str] = []

        async def rebinds(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

        async with receiving() as receiver:  # listens on 127.0.0.1 alone, which `localhost` means to everybody else
            guard = AddressGuard.of(["127.0.0.2/32"], rebinds)
            caller = HttpCaller(guard, timeout_s=2, allow_http=True)
            found = await caller.send(f"http://localhost:{receiver.port}/", {}, b"")
            assert isinstance(found, Outcome)
            assert found.result is Result.RETRY
            return len(asked), len(receiver.received)

    assert asyncio.run(work()) == (1, 0)


def test_a_name_that_does_not_resolve_is_tried_again() -> None:
    async def fails(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    found = asyncio.run(HttpCaller(AddressGuard(resolve=fails), timeout_s=1).send("https://gone.example/", {}, b""))
    assert isinstance(found, Outcome)
    assert found.result is Result.RETRY


@pytest.mark.parametrize(
    "url",
    [
        "http://public.example/",  # plain
        "ftp://public.example/",
        "file:///etc/passwd",
        "https://user:word@public.example/",
        "https://public.example/#part",
        "https:///path",
        "https://public.example:99999/",
        "https://public.example/a b",
        "https://public.example/\r\nx: y",
        "https://bücher.example/",
        "https://public.example/" + "x" * 2_100,
        "public.example",
        "https://[::1",
    ],
)
def test_is_no_url_of_a_receiver(url: str) -> None:
    caller = HttpCaller(told(["1.1.1.1"]), timeout_s=1)
    with pytest.raises(InvalidInput):
        caller.origin(url)
    found = asyncio.run(caller.send(url, {}, b""))
    assert isinstance(found, Outcome)
    assert found.result is Result.FAILED


def test_plain_http_goes_to_allowed_networks_only() -> None:
    caller = HttpCaller(told(["1.1.1.1"]), timeout_s=1, allow_http=True)
    found = asyncio.run(caller.send("http://public.example/", {}, b""))
    assert isinstance(found, Outcome)
    assert found.result is Result.FAILED


def test_a_long_answer_is_cut() -> None:
    async def work() -> Answer | Outcome:
        async with receiving(answer=b"x" * 3 * ANSWER_BYTES_MAX) as receiver:
            caller = HttpCaller(LOOPBACK, timeout_s=5, allow_http=True)
            found = await caller.send(receiver.url(), {}, b"")
            await caller.close()
            return found

    found = asyncio.run(work())
    assert isinstance(found, Answer)
    assert len(found.body) == ANSWER_BYTES_MAX
