"""The operations of the Identity API. Only the token call is documented; of the others the navigation shows the paths."""

from __future__ import annotations

from typing import Any

from amili_async.identity.models import TokenResponse
from amili_async.operation import Operation

_NAV = "https://docs.amili.dev/get-batch-by-id-3939029e0"

TOKEN = Operation(
    name="identity.token",
    method="POST",
    path="/token",
    evidence="docs",
    source="https://docs.amili.dev/example-workflow-359631m0?nav=4",
    summary="Exchange client credentials for an access token.",
    response=TokenResponse,
    retry_safe=True,  # asking again only issues another token
    unwrap=None,
    lenient=True,
    body="form",
    authenticated=False,
)
REFRESH: Operation[Any] = Operation(
    name="identity.refresh",
    method="POST",
    path="/refresh",
    evidence="nav",
    source=_NAV,
    summary="Renew a token.",
    response=None,
    retry_safe=False,
    unwrap=None,
    body="json",
    method_guessed=True,
)
VERIFY: Operation[Any] = Operation(
    name="identity.verify",
    method="GET",
    path="/verify",
    evidence="nav",
    source=_NAV,
    summary="Check whether a token is valid.",
    response=None,
    retry_safe=True,
    unwrap=None,
    method_guessed=True,
)
HEALTH: Operation[Any] = Operation(
    name="identity.health",
    method="GET",
    path="/health",
    evidence="nav",
    source=_NAV,
    summary="Tell whether the service is up.",
    response=None,
    retry_safe=True,
    unwrap=None,
    method_guessed=True,
    authenticated=False,
)

OPERATIONS = (TOKEN, REFRESH, VERIFY, HEALTH)
