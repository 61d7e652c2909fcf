"""A disk that is really full: a small tmpfs in a namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

SCRIPT = """
mount -t tmpfs -o size=1m tmpfs "$1" || exit 99
shift
"$@"; echo "first $?"
mount -o remount,size=64m "$OLDPWD" || exit 99
"$@"; echo "second $?"
"""


def _namespace():
    """Return the command that gives a process mounts of its own; None where the system does not allow it."""
    unshare = shutil.which("unshare")
    command = [unshare, "-rm"] if unshare else None
    if command and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:  # noqa: S603
        return command
    return None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ndjson", "sqlite"])
def test_full_disk(kind, tmp_path):
    """One sentence and exit code 3; nothing half-written is taken for whole, and with more room the next run goes on."""
    namespace = _namespace()
    if namespace is None:
        pytest.skip("this system gives no process mounts of its own")
    disk = tmp_path / "disk"
    disk.mkdir()
    place = disk / ("db.sqlite" if kind == "sqlite" else "lake")
    run = [sys.executable, "-m", "amili_async", "sync", "run", "--sandbox", "--cases", "700", "--streams", "cases"]
    script = SCRIPT.replace('"$OLDPWD"', f"'{disk}'")
    done = subprocess.run(  # noqa: S603  # our own
        [*namespace, "sh", "-c", script, "sh", str(disk), *run, "--max-rows", "300", "--to", f"{kind}:{place}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "first 3" in done.stdout, done.stdout + done.stderr
    assert "second 0" in done.stdout, done.stdout + done.stderr
    assert done.stderr.count("error: ") == 1
    assert "no space" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert "1,400" in done.stdout.partition("first 3")[2]
