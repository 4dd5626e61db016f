"""Servers named by host name, and the system's own, are found through c-ares while the daemon runs."""

import socket
import time

import pytest

from daemon import Daemon, Prefix

BOOT = "server:\n  listen: [\"127.0.0.9@53\"]\n  threads: 1\n"
PORT = "5302"


def status(name, rtype="A", at="127.0.0.1"):
    done = Prefix([]).run(["dig", f"@{at}", "-p", PORT, "+tries=1", "+time=8", name, rtype])
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


def config(folder, zones, more="", at="127.0.0.1"):
    return (f"server:\n  listen: [\"{at}@{PORT}\"]\n  threads: 2\nlog:\n  level: info\n"
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


@pytest.mark.parametrize("gone", [False, True])
def test_a_file_without_servers_takes_nothing_away(lab, tmp_path, resolv_conf, gone):
    """Not at 127.0.0.1, which c-ares makes up for such a file."""
    zones = "forward-zones:\n  - {name: ., addresses: [system]}\n"
    with Daemon(tmp_path, config(tmp_path, zones, at="127.0.0.2"), lab) as d:
        assert status("www.example.com", at="127.0.0.2") == "NOERROR"
        if gone:
            resolv_conf.unlink()
        else:
            resolv_conf.write_text("# nameserver to come\n")
        time.sleep(4.5)  # it is looked at every 2 s
        assert "system_servers_changed" not in d.log()
        assert status("www.example.org", at="127.0.0.2") == "NOERROR"


def test_a_reload_that_brings_the_systems_servers_has_them_when_it_is_told(lab, tmp_path, resolv_conf):
    """At no moment is there a zone that has none: with two workers each question shows whether one of them was late."""
    with Daemon(tmp_path, config(tmp_path, "", at="127.0.0.2"), lab) as d:
        d.reload(config(tmp_path, "forward-zones:\n  - {name: ., addresses: [system]}\n", at="127.0.0.2"))
        for host in range(8):
            assert status(f"{host}.example.com", at="127.0.0.2") in ("NOERROR", "NXDOMAIN")


def test_no_search_list_is_applied(lab, tmp_path, resolv_conf):
    resolv_conf.write_text("nameserver 127.0.0.9\nsearch hosting.net\n")
    zones = "stub-zones:\n  - {name: example.net, addresses: [ns1]}\n"
    with Daemon(tmp_path, config(tmp_path, zones), lab) as d:
        wait_for(lambda: "name_not_found name=ns1" in d.log() or "name_found" in d.log())
        assert "name_found" not in d.log()


def test_a_name_that_leads_to_ourselves_is_never_asked(lab, tmp_path, resolv_conf):
    zones = f"forward-zones:\n  - {{name: example.net, addresses: [localhost@{PORT}]}}\n"
    with Daemon(tmp_path, config(tmp_path, zones), lab) as d:
        wait_for(lambda: "name_is_ours name=localhost" in d.log())
        assert status("www.example.net") == "SERVFAIL"
        assert d.figures()["upstream_udp"] == 0


def test_a_silent_forwarder_of_everything_is_not_called_the_root(lab, tmp_path, resolv_conf):
    zones = "forward-zones:\n  - {name: ., addresses: [127.0.0.8]}\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, Daemon(tmp_path, config(tmp_path, zones), lab):
        silent.bind(("127.0.0.8", 53))
        done = lab.run(["dig", "@127.0.0.1", "-p", PORT, "+tries=1", "+time=9", "+cd", "www.example.net"])
        assert "EDE: 22" in done.stdout and "no name server of the zone answered" in done.stdout


def test_a_reload_of_families_asks_for_names_anew(lab, tmp_path, resolv_conf):
    zones = "stub-zones:\n  - {name: example.net, addresses: [ns1.hosting.net]}\n"
    with Daemon(tmp_path, config(tmp_path, zones, "  ipv6: no\n"), lab) as d:
        wait_for(lambda: "name_found name=ns1.hosting.net addresses=1" in d.log())
        d.reload(config(tmp_path, zones, ""))
        wait_for(lambda: "name_found name=ns1.hosting.net addresses=2" in d.log())


def test_a_reload_brings_other_bootstrap_servers_while_the_old_are_silent(lab, tmp_path, resolv_conf):
    zones = "stub-zones:\n  - {name: example.net, addresses: [ns1.hosting.net]}\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.8", 53))
        silent.settimeout(10)
        with Daemon(tmp_path, config(tmp_path, zones, "  bootstrap: [127.0.0.8]\n"), lab) as d:
            silent.recv(4096)  # a look-up is under way
            d.reload(config(tmp_path, zones, "  bootstrap: [127.0.0.9]\n"))
            wait_for(lambda: "name_found" in d.log(), 10)
            assert status("www.example.net") == "NOERROR"


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
