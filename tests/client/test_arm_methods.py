"""ARM: what every method asks for, and what it makes of the answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from amili_async import RequestOptions, errors, operations
from amili_async.arm.models import ArItem, BatchStatus, Customer, Document, GlItem, GlMovement, LogItem
from amili_async.structs import decode, decode_item, encode
from amili_async.testing import Reply, json_reply

from .kit import make_client, query_of

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

BASE = "http://127.0.0.1:1/arm/v1"
OPTIONS = RequestOptions(headers={"X-Mine": "1"})
METADATA = {"userId": "kari"}

READS = {
    "ar_items.get": ((7,), {"expand": "all", "user_id": "kari", "language": "nb"}, "/aritems/7?expand=all&userid=kari", "nb"),
    "batches.get": (("8NlwdOIM1YLVFP9-WOwkYQ",), {}, "/batches/8NlwdOIM1YLVFP9-WOwkYQ", None),
    "client_configs.get": (("a/b",), {}, "/clientconfigs/a%2Fb", None),
    "codes.list": ((), {"filters": {"Kind": "X"}}, "/codes?kind=X", None),
    "customers.get": (("5 4",), {"user_id": "kari", "language": "en"}, "/customers/5%204?userid=kari", "en"),
    "document_bundles.get": (("b1",), {"expand": "all", "language": "en"}, "/documentbundles/b1?expand=all", "en"),
    "documents.get": (("88",), {"expand": "x", "user_id": "u", "language": "en"}, "/documents/88?expand=x&userid=u", "en"),
    "files.list": ((), {"filters": {"Name": "a b"}}, "/files?name=a+b", None),
    "files.get": (("f1",), {}, "/files/f1", None),
    "gl_items.get": (("g1",), {"language": "no"}, "/glitems/g1", "no"),
    "gl_movements.latest": ((), {"filters": {"glYear": 2025}}, "/glmovements/latest?glyear=2025", None),
    "insights.adb_intervals": ((), {"filters": {"To": date(2026, 1, 31)}}, "/insights/adbintervals?to=2026-01-31", None),
    "log_items.get": ((5,), {}, "/logitems/5", None),
}
"""What a read is called with beyond the client number, and what it asks for: path and query, language."""

MORE = {
    "ar_items": {"expand": "all", "user_id": "kari", "language": "nb"},
    "client_configs": {},
    "customers": {"language": "nb"},
    "document_bundles": {"language": "nb"},
    "documents": {"expand": "all", "language": "nb"},
    "gl_items": {},
    "gl_movements": {},
    "log_items": {},
}
"""The lists, with the keywords that not all of them have."""

KEYS = {
    "ar_items": "arItems",
    "client_configs": "clientConfigs",
    "customers": "customers",
    "document_bundles": "documentBundles",
    "documents": "documents",
    "gl_items": "glItems",
    "gl_movements": "glMovements",
    "log_items": "logItems",
}

WRITES = {
    "actions.create": ("POST", "/actions", ({"kind": "x"},), {"kind": "x", "metadata": METADATA}),
    "actions.create_report": ("POST", "/actions/reports", ({"kind": "x"},), {"kind": "x", "metadata": METADATA}),
    "ar_items.update": ("PUT", "/aritems", ({"arItemId": 7},), {"arItemId": 7, "metadata": METADATA}),
    "auto_postings.create": (
        "POST",
        "/autopostings/bad%2Fdebt",
        ("bad/debt", [{"amount": 5}]),
        {"autoPostings": [{"amount": 5}], "metadata": METADATA},
    ),
    "customers.create": (
        "POST",
        "/customers",
        ({"customerNo": "1"},),
        {"customer": {"customerNo": "1"}, "metadata": METADATA},
    ),
    "customers.update": ("PUT", "/customers", ({"accountNo": 5},), {"customer": {"accountNo": 5}, "metadata": METADATA}),
    "customers.create_batch": (
        "POST",
        "/customers/batches",
        ([{"name": "A"}],),
        {"customers": [{"name": "A"}], "metadata": METADATA},
    ),
    "customers.update_batch": (
        "PUT",
        "/customers/batches",
        ([{"customerNo": "1"}],),
        {"customers": [{"customerNo": "1"}], "metadata": METADATA},
    ),
    "documents.create": ("POST", "/documents", ({"documentNo": "8"},), {"documentNo": "8", "metadata": METADATA}),
    "documents.create_batch": (
        "POST",
        "/documents/batches",
        ([{"documentNo": "8"}],),
        {"documents": [{"documentNo": "8"}], "metadata": METADATA},
    ),
    "files.upload": ("POST", "/files", ([{"content": "YQ=="}],), {"files": [{"content": "YQ=="}], "metadata": METADATA}),
    "payment_reservations.create": (
        "POST",
        "/paymentreservations",
        ({"paymentId": "P1", "kid": "5"},),
        {"paymentId": "P1", "kid": "5", "metadata": METADATA},
    ),
}
"""HTTP method, path, arguments beyond the client number, and the body that goes out for a user."""


def method_of(amili, name):
    """Return a method of ARM by its path."""
    group, _, method = name.partition(".")
    return getattr(getattr(amili.arm, group), method)


async def test_every_operation_is_tried_here():
    """The tables below leave none out."""
    named = {f"arm.{name}" for name in [*READS, *WRITES, *(f"{name}.list" for name in MORE)]}
    assert named | {"arm.customers.delete", "arm.status.health"} == {it.name for it in operations() if it.api == "arm"}


@pytest.mark.parametrize("name", READS)
async def test_a_read_asks_for_what_it_was_told(name):
    """Path values are quoted, filters become parameters in lower case, the language a header, and options go along."""
    values, keywords, wanted, language = READS[name]
    async with make_client([json_reply({})]) as amili:
        await method_of(amili, name)(2218, *values, **keywords, options=OPTIONS)
    (request,) = amili.transport.requests
    assert (request.method, request.url) == ("GET", f"{BASE}/clients/2218{wanted}")
    assert request.headers.get("Accept-Language") == language
    assert request.headers["X-Mine"] == "1"
    assert request.body is None


@pytest.mark.parametrize("name", MORE)
async def test_a_list_asks_for_what_it_was_told(name):
    """Criteria, size and maximum go out with the first page; the language with each."""
    rows = {KEYS[name]: [{"id": 1}]}
    link = f"{BASE}/clients/2218/x?query=8NlwdOIM1YLVFApvQFONTw&pageno=2"
    replies = [json_reply({"summary": {"pageNo": 1, "nextPage": link}, **rows}), json_reply({"summary": {"pageNo": 2}, **rows})]
    async with make_client(replies) as amili:
        pager = method_of(amili, f"{name}.list")(
            2218, filters={"CityName": "Oslo", "active": True}, maximum_count=50, page_size=20, options=OPTIONS, **MORE[name]
        )
        assert len(await pager.collect()) == 2
    first, second = amili.transport.requests
    wanted = {"cityname": "Oslo", "active": "true", "maximumcount": "50", "pagesize": "20"}
    wanted |= {"expand": "all"} if "expand" in MORE[name] else {}
    wanted |= {"userid": "kari"} if "user_id" in MORE[name] else {}
    assert first.url.startswith(f"{BASE}/clients/2218/{name.replace('_', '')}?")
    assert query_of(first) == wanted
    assert query_of(second) == {"query": "8NlwdOIM1YLVFApvQFONTw", "pageno": "2"}
    for request in (first, second):
        assert (request.headers.get("Accept-Language"), request.headers["X-Mine"]) == (MORE[name].get("language"), "1")


@pytest.mark.parametrize("user_id", ["kari", None])
@pytest.mark.parametrize("name", WRITES)
async def test_a_write_sends_what_it_was_given(name, user_id):
    """A mapping goes out as it is, in its envelope; the user is named in the metadata, if there is one to name."""
    method, path, values, body = WRITES[name]
    async with make_client([json_reply({})]) as amili:
        await method_of(amili, name)(2218, *values, user_id=user_id, options=OPTIONS)
    (request,) = amili.transport.requests
    if user_id is None:
        body = {key: value for key, value in body.items() if key != "metadata"}
        body = body.get("customer", body)
    assert (request.method, request.url, decode(request.body)) == (method, f"{BASE}/clients/2218{path}", body)
    assert (request.headers["Content-Type"], request.headers["X-Mine"]) == ("application/json", "1")


async def test_the_language_of_the_call_counts():
    """The keyword stands over a header of the options and over those of the client, in any case of the name."""
    async with make_client([json_reply({})] * 2) as amili:
        german = amili.with_options(headers={"accept-language": "de"})
        await german.arm.gl_items.get(2218, 1, language="nb", options=RequestOptions(headers={"ACCEPT-LANGUAGE": "sv"}))
        await german.arm.gl_items.get(2218, 1)
    sent = [{name.lower(): value for name, value in request.headers.items()} for request in amili.transport.requests]
    assert [headers["accept-language"] for headers in sent] == ["nb", "de"]


async def test_delete_and_health_ask_as_documented():
    """A customer is deleted by its number; health needs no token."""
    async with make_client([json_reply({"result": "DELETED"}), Reply(200, {}, b"")]) as amili:
        gone = await amili.arm.customers.delete(2218, "5/4", user_id="kari")
        assert await amili.arm.status.health() is None
    deleted, asked = amili.transport.requests
    assert (deleted.method, deleted.url) == ("DELETE", f"{BASE}/clients/2218/customers/5%2F4?userid=kari")
    assert (asked.method, asked.url) == ("GET", f"{BASE}/health")
    assert "Authorization" not in asked.headers
    assert gone.result == "DELETED"


@pytest.mark.parametrize(
    ("name", "value", "kind", "key"),
    [
        ("ar_items", 7, ArItem, "arItemId"),
        ("customers", "c", Customer, "customerNo"),
        ("documents", "d", Document, "documentNo"),
        ("gl_items", "g-7", GlItem, "glItemId"),
        ("log_items", 8, LogItem, "logItemId"),
    ],
)
async def test_what_is_not_documented_of_an_object_is_kept(name, value, kind, key):
    """A row and a single object hold what has no field, go out again as they came, and keep the form of their id."""
    content = {key: value, "amount": Decimal("10.50"), "parts": [{"deep": {"er": [1, None]}}], "extra": {"a": 1}}
    replies = [json_reply({KEYS[name]: [content, {"x": 1}]}), json_reply(content)]
    async with make_client(replies) as amili:
        group = getattr(amili.arm, name)
        first, second = await group.list(2218).collect()
        single = await group.get(2218, value)
    assert type(first) is kind
    assert first == single
    assert first.extra == {name: it for name, it in content.items() if name != key}
    assert second.extra == {"x": 1}
    assert decode(encode(first)) == content
    assert all(word not in repr(first) for word in ("10.5", "deep"))


async def test_objects_of_unknown_shape_are_plain():
    """Values of configurations, codes, intervals and files are handed out as they came, envelope included where it is no list."""
    rows = [{"key": "a", "value": Decimal("0.10")}, "text", [1]]
    whole = {"summary": {"nextPage": "more"}, "codes": [1]}
    replies = [json_reply({"clientConfigs": rows}), *(json_reply(whole) for _ in range(4)), json_reply(rows[0])]
    async with make_client(replies) as amili:
        assert await amili.arm.client_configs.list(2218).collect() == rows
        for method in (amili.arm.codes.list, amili.arm.insights.adb_intervals, amili.arm.files.list):
            assert await method(2218) == whole
        assert (await amili.arm.gl_movements.latest(2218)).extra == whole
        assert await amili.arm.client_configs.get(2218, "a") == rows[0]


@pytest.mark.parametrize(
    ("media", "body", "found"),
    [
        ("application/json; charset=utf-8", b'{"fileName": "a", "size": 1.5}', {"fileName": "a", "size": Decimal("1.5")}),
        ("application/problem+json", b"[1]", [1]),
        ("application/octet-stream", b'{"looks": "like JSON"}', b'{"looks": "like JSON"}'),
        ("application/pdf", b"%PDF-1.7", b"%PDF-1.7"),
        ("text/csv", b"1,2", b"1,2"),
        ("text/plain", b"hello", "hello"),
        ("text/plain", b"1.10", "1.10"),
        ("text/plain; charset=utf-8", b'"quoted"', '"quoted"'),
        ("text/plain", b'{"a": 1}', {"a": 1}),
        ("", b"\xff\xfe", b"\xff\xfe"),
        ("application/octet-stream", b"", None),
    ],
)
async def test_a_file_is_read_by_its_content_type(media, body, found):
    """JSON comes as objects and a text as str; what is a file is not touched, whatever it looks like."""
    async with make_client([Reply(200, {"content-type": media} if media else {}, body)] * 2) as amili:
        assert await amili.arm.files.get(2218, "f") == found
        response = await amili.call("arm.files.get", 2218, "f")
    assert (response.data, response.status) == (found, 200)


CUSTOMER = {
    "clientNo": 2218,
    "accountNo": 500002,
    "customerNo": "543210",
    "name": "Owe Armstrong",
    "postalReturnStatus": 100,
    "postalReturnDate": "2025-01-10",
    "phoneNo": "99887766",
    "organizationNo": "984842252",
    "organizationNoScheme": "0192",
    "dateOfBirth": "1999-01-01",
    "yearOfBirth": 1999,
    "ssn": "01019921717",
    "ssnCountry": "NO",
    "informalName": "Oa",
    "bankAccountNo": "81501757329",
    "stopReminderUntil": "2026-12-31",
    "dueDays": 10,
    "vatLiable": True,
    "discountRate": Decimal("5.5"),
    "activeStatusWeb": "Passive",
    "limitAmount": 2000,
    "postalAddress": {"addressLine1": "C/O ARMchair industries", "cityName": "Bergen", "countryCode": "NO", "floor": 3},
    "emailAddressDocument": ["somebody@example.com"],
    "distribution": {"type": "H", "einvoiceCode": 90},
    "digipostBlockIds": ["owe.armstrong#6UY"],
}


async def test_a_customer_is_typed_and_loses_nothing():
    """Dates are dates, rates and amounts exact, unknown members of parts are kept, and the object goes out as it came."""
    found = decode_item(encode(CUSTOMER), Customer)
    assert (found.postal_return_date, found.discount_rate, found.limit_amount) == (
        date(2025, 1, 10),
        Decimal("5.5"),
        Decimal(2000),
    )
    assert (found.account_no, found.customer_no, found.vat_liable) == (500002, "543210", True)
    assert (found.postal_address.city_name, found.postal_address.extra) == ("Bergen", {"floor": 3})
    assert found.extra == {}
    assert decode(encode(found)) == CUSTOMER


async def test_a_customer_shows_nothing_personal():
    """What tells who somebody is stays out of repr, in parts too."""
    shown = repr(decode_item(encode(CUSTOMER), Customer))
    for text in ("Owe", "9988", "9848", "1999", "010199", "Oa", "8150", "ARMchair", "Bergen", "somebody", "armstrong", "543210"):
        assert text not in shown
    assert "account_no=500002" in shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T10:20:30", date(2026, 1, 31)),
        ("2026-01-31T10:20:30.1234567Z", date(2026, 1, 31)),
        (None, None),
    ],
)
async def test_odd_dates_are_repaired(text, found):
    """An empty date is None, and a date-time its day, alone and in a row; the rest of the object is not affected."""
    row = {"customerNo": "1", "dateOfBirth": text, "stopReminderUntil": "", "other": 5}
    async with make_client([json_reply({"customers": [row, {"customerNo": "2"}]}), json_reply(row)]) as amili:
        first, second = await amili.arm.customers.list(2218).collect()
        assert await amili.arm.customers.get(2218, "1") == first
    assert (first.date_of_birth, first.stop_reminder_until, first.extra, second.customer_no) == (found, None, {"other": 5}, "2")


async def test_a_row_of_the_wrong_kind_is_named():
    """A member that is no date at all makes its row odd, and no other."""
    rows = [{"customerNo": "1"}, {"customerNo": "2", "dateOfBirth": "unknown"}, {"customerNo": "3", "x": 1}]
    async with make_client([json_reply({"customers": rows})] * 2) as amili:
        with pytest.raises(errors.DecodeError, match="item 1 of the page"):
            await amili.arm.customers.list(2218)
        page = await amili.arm.customers.list(2218, on_invalid="collect")
    assert [it.customer_no for it in page.items] == ["1", "3"]
    assert page.items[1].extra == {"x": 1}
    assert page.invalid[0].index == 1


@pytest.mark.parametrize("filters", [{"PageSize": 5}, {"query": "x"}, {"a": 1, "A": 2}, {"expand": "x"}, {"a": [1]}, {"a": 1.5}])
async def test_filters_that_mean_something_else_are_refused(filters):
    """A criterion cannot take the place of a parameter, come twice, or be what no parameter can be."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError):
            await amili.arm.customers.list(2218, filters=filters)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "10"])
async def test_a_maximum_must_be_a_whole_number(value):
    """maximum_count is checked before anything is sent; a cap of the server is not assumed."""
    async with make_client([json_reply({"customers": []})]) as amili:
        with pytest.raises(errors.ConfigError, match="maximum_count"):
            amili.arm.customers.list(2218, maximum_count=value)
        await amili.arm.customers.list(2218, maximum_count=1_000_000)
    assert query_of(amili.transport.requests[0])["maximumcount"] == "1000000"


async def test_the_call_under_the_methods_reads_pages_of_a_kept_query():
    """amili.call takes the parameters of a page by their wire names; a page number alone names no page."""
    second = {"summary": {"pageNo": 2, "totalPages": 2}, "customers": [{"customerNo": "b"}]}
    async with make_client([json_reply(second)] * 2) as amili:
        page = (await amili.call("arm.customers.list", 2218, query={"query": "Qq", "pageno": 2, "pagesize": 50})).data
        assert [it.customer_no for it in page] == ["b"]
        assert query_of(amili.transport.requests[0]) == {"query": "Qq", "pageno": "2"}
        with pytest.raises(errors.ConfigError, match="pageno goes with query"):
            await amili.call("arm.customers.list", 2218, query={"pageno": 2})
        with pytest.raises(errors.ConfigError, match="whole number"):
            await amili.call("arm.customers.list", 2218, query={"query": "Qq", "pageno": "two"})
        with pytest.raises(errors.PageLoop):
            await amili.call("arm.customers.list", 2218, query={"query": "Qq"})


async def test_ids_of_22_characters_keep_their_case():
    """Two ids that differ in case only are two ids."""
    body = {"batchUuid": "8NlwdOIM1YLVFP9-WOwkYQ", "items": [{"documentUuid": "aAbBcCdDeEfFgGhHiIjJkK"}]}
    found = decode_item(encode(body), BatchStatus)
    assert (found.batch_uuid, found.items[0].document_uuid) == ("8NlwdOIM1YLVFP9-WOwkYQ", "aAbBcCdDeEfFgGhHiIjJkK")
    assert (type(found.batch_uuid), decode(encode(found))) == (str, body)


async def test_what_is_not_sent_stays_away():
    """An object that has little goes out with little: absence is not turned into null."""
    assert encode(decode_item(b'{"glYear": 2025}', GlMovement)) == b'{"glYear":2025}'
    assert encode([GlMovement(), {"a": GlMovement(extra={"x": 1})}]) == b'[{},{"a":{"x":1}}]'
