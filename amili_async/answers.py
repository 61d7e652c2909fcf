"""From the bytes of an answer to what a call returns."""

from __future__ import annotations

import re
from decimal import DecimalException
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from amili_async.errors import DecodeError
from amili_async.structs import decode, decode_item, decoder, keeps_extra, without_values

if TYPE_CHECKING:
    from amili_async.operation import Operation

__all__ = ["NOT_JSON", "error_code", "read_answer", "read_open", "request_id"]

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DecimalException)
"""What decoding raises. `msgspec.ValidationError`, JSON of another shape, is one of them: catch it first."""


@lru_cache(maxsize=64)
def _envelope(key: str) -> Any:
    """Return a Struct that holds the content under one key, undecoded."""
    return msgspec.defstruct("Envelope", [("content", msgspec.Raw, msgspec.Raw(b""))], rename={"content": key})


def read_answer(operation: Operation[Any], status: int, body: bytes) -> Any:
    """Decode the answer of an operation that is no list.

    Where the shape is not known the JSON is returned as plain Python objects, a text as str, anything else as bytes, and nothing
    as None. An answer to a write that is not of the promised shape is kept in `extra`, if its type has that.

    Raises:
        DecodeError: the answer is damaged, or not of the promised shape.
    """
    if operation.response is None:
        return read_open(body)
    if operation.body_optional:
        return _read_optional(operation, status, body)
    if not body.strip():
        raise DecodeError(f"answered {status} without a body", damaged=status != 204)
    content: bytes | msgspec.Raw = body
    try:
        if operation.unwrap is not None:
            content = decoder(_envelope(operation.unwrap)).decode(body).content
            if not bytes(content) or bytes(content) == b"null":
                raise DecodeError(f"the answer has no `{operation.unwrap}`")
        if operation.lenient:
            return _read_leniently(content, operation.response)
        return decode_item(content, operation.response)
    except msgspec.ValidationError as error:
        if operation.method != "GET" and keeps_extra(operation.response):
            return _kept(operation.response, body)
        failure = DecodeError(f"the answer is not of the promised shape: {without_values(error)}")
    except NOT_JSON as error:
        failure = DecodeError(f"the answer is not JSON: {without_values(error)}", damaged=True)
    raise failure


def _kept(kind: Any, body: bytes) -> Any:
    """Return the answer to a write, which is of another shape than was thought, as an object that has nothing but what came."""
    found = read_open(body)
    return kind(extra=found if isinstance(found, dict) else {"": found})


def _read_leniently(content: bytes | msgspec.Raw, kind: Any) -> Any:
    """Take numbers that come as strings, and do without members that are odd as long as they are not required."""
    try:
        return msgspec.json.decode(content, type=kind, strict=False)
    except msgspec.ValidationError as first:
        error = first
    members = decode(content)
    while found := re.search(r"at `\$\.(\w+)", str(error)):
        if not isinstance(members, dict) or members.pop(found[1], None) is None:
            break
        try:
            return msgspec.convert(members, kind, strict=False)
        except msgspec.ValidationError as again:
            error = again
    raise error


def _read_optional(operation: Operation[Any], status: int, body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return read_answer(msgspec.structs.replace(operation, body_optional=False), status, body)
    except DecodeError:
        if operation.method == "GET":
            raise
    # It was carried out: an answer that cannot be read must not look like a failure.
    return _kept(operation.response, body) if keeps_extra(operation.response) else None


def read_open(body: bytes, media: str = "") -> Any:
    """Read an answer of unknown shape: JSON as plain Python objects, a text as str, nothing as None, anything else as bytes.

    Args:
        body: the answer.
        media: its Content-Type. What is neither JSON nor a plain text is a file, and left as it is.
    """
    if not body.strip():
        return None
    media = media.partition(";")[0].strip().lower()
    if media and "json" not in media and media not in {"text/plain", "text/html"}:
        return body
    try:
        found = decode(body)
        if isinstance(found, dict | list) or not media.startswith("text/"):
            return found  # a text that happens to be a number stays a text
    except NOT_JSON:
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


_CODE_KEYS = ("code", "errorCode", "error", "type", "statusCode")


def error_code(body: bytes) -> str | None:
    """Find a machine-readable code in the body of an error; no shape of such bodies is documented, so any is survived."""
    try:
        content = decode(body)
    except NOT_JSON:
        return None
    if isinstance(content, dict) and isinstance(content.get("error"), dict):
        content = content["error"]
    if not isinstance(content, dict):
        return None
    return next((str(value) for key in _CODE_KEYS if isinstance(value := content.get(key), str | int)), None)


_ID_HEADERS = ("x-amili-request-id", "x-request-id", "request-id", "x-ms-request-id", "x-correlation-id")


def request_id(headers: dict[str, str]) -> str | None:
    """Return the id that the server gave the request, under any of the usual names; none is documented."""
    return next((headers[name] for name in _ID_HEADERS if headers.get(name)), None)
