"""ARM, the accounts receivable API of the sandbox: its clients, and who answers which operation."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from amili_async.errors import ConfigError
from amili_async.sandbox.arm_booking import ArmBooking
from amili_async.sandbox.arm_books import AGED_AT, RECEIVABLES, adb_intervals, entry, latest
from amili_async.sandbox.arm_customers import customer
from amili_async.sandbox.arm_documents import (
    ar_item,
    bundle,
    document,
    expanded_bundle,
    expanded_document,
    expanded_item,
    log_item,
)
from amili_async.sandbox.arm_exchange import Refused, in_arm_form, language, ledger_of
from amili_async.sandbox.arm_files import ArmFiles
from amili_async.sandbox.arm_fixed import client_config, codes, find_config
from amili_async.sandbox.arm_ids import ShortIds
from amili_async.sandbox.arm_layout import Plan
from amili_async.sandbox.arm_ledger import FIRST_BUNDLE, FIRST_ENTRY, FIRST_LOG, Ledger, whole
from amili_async.sandbox.arm_lists import LISTS
from amili_async.sandbox.arm_pages import ArmPages
from amili_async.sandbox.arm_queries import Queries
from amili_async.sandbox.arm_writes import ArmWrites
from amili_async.sandbox.damage import damaged_rows
from amili_async.sandbox.exchange import Answer, Call, Handler, Problem
from amili_async.sandbox.ids import mix
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from amili_async.sandbox.cache import PageCache
    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.settings import Settings

    Make = Callable[[Ledger, int], Row]
    Find = Callable[[Ledger, str], int | None]

__all__ = ["Arm", "arm_clients"]

_FIRST_CLIENT = 2218


def arm_clients(count: int) -> tuple[int, ...]:
    """Return the numbers of so many ARM clients."""
    return tuple(range(_FIRST_CLIENT, _FIRST_CLIENT + count))


def _numbered(first: int, numbers: Callable[[Ledger], Sequence[int]]) -> Find:
    def find(ledger: Ledger, text: str) -> int | None:
        number = whole(text)
        return number - first if number is not None and number - first in numbers(ledger) else None

    return find


_ONE: dict[str, tuple[str, Find, Make, Make | None]] = {
    "arm.customers.get": ("customerNo", Ledger.find_customer, customer, None),
    "arm.ar_items.get": ("arItemId", Ledger.find_item, ar_item, expanded_item),
    "arm.documents.get": ("documentNo", Ledger.find_document, document, expanded_document),
    "arm.document_bundles.get": ("documentBundleId", _numbered(FIRST_BUNDLE, Ledger.bundles), bundle, expanded_bundle),
    "arm.gl_items.get": ("glItemId", _numbered(FIRST_ENTRY, Ledger.entries), entry, None),
    "arm.log_items.get": ("logItemId", _numbered(FIRST_LOG, Ledger.log), log_item, None),
    "arm.client_configs.get": ("clientConfigKey", lambda _, key: find_config(key), client_config, None),
}
"""What one thing is known by, how it is found, and how its row is computed: as such, and with what `expand` asks for."""
_ENGLISH = {"Faktura": "Invoice", "Innbetaling": "Payment", "Autopostering": "Auto posting"}


class Arm:
    """Answers the operations of ARM.

    Args:
        dataset: of the sandbox; each organization has an ARM client.
        settings: of the sandbox.
        pages: where encoded pages are kept.
        address: returns where ARM is served.
        count: takes note of a request that was carried out: its operation, and how many items it held.

    Attributes:
        handlers: by operation.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: Settings,
        pages: PageCache,
        *,
        address: Callable[[], str],
        count: Callable[[str, int], None],
    ) -> None:
        ids = ShortIds(dataset.ids)
        self._ledgers = {
            number: Ledger(it.index, number, Plan(mix(it.key ^ 0xA12), settings.customers), ids)
            for number, it in zip(arm_clients(len(dataset.portfolios)), dataset.portfolios, strict=True)
        }
        self._writes = ArmWrites(self._ledgers, settings, count)
        queries = Queries(ids, settings.query_lifetime)
        self._pages = ArmPages(self._ledgers, settings, queries, pages, address)
        handlers: dict[str, Handler] = {
            **dict.fromkeys(LISTS, self._pages.answer),
            **dict.fromkeys(_ONE, self._one),
            **self._writes.handlers,
            **ArmBooking(self._writes).handlers,
            **ArmFiles(self._ledgers, self._writes).handlers,
            "arm.files.list": self._files,
            "arm.insights.adb_intervals": self._intervals,
            "arm.codes.list": self._codes,
            "arm.gl_movements.latest": self._latest,
            "arm.status.health": lambda _: Answer(encode({"status": "Healthy"})),
        }
        self.handlers: dict[str, Handler] = {name: partial(self._answer, handler) for name, handler in handlers.items()}

    def finish(self) -> None:
        """End all batches at once."""
        self._writes.finish()

    def truth(self, operation: str, client: int, criteria: Mapping[str, str]) -> Iterator[Row]:
        """Yield all rows of a list under criteria, in its order.

        Raises:
            ConfigError: there is no such list, client or criterion.
        """
        if operation not in LISTS:
            raise ConfigError(f"{operation!r} is no list of an ARM client")
        if client not in self._ledgers:
            raise ConfigError("the sandbox has no such ARM client")
        self._writes.advance()
        try:
            return self._pages.rows(operation, self._ledgers[client], criteria)
        except Problem as problem:
            raise ConfigError(str(problem)) from None

    def _answer(self, handler: Handler, call: Call) -> Answer:
        """Answer a call after the batches whose time has come; refusals have the form of ARM."""
        self._writes.advance()
        try:
            return handler(call)
        except Problem as problem:
            raise in_arm_form(problem) from None

    def _one(self, call: Call) -> Answer:
        """Answer with one thing."""
        ledger = ledger_of(self._ledgers, call)
        key, find, make, expanded = _ONE[call.operation.name]
        number = find(ledger, call.values[1])
        if number is None:
            raise Refused(404, "There is no such thing.")
        row = (expanded or make)(ledger, number) if call.query.get("expand") else make(ledger, number)
        if language(call) == "en" and "text" in row:
            first, _, rest = row["text"].partition(" ")
            row["text"] = f"{_ENGLISH.get(first, first)} {rest}"
        shown = [row]
        if hits := call.strike("page", {"rows"}):
            shown = damaged_rows(shown, hits, key)
        return Answer(encode(shown[0]), rows=1, first_key=str(row[key]), last_key=str(row[key]))

    def _files(self, call: Call) -> Answer:
        """Answer with all files that match; their contents are not in it."""
        ledger = ledger_of(self._ledgers, call)
        rows = list(self._pages.rows("arm.files.list", ledger, call.query))
        return Answer(encode({"files": rows}), rows=len(rows))

    def _intervals(self, call: Call) -> Answer:
        """Answer with the age distributed balance, as of the day `date`."""
        ledger = ledger_of(self._ledgers, call)
        _only(call, "date")
        try:
            day = (date.fromisoformat(text) - date(1970, 1, 1)).days if (text := call.query.get("date")) else AGED_AT
        except ValueError:
            raise Refused(400, "date must be a date, 2026-01-31.") from None
        rows = adb_intervals(ledger, day)
        return Answer(encode({"adbIntervals": rows}), rows=len(rows))

    def _codes(self, call: Call) -> Answer:
        """Answer with codes, those of `codetype` or all."""
        ledger_of(self._ledgers, call)
        _only(call, "codetype")
        rows = codes(call.query.get("codetype") or None, language(call))
        return Answer(encode({"codes": rows}), rows=len(rows))

    def _latest(self, call: Call) -> Answer:
        """Answer with the latest closed movement of an account, `glaccountno`; of the receivables if none is named."""
        ledger = ledger_of(self._ledgers, call)
        _only(call, "glaccountno")
        account = whole(call.query.get("glaccountno") or RECEIVABLES)
        if account is None or not 0 < account < 10_000:
            raise Refused(400, "glaccountno must be a number from 1 to 9999.")
        return Answer(encode(latest(ledger, account)), rows=1)


def _only(call: Call, *names: str) -> None:
    """Refuse query parameters of other names."""
    if strange := call.query.keys() - {*names}:
        raise Refused(400, f"This does not take {', '.join(sorted(strange)[:5])[:200]}.")
