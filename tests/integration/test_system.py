"""The system's own resolver library, and c-ares, with Nuthatch as the name server."""

import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("nuthatch")

LOOKUP = """
import socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], 80, int(sys.argv[2]), socket.SOCK_STREAM)
except socket.gaierror as e:
    print("error", e.errno == socket.EAI_NONAME)
    sys.exit(0)
print(*sorted({f[4][0] for f in found}))
"""
V4, V6, ANY = 2, 10, 0


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def system(request, tmp_path_factory):
    """Runs a program whose resolv.conf names Nuthatch, in a mount namespace of its own."""
    folder = tmp_path_factory.mktemp("etc")
    (folder / "resolv.conf").write_text(f"nameserver {request.param}\nsearch example.com\noptions timeout:9\n")
    (folder / "nsswitch.conf").write_text("hosts: dns\n")
    script = f"mount --bind {folder}/resolv.conf /etc/resolv.conf && " \
             f"mount --bind {folder}/nsswitch.conf /etc/nsswitch.conf && exec \"$@\""

    def run(*command):
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *command], text=True, timeout=40,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def lookup(system, name, family):
    return system(sys.executable, "-c", LOOKUP, name, str(family))


def test_getaddrinfo_finds_both_families(system):
    assert lookup(system, "www.example.com", V4) == ["93.184.216.34"]
    assert lookup(system, "www.example.com", V6) == ["2606:2800:220:1:248:1893:25c8:1946"]
    assert lookup(system, "www.example.com", ANY) == ["2606:2800:220:1:248:1893:25c8:1946", "93.184.216.34"]


def test_getaddrinfo_follows_aliases_and_the_search_list(system):
    assert lookup(system, "www.alias.com", V4) == ["93.184.216.34"]
    assert lookup(system, "mail", V4) == ["93.184.216.35"]


def test_getaddrinfo_takes_a_large_answer_over_tcp(system):
    assert len(lookup(system, "many.large.net", V4)) == 100


def test_getaddrinfo_is_told_that_a_name_does_not_exist(system):
    assert lookup(system, "no-such-name.example.org.", V4) == ["error", "True"]


def test_getent_names_an_address(system):
    assert "www.example.com" in system("getent", "hosts", "93.184.216.34")


def test_a_c_ares_program_resolves():
    client = os.environ.get("CARES_CLIENT")
    if not client:
        pytest.skip("CARES_CLIENT names no program")
    assert pathlib.Path(client).exists()

    def run(server, *words):
        return subprocess.run([client, server, *words], text=True, timeout=40, capture_output=True, check=False)

    for server in ("127.0.0.1", "::1"):
        found = run(server, "www.alias.com", "many.large.net", "txt:www.example.com", "no-such-name.example.com")
        lines = found.stdout.split("\n")
        assert lines[0] == "www.alias.com 1 93.184.216.34 2606:2800:220:1:248:1893:25c8:1946" or \
            set(lines[0].split()[1:]) == {"2", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"}
        assert lines[1].startswith("many.large.net 100 ")
        assert lines[2] == "txt:www.example.com answered from the root down"
        assert lines[3] == "no-such-name.example.com error Domain name not found"
        assert found.returncode == 1  # one of them failed
