"""What all tests share."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec

from hypothesis import HealthCheck, settings

# A shell that starts the tests in the background has them ignore Ctrl-C, and so do the programs that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Neither credentials nor settings of the shell that starts the tests get into them.
for name in [name for name in os.environ if name.startswith("AMILI_")]:
    del os.environ[name]

# Hypothesis looks for wrong answers, not for slow machines.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

ENGINES = {"dlt": "amili_async/dlt/*", "pyspark": "amili_async/spark/source.py"}
"""Extras that `dev` does not have, and what cannot be tested without them."""


def pytest_configure(config):
    """Leave what is not installed out of the coverage; its tests say why they are skipped."""
    controller = getattr(config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if combined := getattr(controller, "combining_cov", None):
        combined.set_option("report:omit", [files for module, files in ENGINES.items() if find_spec(module) is None])
