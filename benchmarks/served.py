"""A sandbox in a process of its own, for the rows of the sync job. It ends with its stdin."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from aiohttp import web

from amili_async.sandbox import Fault, Sandbox

__all__: list[str] = []


async def _cpu(_: web.Request) -> web.Response:
    return web.json_response(time.process_time())


async def _serve(settings: dict[str, float]) -> None:
    async with Sandbox(organizations=1, token_lifetime=86_400, **settings) as sandbox:  # type: ignore[arg-type]
        app = web.Application()
        app.router.add_get("/cpu", _cpu)

        async def slow(request: web.Request) -> web.Response:
            """Let every answer wait from now on: it can encode its pages in no time before."""
            sandbox.faults.add(Fault("latency", seconds=float(request.query["seconds"])))
            return web.json_response(None)

        app.router.add_get("/slow", slow)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready = {
            "url": sandbox.url,
            "cpu": f"http://127.0.0.1:{runner.addresses[0][1]}/cpu",
            "slow": f"http://127.0.0.1:{runner.addresses[0][1]}/slow",
            "organization": sandbox.organizations[0],
            "client_id": sandbox.credentials.client_id,
            "client_secret": sandbox.credentials.client_secret,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
