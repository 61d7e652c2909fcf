"""The peers, each as its own users would write it, well: one client, keep-alive, the bytes into the fastest decoder it has."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from benchmarks.candidate import Target, Watch, candidate
from benchmarks.models import pydantic_case

__all__: list[str] = []

Row = TypeVar("Row")


def _url(target: Target) -> str:
    return f"{target.base}/orgs/o/cases"


def _query(target: Target, token: str | None) -> dict[str, str]:
    return {"PageSize": str(target.size)} | ({"PageToken": token} if token else {})


@candidate
async def httpx_pydantic(target: Target, watch: Watch) -> int:
    """Use httpx and pydantic v2 with the same types: `model_validate_json` on the bytes of the answer."""
    import httpx
    import pydantic
    from pydantic.alias_generators import to_camel

    config = pydantic.ConfigDict(alias_generator=to_camel)
    cursor = pydantic.create_model("CursorSummary", __config__=config, next_page_token=(str | None, None))
    page_type: Any = pydantic.create_model(
        "CasePage", __config__=config, data=(list[pydantic_case()], ...), cursor_summary=(cursor | None, None)
    )

    async with httpx.AsyncClient(headers={"Authorization": "Bearer benchmark"}) as client:

        async def walk(pages: int) -> int:
            rows, token = 0, None
            for _ in range(pages):
                answer = await client.get(_url(target), params=_query(target, token))
                answer.raise_for_status()
                page = page_type.model_validate_json(answer.content)
                for row in page.data:
                    rows += row.case_id is not None
                token = page.cursor_summary.next_page_token
            return rows

        await walk(min(4, target.pages))
        with watch:
            return await walk(target.pages)


async def _aiohttp(target: Target, watch: Watch, loads: Any) -> int:
    import aiohttp

    async with aiohttp.ClientSession(headers={"Authorization": "Bearer benchmark"}) as session:

        async def walk(pages: int) -> int:
            rows, token = 0, None
            for _ in range(pages):
                async with session.get(_url(target), params=_query(target, token)) as answer:
                    answer.raise_for_status()
                    page = await answer.json() if loads is None else loads(await answer.read())
                for row in page["data"]:
                    rows += row["caseId"] is not None
                token = page["cursorSummary"]["nextPageToken"]
            return rows

        await walk(min(4, target.pages))
        with watch:
            return await walk(target.pages)


@candidate
async def aiohttp_json(target: Target, watch: Watch) -> int:
    """Use aiohttp and `await answer.json()`: dicts, amounts as floats."""
    return await _aiohttp(target, watch, None)


@candidate
async def aiohttp_orjson(target: Target, watch: Watch) -> int:
    """Use aiohttp and orjson on the bytes: dicts, amounts as floats."""
    import orjson

    return await _aiohttp(target, watch, orjson.loads)


@candidate
async def openai_sdk(target: Target, watch: Watch) -> int:
    """Use the paginator of a released SDK made by Stainless (openai), with its own model base and the same fields."""
    from openai import AsyncOpenAI, BaseModel
    from openai._base_client import BaseAsyncPage, PageInfo, make_request_options
    from pydantic import ConfigDict
    from pydantic.alias_generators import to_camel

    class Base(BaseModel):
        model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    case = pydantic_case(base=Base)

    class Cursor(Base):
        next_page_token: str | None = None

    class CasePage(BaseAsyncPage[Row], Generic[Row]):
        data: list[Row]
        cursorSummary: Cursor | None = None  # noqa: N815  # the name on the wire

        def _get_page_items(self) -> list[Row]:
            return self.data

        def next_page_info(self) -> PageInfo | None:
            token = self.cursorSummary and self.cursorSummary.next_page_token
            return PageInfo(params={"PageToken": token}) if token else None

    async with AsyncOpenAI(base_url=target.base, api_key="benchmark", max_retries=0) as client:

        async def walk(limit: int) -> int:
            rows = 0
            options = make_request_options(query={"PageSize": str(target.size)})
            async for row in client.get_api_list("/orgs/o/cases", model=case, page=CasePage[case], options=options):
                rows += row.case_id is not None
                if rows >= limit:
                    break
            return rows

        await walk(min(4, target.pages) * target.size)
        with watch:
            return await walk(target.pages * target.size)
