"""Without the engines."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.mark.parametrize("missing", ["dlt", "pyarrow"])
def test_what_to_install(missing, monkeypatch):
    """Whoever imports the source without what it needs is told what to install."""
    monkeypatch.delitem(sys.modules, "amili_async.dlt", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'amili-async\[dlt\]'"):
        importlib.import_module("amili_async.dlt")
