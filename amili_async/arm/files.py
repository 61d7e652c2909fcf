"""Files that are exchanged with ARM, inside JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from amili_async.arm import operations as ops
from amili_async.arm.models import FileUploadResult
from amili_async.arm.resource import ArmResource, bodies, criteria, with_user
from amili_async.embedding import LIMIT, embed
from amili_async.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amili_async.arm.models import OpaqueId
    from amili_async.arm.resource import Filters
    from amili_async.config import RequestOptions

__all__ = ["Files", "file_entry"]


def file_entry(
    content: bytes | str | os.PathLike[str],
    *,
    name: str | None = None,
    limit: int = LIMIT,
    name_member: str = "fileName",
    content_member: str = "content",
    **members: Any,
) -> dict[str, Any]:
    """Make an entry of an upload out of a file. The names of its members are a guess, and can be set.

    Reads the file at once, as `amili_async.embedding.embed` does.

    Args:
        content: the contents as bytes, or the path of the file.
        name: name of the file; that of the path if not given.
        limit: bytes that are allowed.
        name_member: member that holds the name.
        content_member: member that holds the contents, as base64.
        members: further members, wire names.

    Raises:
        ConfigError: the file cannot be read, is empty or too large, or there is no name for it.

    Example:
        ```python
        result = await amili.arm.files.upload(2218, [file_entry("terms.pdf"), file_entry(data, name="logo.png")])
        ```
    """
    if name is None and isinstance(content, str | os.PathLike):
        name = Path(content).name
    if not name:
        raise ConfigError("contents without a path need a name")
    return {name_member: name, content_member: embed(content, limit=limit), **members}


class Files(ArmResource):
    """Operating system files exchanged with ARM. Which kinds may be uploaded is set up per client of ARM."""

    __slots__ = ()

    async def list(self, client_no: int, *, filters: Filters | None = None, options: RequestOptions | None = None) -> Any:
        """Get one or more files. Unconfirmed: the path is that of the upload, the answer is not documented.

        Args:
            client_no: number of the ARM client.
            filters: criteria by name, as in `customers.list`.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects, envelope included; bytes, if it is answered as a file.

        Safe to repeat. `GET /clients/{clientno}/files`. Evidence: inferred.
        """
        return (await self._calls.call(ops.FILES_LIST, client_no, query=criteria(filters), options=options)).data

    async def get(self, client_no: int, file_id: OpaqueId, *, options: RequestOptions | None = None) -> Any:
        """Get one file. Unconfirmed: the path is a guess, and whether an id or a name is wanted.

        Args:
            client_no: number of the ARM client.
            file_id: id of the file, as it came.
            options: options of the call.

        Returns:
            By the Content-Type of the answer: plain Python objects of JSON, a text as str, bytes of anything else.

        Raises:
            NotFound: there is no such file.

        Safe to repeat. `GET /clients/{clientno}/files/{fileid}`. Evidence: nav.
        """
        return (await self._calls.call(ops.FILES_GET, client_no, file_id, options=options)).data

    async def upload(
        self,
        client_no: int,
        files: Iterable[Mapping[str, Any]],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> FileUploadResult:
        """Upload one or more files. It is JSON, with the contents as text inside it.

        Args:
            client_no: number of the ARM client.
            files: entries, such as `file_entry` makes them; mappings are sent as they are. Their members are not documented.
            user_id: end user behind the write (inferred).
            options: options of the call.

        Returns:
            The outcome per file. Look at `complete`: HTTP 207, which is no error here, means that some files were not taken;
            `failed` has those that say so. Without members if it answered without a body: its status alone counts then.

        Raises:
            ConfigError: there is nothing to upload.

        Never repeated when its outcome is unknown. `POST /clients/{clientno}/files`. Evidence: docs; bodies are inferred.
        """
        body = with_user({"files": bodies(files)}, user_id)
        response = await self._calls.call(ops.FILES_UPLOAD, client_no, body=body, options=options)
        return replace(response.data or FileUploadResult(), http_status=response.status)
