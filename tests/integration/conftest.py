"""What the integration tests share. They run inside the lab: ctest starts them through scripts/lab, by hand it is

    scripts/lab -- /usr/bin/python3 -m pytest tests/integration

NUTHATCH_THREADS: how many workers the nuthatchd has that most tests share; one a core unless it is set.
"""

import os

import pytest

from daemon import Daemon, Prefix

CONFIG = f"""
server:
  listen: ["127.0.0.1@53", "::1@53"]
  threads: {os.environ.get("NUTHATCH_THREADS", "0")}
log:
  level: info
"""


@pytest.fixture(scope="session")
def lab():
    """Where commands run to be inside the lab: here. Skips when we are not."""
    if not os.environ.get("NUTHATCH_LAB"):
        pytest.skip("outside of the lab: start through scripts/lab")
    return Prefix([])


@pytest.fixture(scope="session")
def nuthatch(lab, tmp_path_factory):
    """A nuthatchd on port 53 of both loopback addresses, the same for all tests of a run."""
    with Daemon(tmp_path_factory.mktemp("nuthatch"), CONFIG, lab) as daemon:
        yield daemon
        daemon.must_run()
        assert daemon.stop() == 0, daemon.log()
