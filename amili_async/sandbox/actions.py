"""Actions on cases, and those on invoices that the first generation of the API had. Known are their names; the rest is invented.

A withdrawn or paid case takes no action any more. Pausing needs an open case, resuming a paused one. The decisions on the debt
collection list need the sub status DEBT_COLLECTION_LIST_MANUAL and take it away. An eviction that was asked for is accepted or
rejected; a confirmation can be accepted or rejected after that, once. Which cases an action fits is what `fits` tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from amili_async.sandbox import rows
from amili_async.sandbox.booking import find_invoice
from amili_async.sandbox.events import case_updated
from amili_async.sandbox.exchange import Answer, Problem
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.store import ADDED
from amili_async.sandbox.writes import document, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amili_async.sandbox.dataset import Dataset
    from amili_async.sandbox.events import Emit
    from amili_async.sandbox.exchange import Call, Handler
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.store import WrittenBatch
    from amili_async.sandbox.writes import Writes

__all__ = ["ACTIONS", "Actions", "State", "after"]

_ON_INVOICES = ("pause", "withdraw", "resume")
_LIST = "DEBT_COLLECTION_LIST_MANUAL"
_CLOSED = "The case is closed."


class State(NamedTuple):
    """What an action looks at and changes.

    Attributes:
        status: OPEN or PAUSED.
        sub_status: None if there is none.
        eviction: REQUESTED, ACCEPTED, REJECTED, CONFIRMED or DECLINED; None if none was asked for. No answer shows it.
        closed: whether nothing remains, or the case was withdrawn.
    """

    status: str
    sub_status: str | None = None
    eviction: str | None = None
    closed: bool = False


def _pause(state: State) -> State:
    if state.status != "OPEN":
        raise Problem(409, "not_open", "The case is paused.")
    return state._replace(status="PAUSED")


def _resume(state: State) -> State:
    if state.status != "PAUSED":
        raise Problem(409, "not_paused", "The case is not paused.")
    return state._replace(status="OPEN")


def _decide_on_list(state: State) -> State:
    if state.sub_status != _LIST:
        raise Problem(409, "not_on_list", "The case is not on the debt collection list.")
    return state._replace(sub_status=None)


def _eviction(needed: str, result: str) -> Callable[[State], State]:
    def decide(state: State) -> State:
        if state.eviction is None:
            raise Problem(422, "no_eviction", "No eviction was asked for in the case.")
        if state.eviction != needed:
            raise Problem(409, "eviction_decided", f"The eviction is {state.eviction}, not {needed}.")
        return state._replace(eviction=result)

    return decide


ACTIONS: dict[str, Callable[[State], State]] = {
    "pause": _pause,
    "resume": _resume,
    "withdraw": lambda state: state._replace(closed=True),
    "accept_debt_collection_list": _decide_on_list,
    "reject_debt_collection_list": _decide_on_list,
    "accept_eviction_request": _eviction("REQUESTED", "ACCEPTED"),
    "reject_eviction_request": _eviction("REQUESTED", "REJECTED"),
    "accept_eviction_confirmation": _eviction("ACCEPTED", "CONFIRMED"),
    "reject_eviction_confirmation": _eviction("ACCEPTED", "DECLINED"),
}
"""What each action makes of a state, or the problem that it has with it."""


def after(action: str, state: State) -> State:
    """Return the state of a case after an action.

    Raises:
        Problem: 409, the case is in no state for it; 422, it has nothing that the action is about.
    """
    if state.closed:
        raise Problem(409, "case_closed", _CLOSED)
    return ACTIONS[action](state)


class Actions:
    """Answers the actions.

    Args:
        dataset: where the cases are.
        settings: of the sandbox.
        writes: what keeps the batches.
        emit: told of every event.
    """

    def __init__(self, dataset: Dataset, settings: Settings, writes: Writes, emit: Emit) -> None:
        self._dataset = dataset
        self._settings = settings
        self._writes = writes
        self._emit = emit
        self.handlers: dict[str, Handler] = {
            **{f"collection.cases.{name}": self._on_case for name in ACTIONS},
            **{f"collection.invoices.{name}": self._on_invoice for name in _ON_INVOICES},
        }

    def fits(self, action: str, portfolio: Portfolio) -> Iterator[str]:
        """Yield the ids of the cases that an action can be carried out on now, in the order of the cases."""
        self._writes.advance()
        numbers = [*range(portfolio.cases), *range(ADDED, ADDED + len(portfolio.written.invoices))]
        for case in numbers:
            try:
                after(action, self._state(portfolio, case))
            except Problem:
                continue
            yield self._dataset.ids.make(Kind.CASE, portfolio.index, case)

    def _on_case(self, call: Call) -> Answer:
        """Carry out an action on the case that is named."""
        (portfolio,) = visible(self._dataset, call)
        self._writes.advance()
        body = document(call, optional=True)
        named = self._dataset.ids.read(call.values[1])
        if named is None or named.kind != Kind.CASE or named.organization != portfolio.index:
            raise Problem(404, "not_found", "There is no such case.")
        case = named.number
        if not (case < portfolio.cases or ADDED <= case < ADDED + len(portfolio.written.invoices)):
            raise Problem(404, "not_found", "There is no such case.")

        def execute() -> WrittenBatch | None:
            self._act(call, portfolio, case)
            if not self._settings.action_batches:
                return None
            done = {"caseId": call.values[1].lower()}
            return self._writes.queue(portfolio, call, "NONE", [], (done,))

        return self._writes.once(portfolio, call, body, 1, execute)

    def _on_invoice(self, call: Call) -> Answer:
        """Carry out an action on the case of the invoice that is named. Documented are 202 without a body, and 400."""
        (portfolio,) = visible(self._dataset, call)
        self._writes.advance()
        body = document(call, optional=True)
        invoice = find_invoice(self._dataset, portfolio, call.values[1])
        if invoice is None:
            raise Problem(400, "not_found", "There is no such invoice.")

        def execute() -> None:
            try:
                self._act(call, portfolio, rows.the_case_of(invoice))
            except Problem as problem:
                problem.answer.status = 400
                raise

        return self._writes.once(portfolio, call, body, 1, execute)

    def _act(self, call: Call, portfolio: Portfolio, case: int) -> None:
        """Carry out an action on a case at once, whenever its batch ends."""
        action = call.operation.name.rpartition(".")[2]
        before = self._state(portfolio, case)
        state = after(action, before)
        change = rows.change_of(self._dataset, portfolio, case)
        moment = portfolio.written.tick()
        change.status, change.sub_status, change.eviction = state.status, state.sub_status, state.eviction
        if state.closed:
            change.withdrawn = moment
        change.history.append((moment, action.upper()))
        portfolio.written.version += 1
        # Of the documented names of fields, that of an action is status; an eviction changes nothing that an answer shows.
        if state._replace(eviction=None) != before._replace(eviction=None):
            self._emit(case_updated, self._dataset, portfolio, case, ("status",))

    def _state(self, portfolio: Portfolio, case: int) -> State:
        row = rows.case(self._dataset, portfolio, case)
        change = portfolio.written.cases.get(case)
        eviction = change.eviction if change else rows.eviction_of(case)
        return State(row["status"], row.get("subStatus"), eviction, row["closedAt"] is not None)
