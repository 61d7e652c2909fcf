"""Async Python client for Amili's debt collection, accounts receivable and invoice distribution APIs.

Names are imported when they are first used (PEP 562): whoever only needs the models does not pay for aiohttp.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amili_async import errors
    from amili_async.auth import AccessToken, BasicCredentials, ClientCredentials, Credentials, StaticToken, TokenCache
    from amili_async.catalogue import operations
    from amili_async.client import AmiliClient
    from amili_async.config import Environment, Limits, RequestOptions, RetryPolicy, Timeouts
    from amili_async.cursors import Cursor
    from amili_async.errors import AmiliError, UnconfirmedOperationWarning
    from amili_async.hooks import Hooks
    from amili_async.operation import Operation, Paging, Response
    from amili_async.pages import InvalidItem, Page
    from amili_async.pagination import Pager

__all__ = [
    "AccessToken",
    "AmiliClient",
    "AmiliError",
    "BasicCredentials",
    "ClientCredentials",
    "Credentials",
    "Cursor",
    "Environment",
    "Hooks",
    "InvalidItem",
    "Limits",
    "Operation",
    "Page",
    "Pager",
    "Paging",
    "RequestOptions",
    "Response",
    "RetryPolicy",
    "StaticToken",
    "Timeouts",
    "TokenCache",
    "UnconfirmedOperationWarning",
    "errors",
    "operations",
]

__version__ = "0.1.0"

_HOMES = {
    "AccessToken": "auth",
    "AmiliClient": "client",
    "AmiliError": "errors",
    "BasicCredentials": "auth",
    "ClientCredentials": "auth",
    "Credentials": "auth",
    "Cursor": "cursors",
    "Environment": "config",
    "Hooks": "hooks",
    "InvalidItem": "pages",
    "Limits": "config",
    "Operation": "operation",
    "Page": "pages",
    "Pager": "pagination",
    "Paging": "operation",
    "RequestOptions": "config",
    "Response": "operation",
    "RetryPolicy": "config",
    "StaticToken": "auth",
    "Timeouts": "config",
    "TokenCache": "auth",
    "UnconfirmedOperationWarning": "errors",
    "operations": "catalogue",
}


logging.getLogger("amili_async").addHandler(logging.NullHandler())  # a library leaves it to the program what is shown


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("amili_async.errors")
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"amili_async.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
