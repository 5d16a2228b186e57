"""The simulated bank as it stands before its first day: entities, branches, customers, accounts, all from
one seed.

Sizes and mixes are those of a middling Chinese commercial bank with a leasing and a consumer-finance
subsidiary. Not for what happens: that is `streams/feeds/day.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent

Indices = NDArray[np.int64]

ENTITIES = ("BANK", "LEASE", "CF")
CURRENCIES = ("CNY", "USD", "EUR", "JPY", "HKD")
CLASSES = ("RETAIL", "SME", "CORPORATE", "BANK")
LINES = ("RETAIL-BANKING", "SME-BANKING", "CORPORATE-BANKING", "FINANCIAL-MARKETS")
RETAIL, SME, CORPORATE, BANK = range(4)
#: CNY for one unit of each currency; the generator's own, so that amounts are of like size everywhere.
CNY_PER_UNIT = (1.0, 7.1, 7.8, 0.048, 0.91)

_REGIONS = ("NORTH", "EAST", "SOUTH", "WEST", "CENTRAL")
_BANKS = 60


@dataclass(frozen=True, slots=True)
class Branch:
    """One organisation; `parent` is the one above it, or `-` for an entity's head office."""

    org_id: str
    entity_id: str
    parent: str


def branches() -> tuple[Branch, ...]:
    """The organisation tree: 43 members, three heads, the bank's with five regions of six branches each."""
    tree = [Branch("BANK-HO", "BANK", "-")]
    for region in _REGIONS:
        tree.append(Branch(f"BANK-{region}", "BANK", "BANK-HO"))
        tree += [Branch(f"BANK-{region}-{i:02d}", "BANK", f"BANK-{region}") for i in range(1, 7)]
    for entity, count in (("LEASE", 2), ("CF", 3)):
        tree.append(Branch(f"{entity}-HO", entity, "-"))
        tree += [Branch(f"{entity}-{i:02d}", entity, f"{entity}-HO") for i in range(1, count + 1)]
    return tuple(tree)


@dataclass(frozen=True, slots=True)
class World:
    """Accounts as parallel columns; the texts are Python lists, since records are made of them one by one.

    The index columns name accounts: of customers by class (all currencies, or CNY only), of the parent bank's
    retail customers and firms in CNY (between which on-us transfers run), and the bank's own settlement
    accounts, whose customer is `-`.
    """

    seed: int
    account_id: list[str]
    entity: list[str]
    org: list[str]
    line: list[str]
    product: list[str]
    customer: list[str]
    customer_class: list[str]
    currency: list[str]
    key: list[bytes]
    currency_code: Indices
    opening_minor: Indices
    class_code: Indices
    accounts_by_class: tuple[Indices, ...]
    cny_accounts_by_class: tuple[Indices, ...]
    on_us_accounts: Indices
    own_accounts: Indices
    bank_names: list[str]

    @property
    def accounts(self) -> int:
        return len(self.account_id)


def minor_of_cny(amount_cny: NDArray[np.float64], currency_code: Indices) -> Indices:
    """Minor units of amounts drawn in CNY, in each row's currency, at least 1. For drawing, not for
    accounting.
    """
    scale = np.array([10 ** exponent(ccy) / rate for ccy, rate in zip(CURRENCIES, CNY_PER_UNIT, strict=True)])
    minor: Indices = np.maximum(np.rint(amount_cny * scale[currency_code]), 1).astype(np.int64)
    return minor


def build_world(seed: int, customers: int = 20_000) -> World:
    """The bank of one seed. Raises InvalidInput for fewer than 500 customers: some class would be empty."""
    if customers < 500:
        raise InvalidInput("a simulated bank needs at least 500 customers", field="customers")
    rng = np.random.default_rng([seed, 0x57])
    tree = branches()
    parents = {branch.parent for branch in tree}
    leaves = {
        entity: [b.org_id for b in tree if b.entity_id == entity and b.org_id not in parents] for entity in ENTITIES
    }

    classes = rng.choice(4, size=customers, p=[0.875, 0.095, 0.027, 0.003])
    classes[: 2 * _BANKS] = np.repeat([CORPORATE, BANK], _BANKS)  # enough of the rare ones, whatever the seed
    entity_of = rng.choice(3, size=customers, p=[0.90, 0.02, 0.08])
    entity_of[classes == BANK] = 0
    entity_of[(entity_of == 1) & (classes == RETAIL)] = 2  # leasing serves firms,
    entity_of[(entity_of == 2) & (classes != RETAIL)] = 0  # consumer finance people
    # Branches differ in size as branches do: weights fall off, so that a page has something to sort by.
    org_draw = rng.random(customers)
    foreign = rng.random(customers) < np.array([0.05, 0.25, 0.75, 1.0])[classes]
    foreign &= entity_of == 0
    foreign_code = rng.choice([1, 2, 3, 4], size=customers, p=[0.6, 0.2, 0.1, 0.1])

    rows: list[tuple[str, str, str, int, str, str, int]] = []  # account, entity, org, class, customer, product, ccy
    for i in range(customers):
        entity = ENTITIES[entity_of[i]]
        orgs = leaves[entity]
        org = orgs[int(len(orgs) * org_draw[i] ** 1.6)]
        code = int(classes[i])
        customer = f"{entity[0]}{i + 1:06d}"
        product = ("SAVINGS", "CURRENT", "CURRENT", "VOSTRO")[code]
        rows.append((f"{customer}-CNY", entity, org, code, customer, product, 0))
        if foreign[i]:
            ccy = int(foreign_code[i])
            rows.append((f"{customer}-{CURRENCIES[ccy]}", entity, org, code, customer, product, ccy))
    for entity in ENTITIES:
        for ccy in range(len(CURRENCIES) if entity == "BANK" else 1):
            account = f"{entity}-SETTLE-{CURRENCIES[ccy]}"
            rows.append((account, entity, f"{entity}-HO", BANK, "-", "SETTLEMENT", ccy))

    class_code = np.array([row[3] for row in rows])
    currency_code = np.array([row[6] for row in rows])
    own = np.array([row[4] == "-" for row in rows])
    # Balances are heavy-tailed: medians of 12 thousand, 400 thousand, 8 million and 60 million yuan.
    median = np.array([12_000.0, 400_000.0, 8_000_000.0, 60_000_000.0])[class_code]
    sigma = np.array([1.5, 1.3, 1.3, 1.0])[class_code]
    balance = np.minimum(median * np.exp(sigma * rng.standard_normal(len(rows))), 5e10)
    balance[own] = 3e9 * (1 + rng.random(int(own.sum())))
    balance[own & np.array([row[1] != "BANK" for row in rows])] *= 0.2

    numbers = np.arange(len(rows))
    in_bank = np.array([row[1] == "BANK" for row in rows])
    return World(
        seed=seed,
        account_id=[row[0] for row in rows],
        entity=[row[1] for row in rows],
        org=[row[2] for row in rows],
        line=[LINES[row[3]] for row in rows],
        product=[row[5] for row in rows],
        customer=[row[4] for row in rows],
        customer_class=["-" if row[4] == "-" else CLASSES[row[3]] for row in rows],
        currency=[CURRENCIES[row[6]] for row in rows],
        key=[f"{row[1]}|{row[0] if row[4] == '-' else row[4]}".encode() for row in rows],
        currency_code=currency_code,
        opening_minor=minor_of_cny(balance, currency_code),
        class_code=class_code,
        accounts_by_class=tuple(numbers[(class_code == code) & ~own] for code in range(4)),
        cny_accounts_by_class=tuple(numbers[(class_code == code) & (currency_code == 0) & ~own] for code in range(4)),
        on_us_accounts=numbers[in_bank & (class_code != BANK) & (currency_code == 0)],
        own_accounts=numbers[own],
        bank_names=[f"CPTY{i + 1:03d}" for i in range(_BANKS)],
    )
