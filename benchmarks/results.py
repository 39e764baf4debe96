"""The common form of results: what a machine reads of `segue bench` and `segue evaluate`."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..music.files import write_whole

Table = Sequence[Mapping[str, Any]]


def write_results(
    path: Path, name: str, results: Mapping[str, float], tables: Mapping[str, Table]
) -> None:
    """Write `{name, date, commit, machine, results, tables}` as JSON, whole or not at all."""
    report = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "results": dict(results),
        "tables": [{"name": key, "rows": list(rows)} for key, rows in tables.items()],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(report, indent=2) + "\n").encode())


def commit() -> str:
    """The commit that this code is, or the version of the installed package."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return version("segue")
    return found.stdout.strip()


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
