"""nuthatchd's command line, its start and end, its signals. Every daemon runs in a namespace with nothing but lo."""

import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

import daemon
from daemon import Daemon, Namespace

LISTEN = "server:\n  listen: ['127.0.0.1@5300', '::1@5300']\n"



def is_whole_root():
    """Root with all user ids; inside a user namespace of one's own there is nobody else to become."""
    counts = [int(line.split()[2]) for line in pathlib.Path("/proc/self/uid_map").read_text().splitlines()]
    return os.geteuid() == 0 and sum(counts) > 65534


LIBRARIES = ["libuv", "ldns", "c-ares", "OpenSSL", "libcyaml", "libyaml", "xxHash"]


@pytest.fixture(scope="module")
def ns():
    with Namespace() as namespace:
        yield namespace


def call(*arguments):
    """Runs nuthatchd for a command that ends by itself."""
    return subprocess.run([daemon.binary(), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, check=False)


def check(tmp_path, text):
    file = tmp_path / "n.yaml"
    file.write_text(text)
    return call("-c", file, "--check-config"), file


def dig(ns, *arguments):
    return ns.run(["dig", "-p", "5300", "+tries=1", "+time=3", *arguments]).stdout


# ---- Commands that end by themselves -------------------------------------------------------------

def test_version_names_the_libraries():
    done = call("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("nuthatchd ")
    for library in LIBRARIES:
        assert any(line.startswith(library + " ") and any(c.isdigit() for c in line)
                   for line in done.stdout.splitlines()), library


def test_help_goes_to_standard_output():
    done = call("--help")
    assert done.returncode == 0
    assert "--check-config" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("arguments", [["--bogus"], ["-x"], ["nuthatch.yaml"], ["-c"]])
def test_a_wrong_command_line_ends_with_1(arguments):
    done = call(*arguments)
    assert done.returncode == 1
    assert "--help" in done.stderr and done.stdout == ""


def test_a_good_file_has_no_errors(tmp_path):
    done, file = check(tmp_path, LISTEN)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: no errors\n", "")


def test_the_sample_file_has_no_errors():
    done = call("-c", daemon.ROOT / "ops" / "nuthatch.yaml.sample", "--check-config")
    assert done.returncode == 0, done.stderr


def test_an_empty_file_and_empty_sections_have_no_errors(tmp_path):
    for text in ["", "cache:\nserver:\n", "# nothing\n"]:
        done, _ = check(tmp_path, text)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text, message", [
    ("cache:\n  size: 070\n", "2:9: cache.size: '070' is not a size: write it without a leading zero"),
    ("server:\n  udp-payload: 100m\n", "2:16: server.udp-payload: '100m' is not a number: write digits"),
    ("server:\n  tcp-clients: -1\n", "2:16: server.tcp-clients: '-1' is not a number: it cannot be negative"),
    ("log:\n  level: loud\n", "2:10: log.level: 'loud' is none of the choices: write one of error warning"),
    ("cache:\n  sise: 1g\n", "2:3: unknown option 'sise': did you mean size?"),
    ("server:\n  listen: [localhost]\n", "2:12: server.listen[0]: 'localhost' is not an address: write"),
    ("server:\n  user: no-such-user\n", "2:9: server.user: there is no user 'no-such-user': create it"),
    ("resolver:\n  root-hints: /nonexistent\n", "2:15: resolver.root-hints: /nonexistent: "),
    ("cache: {size\n", "2:1: not valid YAML"),
])
def test_bad_input_is_one_line_with_its_place_and_1(tmp_path, text, message):
    done, file = check(tmp_path, text)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"{file}:{message}"), done.stderr
    assert done.stderr.count("\n") == 1
    started = call("-c", file)  # ends before any address is opened
    assert (started.returncode, started.stderr) == (1, done.stderr)


def test_a_file_that_is_not_there_is_told(tmp_path):
    done = call("-c", tmp_path / "missing.yaml", "--check-config")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/missing.yaml: cannot read the configuration: No such file")
    assert done.stderr.count("\n") == 1


def test_what_is_printed_can_be_given_back(tmp_path):
    file = tmp_path / "n.yaml"
    file.write_text(LISTEN + "cache:\n  size: 1536k\nstub-zones: [{name: corp.example, addresses: [192.0.2.1]}]\n")
    first = call("-c", file, "--print-config")
    assert first.returncode == 0
    assert "  size: 1536k\n" in first.stdout
    assert "  ttl-max: 1d  # default\n" in first.stdout
    again = tmp_path / "again.yaml"
    again.write_text(first.stdout)
    second = call("-c", again, "--print-config")
    assert second.stdout.replace("  # default", "") == first.stdout.replace("  # default", "")


# ---- Start and end -------------------------------------------------------------------------------

def test_it_serves_ipv4_and_ipv6_over_udp_and_tcp(tmp_path, ns):
    with Daemon(tmp_path, LISTEN, ns) as d:
        for server in ["127.0.0.1", "::1"]:
            for transport in ["+notcp", "+tcp"]:
                text = dig(ns, f"@{server}", transport, "+short", "localhost", "A")
                assert text == "127.0.0.1\n"
        assert d.stop() == 0
        assert " stopped " in d.log()


def test_with_no_file_it_serves_port_53_of_loopback(tmp_path, ns):
    if pathlib.Path("/etc/nuthatch/nuthatch.yaml").exists():
        pytest.skip("this machine has a configuration of its own")
    with Daemon(tmp_path, None, ns):
        assert ns.run(["dig", "@127.0.0.1", "+short", "localhost", "A"]).stdout == "127.0.0.1\n"
        assert ns.run(["dig", "@::1", "+short", "localhost", "AAAA"]).stdout == "::1\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_and_tells_the_manager(tmp_path, ns, number):
    with Daemon(tmp_path, LISTEN, ns) as d:
        d.signal(number)
        d.wait_notified("STOPPING=1")
        assert d.process.wait(timeout=10) == 0


def test_an_abstract_notify_socket_serves_too(tmp_path):
    """Abstract names belong to the network namespace, so this one is bound inside it."""
    listener = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
        "s.bind('\\0nuthatch-notify'); s.settimeout(15); print('bound', flush=True);"
        "print(s.recv(100).decode(), flush=True)")
    with Namespace() as own:
        manager = own.popen(["/usr/bin/python3", "-c", listener], stdout=subprocess.PIPE, text=True)
        assert manager.stdout.readline() == "bound\n"
        d = Daemon(tmp_path, LISTEN, own, notify=False)
        old = os.environ.get("NOTIFY_SOCKET")
        process = own.popen([daemon.binary(), "-c", str(d.file)], stderr=subprocess.DEVNULL,
                            env={**os.environ, "NOTIFY_SOCKET": "@nuthatch-notify"})
        try:
            assert manager.stdout.readline() == "READY=1\n"
        finally:
            process.terminate()
            assert process.wait(timeout=10) == 0
            manager.wait(timeout=20)
            manager.stdout.close()
        assert os.environ.get("NOTIFY_SOCKET") == old


def run_to_failure(tmp_path, ns, text):
    d = Daemon(tmp_path, text, ns, notify=False)
    d.spawn()
    try:
        return d.process.wait(timeout=10), d.log()
    finally:
        d.close()


def test_a_port_in_use_names_address_reason_and_advice(tmp_path, ns):
    (tmp_path / "first").mkdir()
    with Daemon(tmp_path / "first", LISTEN, ns):
        code, log = run_to_failure(tmp_path, ns, LISTEN)
    assert code == 1
    assert log.count("\n") == 1, log
    assert ":2:3: server.listen: cannot serve on 127.0.0.1:5300: Address already in use: stop" in log


def test_an_address_that_does_not_exist_is_told(tmp_path, ns):
    code, log = run_to_failure(tmp_path, ns, "server:\n  listen: [192.0.2.1@5300]\n")
    assert code == 1
    assert log.count("\n") == 1, log
    assert "cannot serve on 192.0.2.1:5300: Cannot assign requested address: " in log


@pytest.mark.skipif(not is_whole_root(), reason="only root can become another")
def test_it_becomes_the_user_once_the_port_is_open(tmp_path, ns):
    # The folder of the notify socket is closed to nobody, so the log has to do.
    with Daemon(tmp_path, "server: {listen: [127.0.0.1], user: nobody}\n", ns, notify=False) as d:
        status = pathlib.Path(f"/proc/{d.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(fields["Uid"].split()) == {"65534"}
        assert set(fields["Gid"].split()) == {"65534"}
        assert "0" not in fields["Groups"].split()
        assert int(fields["CapEff"], 16) == 0
        assert ns.run(["dig", "@127.0.0.1", "+short", "localhost"]).stdout == "127.0.0.1\n"


@pytest.mark.skipif(not is_whole_root(), reason="needs root to become somebody who is not")
def test_without_root_another_user_and_a_low_port_are_refused():
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                 "--bounding-set=-all"]
    with Namespace() as own:
        # Not every machine lets a test binary be reached by others: copy it to where it can be.
        copy = pathlib.Path(f"/tmp/nuthatchd-test-{os.getpid()}")
        copy.write_bytes(pathlib.Path(daemon.binary()).read_bytes())
        copy.chmod(0o755)
        shared = pathlib.Path(f"{copy}.yaml")
        try:
            shared.write_text("server: {user: root}\n")
            shared.chmod(0o644)
            done = own.run([*as_nobody, copy, "-c", shared])
            assert done.returncode == 1
            assert "server.user: only root can become 'root': start as root or remove the option" in done.stderr
            shared.write_text("server: {listen: [127.0.0.1]}\n")
            own.run(["sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=1024"])
            done = own.run([*as_nobody, copy, "-c", shared])
            assert done.returncode == 1
            assert "cannot serve on 127.0.0.1:53: Permission denied: ports under 1024 are root's" in done.stderr
        finally:
            copy.unlink()
            shared.unlink(missing_ok=True)


# ---- Signals -------------------------------------------------------------------------------------

def test_a_reload_applies_what_it_can_and_names_the_rest(tmp_path, ns):
    with Daemon(tmp_path, LISTEN, ns) as d:
        assert "status: NOERROR" in dig(ns, "@127.0.0.1", "localhost")
        log = d.reload(LISTEN.replace("5300", "5301") + "access: {refuse: [127.0.0.0/8]}\nlog: {queries: yes}\n")
        assert "warning option_needs_restart option=server.listen\n" in log
        assert "notice option_changed option=access.refuse\n" in log
        assert "notice option_changed option=log.queries\n" in log
        assert " reloaded " in log
        assert "status: REFUSED" in dig(ns, "@127.0.0.1", "localhost")
        assert "status: NOERROR" in dig(ns, "@::1", "localhost")


def test_a_reload_with_an_error_changes_nothing(tmp_path, ns):
    with Daemon(tmp_path, LISTEN, ns) as d:
        log = d.reload("access: {refuse: ['127.0.0.0/8']}\ncache: {size: 070}\n")
        assert f"reload_failed error=\"{d.file}:2:15: cache.size: '070' is not a size: " in log
        assert " reloaded " not in log
        assert "status: NOERROR" in dig(ns, "@127.0.0.1", "localhost")
        log = d.reload(LISTEN + "resolver: {root-hints: /nonexistent}\n")
        assert f"reload_failed error=\"{d.file}:3:24: resolver.root-hints: /nonexistent: " in log
        d.file.unlink()
        d.signal(signal.SIGHUP)
        d.wait_log("cannot read the configuration")
        assert "status: NOERROR" in dig(ns, "@127.0.0.1", "localhost")
        d.wait_notified("READY=1")
        assert " reloaded " in d.reload(LISTEN)


def test_special_zones_are_switched_by_a_reload(tmp_path, ns):
    with Daemon(tmp_path, LISTEN, ns) as d:
        assert "status: NXDOMAIN" in dig(ns, "@127.0.0.1", "x.invalid")
        d.reload(LISTEN + "resolver: {special-zones: no}\n")
        assert "status: SERVFAIL" in dig(ns, "@127.0.0.1", "x.invalid")  # there is nobody to ask here


def test_a_hundred_reloads_under_queries_lose_none(tmp_path, ns):
    lost = []

    def ask():
        for _ in range(10):
            text = dig(ns, "@127.0.0.1", "localhost")
            if "status: NOERROR" not in text:
                lost.append(text)

    with Daemon(tmp_path, LISTEN, ns) as d:
        asker = threading.Thread(target=ask)
        asker.start()
        for i in range(100):
            d.reload(LISTEN + f"cache: {{size: {10 + i}m}}\n")
        asker.join()
        assert not lost
        assert d.figures()["cache_budget"] == 109 << 20
        assert d.stop() == 0


def test_figures_count_what_was_asked_at_any_log_level(tmp_path, ns):
    with Daemon(tmp_path, LISTEN + "log: {level: error}\n", ns) as d:
        for _ in range(3):
            dig(ns, "@127.0.0.1", "localhost")
        dig(ns, "@127.0.0.1", "+tcp", "localhost")
        figures = d.figures()
        assert figures["queries"] == 4
        assert figures["queries_tcp"] == 1
        assert figures["answers_local"] == 4
        assert figures["udp_received"] == 3
        assert figures["tcp_accepted"] == 1
        assert figures["cache_budget"] == 100 << 20
        assert figures["work_limit"] == 128 << 20


def test_a_query_under_way_is_answered_when_it_ends(tmp_path, ns):
    """A stub server that never answers keeps the query waiting; the end answers it with SERVFAIL."""
    silent = "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);" \
             "s.bind(('127.0.0.1', 5399)); print('bound', flush=True); time.sleep(30)"
    ask = "dig -p 5300 +tries=1 +time=8 @::1 www.corp.example".split()
    text = "server: {listen: ['::1@5300']}\nstub-zones: [{name: corp.example, addresses: [127.0.0.1@5399]}]\n"
    server = ns.popen(["/usr/bin/python3", "-c", silent], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "bound\n"
        with Daemon(tmp_path, text, ns) as d:
            client = ns.popen(ask, stdout=subprocess.PIPE, text=True)
            end = time.monotonic() + 5
            while d.figures()["lookups_under_way"] == 0 and time.monotonic() < end:
                time.sleep(0.05)
            begin = time.monotonic()
            assert d.stop() == 0
            assert time.monotonic() - begin < 3
            out, _ = client.communicate(timeout=15)
            assert "status: SERVFAIL" in out, out
    finally:
        server.terminate()
        server.wait(timeout=10)
        server.stdout.close()


def test_queries_are_logged_when_asked_for(tmp_path, ns):
    with Daemon(tmp_path, LISTEN + "log: {queries: true}\n", ns) as d:
        dig(ns, "@127.0.0.1", "logged.localhost")
        assert "logged.localhost" in d.wait_log("logged.localhost")
        d.reload(LISTEN)
        dig(ns, "@127.0.0.1", "silent.localhost")
        d.figures()
        assert "silent.localhost" not in d.log()
