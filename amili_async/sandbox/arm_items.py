"""What becomes of single customers and documents that are handed in to ARM: kept and entered, or refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from amili_async.sandbox.arm_books import RECEIVABLES, SALES, VAT, Voucher, book
from amili_async.sandbox.arm_customers import customer
from amili_async.sandbox.arm_ledger import FIRST_ACCOUNT
from amili_async.sandbox.arm_rules import check_customer, check_document, merged, text_of
from amili_async.sandbox.arm_store import WrittenDocument
from amili_async.sandbox.store import ADDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.arm_rules import Checked
    from amili_async.sandbox.dataset import Row

__all__ = [
    "ItemRefused",
    "NotThere",
    "add_document",
    "create_customer",
    "create_document",
    "customer_keys",
    "result",
    "today",
    "update_customer",
]


class ItemRefused(Exception):
    """An item is refused.

    Args:
        errors: fields with what is wrong about them; the first one is the message.
        keys: what the item is known by.
        warnings: fields with what is odd about them.
    """

    def __init__(self, errors: list[Row], keys: Row | None = None, warnings: list[Row] | None = None) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
        self.shown = result("FAILED", str(self), keys or {}, warnings or [], errors)


def result(outcome: str, message: str, keys: Row, warnings: list[Row], errors: list[Row] | None = None) -> Row:
    """Return the outcome of an item, in the documented form."""
    row: Row = {"status": "PROCESSED", "result": outcome, "message": message, **keys}
    if warnings:
        row["warnings"] = warnings
    return {**row, "errors": errors} if errors else row


def today() -> str:
    """Return the day that something is written on, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())


class NotThere(ItemRefused):
    """What is to be updated does not exist."""


def customer_keys(ledger: Ledger, number: int) -> Row:
    """Return what a customer is known by."""
    return {"clientNo": ledger.number, "accountNo": FIRST_ACCOUNT + number, "customerNo": ledger.customer_name(number)}


def update_customer(ledger: Ledger, item: Mapping[str, Any], _: int | None) -> Row:
    """Update a customer, known by its customerNo or accountNo."""
    field, find = ("accountNo", ledger.find_account) if item.get("customerNo") is None else ("customerNo", ledger.find_customer)
    number = find(item.get(field))
    if number is None:
        raise NotThere([{"field": field, "message": "There is no such customer"}])
    looked = _good(ledger, check_customer(item), number)
    ledger.written.customers[number] = merged(customer(ledger, number), looked.fields)
    return result("UPDATED", "Customer updated", customer_keys(ledger, number), looked.warnings)


def create_customer(ledger: Ledger, item: Mapping[str, Any], bundle: int | None) -> Row:
    """Create a customer, or update the one that there is."""
    name = text_of(item.get("customerNo"))
    if name is None:
        raise ItemRefused([{"field": "customerNo", "message": "customerNo must be a text and not empty"}])
    if ledger.find_customer(name) is not None:
        return update_customer(ledger, item, bundle)
    looked = _good(ledger, check_customer(item), None)
    store = ledger.written
    number = ADDED + store.created
    keys = {"clientNo": ledger.number, "accountNo": FIRST_ACCOUNT + number, "customerNo": name}
    store.customers[number] = merged(keys, looked.fields)
    store.numbers[name.casefold()] = number
    store.created += 1
    return result("CREATED", "Customer created", keys, looked.warnings)


def _good(ledger: Ledger, looked: Checked, number: int | None) -> Checked:
    """Return what was found out about a customer, if nothing speaks against it."""
    errors = list(looked.errors)
    if looked.fields.get("clientNo", ledger.number) != ledger.number:
        errors.append({"field": "clientNo", "message": "clientNo is that of another client"})
    if number is not None and looked.fields.get("accountNo", FIRST_ACCOUNT + number) != FIRST_ACCOUNT + number:
        errors.append({"field": "accountNo", "message": "accountNo is that of another customer"})
    if errors:
        raise ItemRefused(errors, {} if number is None else customer_keys(ledger, number), looked.warnings)
    return looked


def create_document(ledger: Ledger, item: Mapping[str, Any], bundle: int | None) -> Row:
    """Create a document, its AR item, and its entries in the general ledger."""
    looked = check_document({name: value for name, value in item.items() if name != "metadata"})
    errors, fields = list(looked.errors), looked.fields
    owner = ledger.find_customer(fields.get("customerNo", ""))
    keys: Row = {name: fields[name] for name in ("customerNo", "documentNo") if name in fields}
    if owner is None and not errors:
        errors.append({"field": "customerNo", "message": "There is no such customer"})
    if "documentNo" in keys and ledger.find_document(keys["documentNo"]) is not None:
        errors.append({"field": "documentNo", "message": "There is a document with this documentNo"})
    if errors or owner is None:
        raise ItemRefused(errors, keys, looked.warnings)
    number = add_document(ledger, owner, {"documentType": "IN", "currency": "NOK", **fields}, bundle)
    keys = {**customer_keys(ledger, owner), "documentNo": keys["documentNo"], "documentUuid": ledger.document_id(number)}
    return result("CREATED", "Document created", keys, looked.warnings)


def add_document(ledger: Ledger, owner: int, fields: Row, bundle: int | None = None) -> int:
    """Keep a document, and enter it in the general ledger. Returns its number."""
    store = ledger.written
    number = ADDED + len(store.documents)
    day = fields.get("documentDate", today())
    shown = {**fields, "customerNo": ledger.customer_name(owner), "documentDate": day, "dueDate": fields.get("dueDate", day)}
    amounts = fields["currencyAmounts"]
    incl, vat = amounts["inclVat"], amounts["vat"]
    store.documents.append(WrittenDocument(owner, shown, incl, bundle))
    store.document_numbers[shown["documentNo"].casefold()] = number
    store.documents_of.setdefault(owner, []).append(number)
    if bundle is not None:
        store.bundles[bundle - ADDED].append(number)
    name = shown["documentNo"]
    book(ledger, Voucher(day, f"F{name}", name, f"Faktura {name}"), [(RECEIVABLES, incl), (SALES, vat - incl), (VAT, -vat)])
    return number
