"""Settlements read on from a position: every one once, whatever the undocumented parameter means."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from itertools import product

import pytest

from amili_async import RetryPolicy, errors
from amili_async.autocollect.models import LegacySettlement
from amili_async.testing import Reply, json_reply

from .kit import make_client, query_of

pytestmark = pytest.mark.asyncio


def settlement_id(number):
    """Return an id that says nothing about the order."""
    return str(uuid.UUID(bytes=hashlib.blake2b(str(number).encode(), digest_size=16).digest()))


class Server:
    """Settlements 1, 2 ... of one creditor, under one reading of what is not documented.

    Args:
        rows: how many there are.
        inclusive: whether the one at the position comes again.
        cut: how many an answer holds at most.
        told: what `lastsettlementid` of the creditor names: the last one `sent` in the answer or the last of `all`, by id or
            number; `opaque` is a name that the settlements do not show; None: there is none.
        deaf: whether the position is not looked at.
        order: in which the settlements of an answer come.
        older: whether they are of the older shape.
    """

    def __init__(self, rows=10, *, inclusive=False, cut=None, told="sent id", deaf=False, order="rising", older=False):
        self.rows = rows
        self.inclusive, self.cut, self.told, self.deaf, self.order, self.older = inclusive, cut, told, deaf, order, older

    def name(self, number, kind):
        """Return what a settlement is called."""
        return {"id": settlement_id(number), "number": str(70_000 + number), "opaque": f"S/{number:05d}"}[kind]

    def row(self, number):
        """Return a settlement."""
        if self.older:
            return {"creditorid": "c1", "casenumber": "K1", "paidsum": number // 2}  # two by two alike
        return {"id": settlement_id(number), "settlementNumber": 70_000 + number, "caseNumber": "K1"}

    def __call__(self, request):
        """Answer a request."""
        position = None if self.deaf else query_of(request).get("lastsettlementid")
        numbers = range(1, self.rows + 1)
        kind = (self.told or "sent id").rpartition(" ")[2]
        if position is not None:
            place = next(number for number in numbers if self.name(number, kind) == position)
            numbers = range(place + (not self.inclusive), self.rows + 1)
        sent = list(numbers)[: self.cut]
        creditor = {"idnumber": "c1"}
        if self.told and (sent or self.told.startswith("all")):
            creditor["lastsettlementid"] = self.name(self.rows if self.told.startswith("all") else sent[-1], kind)
        shown = {"rising": sent, "falling": sent[::-1], "mixed": sent[1::2] + sent[::2]}[self.order]
        return json_reply({"creditor": [creditor], "settlement": [self.row(number) for number in shown]})

    @property
    def names(self):
        """Return what tells the settlements apart, in their order."""
        return [(number // 2 if self.older else settlement_id(number)) for number in range(1, self.rows + 1)]


def name_of(row):
    """Return what tells a settlement apart."""
    return row.extra["paidsum"] if isinstance(row, LegacySettlement) else row.id


async def read(amili, **settings):
    """Read all settlements."""
    return [name_of(row) async for row in amili.autocollect.batch.settlements(**settings)]


READINGS = [
    {"inclusive": inclusive, "cut": cut, "told": told, "order": order}
    for inclusive, (cut, order), told in product(
        (False, True),
        ((None, "rising"), (None, "falling"), (None, "mixed"), (2, "rising"), (3, "rising"), (3, "mixed")),
        ("sent id", "all id", "sent number", "all number", "opaque", None),
    )
    # With ids that say nothing, in a cut answer that is not in order, nobody can know the last: it has to be told.
    if not (cut and order == "mixed" and told is None)
]


@pytest.mark.parametrize("reading", READINGS, ids=lambda it: "-".join(map(str, it.values())))
@pytest.mark.parametrize("rows", [0, 1, 2, 10])
async def test_every_settlement_comes_once(reading, rows):
    """Under every reading each settlement is handed out exactly once, and the walk ends."""
    server = Server(rows, **reading)
    async with make_client(server) as amili:
        found = await read(amili)
        assert len(amili.transport.requests) <= rows + 2
    assert sorted(found) == sorted(server.names)
    if reading["order"] == "rising":
        assert found == server.names


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("told", ["opaque", None])
async def test_settlements_without_an_id_come_once(told, inclusive):
    """In the older shape a settlement is known by all that it says; of those that are alike in one answer each counts."""
    server = Server(9, told=told, inclusive=inclusive, older=True)
    async with make_client(server) as amili:
        assert await read(amili) == server.names == [0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("told", ["sent id", None])
async def test_a_server_that_does_not_look_at_the_position(told):
    """It sends everything again and again; nothing comes twice, and it is asked twice."""
    server = Server(5, deaf=True, told=told)
    async with make_client(server) as amili:
        assert await read(amili) == server.names
        assert len(amili.transport.requests) == 2


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("told", ["sent id", "all id", "all number", None])
@pytest.mark.parametrize("kept", [1, 2, 3])
async def test_a_later_run_gets_exactly_the_rest(kept, told, inclusive):
    """`after` of any answer is where a later run goes on: nothing is missing, nothing comes again."""
    server = Server(8, cut=3, told=told, inclusive=inclusive)
    async with make_client(server) as amili:
        first, after = [], None
        async for increment in amili.autocollect.batch.settlements(creditor_id="c1").pages():
            first += [name_of(row) for row in increment]
            after = increment.after
            kept -= 1
            if not kept:
                break
        server.rows = 12
        assert first + await read(amili, creditor_id="c1", after=after) == server.names
    assert {query_of(request)["creditorid"] for request in amili.transport.requests} == {"c1"}


async def test_the_position_that_is_told_counts():
    """Where the answer holds the settlement that its creditor names, that is the last, wherever it stands."""
    rows = [{"id": settlement_id(number)} for number in (3, 2, 1)]
    answer = {"creditor": [{"lastsettlementid": settlement_id(3)}], "settlement": rows}
    async with make_client(lambda _: json_reply(answer)) as amili:
        (increment,) = [it async for it in amili.autocollect.batch.settlements().pages()]
    assert increment.after == settlement_id(3)


async def test_what_comes_meanwhile_is_read_too():
    """The end is an answer without anything new: what was added while somebody read is handed out."""
    server = Server(3)
    found = []
    async with make_client(server) as amili:
        async for increment in amili.autocollect.batch.settlements().pages():
            found += [name_of(row) for row in increment.items]
            server.rows = min(server.rows + 2, 7)
    assert found == server.names
    assert len(found) == 7


async def test_an_increment_holds_the_whole_document():
    """Answer by answer the document is there, the number of settlements, and a repr without them."""
    async with make_client(Server(3)) as amili:
        (increment,) = [
            it async for it in amili.autocollect.batch.settlements(sender_id="s", remittance_date="2026-01-31").pages()
        ]
        settlements = amili.autocollect.batch.settlements(after="70003")
        assert repr(settlements) == "Increments(autocollect.batch.settlements)"
    assert increment.batch.creditor[0].idnumber == "c1"
    assert (len(increment), increment.after, tuple(increment)) == (3, settlement_id(3), increment.batch.settlement)
    assert repr(increment) == f"Increment(items=<3>, after='{settlement_id(3)}')"
    first, second = amili.transport.requests
    assert query_of(first) == {"senderid": "s", "remittancedate": "2026-01-31"}
    assert query_of(second) == query_of(first) | {"lastsettlementid": settlement_id(3)}


async def test_nothing_new_hands_out_nothing():
    """Behind the last settlement there is no increment, so that a position that was kept stays as it is."""
    async with make_client(Server(3, inclusive=True)) as amili:
        assert await read(amili, after=settlement_id(3)) == []
        pages = amili.autocollect.batch.settlements(after=settlement_id(3)).pages()
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await anext(pages)
    assert len(amili.transport.requests) == 2


async def test_a_failed_answer_is_asked_for_again():
    """An error loses nothing: the same answer is the next to be asked for."""
    server = Server(7, cut=3)
    calls = 0

    def handler(request):
        nonlocal calls
        calls += 1
        return Reply(500, {}, b"") if calls in {2, 3} else server(request)

    async with make_client(handler, retry=RetryPolicy(attempts=1)) as amili:
        pages = aiter(amili.autocollect.batch.settlements().pages())
        found, failures = [], 0
        while True:
            try:
                found += [name_of(row) for row in await anext(pages)]
            except errors.ServerError:
                failures += 1
            except StopAsyncIteration:
                break
    assert (found, failures) == (server.names, 2)


def endless(positions):
    """Serve a new settlement each time, with one of the positions after the other."""
    served = 0

    def handler(request):
        nonlocal served
        served += 1
        told = positions[served % len(positions)]
        creditor = {"idnumber": "c1", "lastsettlementid": told}
        return json_reply({"creditor": [creditor], "settlement": [{"id": f"s/{served}"}]})

    return handler


@pytest.mark.parametrize("positions", [["A!"], ["A!", "B!"], ["A!", "B!", "C!"]])
async def test_a_server_that_goes_in_circles_is_found_out(positions):
    """New settlements with positions that were there before: the walk does not go on for ever, and says so."""
    async with make_client(endless(positions)) as amili:
        pages = amili.autocollect.batch.settlements().pages()
        found = []
        for _ in range(2):
            with pytest.raises(errors.PageLoop, match="without moving on"):
                async for increment in pages:
                    found += [row.id for row in increment]
    assert found == [f"s/{number}" for number in range(1, 2 * len(positions) + 2)]


CREDITORS = [{"idnumber": "c1", "lastsettlementid": "1"}, {"idnumber": "c2", "lastsettlementid": "2"}]


async def test_several_creditors_are_not_mixed_up():
    """Behind the position of one creditor settlements of another may be missing: refused before anything is handed out."""
    async with make_client(lambda _: json_reply({"creditor": CREDITORS, "settlement": [{"id": "s/1"}]})) as amili:
        found = []
        with pytest.raises(errors.PaginationError, match="creditor_id=") as caught:
            async for row in amili.autocollect.batch.settlements(creditor_id="c3"):
                found.append(row)
    assert (found, caught.value.path) == ([], "/webapi/api/Batch")


@pytest.mark.parametrize(
    ("creditors", "creditor_id", "after"),
    [
        (CREDITORS, "c2", "2"),
        ([*CREDITORS[:1], {"idnumber": "c2"}, {"idnumber": "c3", "lastsettlementid": ""}], None, "1"),
        ([CREDITORS[0], {**CREDITORS[1], "lastsettlementid": "1"}], None, "1"),
        ([], None, "s/1"),
        (None, None, "s/1"),
    ],
)
async def test_one_position_among_creditors(creditors, creditor_id, after):
    """The creditor that was asked for counts, or the only position there is; without any it is the settlement's own id."""
    answers = [json_reply({"creditor": creditors, "settlement": [{"id": "s/1"}]}), json_reply({"settlement": None})]
    async with make_client(answers) as amili:
        (increment,) = [it async for it in amili.autocollect.batch.settlements(creditor_id=creditor_id).pages()]
    assert increment.after == after


async def test_a_position_that_names_nothing_stays():
    """Settlements without an id, of a creditor without a position: all are handed out; the next run begins where this one did."""
    answer = json_reply({"settlement": [{"creditorid": "c1"}, {"caseNumber": "K1"}]})
    async with make_client(lambda _: answer) as amili:
        (increment,) = [it async for it in amili.autocollect.batch.settlements(after="x").pages()]
    assert (len(increment), increment.after) == (2, "x")


async def test_a_number_is_not_taken_for_an_id():
    """Where ids are numbers too, a settlement whose number is the position is another one, and is handed out."""
    rows = [{"id": "5", "settlementNumber": 9}, {"id": "6", "settlementNumber": 5}]
    answers = [json_reply({"settlement": rows}), json_reply({})]
    async with make_client(answers) as amili:
        assert await read(amili, after="5") == ["6"]


async def test_leaving_early_and_beginning_again():
    """Nothing is asked for before it is needed, leaving early leaves nothing open, and each iteration begins anew."""
    server = Server(9, cut=3)
    async with make_client(server) as amili:
        settlements = amili.autocollect.batch.settlements()
        assert amili.transport.requests == []
        async for _ in settlements:
            break
        assert len(amili.transport.requests) == 1
        assert [row.id async for row in settlements] == server.names


async def test_two_tasks_cannot_share_a_walk():
    """Each would miss what the other gets."""
    async with make_client(Server(9, cut=3)) as amili:
        pages = amili.autocollect.batch.settlements().pages()
        results = await asyncio.gather(anext(pages), anext(pages), return_exceptions=True)
    assert [type(result) for result in results][1] is RuntimeError
    assert len(results[0]) == 3


@pytest.mark.parametrize("turned", [False, True])
async def test_rows_that_share_an_id_are_no_repetition(turned):
    """Rows of one answer that say different things under one id all come, once; the same row twice is one."""
    rows = [{"id": "a", "caseNumber": case} for case in ("K1", "K2", "K1")] + [{"id": "b"}, {"id": "b"}]
    answers = [json_reply({"settlement": rows}), json_reply({"settlement": rows[::-1] if turned else rows})]
    async with make_client(answers) as amili:
        found = [(row.id, row.case_number) async for row in amili.autocollect.batch.settlements()]
    assert found == [("a", "K1"), ("a", "K2"), ("b", None)]
