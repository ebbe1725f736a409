"""Installs what the checks are made with, each version into a directory of its own.

Two versions of one package must stand side by side, and none of them is wanted in the system's or the
user's Python. `pip install --target` does both, also where the system's Python is "externally managed".
The directories are under $SENTRY_CHECKS_CACHE, or target/sentry-checks of the repository.

    python3 wheels.py            installs everything
    python3 wheels.py NAME...    installs these
"""

import os
import pathlib
import shutil
import subprocess
import sys

WHEELS = {
    "relay-typed": "sentry-relay==0.9.3",  # the last with a typed schema of `_metrics_summary`
    "relay-today": "sentry-relay==0.10.1",
    "sdk-today": "sentry-sdk==2.75.0",
    "sdk-metrics": "sentry-sdk==2.19.2",  # one that still wrote summaries
    "bugsink": "bugsink==2.6.1",  # the last that runs on Python 3.10
}
CACHE = pathlib.Path(
    os.environ.get("SENTRY_CHECKS_CACHE") or pathlib.Path(__file__).resolve().parents[2] / "target" / "sentry-checks"
)


def path(name):
    """The directory of one of WHEELS, which is installed first where it is not there yet."""
    wheel = WHEELS[name]
    directory = CACHE / f"{wheel}-py{sys.version_info.major}.{sys.version_info.minor}"
    if directory.exists():
        return directory
    CACHE.mkdir(parents=True, exist_ok=True)
    # Installed beside and then renamed, so that what is there is whole.
    partial = directory.with_name(f"{directory.name}.{os.getpid()}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    try:
        done = subprocess.run([*pip, "--target", str(partial), wheel], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{wheel} could not be installed (is pip there? Python is {sys.executable}):\n{done.stderr}")
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return directory


def environment(name):
    """An environment in which Python finds that package."""
    return {**os.environ, "PYTHONPATH": str(path(name)), "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    for wanted in sys.argv[1:] or WHEELS:
        print(f"{WHEELS[wanted]:22} {path(wanted)}")
