"""Files of ARM, and the actions, of which one makes a file. Contents travel as base64 inside JSON, or as raw bytes on demand.

No field of these is documented. The sandbox calls them `fileName`, `mediaType` and `content`.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, cast

from amili_async.sandbox.arm_exchange import Refused, ledger_of, prefers_bytes
from amili_async.sandbox.arm_fixed import file_row, files, the_file
from amili_async.sandbox.arm_items import result, today
from amili_async.sandbox.arm_rules import text_of
from amili_async.sandbox.arm_store import WrittenFile
from amili_async.sandbox.exchange import Answer
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.store import ADDED
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.arm_writes import ArmWrites
    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.exchange import Call, Handler

__all__ = ["ArmFiles"]

_KINDS = {"csv": "text/csv", "pdf": "application/pdf", "txt": "text/plain", "xml": "application/xml"}
"""Which kinds of file may be uploaded is set up per client; in the sandbox these, by the ending of the name."""


class ArmFiles:
    """Answers what has to do with files, and the actions.

    Args:
        ledgers: the clients by their numbers.
        writes: what all writes of ARM share.
    """

    def __init__(self, ledgers: Mapping[int, Ledger], writes: ArmWrites) -> None:
        self._ledgers = ledgers
        self._writes = writes
        self.handlers: dict[str, Handler] = {
            "arm.files.upload": self._upload,
            "arm.files.get": self._get,
            "arm.actions.create": self._act,
            "arm.actions.create_report": self._report,
        }

    def _upload(self, call: Call) -> Answer:
        """Take in files one by one: 207 if only some of them are good, 422 if none is."""
        items = self._writes.body(call).get("files")
        if not isinstance(items, list) or not items:
            raise Refused(400, "The body must be an object with files, a list that is not empty.")
        handed: list[Any] = items
        ledger = self._writes.begin(call, len(handed))
        rows = [self._taken(ledger, it) for it in handed]
        errors = [error for row in rows for error in row.get("errors", ())]
        failed = sum(row["result"] == "FAILED" for row in rows)
        if failed == len(rows):
            raise Refused(422, "No file was taken.", errors)
        self._writes.end(ledger, call, f"{len(rows) - failed} files uploaded", len(rows) - failed)
        outcome = "PARTIAL-SUCCESS" if failed else "SUCCESS"
        body = {"clientNo": ledger.number, "status": "PROCESSED", "result": outcome, "items": rows}
        return Answer(encode({**body, "message": "The files were processed"}), 207 if failed else 200, rows=len(rows))

    def _taken(self, ledger: Ledger, item: object) -> Row:
        """Keep a file, or say what is wrong with it."""
        it = cast("Row", item if isinstance(item, dict) else {})
        name = text_of(it.get("fileName"))
        keys: Row = {"clientNo": ledger.number} if name is None else {"clientNo": ledger.number, "fileName": name}
        media_type = _KINDS.get((name or "").rpartition(".")[2].lower())
        contents = _contents(it.get("content"))
        if name is None or media_type is None or contents is None:
            field = "content" if name is not None and media_type is not None else "fileName"
            message = "content must be base64" if field == "content" else "fileName must end with csv, pdf, txt or xml"
            return result("FAILED", message, keys, [], [{"field": field, "message": message}])
        return result("CREATED", "File uploaded", {**keys, "fileId": _keep(ledger, name, media_type, contents)}, [])

    def _get(self, call: Call) -> Answer:
        """Answer with a file: as JSON, or as raw bytes if the caller prefers those."""
        ledger = ledger_of(self._ledgers, call)
        number = ledger.ids.read(Kind.ARM_FILE, ledger.index, call.values[1])
        if number is None or number not in files(ledger):
            raise Refused(404, "There is no such file.")
        contents = the_file(ledger, number).contents
        if prefers_bytes(call):
            return Answer(contents, media_type="application/octet-stream", rows=1)
        return Answer(encode({**file_row(ledger, number), "content": base64.b64encode(contents).decode()}), rows=1)

    def _act(self, call: Call) -> Answer:
        """Take on an action: whatever it is, it is only noted."""
        self._writes.body(call)
        ledger = self._writes.begin(call)
        row = result("STARTED", "The action was started", {"clientNo": ledger.number}, [])
        self._writes.end(ledger, call, row["message"])
        return Answer(encode(row))

    def _report(self, call: Call) -> Answer:
        """Make a report, of how many rows there are: it is a file then."""
        self._writes.body(call)
        ledger = self._writes.begin(call)
        counts = {"customers": ledger.customers(), "documents": ledger.documents(), "entries": ledger.entries()}
        text = "".join(f"{name};{len(numbers)}\r\n" for name, numbers in counts.items())
        name = f"report-{len(ledger.written.files) + 1}.csv"
        file_id = _keep(ledger, name, "text/csv", text.encode())
        row = result("CREATED", "The report was made", {"clientNo": ledger.number, "fileId": file_id, "fileName": name}, [])
        self._writes.end(ledger, call, row["message"])
        return Answer(encode(row), 201)


def _contents(value: object) -> bytes | None:
    """Return what base64 stands for, None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _keep(ledger: Ledger, name: str, media_type: str, contents: bytes) -> str:
    """Keep a file. Returns its id."""
    store = ledger.written
    store.files.append(WrittenFile(name, media_type, contents, today()))
    return ledger.ids.make(Kind.ARM_FILE, ledger.index, ADDED + len(store.files) - 1)
