"""Lists as DataFrames of Apache Spark: windows are planned on the driver and read by the executors. Needs the extra `spark`.

```python
from amili_async.spark import AmiliDataSource

spark.dataSource.register(AmiliDataSource)
cases = (
    spark.read.format("amili")
    .option("stream", "cases").option("organizations", "org-1,org-2")
    .option("from", "2024-01-01").option("to", "2026-01-01")
    .load()
)
```

`AmiliDataSource` tells which options there are and what is promised. The name is imported when it is first used (PEP 562): the
modules beneath it do without pyspark.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amili_async.spark.source import AmiliDataSource

__all__ = ["AmiliDataSource"]


def __getattr__(name: str) -> Any:
    if name != "AmiliDataSource":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    if find_spec("pyspark") is None:
        message = "amili_async.spark needs pyspark: pip install 'amili-async[spark]'"
        raise ImportError(message)
    from amili_async.spark.source import AmiliDataSource  # noqa: PLC0415  # an extra

    globals()[name] = AmiliDataSource
    return AmiliDataSource


def __dir__() -> list[str]:
    return __all__
