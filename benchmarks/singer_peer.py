"""A tap on Meltano's Singer SDK as its documentation says, in an environment of its own: READY PAGE_SIZE, messages to stdout.

In its best setting: messages are written by msgspec, and records are not conformed to the schema a second time.
"""
# run as a script by another interpreter

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.pagination import JSONPathPaginator


def members(texts: str, moments: str = "", amounts: str = "") -> list[th.Property[Any]]:
    """Return the members of an object, by their names."""
    kinds = ((texts, th.StringType), (moments, th.DateTimeType), (amounts, th.NumberType))
    return [th.Property(name, kind) for names, kind in kinds for name in names.split()]


INVOICE = members(
    "invoiceId invoiceNumber caseId batchId uniqueSourceInvoiceId currency",
    "invoiceDate dueDate registeredAt",
    "originalAmount remainingAmount remainingPrincipal paidAmount creditedAmount",
)
DEBTOR = members(
    "debtorId type debtorNumber customerNumber firstName lastName fullName identificationNumber email phone",
)
CLAIM = members("type currency invoiceId", amounts="originalAmount currentAmount remainingAmount paidAmount creditedAmount")
ACCOUNT = th.Property("bankAccountDetails", th.ObjectType(*members("accountType accountNumber")))
CASE = [
    *members(
        "caseId organizationId creditorId creditorNumber status subStatus type description caseToken",
        "registeredAt closedAt",
        "remainingAmount remainingPrincipal",
    ),
    th.Property("caseNumber", th.IntegerType),
    th.Property("invoices", th.ArrayType(th.ObjectType(*INVOICE))),
    th.Property("debtors", th.ArrayType(th.ObjectType(*DEBTOR))),
    th.Property("claims", th.ArrayType(th.ObjectType(*CLAIM))),
    th.Property("caseAccountDetails", th.ObjectType(th.Property("paymentReference", th.StringType), ACCOUNT)),
]


class Authenticator(OAuthAuthenticator):
    """Client credentials."""

    @property
    def oauth_request_body(self) -> dict[str, Any]:
        """Return the form."""
        return {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}


class Cases(RESTStream[str]):
    """The list of cases."""

    name = "cases"
    primary_keys = ("caseId",)
    records_jsonpath = "$.data[*]"
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema = th.PropertiesList(*CASE).to_dict()

    @property
    def url_base(self) -> str:
        """Return the base URL."""
        return f"{self.config['url']}/collection/v1"

    @property
    def path(self) -> str:
        """Return the path of the list."""
        return f"/orgs/{self.config['organization']}/cases"

    @cached_property
    def authenticator(self) -> Authenticator:
        """Return the one authenticator of the stream."""
        return Authenticator(
            auth_endpoint=f"{self.config['url']}/identity/token",
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
        )

    def get_new_paginator(self) -> JSONPathPaginator:
        """Walk by the token of the summary."""
        return JSONPathPaginator("$.cursorSummary.nextPageToken")

    def get_url_params(self, context: Any, next_page_token: str | None) -> dict[str, Any]:  # noqa: ARG002  # the name is the SDK's
        """Return the query of a page."""
        return {"PageSize": self.config["page_size"]} | ({"PageToken": next_page_token} if next_page_token else {})


class AmiliTap(Tap):
    """The tap."""

    name = "tap-amili"
    message_writer_class = MsgSpecWriter
    config_jsonschema = th.PropertiesList(
        *(th.Property(name, th.StringType, required=True) for name in ("url", "organization", "client_id", "client_secret")),
        th.Property("page_size", th.IntegerType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[Cases]:
        """Return the one stream."""
        return [Cases(self)]


ready = json.loads(sys.argv[1])
settings = {name: ready[name] for name in ("url", "organization", "client_id", "client_secret")}
AmiliTap(config={**settings, "page_size": int(sys.argv[2])}).sync_all()
