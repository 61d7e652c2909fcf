"""How ARM is spoken with: whose client a call is about, refusals in the form of ARM, and what the caller wants to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sandbox.exchange import Answer, Problem
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.exchange import Call

__all__ = ["Refused", "accepts", "in_arm_form", "language", "ledger_of", "prefers_bytes"]


class Refused(Problem):
    """ARM refuses a request. The form is that of failed batch items, which the documentation shows; no error body is.

    Args:
        status: HTTP status.
        message: for people; holds nothing of the request.
        errors: fields with what is wrong about them.
    """

    def __init__(self, status: int, message: str, errors: Sequence[Row] = ()) -> None:
        super().__init__(status, "", message)
        body = {"status": status, "result": "FAILED", "message": message, "errors": list(errors)}
        self.answer = Answer(encode(body), status)


def in_arm_form(problem: Problem) -> Problem:
    """Return a refusal in the form of ARM."""
    return problem if isinstance(problem, Refused) else Refused(problem.answer.status, str(problem))


def ledger_of(ledgers: Mapping[int, Ledger], call: Call) -> Ledger:
    """Return the client that a call is about.

    Raises:
        Refused: 400, its number is none; 404, there is no such client; 403, the token gives no access to it.
    """
    text = call.values[0]
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Refused(400, "clientno must be a number.")
    ledger = ledgers.get(int(text))
    if ledger is None:
        raise Refused(404, "There is no such client.")
    if ledger.number not in call.claims["clients"]:
        raise Refused(403, "The token gives no access to this client.")
    return ledger


def accepts(call: Call, media_type: str) -> bool:
    """Tell whether the caller takes a media type; one who does not say takes any."""
    kind = media_type.partition("/")[0]
    wanted = _wanted(call)
    return not wanted or any(it in {media_type, f"{kind}/*", "*/*"} for it in wanted)


def prefers_bytes(call: Call) -> bool:
    """Tell whether the caller asks for raw bytes, and not for JSON before them."""
    first = next((it for it in _wanted(call) if it in {"application/octet-stream", "application/json", "*/*"}), None)
    return first == "application/octet-stream"


def _wanted(call: Call) -> list[str]:
    """Return the media types of the Accept header without those that are ruled out (`q=0`), in their order."""
    parts = [part.partition(";") for part in call.headers.get("Accept", "").lower().split(",")]
    return [kind.strip() for kind, _, rest in parts if kind.strip() and rest.replace(" ", "") not in {"q=0", "q=0.0"}]


def language(call: Call) -> str:
    """Return the language of texts that the caller wants: `en`, or else `no`."""
    return "en" if call.headers.get("Accept-Language", "").lower().startswith("en") else "no"
