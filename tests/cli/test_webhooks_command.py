"""`amili webhooks listen`: genuine events become lines, everything else stays out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack

import aiohttp
import pytest

from amili_async import cli, cli_webhooks
from amili_async.webhooks import HmacSha256, Receiver, Router

BODY = b'{"id": "e1", "type": "BATCH_COMPLETED", "data": {"batchId": "b1", "status": "SUCCESS"}}'
SECRET = "hunter2"


def signed(body=BODY):
    """Return the headers of a genuine delivery."""
    return {"X-Webhook-Signature": HmacSha256().sign(body, SECRET.encode())}


@pytest.mark.asyncio
async def test_genuine_events_become_lines(capfdbinary):
    """A signed delivery is printed as one line of JSON; an unsigned or an oversized one is refused and not printed."""
    router = Router()
    router.on()(cli_webhooks._print)
    receiver = Receiver(router, secrets=[SECRET], max_body=1_000)
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        url = await cli_webhooks.serving(stack, receiver, "127.0.0.1", 0, "/hooks")
        assert url.endswith("/hooks")
        statuses = []
        for body, headers in [(BODY, signed()), (BODY, {}), (b"x" * 100_000, signed(b"x" * 100_000))]:
            async with http.post(url, data=body, headers=headers) as response:
                statuses.append(response.status)
        await receiver.aclose()
    assert statuses == [202, 401, 413]
    (line,) = capfdbinary.readouterr().out.splitlines()
    assert json.loads(line)["data"]["batchId"] == "b1"


@pytest.mark.parametrize("environ", [{}, {"AMILI_WEBHOOK_SECRET": " , "}])
def test_without_a_secret_it_does_not_listen(environ, monkeypatch, capsys):
    """One sentence names the variable, and the exit code is that of missing credentials."""
    monkeypatch.delenv("AMILI_WEBHOOK_SECRET", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert cli.run(["webhooks", "listen"]) == 4
    assert "AMILI_WEBHOOK_SECRET" in capsys.readouterr().err


def test_an_address_that_is_taken_or_foreign(monkeypatch, tmp_path, capsys):
    """A port that cannot be had is one sentence; the secret may come from a file."""
    file = tmp_path / "amili.env"
    file.write_text(f"AMILI_WEBHOOK_SECRET={SECRET}\n")
    monkeypatch.delenv("AMILI_WEBHOOK_SECRET", raising=False)
    assert cli.run(["webhooks", "listen", "--host", "203.0.113.1", "--env-file", str(file)]) == 2
    text = capsys.readouterr().err
    assert "cannot listen on 203.0.113.1:8081" in text
    assert SECRET not in text


def test_it_listens_until_ctrl_c():
    """The program says where it listens, warns when that is not this machine alone, and ends with 130."""
    command = [sys.executable, "-m", "amili_async", "webhooks", "listen", "--port", "0", "--host", "0.0.0.0"]  # noqa: S104
    environ = {**os.environ, "AMILI_WEBHOOK_SECRET": SECRET}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:  # noqa: S603
        assert "listening at http://0.0.0.0:" in process.stderr.readline()
        assert "not this machine alone" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in rest
