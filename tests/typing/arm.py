"""What a user of ARM writes, for the type checkers."""

from __future__ import annotations

from typing import Any, assert_type

import msgspec

from amili_async import AmiliClient, Page, Pager
from amili_async.arm.models import (
    ArItem,
    AutoPostingResponse,
    BatchReceipt,
    BatchStatus,
    Customer,
    DocumentLine,
    GlItem,
    ItemResult,
    OperationResult,
    PaymentReservationResult,
)
from amili_async.arm.requests import AutoPosting, CustomerInput, DocumentInput, PaymentReservationRequest


class Row(msgspec.Struct):
    """A caller's own idea of a customer."""

    customer_no: str


async def accounts_receivable(amili: AmiliClient) -> None:
    """Lists, objects and outcomes of ARM have the types that their models say."""
    assert_type(amili.arm.customers.list(1), Pager[Customer])
    assert_type(amili.arm.customers.list(1, model=Row), Pager[Row])
    assert_type(await amili.arm.ar_items.list(1), Page[ArItem])
    assert_type(await amili.arm.customers.create(1, CustomerInput(customer_no="1", limit_amount=5)), ItemResult)
    assert_type(await amili.arm.customers.create(1, {"customerNo": "1"}), ItemResult)
    assert_type(await amili.arm.customers.update_batch(1, [CustomerInput(customer_no=None)]), BatchReceipt)
    assert_type(await amili.arm.ar_items.update(1, {"a": 1}), OperationResult)
    assert_type(
        await amili.arm.payment_reservations.create(1, PaymentReservationRequest(payment_id="1")), PaymentReservationResult
    )
    receipt = await amili.arm.documents.create_batch(1, [{"documentNo": "1"}])
    assert_type(await amili.arm.batches.wait(1, receipt.batch_uuid), BatchStatus)
    assert_type(await amili.arm.auto_postings.create(1, "m", [AutoPosting(), {"a": 1}]), AutoPostingResponse)
    assert_type(amili.arm.client_configs.list(1), Pager[Any])
    assert_type(await amili.arm.documents.create(1, DocumentInput(document_lines=(DocumentLine(),))), ItemResult)
    async for row in amili.arm.gl_items.list(1):
        assert_type(row, GlItem)
