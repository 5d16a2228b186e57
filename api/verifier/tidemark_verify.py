#!/usr/bin/env python3
"""Checks a Tidemark proof without Tidemark: one file, the standard library, Python 3.8 or newer.

    python tidemark_verify.py PROOF.json [--key VKEY]... [--head FILE]... [--witness-key VKEY]... [--quiet]

It prints what is proved and what is not. Exit 0: everything in the file holds, and every given key and head was met;
1: something does not; 2: the file cannot be read. The form of the file and all formulas are in docs/audit-proofs.md.

What it checks, for each item: the leaf is computed from the stored bytes, the inclusion path leads from it to the
root of the checkpoint (RFC 6962), and a key signed that checkpoint (Ed25519, RFC 8032; C2SP signed-note). With
--key it trusts only the keys given; without, those in the file, and says that this proves less. With --head the log
must continue, or be continued by, a checkpoint that you kept. With --witness-key a witness's line must hold.
"""
# It prints, and it is read by people with an old Python: no annotations, nothing newer than 3.8.
# ruff: noqa: T201, UP031
# mypy: ignore-errors

import argparse
import base64
import calendar
import hashlib
import json
import re
import sys
import uuid

# --- Ed25519 (RFC 8032, 5.1), verification only: slow and simple, no secrets are handled -------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def _add(one, other):
    """Extended coordinates (X, Y, Z, T), x = X/Z, y = Y/Z, T = XY/Z."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar, point):
    found = IDENTITY
    while scalar:
        if scalar & 1:
            found = _add(found, point)
        point = _add(point, point)
        scalar >>= 1
    return found


def _same(one, other):
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def _point(raw):
    """Decompress 32 bytes; None if they are no point."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _base():
    y = 4 * pow(5, P - 2, P) % P
    return _point(y.to_bytes(32, "little"))


BASE = _base()


def ed25519_verifies(key, signature, message):
    if len(key) != 32 or len(signature) != 64:
        return False
    public, commitment = _point(key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return _same(_times(scalar, BASE), _add(commitment, _times(challenge, public)))


# --- Merkle trees (RFC 6962, 2.1) --------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def included(leaf, index, size, path, root):
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = node_hash(sibling, found)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            found = node_hash(found, sibling)
        at, last = at // 2, last // 2
    return last == 0 and found == root


def consistent(old_size, size, path, old_root, root):
    if not 0 < old_size <= size:
        return old_size == 0
    if old_size == size:
        return not path and old_root == root
    nodes = list(path)
    if old_size & (old_size - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        return False
    at, last = old_size - 1, size - 1
    while at % 2:
        at, last = at // 2, last // 2
    old_found = found = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            old_found, found = node_hash(sibling, old_found), node_hash(sibling, found)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            found = node_hash(found, sibling)
        at, last = at // 2, last // 2
    return last == 0 and old_found == old_root and found == root


# --- Checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature/v1) -----------------------------------


class Malformed(Exception):
    pass


def unb64(text):
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise Malformed("not base64: %.40r" % (text,)) from error


class Key:
    def __init__(self, vkey):
        name, _, rest = vkey.strip().partition("+")
        key_id, _, material = rest.partition("+")
        raw = unb64(material)
        self.text, self.name, self.kind, self.key = vkey.strip(), name, raw[:1], raw[1:]
        self.id = sha256(name.encode() + b"\n" + raw)[:4]
        if len(raw) != 33 or self.kind not in (b"\x01", b"\x04") or self.id.hex() != key_id.lower():
            raise Malformed("not an Ed25519 verifier key: %s" % vkey)


class Checkpoint:
    def __init__(self, note):
        self.note = note
        text, blank, signed = note.rpartition("\n\n")
        lines = text.split("\n")
        if not blank or len(lines) < 3 or not lines[1].isdigit():
            raise Malformed("not a checkpoint")
        self.text, self.origin, self.size, self.root = text + "\n", lines[0], int(lines[1]), unb64(lines[2])
        self.lines = []
        for line in signed.splitlines():
            dash, _, rest = line.partition(" ")
            name, _, signature = rest.partition(" ")
            raw = unb64(signature)
            if dash != "\u2014" or len(raw) < 5:
                raise Malformed("not a signature line")
            self.lines.append((name, raw[:4], raw[4:]))

    def signed_by(self, key):
        """None: the key has no line here. False: its line does not hold. Else True, of a witness its time."""
        found = None
        for name, key_id, signature in self.lines:
            if (name, key_id) != (key.name, key.id):
                continue
            if key.kind == b"\x01":
                holds = ed25519_verifies(key.key, signature, self.text.encode())
            else:
                time = int.from_bytes(signature[:8], "big")
                message = "cosignature/v1\ntime %d\n%s" % (time, self.text)
                holds = time if ed25519_verifies(key.key, signature[8:], message.encode()) else False
            if not holds:
                return False
            found = holds
        return found


# --- Proofs -------------------------------------------------------------------------------------------------


def leaf_of(item, log):
    """The bytes whose hash stands in the tree, computed from what was stored and nothing else."""
    if log["leaf"] == "raw":
        return unb64(item["record"])
    if log["leaf"] != "tidemark-event/1":
        raise Malformed("leaves of form %r are not known here" % log["leaf"])
    topic, state = item["topic"].encode(), unb64(item["state"])
    chain = sha256(
        bytes.fromhex(item["previous_chain"])
        + uuid.UUID(item["originator_id"]).bytes
        + item["originator_version"].to_bytes(8, "big")
        + len(topic).to_bytes(4, "big")
        + topic
        + state
    )
    return item["position"].to_bytes(8, "big") + item["recorded_us"].to_bytes(8, "big") + chain


def title(item):
    if item["kind"] == "event":
        shown = item.get("shown", {})
        named = "%s %s " % (shown["aggregate"], shown["key"]) if "aggregate" in shown else ""
        return "%sversion %d (%s) at position %d" % (
            named, item["originator_version"], item["topic"], item["position"])  # fmt: skip
    return "%s %s/%s offset %s" % (item["kind"], item.get("topic"), item.get("partition"), item.get("offset"))


class Report:
    def __init__(self, quiet):
        self.failed, self.quiet = 0, quiet

    def proved(self, text):
        if not self.quiet:
            print("proved      " + text)

    def not_proved(self, text):
        print("NOT PROVED  " + text)

    def wrong(self, text):
        self.failed += 1
        print("WRONG       " + text)


def check_log(log, number, options, report):
    """The checkpoint of one log and what it is connected with; returns it, or None if nothing can stand on it."""
    checkpoint = Checkpoint(log["checkpoint"])
    given = [key for key in options.keys if key.name == checkpoint.origin]
    keys = given or [Key(text) for text in log["keys"]]
    results = [(key, checkpoint.signed_by(key)) for key in keys]
    held = [key for key, holds in results if holds]
    if not held or any(holds is False for _, holds in results):
        report.wrong(
            "log %d: no signature of a trusted key holds under the head of size %d" % (number, checkpoint.size)
        )
        return None
    report.proved("log %s, head of size %d: signed by %s" % (checkpoint.origin, checkpoint.size, held[0].text))
    if not given:
        report.not_proved("whose key that is: it came with the proof; compare it with one you were given, --key")
    check_connections(log, checkpoint, keys, options, report)
    check_witnesses(checkpoint, options, report)
    return checkpoint


def check_connections(log, checkpoint, keys, options, report):
    if "newer" in log:
        newer = Checkpoint(log["newer"]["checkpoint"])
        path = [unb64(text) for text in log["newer"]["path"]]
        is_signed = newer.origin == checkpoint.origin and any(newer.signed_by(key) for key in keys)
        if is_signed and consistent(checkpoint.size, newer.size, path, checkpoint.root, newer.root):
            report.proved("the log continues to the head of size %d" % newer.size)
        else:
            report.wrong("the newer head of size %d does not continue this one" % newer.size)
    paths = {one["size"]: [unb64(text) for text in one["path"]] for one in log.get("known", ())}
    kept = [one for one in options.heads if one.origin == checkpoint.origin]
    for head in kept:
        if not any(head.signed_by(key) for key in keys):
            report.wrong("the head of size %d that you kept is not signed by a trusted key" % head.size)
        elif head.size == checkpoint.size:
            same = head.root == checkpoint.root
            (report.proved if same else report.wrong)("the head of size %d is %s you kept" % (
                head.size, "the one" if same else "NOT the one"))  # fmt: skip
        elif head.size not in paths:
            report.wrong("no path to the head of size %d that you kept: ask for a proof with it" % head.size)
        else:
            old, new = sorted((head, checkpoint), key=lambda one: one.size)
            if consistent(old.size, new.size, paths[head.size], old.root, new.root):
                report.proved("same log as the head of size %d that you kept" % head.size)
            else:
                report.wrong("another history than the head of size %d that you kept" % head.size)
    if not kept:
        report.not_proved("that others were shown the same log: compare with a head you kept, --head")


def check_witnesses(checkpoint, options, report):
    for key in options.witness_keys:
        time = checkpoint.signed_by(key)
        if time:
            report.proved("cosigned by witness %s at POSIX time %d" % (key.name, time))
        else:
            report.wrong("witness %s has not cosigned this head" % key.name)
    if not options.witness_keys:
        report.not_proved("that a witness saw this head: give its key, --witness-key")


def check_item(item, number, logs, checkpoints, report):
    log, checkpoint = logs[item["log"]], checkpoints[item["log"]]
    if checkpoint is None:
        report.wrong("item %d, %s: its log's head is not to be trusted" % (number, title(item)))
        return
    path = [unb64(text) for text in item["path"]]
    if included(leaf_hash(leaf_of(item, log)), item["index"], checkpoint.size, path, checkpoint.root):
        report.proved("%s is leaf %d of the log" % (title(item), item["index"]))
    else:
        report.wrong("item %d, %s: not in the log with these bytes" % (number, title(item)))


def check_versions(items, report):
    """Events of one aggregate: whether they follow each other; that none is newer no tree can say."""
    versions = {}
    for item in items:
        if item["kind"] == "event":
            versions.setdefault(item["originator_id"], []).append(item["originator_version"])
    for stream, found in versions.items():
        if found == list(range(1, len(found) + 1)) and len(found) > 1:
            report.proved("versions 1 to %d of %s without a gap" % (len(found), stream))
        report.not_proved("that %s has no event after version %d" % (stream, max(found)))


# --- Figure bundles (kind `figure`, docs/lineage.md): begin ---------------------------------------------------

FIGURE_RULES = ("sum-of-settled", "window", "single", "sum-of-fields")
NO_BYTES = bytes(32)


class Wrong(Exception):
    pass


def verify_figure(document, options, report):
    """A figure and its records. Number of things that are wrong: the first one ends it."""
    keys = options.keys or [Key(text) for text in document["keys"]]
    if document.get("rule") == "sum-of-fields":
        logs, items = document["proof"]["logs"], document["proof"]["items"]
        checkpoints = [check_log(log, number, options, report) for number, log in enumerate(logs)]
        for number, item in enumerate(items):
            check_item(item, number, logs, checkpoints, report)
    try:
        for line in check_figure(document, keys):
            (report.not_proved if line.startswith("that ") else report.proved)(line)
    except Wrong as found:
        report.wrong(str(found))
    if not options.keys:
        report.not_proved("whose key that is: it came with the bundle; compare it with one you were given, --key")
    for head in options.heads if document["logs"] else ():
        report.not_proved("anything with the head of %s that you kept: a bundle has heads of entries" % head.origin)
    return report.failed


def check_figure(bundle, keys):
    """What is proved, line by line; `that …` is what is not. Raises Wrong at the first thing that does not hold."""
    if bundle.get("kind") != "figure" or bundle.get("format") != 1 or bundle.get("rule") not in FIGURE_RULES:
        raise Wrong("a bundle of another format or rule than this verifier knows")
    _figure_statement(bundle, keys)
    figure, logs, records = bundle["figure"], bundle["logs"], []
    if bundle["rule"] == "sum-of-fields":
        yield _figure_fields(figure, bundle["proof"]["items"])
        yield "that no other event moves this cell: ask for the ledger, or for all events of the aggregates"
        return
    places = [log["place"] for log in logs]
    if not logs or len(set(places)) != len(places):
        raise Wrong("no logs, or one of them twice")
    for log in logs:
        for line in _figure_log(log, keys):
            yield line
        records += [json.loads(_figure_bytes(one["value"])) for one in log["records"]]
    ids = [(one["entity_id"], one["source_system"], one["txn_id"]) for one in records]
    if len(set(ids)) != len(ids):
        raise Wrong("one entry counts twice: %s" % sorted(one for one in ids if ids.count(one) > 1)[0][2])
    check = _figure_position if bundle["rule"] == "sum-of-settled" else _figure_window
    for line in check(bundle["rule"], figure, records):
        yield line
    if all(log["all"] is None for log in logs):
        yield "that no other entry of this scope was left out: ask for a bundle with --whole-partition"
    else:
        yield "that no entry of this scope was sent under another customer's key"


def _figure_note(note, keys):
    """The lines of a signed note (C2SP) that a given key signed."""
    text, blank, signed = note.rpartition("\n\n")
    held = False
    for line in signed.splitlines() if blank else ():
        dash, _, rest = line.partition(" ")
        name, _, signature = rest.partition(" ")
        raw = unb64(signature)
        for key in keys:
            if dash == "\u2014" and (name, raw[:4], key.kind) == (key.name, key.id, b"\x01"):
                if not ed25519_verifies(key.key, raw[4:], text.encode() + b"\n"):
                    raise Wrong("a signature of %s does not hold" % key.name)
                held = True
    if not held:
        raise Wrong("no trusted key signed: %.60s" % text.split("\n")[0])
    return text.split("\n")


def _figure_statement(bundle, keys):
    """The key signed this very document, so that nothing in it, checked below or not, was edited."""
    rest = {name: value for name, value in bundle.items() if name != "statement"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    if _figure_note(bundle["statement"], keys) != ["tidemark-figure/v1", sha256(text.encode("ascii")).hex()]:
        raise Wrong("the bundle is not the one that was signed")


def _figure_log(log, keys):
    lines = _figure_note(log["checkpoint"], keys)
    origin, size, root, extensions = lines[0], int(lines[1]), unb64(lines[2]), lines[3:]
    if "/" + log["place"] + "/" not in origin:
        raise Wrong("%s: the head is of another log: %s" % (log["place"], origin))
    if list(extensions) != ["next-offset %d" % log["next_offset"]]:
        raise Wrong("%s: the head does not end at offset %s" % (log["place"], log["next_offset"]))
    if not log["records"]:
        raise Wrong("%s: no records" % log["place"])
    before = (-1, -1)
    for one in log["records"]:
        index, offset = one["index"], one["offset"]
        if not (before[0] < index < size and before[1] < offset < log["next_offset"]):
            raise Wrong("%s: records are out of order at offset %s" % (log["place"], offset))
        before = (index, offset)
        leaf = _figure_leaf(offset, _figure_digest(one["key"]), _figure_digest(one["value"]))
        path = [bytes.fromhex(node) for node in one["path"]]
        if not included(leaf, index, size, path, root):
            raise Wrong("%s offset %s: this record is not in the log of that head" % (log["place"], offset))
    yield "%s: %d records stand in the log of %d that the head signs" % (log["place"], len(log["records"]), size)
    if log["all"] is not None:
        yield _figure_whole(log, size, root)


def _figure_whole(log, size, root):
    """Every leaf of the log: the root, and that the keys of the figure's records are on no other record."""
    offsets = log["all"]["offsets"]
    keys, values = bytes.fromhex(log["all"]["keys"]), bytes.fromhex(log["all"]["values"])
    if not len(offsets) * 32 == size * 32 == len(keys) == len(values):
        raise Wrong("%s: not every record of the log is told" % log["place"])
    if any(offsets[at] >= offsets[at + 1] for at in range(size - 1)):
        raise Wrong("%s: offsets do not rise" % log["place"])
    column = [keys[at : at + 32] for at in range(0, len(keys), 32)]
    level = [_figure_leaf(offset, column[at], values[32 * at : 32 * at + 32]) for at, offset in enumerate(offsets)]
    while len(level) > 1:
        odd = level[-1:] if len(level) & 1 else []
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd
    if level[0] != root:
        raise Wrong("%s: the leaves do not have the root of the head" % log["place"])
    mine = {_figure_digest(one["key"]) for one in log["records"]}
    told = {one["index"] for one in log["records"]}
    others = [offsets[at] for at, key in enumerate(column) if key in mine and at not in told]
    named = ": offsets " + ", ".join(map(str, others[:20])) if others else ""
    told = "%s: all %d records of the log are told; %d others have the keys of the figure's records%s"
    return told % (log["place"], size, len(others), named)


def _figure_position(_rule, figure, records):
    sums, days = {}, {}
    for amount in figure["amounts"]:
        pair = (amount["entity_id"], amount["ccy"])
        if pair in sums:
            raise Wrong("two amounts of %s %s" % pair)
        sums[pair], days[pair] = 0, amount["as_of"]
    if not figure["scope"]:
        raise Wrong("the figure has no scope")
    for record in records:
        for name, value in figure["scope"].items():
            if record.get(name, "-") != value:
                raise Wrong("entry %s is of another %s" % (record.get("txn_id"), name))
        pair = (record["entity_id"], record["ccy"])
        if pair not in sums:
            raise Wrong("entry %s is in %s %s, of which there is no amount" % (record["txn_id"], *pair))
        if (record.get("status") or "settled") != "settled":
            raise Wrong("entry %s is not settled" % record["txn_id"])
        if days[pair] is not None and record["value_date"] > days[pair]:
            raise Wrong("entry %s has a later value date than the figure" % record["txn_id"])
        sums[pair] += _figure_units(record["amount"]) * _figure_sign(record)
    for amount in figure["amounts"]:
        pair = (amount["entity_id"], amount["ccy"])
        if sums[pair] != _figure_units(amount["amount"]):
            raise Wrong("the entries of %s %s do not sum to %s" % (*pair, amount["amount"]))
        yield "position of %s in %s: %s, the sum of its settled entries" % (*pair, amount["amount"])


def _figure_window(rule, figure, records):
    scope = figure["scope"]
    total = 0
    for record in records:
        for name, value in scope.items():
            if record.get(name, "-") != value:
                raise Wrong("entry %s is of another %s" % (record.get("txn_id"), name))
        if _figure_sign(record) != -1 or record.get("status") == "rejected":
            raise Wrong("entry %s is no outflow" % record["txn_id"])
        if (record.get("reversal_of") or "-") != "-":
            raise Wrong("entry %s takes another one back" % record["txn_id"])
        if rule == "window":
            age = _figure_time(figure["event_time"]) - _figure_time(record["event_time"])
            if not 0 <= age < figure["window_minutes"] * 60000000:
                raise Wrong("entry %s is not in the window" % record["txn_id"])
        total += _figure_units(record["amount"])
    wanted = figure["rolling"] if rule == "window" else figure["amount"]
    if rule == "single" and len(records) != 1:
        raise Wrong("one entry raises an alert of this rule")
    if total != _figure_units(wanted):
        raise Wrong("the entries do not sum to %s" % wanted)
    if total < _figure_units(figure["threshold"]):
        raise Wrong("the entries do not reach the threshold")
    told = "alert %s: its %d outflows sum to %s, at or above %s"
    yield told % (figure["alert_id"], len(records), wanted, figure["threshold"])


def _figure_fields(figure, items):
    """An amount from fields of stored events; that these stand in the log is checked item by item."""
    total, before, used = 0, ("", 0), set()
    for term in figure["terms"]:
        item = items[term["item"]]
        place = (term["counts_on"], item["position"])
        if place < before or term["sign"] not in (1, -1) or term["how"] not in ("set", "add"):
            raise Wrong("terms are out of order, or of a form that is not known")
        before = place
        used.add(term["item"])
        value = json.loads(unb64(item["state"])) if term["path"] else 0
        for name in term["path"]:
            value = value[name]
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong("position %d has no amount at %s" % (item["position"], term["path"]))
        total = term["sign"] * value if term["how"] == "set" else total + term["sign"] * value
    if used != set(range(len(items))) or not items:
        raise Wrong("there are events that no term uses, or none at all")
    if total != figure["amount_minor"]:
        raise Wrong("the fields sum to %d minor units, the figure says %s" % (total, figure["amount_minor"]))
    told = "%s %s, %s: %d minor units of %s, from %d fields of %d events"
    scope = figure["scope"]
    return told % (
        scope["ledger"],
        scope["key"],
        figure["column"],
        total,
        figure["ccy"],
        len(figure["terms"]),
        len(items),
    )


def _figure_sign(record):
    if record.get("direction") not in ("in", "out"):
        raise Wrong("entry %s has no direction" % record.get("txn_id"))
    return 1 if record["direction"] == "in" else -1


def _figure_units(text):
    """Ten-thousandths of a decimal text, exact: no currency has more decimals."""
    if not isinstance(text, str) or not re.match(r"^-?[0-9]{1,20}(\.[0-9]{1,4})?$", text):
        raise Wrong("%r is no amount" % (text,))
    whole, _, rest = text.lstrip("-").partition(".")
    return int(whole + rest.ljust(4, "0")) * (-1 if text.startswith("-") else 1)


def _figure_time(text):
    """Microseconds of an RFC 3339 instant in UTC."""
    found = re.match(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$", text)
    if not found:
        raise Wrong("%r is no instant in UTC" % text)
    seconds = calendar.timegm(tuple(int(part) for part in found.groups()[:6]))
    return seconds * 1000000 + int((found.group(7) or "").ljust(6, "0")[:6])


def _figure_bytes(text):
    if text is None:
        return b""
    return unb64(text)


def _figure_digest(text):
    return NO_BYTES if text is None else sha256(_figure_bytes(text))


def _figure_leaf(offset, key, value):
    return leaf_hash(offset.to_bytes(8, "big") + key + value)


# --- Figure bundles: end ------------------------------------------------------------------------------------


def verify(document, options):
    """Number of things that are wrong. Raises Malformed, KeyError, TypeError, ValueError for what is no proof."""
    report = Report(options.quiet)
    if document["kind"] == "figure":
        return verify_figure(document, options, report)
    if document["kind"] != "tidemark-proof" or document["version"] != 1:
        raise Malformed("not a proof of version 1")
    logs, items = document["logs"], document["items"]
    checkpoints = [check_log(log, number, options, report) for number, log in enumerate(logs)]
    for number, item in enumerate(items):
        check_item(item, number, logs, checkpoints, report)
    check_versions(items, report)
    if not items:
        report.wrong("there is nothing in it")
    if any("shown" in item for item in items):
        report.not_proved("the readable form (`shown`): the stored bytes in `state` count")
    return report.failed


def notes_in(text):
    if not text.lstrip().startswith("{"):
        return [text]
    try:
        documents = [json.loads(text)]
    except ValueError:
        documents = [json.loads(line) for line in text.splitlines() if line.strip()]
    logs = [log for document in documents for log in [document, *document.get("logs", [])]]
    return [log["checkpoint"] for log in logs if "checkpoint" in log]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Checks a Tidemark proof; exit 0 only if all of it holds.")
    parser.add_argument("proof", help="file, or - for standard input")
    parser.add_argument("--key", action="append", default=[], help="verifier key of a log, as you were given it")
    parser.add_argument("--head", action="append", default=[], help="file with a checkpoint that you kept")
    parser.add_argument(
        "--witness-key", action="append", default=[], help="verifier key of a witness that must agree"
    )
    parser.add_argument("--quiet", action="store_true", help="print only what is wrong or not proved")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.proof == "-":
            text = sys.stdin.read()
        else:
            with open(chosen.proof, encoding="utf-8") as file:
                text = file.read()
        chosen.keys = [Key(one) for one in chosen.key]
        chosen.witness_keys = [Key(one) for one in chosen.witness_key]
        chosen.heads = []
        for name in chosen.head:
            with open(name, encoding="utf-8") as file:
                chosen.heads += [Checkpoint(note) for note in notes_in(file.read())]
        failed = verify(json.loads(text), chosen)
    except (Malformed, OSError, KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        print("cannot be read: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 2
    print("%d wrong" % failed if failed else "all of it holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
