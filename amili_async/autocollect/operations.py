"""The operations of the AutoCollect legacy API: the one place that knows their paths."""

from __future__ import annotations

from typing import Any

from amili_async.autocollect.models import Batch, BatchStatus
from amili_async.operation import Operation

_DOCS = "https://docs.amili.dev/"

ATTACHMENTS_GET: Operation[Any] = Operation(
    name="autocollect.attachments.get",
    method="GET",
    path="/webapi/api/Attachment",
    evidence="nav",
    source=_DOCS + "webapiapibatch-4131300e0",
    summary="Fetch an attachment.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "senderid",
        "attachmentid",
    ),
    method_guessed=True,
)
BATCH_GET = Operation(
    name="autocollect.batch.get",
    method="GET",
    path="/webapi/api/Batch",
    evidence="seed",
    source=_DOCS + "webapiapibatch-4131300e0",
    summary="Fetch creditors, cases and settlements.",
    response=Batch,
    retry_safe=True,
    unwrap=None,
    query=(
        "senderid",
        "creditorid",
        "customerref",
        "ledgerref",
        "includeclosed",
        "lastsettlementid",
        "remittancedate",
        "languagecode",
    ),
)
BATCH_SUBMIT = Operation(
    name="autocollect.batch.submit",
    method="POST",
    path="/webapi/api/Batch",
    evidence="docs",
    source=_DOCS + "webapiapibatch-4131301e0",
    summary="Send a batch document.",
    response=BatchStatus,
    retry_safe=False,
    retry_with_key=False,  # neither a key nor a repeated batchid is known to be recognised
    unwrap=None,
    query=("senderid",),
    body="json-patch",
)
STATUS_PING: Operation[Any] = Operation(
    name="autocollect.status.ping",
    method="GET",
    path="/webapi/api/Ping",
    evidence="nav",
    source=_DOCS + "webapiapibatch-4131300e0",
    summary="Check that the server answers.",
    response=None,
    retry_safe=True,
    unwrap=None,
    method_guessed=True,
)

OPERATIONS = (
    ATTACHMENTS_GET,
    BATCH_GET,
    BATCH_SUBMIT,
    STATUS_PING,
)
