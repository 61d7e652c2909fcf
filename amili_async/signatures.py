"""Is a webhook delivery genuine? How Amili signs is not public, so the scheme is a setting with a plainly assumed default."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from amili_async.config import positive
from amili_async.errors import ConfigError, WebhookError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEFAULT_SCHEME", "HmacSha256", "SignatureScheme", "keys_of", "lower_names", "verify"]

SIGNATURE = "X-Webhook-Signature"


class SignatureScheme(Protocol):
    """How a delivery is signed."""

    def check(self, body: bytes, headers: Mapping[str, str], secret: bytes, now: float) -> bool:
        """Tell whether the signature was made with this secret; `headers` have lower-case names, `now` is unix seconds.

        Raises:
            WebhookError: there is no signature, or it is malformed or too old.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacSha256:
    """HMAC-SHA256 over the body, or over timestamp, dot and body.

    Args:
        encoding: how the digest is written.
        prefix: what stands before it, such as `sha256=`.
        header: name of the header that it is in.
        timestamp_header: header with the unix seconds of the signature, if those are signed too.
        tolerance: seconds that such a timestamp may be off; older deliveries are replays.

    Raises:
        ConfigError: the encoding is neither, or the tolerance no positive number.
    """

    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    header: str = SIGNATURE
    timestamp_header: str | None = None
    tolerance: float = 300.0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.encoding not in {"hex", "base64"}:
            raise ConfigError('HmacSha256(encoding=) must be "hex" or "base64"')
        positive(self.tolerance, "HmacSha256(tolerance=)")

    def sign(self, body: bytes, secret: bytes, timestamp: str | None = None) -> str:
        """Return the value of the signature header for a body."""
        signed = body if timestamp is None else timestamp.encode() + b"." + body
        digest = hmac.new(secret, signed, hashlib.sha256).digest()
        return self.prefix + (digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode())

    def check(self, body: bytes, headers: Mapping[str, str], secret: bytes, now: float) -> bool:
        """Compare in constant time; see `SignatureScheme.check`."""
        given = headers.get(self.header.lower(), "").strip()
        if not given:
            raise WebhookError(f"the delivery has no signature ({self.header})")
        if not given.startswith(self.prefix):
            raise WebhookError("the signature has not the form that was agreed")
        try:
            digest = self._decode(given.removeprefix(self.prefix))
        except (ValueError, binascii.Error):
            digest = b""
        if len(digest) != hashlib.sha256().digest_size:
            raise WebhookError("the signature has not the length or the letters that it should have")
        timestamp = self._timestamp(headers, now) if self.timestamp_header else None
        expected = self._decode(self.sign(body, secret, timestamp).removeprefix(self.prefix))
        return hmac.compare_digest(digest, expected)

    def _decode(self, text: str) -> bytes:
        return bytes.fromhex(text) if self.encoding == "hex" else base64.b64decode(text, validate=True)

    def _timestamp(self, headers: Mapping[str, str], now: float) -> str:
        text = headers.get((self.timestamp_header or "").lower(), "").strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= 12):
            raise WebhookError(f"the delivery has no timestamp ({self.timestamp_header})")
        if abs(now - int(text)) > self.tolerance:
            raise WebhookError("the delivery is too old, or from the future: it may be a replay")
        return text


DEFAULT_SCHEME = HmacSha256()


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secrets: Sequence[str | bytes],
    scheme: SignatureScheme = DEFAULT_SCHEME,
    now: float | None = None,
) -> None:
    """Check that a delivery is genuine. Fails closed: without a secret or a signature nothing is.

    Args:
        body: body of the delivery, byte for byte as received.
        headers: its headers, names in any case.
        secrets: secrets that may have signed it; several while one replaces another.
        scheme: how it is signed. The default is an assumption.
        now: unix seconds, instead of the machine's clock.

    Raises:
        WebhookError: it is not genuine, or cannot be shown to be.
    """
    keys = keys_of(secrets)
    if not keys:
        raise WebhookError("there is no secret to check the delivery with")
    lower = lower_names(headers)
    moment = time.time() if now is None else now
    genuine = [scheme.check(body, lower, key, moment) for key in keys]  # all, so that the time does not tell which one fits
    if not any(genuine):
        raise WebhookError("the signature is not that of this body and secret")


def keys_of(secrets: object) -> list[bytes]:
    """Return secrets as bytes; nothing if one of them is none, or if they are one text, whose letters would each be a secret."""
    if isinstance(secrets, str | bytes) or not isinstance(secrets, list | tuple | set | frozenset):
        return []
    keys = [secret.encode(errors="ignore") if isinstance(secret, str) else secret for secret in secrets]
    return keys if all(isinstance(key, bytes) and key for key in keys) else []


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with their names in lower case."""
    return {str(name).lower(): str(value) for name, value in headers.items()}
