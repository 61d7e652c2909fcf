"""Documents of an ARM client and their bundles: invoices and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.arm import operations as ops
from amili_async.arm.requests import DocumentInput
from amili_async.arm.resource import ArmResource, bodies, body_of, with_user
from amili_async.product import in_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import TypeVar

    from amili_async.arm.models import BatchReceipt, Document, DocumentBundle, ItemResult, OpaqueId
    from amili_async.arm.resource import Filters
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    DocumentT = TypeVar("DocumentT", default=Document)
    DocumentBundleT = TypeVar("DocumentBundleT", default=DocumentBundle)

__all__ = ["DocumentBundles", "Documents"]


class Documents(ArmResource):
    """Invoices and other documents of the receivables ledger."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        expand: str | None = None,
        language: str | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[DocumentT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[DocumentT]:
        """List documents. Unconfirmed: the path is inferred from that of one document.

        Arguments and result are those of `ar_items.list`; the default and cap of `maximum_count` are not known.

        Safe to repeat. `GET /clients/{clientno}/documents`, walked by page number. Evidence: inferred.
        """
        return self._list(
            ops.DOCUMENTS_LIST,
            client_no,
            filters=filters,
            expand=expand,
            language=language,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(
        self,
        client_no: int,
        document_no: str,
        *,
        expand: str | None = None,
        user_id: str | None = None,
        language: str | None = None,
        options: RequestOptions | None = None,
    ) -> Document:
        """Get one document by its number.

        Args:
            client_no: number of the ARM client.
            document_no: number of the document.
            expand: asks for more detail and changes the shape of the answer; values are not documented.
            user_id: end user on whose behalf the call is made (inferred).
            language: language of texts in the answer (inferred).
            options: options of the call.

        Returns:
            The document; what has no field is in its `extra`.

        Raises:
            NotFound: there is no such document.

        Safe to repeat. `GET /clients/{clientno}/documents/{documentno}`. Evidence: docs.
        """
        query = {"expand": expand, "userid": user_id}
        options = in_language(language, options)
        return (await self._calls.call(ops.DOCUMENTS_GET, client_no, document_no, query=query, options=options)).data

    async def create(
        self,
        client_no: int,
        document: DocumentInput | Mapping[str, Any],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> ItemResult:
        """Create one document at once. Unconfirmed: path and bodies are inferred.

        Args:
            client_no: number of the ARM client.
            document: the document; a mapping with wire names is sent as it is.
            user_id: end user behind the write, sent as `metadata` beside the document's members (inferred).
            options: options of the call.

        Raises:
            WriteFailed: it was answered with a success whose result is FAILED; `result` on the error has the reasons.

        Never repeated when its outcome is unknown. `POST /clients/{clientno}/documents`. Evidence: inferred.
        """
        body = with_user(body_of(document, DocumentInput), user_id)
        return await self._write(ops.DOCUMENTS_CREATE, client_no, body=body, options=options)

    async def create_batch(
        self,
        client_no: int,
        documents: Iterable[DocumentInput | Mapping[str, Any]],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> BatchReceipt:
        """Hand in documents, to be treated asynchronously.

        Args:
            client_no: number of the ARM client.
            documents: what to hand in, in one request; how many are allowed is not documented.
            user_id: end user behind the write.
            options: options of the call.

        Returns:
            The receipt; `batches.wait(client_no, receipt.batch_uuid)` tells what became of each. If `batch_uuid` is None, look at
            `receipt.extra`: how the server names it is inferred.

        Raises:
            ConfigError: there is nothing to hand in, or an item cannot be.

        Never repeated when its outcome is unknown: a repeat makes a second batch.
        `POST /clients/{clientno}/documents/batches`. Evidence: docs.
        """
        body = with_user({"documents": bodies(documents, DocumentInput)}, user_id)
        return await self._hand_in(ops.DOCUMENTS_CREATE_BATCH, client_no, body, options)


class DocumentBundles(ArmResource):
    """Groups of documents. Unconfirmed: both paths are guesses."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        language: str | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[DocumentBundleT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[DocumentBundleT]:
        """List document bundles. Unconfirmed: the path and the paging are guesses.

        Arguments and result are those of `customers.list`; the default and cap of `maximum_count` are not known.

        Safe to repeat. `GET /clients/{clientno}/documentbundles`, walked by page number. Evidence: nav.
        """
        return self._list(
            ops.DOCUMENT_BUNDLES_LIST,
            client_no,
            filters=filters,
            language=language,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(
        self,
        client_no: int,
        document_bundle_id: OpaqueId,
        *,
        expand: str | None = None,
        language: str | None = None,
        options: RequestOptions | None = None,
    ) -> DocumentBundle:
        """Get one document bundle. Unconfirmed: the path is a guess.

        Args:
            client_no: number of the ARM client.
            document_bundle_id: id of the bundle, as it came.
            expand: asks for more detail; values are not documented.
            language: language of texts in the answer.
            options: options of the call.

        Returns:
            The bundle; what has no field is in its `extra`.

        Raises:
            NotFound: there is no such bundle.

        Safe to repeat. `GET /clients/{clientno}/documentbundles/{documentbundleid}`. Evidence: nav.
        """
        query = {"expand": expand}
        options = in_language(language, options)
        return (
            await self._calls.call(ops.DOCUMENT_BUNDLES_GET, client_no, document_bundle_id, query=query, options=options)
        ).data
