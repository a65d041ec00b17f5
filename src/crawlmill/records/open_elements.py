"""The stack of open elements and the list of active formatting elements of an HTML parser, and what the elements that come
and go cost (HTML Standard, sections 13.2.4.2 and 13.2.4.3)."""

from __future__ import annotations

from bisect import bisect_right

from crawlmill.records.element_names import (
    BLOCKS,
    FORMATTING,
    HTML_TYPES,
    INTEGRATION,
    LISTS,
    LOOSE,
    MARKERS,
    OF_TABLES,
    RAW,
    SCOPES,
    SPECIAL,
    TABLES,
)

# What an element, a text node, an attribute and so on take, in bytes: measured with resiliparse 2.0.1, and with the Python
# objects of links in it.
ELEMENT, LINK, TEXT, COMMENT, ATTRIBUTE, ESCAPED, INDENT = 360, 400, 150, 240, 240, 24, 12


class Entry:
    """One of the list of active formatting elements."""

    __slots__ = ("alive", "at", "key", "name")

    def __init__(self, key: tuple[str, str], name: str) -> None:
        self.key, self.name, self.alive = key, name, True
        self.at = -1  # its place on the stack; -1 while it is closed


class Level:
    """Active formatting elements since one marker."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._by_key: dict[tuple[str, str], list[Entry]] = {}
        self._by_name: dict[str, list[Entry]] = {}
        self._gone = 0  # entries that are there no more, and still in the list

    def __len__(self) -> int:
        return len(self._entries) - self._gone

    def add(self, entry: Entry) -> None:
        """Put one at the end; of four equal ones the first goes (Noah's Ark clause)."""
        equal = self._by_key.setdefault(entry.key, [])
        if len(equal) == 3:
            self.remove(equal[0])
        equal.append(entry)
        self._by_name.setdefault(entry.name, []).append(entry)
        self._entries.append(entry)

    def last(self, name: str) -> Entry | None:
        """The last one of a name; None when there is none."""
        found = self._by_name.get(name)
        while found:
            if found[-1].alive:
                return found[-1]
            found.pop()
        return None

    def remove(self, entry: Entry) -> None:
        """Take one out."""
        entry.alive = False
        self._by_key[entry.key].remove(entry)
        self._gone += 1
        if self._gone > 16 + len(self):
            self._entries = [entry for entry in self._entries if entry.alive]
            self._gone = 0

    @property
    def all_open(self) -> bool:
        """Whether no text opens anything anew."""
        return not self._entries or (self._entries[-1].alive and self._entries[-1].at >= 0)

    def closed(self) -> list[Entry]:
        """Those behind the last one that is open, which the next text opens anew."""
        entries = self._entries
        found: list[Entry] = []
        while entries and not (entries[-1].alive and entries[-1].at >= 0):
            entry = entries.pop()
            if entry.alive:
                found.append(entry)
            else:
                self._gone -= 1
        found.reverse()
        entries.extend(found)
        return found


class OpenElements:
    """The stack, by names and places; what depends on attributes is not in it.

    Attributes:
        memory: bytes that all elements so far take, by estimate.
        created: how many there are.
        reopened: how many of them are formatting elements that were opened anew.
        lists, templates: how many of these are open.
        names: from the outermost to the innermost; those of SVG and MathML begin with ``*``.
        places: where each name stands.
        special, walls, scopes, tables: where those stand that end the search for an open element, of four kinds.
        islands: where SVG or MathML begin, and HTML inside them (without a name).
        levels: formatting elements since each marker.
    """

    def __init__(self, most_memory: int) -> None:
        self.most_memory = most_memory
        self.memory = self.created = self.reopened = self.lists = self.templates = 0
        self.names: list[str] = []
        self.places: dict[str, list[int]] = {}
        self.special: list[int] = []
        self.walls: list[int] = []
        self.scopes: list[int] = []
        self.tables: list[int] = []
        self.islands: list[tuple[int, str]] = []
        self.levels = [Level()]
        self._open: dict[int, Entry] = {}
        self._markers: list[int] = []

    @property
    def foreign(self) -> bool:
        """Whether the current node is of SVG or MathML."""
        return bool(self.islands and self.islands[-1][1])

    def in_table(self) -> bool:
        """Whether rows and cells mean something here."""
        inner = self.names[self.tables[-1]] if self.tables else ""
        return inner in ("table", "template") or (inner == "select" and self.select_in_table())

    def select_in_table(self) -> bool:
        """Whether the innermost select stands in a table, which closes it."""
        for place in self.tables[-2:-10:-1]:
            if self.names[place] in ("table", "template"):
                return self.names[place] == "table"
        return False

    def last(self, *names: str) -> int:
        """The place of the innermost open element of these names; -1 when there is none."""
        last = -1
        for name in names:
            places = self.places.get(name)
            if places and places[-1] > last:
                last = places[-1]
        return last

    def create(self) -> None:
        """Count an element."""
        self.created += 1
        self.memory += ELEMENT

    def push(self, name: str) -> None:
        """Open an element of HTML."""
        place = len(self.names)
        self.names.append(name)
        found = self.places.get(name)
        if found is None:
            self.places[name] = [place]
        else:
            found.append(place)
        if name not in SPECIAL:
            return
        self.special.append(place)
        if name not in LOOSE:
            self.walls.append(place)
        if name in SCOPES:
            self.scopes.append(place)
            if name in TABLES:
                self.tables.append(place)
            if name in MARKERS:
                self._markers.append(place)
                self.levels.append(Level())
            self.templates += name == "template"
        self.lists += name in LISTS

    def push_foreign(self, name: str, attributes: str) -> None:
        """Open an element of SVG or MathML."""
        place = len(self.names)
        self.names.append(f"*{name}")
        self.places.setdefault(f"*{name}", []).append(place)
        if not self.foreign:
            self.islands.append((place, name))
        elif name in INTEGRATION[self.islands[-1][1]] or (
            name == "annotation-xml" and any(kind in attributes.lower() for kind in HTML_TYPES)
        ):
            self.islands.append((place, ""))
            for kind in (self.special, self.walls, self.scopes):
                kind.append(place)

    def pop(self, size: int) -> None:
        """Cut the stack to a size."""
        names, places, islands = self.names, self.places, self.islands
        while len(names) > size:
            name = names.pop()
            place = len(names)
            places[name].pop()
            if name in FORMATTING:
                entry = self._open.pop(place, None)
                if entry is not None:
                    entry.at = -1
            if name not in SPECIAL and name[0] != "*":
                continue
            for kind in (self.special, self.walls, self.scopes, self.tables):
                if kind and kind[-1] == place:
                    kind.pop()
            if islands and islands[-1][0] == place:
                islands.pop()
            if self._markers and self._markers[-1] == place:
                self._markers.pop()
                self.levels.pop()
            self.templates -= name == "template"
            self.lists -= name in LISTS

    def closes(self, name: str, place: int) -> bool:
        """Whether an end tag surely closes the element at a place of the stack."""
        scope = self.scopes[-1] if self.scopes else -1
        table = self.tables[-1] if self.tables else -1
        if name == "form":  # it goes from the stack alone
            return place == len(self.names) - 1
        if name == "template":
            return True
        if name == "table":
            return place == table
        if name in OF_TABLES:
            return place > table
        if name in BLOCKS:
            if name == "li":
                return place > max(scope, self.last("ul", "ol"))
            return place > (max(scope, self.last("button")) if name == "p" else scope)
        if name in SCOPES and name not in RAW:
            return place == scope
        return place >= (self.special[-1] if self.special else -1)

    def open_anew(self, entry: Entry) -> Entry:
        """Open a formatting element, for the first time or again."""
        entry.at = len(self.names)
        self._open[entry.at] = entry
        self.create()
        self.push(entry.name)
        return entry

    def reopen(self) -> None:
        """What the standard calls: reconstruct the active formatting elements."""
        level = self.levels[-1]
        if level.all_open:
            return
        for entry in level.closed():
            self.open_anew(entry)
            self.reopened += 1
            self.memory += ATTRIBUTE * (entry.key[1].count("=") + 1) + (LINK if entry.name == "a" else 0)
            if self.memory > self.most_memory:
                return

    def adopt(self, entry: Entry, level: Level) -> None:
        """What the standard calls the adoption agency algorithm."""
        if entry.at < 0:
            level.remove(entry)
            return
        if self.scopes and self.scopes[-1] > entry.at:
            return  # not in scope
        blocks = len(self.special) - bisect_right(self.special, entry.at)
        if not blocks:
            level.remove(entry)
            self.pop(entry.at)
            return
        for _ in range(4 * min(8, blocks)):
            self.create()
        if blocks < 8:
            level.remove(entry)
