"""A sandbox: a real HTTP server that behaves as Amili's API contract says, with invented data and faults on demand."""

from __future__ import annotations

try:
    from amili_async.sandbox.server import Sandbox
except ModuleNotFoundError as error:
    if error.name != "jwt":
        raise
    message = "the sandbox needs PyJWT: install amili-async[sandbox]"
    raise ModuleNotFoundError(message, name="jwt") from None
from amili_async.sandbox.faults import KINDS, Fault, Faults
from amili_async.sandbox.log import Log, Served
from amili_async.sandbox.webhooks import Delivery

__all__ = ["KINDS", "Delivery", "Fault", "Faults", "Log", "Sandbox", "Served"]
