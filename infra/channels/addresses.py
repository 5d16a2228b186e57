"""Where we call: public addresses, or networks the operator named; decided on the address that is connected to.

A subscriber names a URL and we fetch it from inside the bank: without this guard the notifier would be a door into
its network (server-side request forgery, OWASP API7:2023). The name is resolved here and the connection goes to the
very address that was judged, so that a name cannot resolve to another one in between (DNS rebinding); decimal, octal
and IPv6 forms of an address are judged as what they resolve to. TLS still verifies the name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore

from engines.primitives.errors import InvalidInput, Rejected

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

#: 64:ff9b::/96 and its local sibling carry an IPv4 address that a gateway would call (RFC 6052, RFC 8215).
NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
#: Not public although older tables of Python say so: protocol assignments, benchmarks, dummy and former relay
#: anycast.
NOT_PUBLIC = tuple(
    ip_network(n) for n in ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "2001::/23", "fec0::/10")
)
#: Never, whatever a policy says: clouds keep credentials at link-local addresses.
NEVER = tuple(ip_network(n) for n in ("0.0.0.0/8", "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "224.0.0.0/4"))


class AddressRefused(Rejected):
    """The name resolves to an address that must not be called."""

    code = "address-refused"


async def resolve(host: str, port: int) -> list[str]:
    """Addresses as text, in the resolver's order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """`allowed`: networks of the bank's own that may be called beside public addresses, or alone without `public`."""

    allowed: tuple[Network, ...] = ()
    resolve: Resolve = resolve
    public: bool = True

    @classmethod
    def of(cls, networks: Iterable[str], resolver: Resolve = resolve) -> "AddressGuard":
        """Raises InvalidInput: a text that is no network."""
        try:
            return cls(tuple(ip_network(text) for text in networks), resolver)
        except ValueError as error:
            raise InvalidInput("want networks such as 10.20.0.0/16", field="allowed_networks") from error

    def permits(self, text: str) -> bool:
        """Whether this address may be connected to."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        # Behind the well-known prefix stands the IPv4 address and nothing else: it alone is judged.
        forms = _embedded(address) if _is_in(address, NAT64[:1]) else [address, *_embedded(address)]
        if any(_is_in(form, NEVER) or form.is_multicast or form.is_unspecified for form in forms):
            return False
        return all(_is_in(form, self.allowed) or (self.public and _is_public(form)) for form in forms)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Those of `host` that may be called.

        Raises AddressRefused: none may, or one of several may not (a name that mixes them is up to something);
        OSError: the name does not resolve.
        """
        found = list(await self.resolve(host, port))
        if not found or not all(self.permits(text) for text in found):
            raise AddressRefused("the name resolves to an address that may not be called", host=host)
        return found


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects httpcore's pool to addresses that the guard permits, and to nothing else."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard, self._inner = guard, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._guard.addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        for number, address in enumerate(addresses, 1):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError("no address")

    async def connect_unix_socket(self, path: str, timeout: Any = None, socket_options: Any = None) -> Any:  # noqa: ASYNC109
        raise AddressRefused("only TCP is called", host="-")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_reserved and not _is_in(address, NOT_PUBLIC)


def _embedded(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one leads to: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return []
    found = [form for form in (address.ipv4_mapped, address.sixtofour) if form is not None]
    if address.teredo is not None:
        found += address.teredo
    if _is_in(address, NAT64) or 0xFFFF < int(address) < 1 << 32:
        found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return list(found)
