"""The operations of the Distribution API: the one place that knows their paths.

Whether the API recognises a repeat by an idempotency key or by the `Identifier` of a document is not known, so that no key makes
the client repeat a send whose outcome is unknown.
"""

from __future__ import annotations

from typing import Any

from amili_async.operation import Operation

_DOCS = "https://docs.amili.dev/"

SEND_EHF_CREDITNOTE: Operation[Any] = Operation(
    name="distribution.send.ehf_creditnote",
    method="POST",
    path="/send/ehf30/creditnote",
    evidence="docs",
    source=_DOCS + "add-a-new-b2b-ehfpeppol-creditnote-3939037e0?nav=01K5ZVZMAJKY0MDBX9R82D217H",
    summary="Submit a business-to-business credit note for delivery over EHF/PEPPOL.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
)
SEND_EHF_INVOICE: Operation[Any] = Operation(
    name="distribution.send.ehf_invoice",
    method="POST",
    path="/send/ehf30/invoice",
    evidence="inferred",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Submit a business-to-business invoice for delivery over EHF/PEPPOL.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
    path_guessed=True,
)
SEND_INVOICE: Operation[Any] = Operation(
    name="distribution.send.invoice",
    method="POST",
    path="/send/invoice",
    evidence="docs",
    source=_DOCS + "add-a-new-b2c-invoice-3939039e0?nav=01K5ZVZMAJKY0MDBX9R82D217H",
    summary="Submit a consumer invoice for delivery in a chosen channel.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
)
SEND_LETTER: Operation[Any] = Operation(
    name="distribution.send.letter",
    method="POST",
    path="/send/letter",
    evidence="docs",
    source=_DOCS + "add-a-new-b2c-letter-3939040e0?nav=01K5ZVZMAJKY0MDBX9R82D217H",
    summary="Submit a consumer letter (a document that is not an invoice) for delivery.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
)
SEND_SWEDISH_INVOICE: Operation[Any] = Operation(
    name="distribution.send.swedish_invoice",
    method="POST",
    path="/send/se/invoice",
    evidence="inferred",
    source=_DOCS + "add-a-new-b2c-swedish-invoice-3939041e0",
    summary="Submit a consumer invoice in Sweden.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
    path_guessed=True,
)
SEND_DANISH_INVOICE: Operation[Any] = Operation(
    name="distribution.send.danish_invoice",
    method="POST",
    path="/send/dk/invoice",
    evidence="docs",
    source=_DOCS + "add-a-new-b2c-danish-invoice-3939042e0?nav=01K5ZVZMAJKY0MDBX9R82D217H",
    summary="Submit a consumer invoice in Denmark.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
)
SEND_STATUS: Operation[Any] = Operation(
    name="distribution.send.status",
    method="GET",
    path="/send/status",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Ask for the distribution status of an invoice (GET variant).",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=("Identifier",),
    path_guessed=True,
)
SEND_STATUS_BY_IDENTIFIER: Operation[Any] = Operation(
    name="distribution.send.status_by_identifier",
    method="POST",
    path="/send/pstatus",
    evidence="docs",
    source=_DOCS + "check-invoice-status-3939044e0?nav=01K5ZVZMAJKY0MDBX9R82D217H",
    summary="Ask for the distribution status by invoice identifier (POST variant).",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
)
LOOKUP_INVOICE: Operation[Any] = Operation(
    name="distribution.lookup.invoice",
    method="GET",
    path="/lookup/invoice",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Get a link at which an invoice can be looked up.",
    response=None,
    retry_safe=True,
    unwrap=None,
    path_guessed=True,
    method_guessed=True,
)
ORGANIZATIONS_CREATE: Operation[Any] = Operation(
    name="distribution.organizations.create",
    method="POST",
    path="/organization",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Register a sending company.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
    path_guessed=True,
    method_guessed=True,
)
ORGANIZATIONS_STATUS: Operation[Any] = Operation(
    name="distribution.organizations.status",
    method="GET",
    path="/organization/status",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Ask for the registration status of a company.",
    response=None,
    retry_safe=True,
    unwrap=None,
    path_guessed=True,
    method_guessed=True,
)
BANK_AGREEMENTS_REGISTER: Operation[Any] = Operation(
    name="distribution.bank_agreements.register",
    method="POST",
    path="/bankagreement/swedish",
    evidence="inferred",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Register a bank agreement.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
    path_guessed=True,
)
BANK_AGREEMENTS_STATUS: Operation[Any] = Operation(
    name="distribution.bank_agreements.status",
    method="POST",
    path="/bankagreement/swedish/status",
    evidence="docs",
    source=_DOCS + "check-status-of-bank-agreement-3939049e0?nav=01K5ZVZMAJKY0MDBX9R82D217H",
    summary="Ask for the status of a Swedish bank agreement.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
)

OPERATIONS = (
    SEND_EHF_CREDITNOTE,
    SEND_EHF_INVOICE,
    SEND_INVOICE,
    SEND_LETTER,
    SEND_SWEDISH_INVOICE,
    SEND_DANISH_INVOICE,
    SEND_STATUS,
    SEND_STATUS_BY_IDENTIFIER,
    LOOKUP_INVOICE,
    ORGANIZATIONS_CREATE,
    ORGANIZATIONS_STATUS,
    BANK_AGREEMENTS_REGISTER,
    BANK_AGREEMENTS_STATUS,
)
