"""The lists of ARM as a table: what their rows are, which criteria they take, and their sizes.

Criteria are documented nowhere. Those here have the names of the fields that they look at, in lower case, as the naming rule of
the documentation has it; all others are refused, so that a misspelt one does not pass for a match of everything.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox.arm_books import entry, movement, movements
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
from amili_async.sandbox.arm_fixed import client_config, configs, file_row, files
from amili_async.sandbox.arm_ledger import Ledger
from amili_async.sandbox.exchange import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from amili_async.sandbox.dataset import Row

    Make = Callable[[Ledger, int], Row]
    Test = Callable[[Row, str], bool]
    Find = Callable[[Ledger, str], list[int]]

__all__ = ["LISTS", "List", "checked", "matching"]


class List(NamedTuple):
    """A list.

    Attributes:
        items: name of the array.
        key: field that tells a row apart.
        numbers: returns the numbers of all rows, in the order of the list.
        row: computes a row.
        criteria: what rows can be asked for by.
        found: criteria whose rows are found without looking through all.
        expanded: computes a row with more in it, as `expand` asks for.
        page_size: rows of a page if the request does not say, and at most.
        maximum: rows of a query if the request does not say, and at most.
    """

    items: str
    key: str
    numbers: Callable[[Ledger], Sequence[int]]
    row: Make
    criteria: Mapping[str, Test]
    found: Mapping[str, Find] = {}  # nobody changes it
    expanded: Make | None = None
    page_size: tuple[int, int] = (50, 500)
    maximum: tuple[int, int] = (5_000, 20_000)


def _equal(field: str) -> Test:
    """Values do not depend on case, says the documentation."""
    return lambda row, text: str(row.get(field, "")).casefold() == text.casefold()


def _part(field: str) -> Test:
    return lambda row, text: text.casefold() in str(row.get(field, "")).casefold()


def _from(field: str) -> Test:
    return lambda row, text: str(row.get(field, "")) >= text


def _to(field: str) -> Test:
    return lambda row, text: "" < str(row.get(field, "")) <= text


def _equals(*fields: str) -> dict[str, Test]:
    return {field.lower(): _equal(field) for field in fields}


def _one(find: Callable[[Ledger, object], int | None]) -> Find:
    return lambda ledger, text: [] if (found := find(ledger, text)) is None else [found]


def _of_customer(ledger: Ledger, text: str) -> list[int]:
    customer = ledger.find_customer(text)
    return [] if customer is None else ledger.documents_of(customer)


_DOCUMENTED: dict[str, Any] = {"page_size": (100, 1_000), "maximum": (10_000, 10_000)}
_BY_DOCUMENT: dict[str, Find] = {
    "customerno": _of_customer,
    "documentno": _one(Ledger.find_document),
    "kid": _one(Ledger.find_kid),
}
_DATES = {"fromdate": _from("documentDate"), "todate": _to("documentDate")}

LISTS = {
    "arm.customers.list": List(
        "customers",
        "customerNo",
        Ledger.customers,
        customer,
        {
            **_equals("customerNo", "accountNo", "organizationNo", "customerCategory", "customerGroupCode", "currency"),
            "name": _part("name"),
        },
        {"customerno": _one(Ledger.find_customer), "accountno": _one(Ledger.find_account)},
        **_DOCUMENTED,
    ),
    "arm.ar_items.list": List(
        "arItems",
        "arItemId",
        Ledger.documents,
        ar_item,
        {**_equals("customerNo", "accountNo", "documentNo", "kid", "documentType", "status"), **_DATES},
        _BY_DOCUMENT,
        expanded_item,
        **_DOCUMENTED,
    ),
    "arm.documents.list": List(
        "documents",
        "documentNo",
        Ledger.documents,
        document,
        {**_equals("customerNo", "accountNo", "documentNo", "kid", "documentType", "documentBundleId"), **_DATES},
        _BY_DOCUMENT,
        expanded_document,
    ),
    "arm.document_bundles.list": List(
        "documentBundles", "documentBundleId", Ledger.bundles, bundle, _equals("documentBundleId"), {}, expanded_bundle
    ),
    "arm.gl_items.list": List(
        "glItems",
        "glItemId",
        Ledger.entries,
        entry,
        {
            **_equals("glYear", "glPeriod", "glAccountNo", "voucherNo", "documentNo"),
            "fromdate": _from("voucherDate"),
            "todate": _to("voucherDate"),
        },
        **_DOCUMENTED,
    ),
    "arm.gl_movements.list": List(
        "glMovements", "glAccountNo", movements, movement, _equals("glYear", "glPeriod", "glAccountNo")
    ),
    "arm.log_items.list": List(
        "logItems",
        "logItemId",
        Ledger.log,
        log_item,
        {**_equals("type", "customerNo", "documentNo", "userId"), "fromdate": _from("logDate"), "todate": _to("logDate")},
    ),
    "arm.client_configs.list": List("clientConfigs", "clientConfigKey", configs, client_config, _equals("clientConfigKey")),
    "arm.files.list": List("files", "fileId", files, file_row, {"filename": _equal("fileName")}),
}
"""The lists by their operations. Default and cap of the sizes are documented for AR items, customers and GL items alone."""


def checked(about: List, query: Mapping[str, str], *besides: str) -> dict[str, str]:
    """Return the criteria that a query holds; empty ones are none. `besides` names what else it may hold.

    Raises:
        Problem: 400; it holds something that the list does not take, or a date that is none.
    """
    if strange := query.keys() - about.criteria.keys() - {*besides}:
        raise Problem(400, "unknown_parameter", f"This list does not take {', '.join(sorted(strange)[:5])[:200]}.")
    criteria = {name: text for name in about.criteria if (text := query.get(name, ""))}
    for name in ("fromdate", "todate"):
        try:
            date.fromisoformat(criteria.get(name, "2026-01-01"))
        except ValueError:
            raise Problem(400, "invalid_parameter", f"{name} must be a date, 2026-01-31.") from None
    return criteria


def matching(about: List, ledger: Ledger, criteria: Mapping[str, str]) -> Sequence[int] | Iterator[int]:
    """Return the numbers of the rows that match all criteria, in the order of the list."""
    finder = next((name for name in about.found if name in criteria), None)
    numbers = about.numbers(ledger) if finder is None else about.found[finder](ledger, criteria[finder])
    tests = [(about.criteria[name], text) for name, text in criteria.items() if name != finder]
    if not tests:
        return numbers
    return (it for it in numbers if (row := about.row(ledger, it)) and all(test(row, text) for test, text in tests))
