"""The SQL that sinks of databases have in common: tables with their types, upserts, and whether a table that is there is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amili_async.errors import SinkError
from amili_async.sync.streams import STREAMS, stream_named
from amili_async.sync.tables import EXTRA, FETCHED_AT, ORGANIZATION, WINDOW, part_name, table_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from amili_async.sync.columns import Kind
    from amili_async.sync.ledger import Entry
    from amili_async.sync.tables import Table

__all__ = ["POSSIBLE", "Dialect", "SqlTable", "check_source", "deletions", "quoted", "selection"]

POSSIBLE: dict[str, tuple[str, ...]] = {
    stream.name: (stream.name, *(part_name(stream, part) for part in stream.parts)) for stream in STREAMS.values()
}
"""Names of all tables that a target may have for a stream: rows of a window can be in any of them."""


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a database calls things.

    Attributes:
        types: type of a column by what it holds, as the database itself shows it.
        mark: placeholder of the value of that number, from 1.
    """

    types: Mapping[Kind, str]
    mark: str


class SqlTable:
    """A table in a database. Its columns: organization, key, members, `_extra`, window, time of reading.

    Args:
        table: what stands in it.
        dialect: which database.
    """

    def __init__(self, table: Table, dialect: Dialect) -> None:
        types = dialect.types
        self.table = table
        self.name = quoted(table.name)
        self.columns: dict[str, str] = {
            ORGANIZATION: types["text"],
            **{column.name: types[column.kind] for column in table.columns},
            EXTRA: types["json"],
            WINDOW: types["text"],
            FETCHED_AT: types["timestamp"],
        }
        self._key = (ORGANIZATION, *(column.name for column in table.columns[: table.keys]))
        self._marks = [dialect.mark.format(number) for number in range(1, len(self.columns) + 1)]

    def creation(self) -> tuple[str, str]:
        """Return the statements that make it."""
        columns = [f"{quoted(name)} {kind}{self._constraint(name)}" for name, kind in self.columns.items()]
        index = quoted(f"{self.table.name}{WINDOW}")
        return (
            f"CREATE TABLE {self.name} ({', '.join(columns)}, PRIMARY KEY ({_list(self._key)}))",
            f"CREATE INDEX {index} ON {self.name} ({_list((ORGANIZATION, WINDOW))})",
        )

    def _constraint(self, name: str) -> str:
        return " NOT NULL" if name in {*self._key, WINDOW, FETCHED_AT} else ""

    def additions(self, found: Mapping[str, str], target: str) -> list[str]:
        """Return the statements that add the columns which an earlier version of this package did not know.

        Args:
            found: columns that the table has, with their types.
            target: how the target is called.

        Raises:
            SinkError: it is somebody else's table.
        """
        for name, kind in self.columns.items():
            needed = name in {*self._key, EXTRA, WINDOW, FETCHED_AT}
            if needed if name not in found else found[name].lower() != kind.lower():
                raise SinkError(
                    f"{target} has a table {self.table.name!r} already that is not of this program (its column {name!r} is "
                    f"{'missing' if name not in found else found[name].lower()}): name another target, or rename that table",
                    usable=False,
                )
        missing = [name for name in self.columns if name not in found]
        return [f"ALTER TABLE {self.name} ADD COLUMN {quoted(name)} {self.columns[name]}" for name in missing]

    def insertion(self) -> str:
        """Return the statement that takes a row in, with placeholders; one that is there already is replaced."""
        return f"INSERT INTO {self.name} ({_list(self.columns)}) VALUES ({', '.join(self._marks)}) {self.replacement()}"  # noqa: S608

    def taking(self, source: str) -> str:
        """Return PostgreSQL's statement that takes in all rows of another table; the last of a key, in place of what is there."""
        columns, key = _list(self.columns), _list(self._key)
        rows = f"SELECT DISTINCT ON ({key}) {columns} FROM {quoted(source)} ORDER BY {key}, ctid DESC"  # noqa: S608
        return f"INSERT INTO {self.name} ({columns}) {rows} {self.replacement()}"

    def replacement(self) -> str:
        """Return the clause by which a row replaces one of the same key."""
        rest = [quoted(name) for name in self.columns if name not in self._key]
        return f"ON CONFLICT ({_list(self._key)}) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in rest)


def selection(stream: str, dialect: Dialect) -> str:
    """Return the query for the keys of a window's rows; its values are organization and name of the window."""
    table = table_of(stream_named(stream))
    return f"SELECT {quoted(table.key.name)} FROM {quoted(table.name)} {_of_window(dialect)}"  # noqa: S608


def deletions(stream: str, found: Container[str], dialect: Dialect) -> list[str]:
    """Return the statements that remove a window's rows from all tables that can have some, those of an earlier run's parts too.

    Args:
        stream: that of the window; the values of each statement are organization and name of the window.
        found: tables that there are.
        dialect: which database.
    """
    return [f"DELETE FROM {quoted(name)} {_of_window(dialect)}" for name in POSSIBLE[stream] if name in found]  # noqa: S608


def _of_window(dialect: Dialect) -> str:
    one, two = dialect.mark.format(1), dialect.mark.format(2)
    return f"WHERE {quoted(ORGANIZATION)} = {one} AND {quoted(WINDOW)} = {two}"


def check_source(target: str, held: str | None, source: str | None, entries: Iterable[Entry]) -> None:
    """Refuse a target that holds rows of another source; None asks for none.

    Args:
        target: how it is called.
        held: the source that it was filled from, or was to be.
        source: from which it is to be filled now.
        entries: its ledger. With no window in it that is there it is free for any source.

    Raises:
        SinkError: it does.
    """
    if None not in {held, source} and held != source and any(entry.present for entry in entries):
        raise SinkError(f"{target} holds rows of {held}, not of {source}: name another target", usable=False)


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))
