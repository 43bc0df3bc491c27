"""The environments with the plugins for clusters, which `make test-all` makes."""

import pytest
from fixtures import REPOSITORY


def python_with(cluster: str) -> str:
    """The Python of the environment with a cluster's plugin; the test fails without one."""
    python = REPOSITORY / ".venv" / cluster / "bin/python"
    if not python.exists():
        pytest.fail(f"{python} is missing. make test-all installs it.", pytrace=False)
    return str(python)
