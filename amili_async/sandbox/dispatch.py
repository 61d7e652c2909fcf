"""What was sent through the Distribution API, and by whom: kept in the order in which it came. The Partner API shows it too."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from amili_async.sandbox.exchange import Problem
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.store import ADDED
from amili_async.sandbox.writes import insist_on_room

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from amili_async.sandbox.dataset import Dataset
    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.writes import Writes

__all__ = ["Agreement", "Company", "Dispatch", "Sending", "Sent"]

_KEPT = 64 * 2**20
"""Bytes of embedded documents that are kept; older ones make room."""


class Sent(NamedTuple):
    """What a document says of itself, as far as it is understood."""

    kind: str
    """Name of the operation that sent it, without the API's."""
    identifier: str | None
    invoice_number: str | None
    sender: str | None
    """Organization number of the sending company."""
    amount: Decimal | None
    currency: str
    invoice_date: str | None
    due_date: str | None


@dataclass(slots=True)
class Sending:
    """A document on its way.

    Attributes:
        transaction: id of this sending; a document that is sent twice has two, by which alone they differ.
        company: whose it is.
        sent: what was sent.
        at: when it came, in milliseconds since 1970.
        due: when it is delivered, in seconds of the monotonic clock.
        file: the embedded document, as long as it is kept.
    """

    transaction: str
    company: Company
    sent: Sent
    at: int
    due: float
    file: bytes | None


@dataclass(slots=True)
class Company:
    """A company that sends: one for each organization, and those that were registered.

    Attributes:
        id: number that it is known by.
        organization: index of the organization whose tokens give access to it.
        name: its name.
        organization_number: under which it is registered.
        due: when its registration ends, in seconds of the monotonic clock; None if it was always there.
    """

    id: str
    organization: int
    name: str
    organization_number: str
    due: float | None = None


@dataclass(slots=True)
class Agreement:
    """A bank agreement.

    Attributes:
        id: that it is asked for by.
        organization: index of the organization whose token registered it.
        due: when it is active, in seconds of the monotonic clock.
    """

    id: str
    organization: int
    due: float


class Dispatch:
    """Companies, what they sent, and their bank agreements.

    Args:
        dataset: where the organizations are.
        settings: of the sandbox.
        writes: counts what is carried out.
    """

    def __init__(self, dataset: Dataset, settings: Settings, writes: Writes) -> None:
        self._dataset = dataset
        self._settings = settings
        self._writes = writes
        self._clock = time.monotonic
        self._size = 0
        self._files: deque[Sending] = deque()
        self._bytes = 0
        self._companies = [
            Company(f"4{it.index:04d}", it.index, *(dataset.organization(it)[name] for name in ("name", "organizationNumber")))
            for it in dataset.portfolios
        ]
        self.sendings: dict[str, Sending] = {}
        self.agreements: dict[str, Agreement] = {}

    def organizations(self, allowed: Sequence[str]) -> set[int]:
        """Return the indices of organizations, given their ids."""
        return {self._dataset.portfolio(it).index for it in allowed if it in self._dataset.organizations}

    def companies(self, allowed: Sequence[str]) -> list[Company]:
        """Return the companies that a token gives access to, in the order of their registration."""
        indices = self.organizations(allowed)
        return [it for it in self._companies if it.organization in indices]

    def send(self, operation: str, allowed: Sequence[str], sent: Sent, file: bytes | None) -> Sending:
        """Take in a document: of the company that it names, or of the first that the token gives access to.

        Args:
            operation: name of the operation that brings it.
            allowed: ids of the organizations that the token gives access to.
            sent: what it says.
            file: the document that is embedded in it.

        Raises:
            Problem: 403; the token gives access to no company. 422; the sandbox is full.
        """
        company = self._company(allowed, sent.sender)
        self._carry_out(operation)
        transaction = self._dataset.ids.make(Kind.TRANSACTION, company.organization, ADDED + len(self.sendings))
        sending = Sending(transaction, company, sent, round(time.time() * 1000), self._due(), file)
        self.sendings[transaction] = sending
        self._keep(sending)
        return sending

    def register(self, operation: str, allowed: Sequence[str], name: str, organization_number: str) -> Company:
        """Take in a company; see `send` for what it raises."""
        owner = self._company(allowed, None)
        self._carry_out(operation)
        company = Company(f"5{len(self._companies):04d}", owner.organization, name, organization_number, self._due())
        self._companies.append(company)
        return company

    def agree(self, operation: str, allowed: Sequence[str]) -> Agreement:
        """Take in a bank agreement; see `send` for what it raises."""
        owner = self._company(allowed, None)
        self._carry_out(operation)
        number = self._dataset.ids.make(Kind.AGREEMENT, owner.organization, len(self.agreements))
        return self.agreements.setdefault(number, Agreement(number, owner.organization, self._due()))

    def progress(self, due: float | None) -> float:
        """Return how far something has come: 0 at its beginning, 1 at its end and ever after."""
        left = 0.0 if due is None else due - self._clock()
        return 1.0 if left <= 0 else max(1.0 - left / self._settings.batch_seconds, 0.0)

    def finish(self) -> None:
        """Bring everything to its end at once."""
        pending: tuple[Sending | Company | Agreement, ...] = (
            *self.sendings.values(),
            *self._companies,
            *self.agreements.values(),
        )
        for it in pending:
            it.due = 0.0

    def _company(self, allowed: Sequence[str], organization_number: str | None) -> Company:
        companies = self.companies(allowed)
        if not companies:
            raise Problem(403, "forbidden", "The token gives access to no company.")
        return next((it for it in companies if it.organization_number == organization_number), companies[0])

    def _carry_out(self, operation: str) -> None:
        insist_on_room(self._size + 1, self._settings)
        self._size += 1
        self._writes.count(operation)

    def _due(self) -> float:
        return self._clock() + self._settings.batch_seconds

    def _keep(self, sending: Sending) -> None:
        """Keep an embedded document; the oldest make room."""
        self._files.append(sending)
        self._bytes += len(sending.file or b"")
        while self._bytes > _KEPT:
            oldest = self._files.popleft()
            self._bytes -= len(oldest.file or b"")
            oldest.file = None
