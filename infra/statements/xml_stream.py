"""XML from strangers, element by element: no DTD, no entities of its own, bounded depth and size, exact lines.

One subtree at a time is held, so a file of any size takes the memory of its largest entry. Built on expat, which
counts lines beyond 65,535 and lets a document type declaration be refused as it begins. Not a validator: what an
element must contain is its reader's business.
"""

import codecs
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from infra.statements.records import Place, Unreadable

CHUNK_BYTES = 1 << 16
DEPTH_MAX = 64
#: Largest piece that is held: one entry with all its payments, in characters of text and markup.
SUBTREE_MAX = 64_000_000
_DECLARED = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
#: Encodings of several bytes a character that expat does not know.
_RECODED = frozenset({"gbk", "gb2312", "gb18030", "big5", "shift_jis", "euc-kr", "euc-jp"})


class Node:
    """One element: local name, own text, children, line. Attributes only where it has some."""

    __slots__ = ("attributes", "children", "line", "namespace", "tag", "text")

    def __init__(self, namespace: str, tag: str, attributes: dict[str, str], line: int) -> None:
        self.namespace, self.tag, self.attributes, self.line = namespace, tag, attributes, line
        self.text = ""
        self.children: list[Node] = []

    def child(self, tag: str) -> "Node | None":
        for node in self.children:
            if node.tag == tag:
                return node
        return None

    def all(self, tag: str) -> "list[Node]":
        return [node for node in self.children if node.tag == tag]

    def find(self, *path: str) -> "Node | None":
        node: Node | None = self
        for tag in path:
            node = node.child(tag) if node is not None else None
        return node

    def says(self, *path: str) -> str:
        """The text at `path`, without blanks around it; empty where there is none."""
        node = self.find(*path)
        return "" if node is None else node.text.strip()


class Opened(NamedTuple):
    """A container began: `path` holds the local names from the root to it."""

    path: tuple[str, ...]
    namespace: str
    line: int


class Closed(NamedTuple):
    path: tuple[str, ...]
    line: int


class Whole(NamedTuple):
    """A child of a container, complete."""

    path: tuple[str, ...]
    node: Node


Event = Opened | Closed | Whole


def stream_xml(stream: BinaryIO, file: str, containers: frozenset[str]) -> Iterator[Event]:
    """Events of one document: containers open and close, every other element comes whole, with all below it.

    Args:
        containers: local names; the root is always one, and an element is one only inside another one.
    Raises:
        Unreadable: not well-formed, a document type declaration, too deep or too large. All that was complete
            before came as events.
    """
    return _Parse(file, containers).run(stream)


class _Parse:
    def __init__(self, file: str, containers: frozenset[str]) -> None:
        self._file, self._containers = file, containers
        self._ready: deque[Event] = deque()
        self._path: list[str] = []  # of open containers
        self._open: list[Node] = []  # of the subtree being built
        self._held = 0
        self._names: dict[str, tuple[str, str]] = {}

    def run(self, stream: BinaryIO) -> Iterator[Event]:
        chunk = stream.read(CHUNK_BYTES)
        recode = _recoder(chunk)
        self._parser = parser = expat.ParserCreate("utf-8" if recode else None, namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            while True:
                last = not chunk
                parser.Parse(recode.decode(chunk, last).encode() if recode else chunk, last)
                yield from self._taken()
                if last:
                    return
                chunk = stream.read(CHUNK_BYTES)
        except expat.ExpatError as error:
            yield from self._taken()
            reason = f"not well-formed: {expat.ErrorString(error.code)}"
            raise Unreadable(self._place(error.lineno), "xml", reason) from error
        except (UnicodeError, LookupError, ValueError) as error:
            yield from self._taken()
            raise Unreadable(self._place(parser.CurrentLineNumber), "xml", f"wrong encoding: {error}") from error
        except Unreadable:
            yield from self._taken()
            raise

    def _taken(self) -> Iterator[Event]:
        while self._ready:
            yield self._ready.popleft()

    def _place(self, line: int) -> Place:
        return Place(self._file, line, "/" + "/".join([*self._path, *(node.tag for node in self._open)]))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        known = self._names.get(name)
        if known is None:
            namespace, _, tag = name.rpartition(" ")
            known = self._names[name] = namespace, tag
        namespace, tag = known
        subtree = self._open
        if subtree:
            node = Node(namespace, tag, attributes, self._parser.CurrentLineNumber)
            subtree[-1].children.append(node)
            subtree.append(node)
            self._hold(len(tag))
        elif not self._path or tag in self._containers:
            self._path.append(tag)
            self._ready.append(Opened(tuple(self._path), namespace, self._parser.CurrentLineNumber))
        else:
            self._held = 0
            subtree.append(Node(namespace, tag, attributes, self._parser.CurrentLineNumber))
        if len(subtree) + len(self._path) > DEPTH_MAX:
            raise Unreadable(self._here(), "xml", f"elements deeper than {DEPTH_MAX}")

    def _end(self, _name: str) -> None:
        if self._open:
            node = self._open.pop()
            if not self._open:
                self._ready.append(Whole(tuple(self._path), node))
        else:
            self._ready.append(Closed(tuple(self._path), self._parser.CurrentLineNumber))
            self._path.pop()

    def _text(self, text: str) -> None:
        if self._open:
            node = self._open[-1]
            node.text = node.text + text if node.text else text
            self._hold(len(text))

    def _hold(self, characters: int) -> None:
        self._held += characters + 8
        if self._held > SUBTREE_MAX:
            raise Unreadable(self._here(), "xml", f"one element holds more than {SUBTREE_MAX} characters")

    def _refuse_doctype(self, *_: object) -> None:
        raise Unreadable(self._here(), "xml", "a document type declaration is not accepted (entities, XXE)")

    def _here(self) -> Place:
        return self._place(self._parser.CurrentLineNumber)


def _recoder(head: bytes) -> codecs.IncrementalDecoder | None:
    found = _DECLARED.match(head[:400])
    name = found[1].decode().lower() if found else ""
    # GB 18030 contains both of its predecessors, whose names files carry nonetheless.
    wanted = "gb18030" if name in {"gbk", "gb2312"} else name
    return codecs.getincrementaldecoder(wanted)() if name in _RECODED else None
