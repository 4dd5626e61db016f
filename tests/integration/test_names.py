"""Servers named by host name, and the system's own, are found through c-ares while the daemon runs."""

import time

import pytest

from daemon import Daemon, Prefix

BOOT = "server:\n  listen: [\"127.0.0.9@53\"]\n  threads: 1\n"
PORT = "5302"


def status(name, rtype="A"):
    done = Prefix([]).run(["dig", "@127.0.0.1", "-p", PORT, "+tries=1", "+time=8", name, rtype])
    return next(line.split("status: ")[1].split(",")[0] for line in done.stdout.split("\n") if "status:" in line)


def wait_for(what, seconds=15):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def boot(lab, tmp_path_factory):
    """The resolver that the system is set to ask."""
    with Daemon(tmp_path_factory.mktemp("boot"), BOOT, lab) as d:
        yield d
        d.must_run()


def config(folder, zones, more=""):
    return (f"server:\n  listen: [\"127.0.0.1@{PORT}\"]\n  threads: 2\nlog:\n  level: info\n"
            f"upstream:\n  system-file: {folder}/resolv.conf\n  do-not-query: []\n{more}{zones}")


@pytest.fixture
def resolv_conf(tmp_path, boot):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.0.0.9\n")
    return path


def test_a_stub_zones_server_is_found_by_its_name(lab, tmp_path, resolv_conf):
    zones = "stub-zones:\n  - {name: example.net, addresses: [ns1.hosting.net]}\n"
    with Daemon(tmp_path, config(tmp_path, zones), lab) as d:
        wait_for(lambda: "name_found name=ns1.hosting.net" in d.log())
        assert status("www.example.net") == "NOERROR"
        d.must_run()
        assert d.stop() == 0


def test_bootstrap_servers_are_asked_where_the_system_asks_us(lab, tmp_path, resolv_conf):
    resolv_conf.write_text("nameserver 127.0.0.1\n")
    zones = "stub-zones:\n  - {name: example.net, addresses: [ns1.hosting.net]}\n"
    with Daemon(tmp_path, config(tmp_path, zones, "  bootstrap: [127.0.0.9]\n"), lab) as d:
        wait_for(lambda: "name_found" in d.log())
        assert status("www.example.net") == "NOERROR"
        assert "system_server_is_ours" in d.log()


def test_a_name_that_is_not_found_fails_its_zone_alone_and_says_where_it_stands(lab, tmp_path, resolv_conf):
    zones = "stub-zones:\n  - {name: example.org, addresses: [no.such.name.invalid]}\n"
    with Daemon(tmp_path, config(tmp_path, zones), lab) as d:
        wait_for(lambda: "name_not_found name=no.such.name.invalid" in d.log())
        assert f"where={d.file}:10:37" in d.log()
        assert status("www.example.org") == "SERVFAIL"
        assert status("www.example.com") == "NOERROR"
        assert d.log().count("name_not_found") == 1, "told once, not at each try"


def test_the_systems_servers_are_forwarded_to_and_read_anew_when_the_file_changes(lab, tmp_path, resolv_conf):
    resolv_conf.write_text("nameserver 127.0.0.77\n")
    with Daemon(tmp_path, config(tmp_path, "forward-zones:\n  - {name: ., addresses: [system]}\n"), lab) as d:
        assert status("www.example.com") == "SERVFAIL"
        other = tmp_path / "other"
        other.write_text("nameserver 127.0.0.9\n")
        other.rename(resolv_conf)
        wait_for(lambda: "system_servers_changed" in d.log())
        wait_for(lambda: status("www.example.org") == "NOERROR")
        resolv_conf.unlink()  # what is known stays
        time.sleep(2.5)
        assert status("www.alias.com") == "NOERROR"


def test_a_reload_brings_and_takes_names(lab, tmp_path, resolv_conf):
    named = config(tmp_path, "stub-zones:\n  - {name: example.net, addresses: [ns1.hosting.net]}\n")
    with Daemon(tmp_path, config(tmp_path, ""), lab) as d:
        assert "reloaded" in d.reload(named)
        wait_for(lambda: "name_found" in d.log())
        assert status("www.example.net") == "NOERROR"
        assert "reloaded" in d.reload(config(tmp_path, ""))
        assert status("example.net", "SOA") == "NOERROR"
        d.must_run()
        assert d.stop() == 0
