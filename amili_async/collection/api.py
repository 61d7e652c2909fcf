"""The Collection API: debt collection. Its methods, by what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.collection import operations as ops
from amili_async.collection.batches import Batches
from amili_async.collection.cases import Cases
from amili_async.collection.invoices import Invoices
from amili_async.collection.money import Corrections, Payments, Settlements
from amili_async.product import Calls, Resource

if TYPE_CHECKING:
    from amili_async.config import RequestOptions

__all__ = [
    "Banqsoft",
    "Batches",
    "Cases",
    "Collection",
    "Corrections",
    "Invoices",
    "Payments",
    "Reports",
    "Settlements",
    "Status",
]


class Reports(Resource):
    """Reports about organizations. Unconfirmed."""

    async def list(self, organization_id: str, *, options: RequestOptions | None = None) -> Any:
        """Fetch reports about one organization. Unconfirmed: HTTP method, path and shape are guesses.

        Returns:
            The JSON of the answer as plain Python objects, envelope included; or its text or bytes.

        Safe to repeat if it is a GET. `GET /orgs/{orgId}/reports`. Evidence: nav.
        """
        return (await self._calls.call(ops.REPORTS_LIST, organization_id, options=options)).data


class Status(Resource):
    """How the service is. Unconfirmed: of all three only the titles are documented, HTTP methods and paths are guesses."""

    async def ping(self, *, options: RequestOptions | None = None) -> Any:
        """Check that the server answers. Unconfirmed; see the class. `GET /ping`. Evidence: nav."""
        return (await self._calls.call(ops.STATUS_PING, options=options)).data

    async def ping_authorized(self, *, options: RequestOptions | None = None) -> Any:
        """Check that the token is accepted. Unconfirmed; see the class. `GET /ping/authorized`. Evidence: nav."""
        return (await self._calls.call(ops.STATUS_PING_AUTHORIZED, options=options)).data

    async def health(self, *, options: RequestOptions | None = None) -> Any:
        """Ask for the health of the API. Unconfirmed; see the class. `GET /health`. Evidence: nav."""
        return (await self._calls.call(ops.STATUS_HEALTH, options=options)).data


class Banqsoft(Resource):
    """An unknown call towards the Banqsoft system. Unconfirmed."""

    async def call(self, *, options: RequestOptions | None = None) -> Any:
        """Make the call, whatever it does. Unconfirmed: HTTP method and path are guesses. `GET /banqsoft`. Evidence: nav."""
        return (await self._calls.call(ops.BANQSOFT_CALL, options=options)).data


class Collection(Resource):
    """The Collection API: debt collection. Lists and gets are safe to repeat, and the client repeats them by itself."""

    __slots__ = (
        "banqsoft",
        "batches",
        "cases",
        "corrections",
        "invoices",
        "payments",
        "reports",
        "settlements",
        "status",
    )

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.batches = Batches(calls)
        self.cases = Cases(calls)
        self.invoices = Invoices(calls)
        self.payments = Payments(calls)
        self.corrections = Corrections(calls)
        self.settlements = Settlements(calls)
        self.reports = Reports(calls)
        self.status = Status(calls)
        self.banqsoft = Banqsoft(calls)
