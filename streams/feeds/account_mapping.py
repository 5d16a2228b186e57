"""Which bank account of a statement is which account of ours: a TOML file that the operator writes.

Looked up by IBAN or other id, blanks and case apart. An account that is not in it is refused, unless `[unmapped]`
says where such accounts belong.
"""

import hashlib
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from engines.primitives.errors import InvalidInput
from infra.files import read_bytes


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Dimensions of one account. `entries` false: another feed tells its entries, statements are only compared.

    `opening_on`: the statement of this day tells what was on the account before, as its OPENING entry.
    """

    id: str = ""
    currency: str = ""
    entity_id: str = ""
    account_id: str = ""
    org_id: str = ""
    line_id: str = ""
    product_id: str = ""
    customer_id: str = ""
    customer_class: str = ""
    channel: str = ""
    entries: bool | None = None
    opening_on: date | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    source_system: str = "statements"
    payments: Literal["pending", "settled"] = "pending"
    notifications: Literal["referenced", "all"] = "referenced"
    split: bool = False
    defaults: Account = Account()
    unmapped: Account | None = None
    accounts: list[Account] = []


_FALLBACK = Account(
    org_id="-",
    line_id="-",
    product_id="NOSTRO",
    customer_id="-",
    customer_class="-",
    channel="STATEMENT",
    entries=True,
)


class AccountMapping:
    """The accounts of one mapping file; `digest` is of its bytes.

    `payments`: what pacs messages are told as. `notifications`: whether those without a reference of the account
    servicer are told, which cannot be known again in the statement. `split`: batches payment by payment.
    """

    def __init__(self, content: _File, digest: str) -> None:
        self.source_system, self.payments, self.digest = content.source_system, content.payments, digest
        self.notifications, self.split = content.notifications, content.split
        self._unmapped = content.unmapped and _over(content.unmapped, content.defaults)
        self._accounts: dict[tuple[str, str], Account] = {}
        for at, account in enumerate(content.accounts):
            whole = _over(account, content.defaults)
            if not account.id or not whole.entity_id:
                wanted = "id" if not account.id else "entity_id"
                raise InvalidInput(f"accounts[{at}] of the mapping has no {wanted}", field=wanted)
            key = normal(account.id), account.currency
            if key in self._accounts:
                raise InvalidInput(f"{account.id} stands in the mapping twice", field="id")
            self._accounts[key] = _named(whole, account.id)
        if self._unmapped is not None and not self._unmapped.entity_id:
            raise InvalidInput("[unmapped] has no entity_id", field="entity_id")

    def find(self, bank_id: str, currency: str = "") -> Account | None:
        """The account of ours, with every dimension filled in; None where it is not mapped."""
        key = normal(bank_id)
        for wanted in dict.fromkeys((currency, "")):
            for name in (key, key.removesuffix(currency)):
                if (name, wanted) in self._accounts:
                    return self._accounts[name, wanted]
        if self._unmapped is None or not key:
            return None
        found = self._accounts[key, ""] = _named(self._unmapped, key)
        return found

    def is_ours(self, bank_id: str) -> bool:
        key = normal(bank_id)
        return any(name == key for name, _ in self._accounts) or (self._unmapped is not None and bool(key))


def read_mapping(path: Path) -> AccountMapping:
    """Raises InvalidInput naming what is wrong, NotFound."""
    data = read_bytes(path)
    try:
        content = msgspec.toml.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(f"{path.name}: {error}", file=path.name, field="mapping") from error
    return AccountMapping(content, hashlib.sha256(data).hexdigest())


def normal(bank_id: str) -> str:
    """An account's id as it is compared: no blanks, upper case."""
    return "".join(bank_id.split()).upper()


def _over(account: Account, *below: Account) -> Account:
    """What `account` leaves empty is taken from the next one below."""
    fields = {}
    for name in Account.__struct_fields__:
        values = (getattr(one, name) for one in (account, *below, _FALLBACK))
        fields[name] = next((value for value in values if value not in {"", None}), getattr(account, name))
    return Account(**fields)


def _named(account: Account, bank_id: str) -> Account:
    return account if account.account_id else msgspec.structs.replace(account, account_id=normal(bank_id))
