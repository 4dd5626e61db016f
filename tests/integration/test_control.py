"""The control socket: what it answers, whom it lets in, what becomes of its file."""

import json
import os
import socket
import stat
import time

import pytest

from daemon import Daemon, Namespace, binary

CONFIG = """server:
  listen: [127.0.0.1@5300]
  threads: {threads}
control:
  socket: {path}
"""


@pytest.fixture(name="where")
def _where():
    with Namespace() as ns:
        yield ns


def start(folder, where, threads=1):
    return Daemon(folder, CONFIG.format(threads=threads, path=folder / "control"), where)


def connect(folder):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(str(folder / "control"))
    peer.settimeout(10)
    return peer


def ask(folder, line):
    with connect(folder) as peer:
        peer.sendall(line + b"\n")
        with peer.makefile("rb") as replies:
            return json.loads(replies.readline())


def ask_when_there_is_room(folder):
    """That a peer has left is seen a moment later."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return ask(folder, b'{"command": "status"}')
        except (ValueError, OSError):
            assert time.monotonic() < deadline


@pytest.mark.parametrize("threads", [1, 2])
def test_status_tells_threads_and_addresses(tmp_path, where, threads):
    with start(tmp_path, where, threads):
        got = ask(tmp_path, b'{"command": "status"}')
    assert got["ok"] and got["threads"] == threads and got["listen"] == ["127.0.0.1:5300"]


@pytest.mark.parametrize("threads", [1, 2])
def test_flush_all_counts_what_went_and_leaves_nothing(tmp_path, lab, threads):
    with start(tmp_path, lab, threads):
        lab.run(["dig", "@127.0.0.1", "-p", "5300", "+tries=1", "+timeout=9", "www.example.com"])
        first = ask(tmp_path, b'{"command": "flush", "all": true}')
        second = ask(tmp_path, b'{"command": "flush", "all": true}')
    assert first["ok"] and first["removed"] > 0
    assert second["removed"] < first["removed"]


@pytest.mark.parametrize("line", [
    b"", b"[", b"[]", b"3", b'{"command": 1}', b'{"command": "dance"}', b'{"command": "flush"}', b"\xff\x00",
    b'{"command": "flush", "name": "a..b"}', b'{"command": "flush", "name": "a", "all": true}'])
def test_what_is_no_request_is_refused_with_a_reason(tmp_path, where, line):
    with start(tmp_path, where):
        got = ask(tmp_path, line)
        assert got["ok"] is False and got["error"]
        assert ask(tmp_path, b'{"command": "status"}')["ok"]


def test_several_requests_of_one_peer_are_answered_in_turn(tmp_path, where):
    with start(tmp_path, where), connect(tmp_path) as peer:
        peer.sendall(b'{"command": "status"}\n{"command": "dance"}\n{"comm')
        with peer.makefile("rb") as replies:
            assert [json.loads(replies.readline())["ok"] for _ in range(2)] == [True, False]
            peer.sendall(b'and": "status"}\n')
            assert json.loads(replies.readline())["ok"]


def test_a_line_that_is_too_long_ends_the_connection(tmp_path, where):
    with start(tmp_path, where):
        with connect(tmp_path) as peer:
            try:
                peer.sendall(b" " * 70000)
                assert peer.recv(1) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass
        assert ask(tmp_path, b'{"command": "status"}')["ok"]


def test_of_too_many_peers_the_further_ones_are_turned_away(tmp_path, where):
    with start(tmp_path, where):
        peers = [connect(tmp_path) for _ in range(16)]
        for peer in peers:
            peer.sendall(b'{"command": "status"}\n')
        assert all(peer.recv(1) for peer in peers)
        with connect(tmp_path) as further:
            assert further.recv(1) == b""
        peers.pop().close()
        assert ask_when_there_is_room(tmp_path)["ok"]
        for peer in peers:
            peer.close()


def test_who_does_not_read_is_dropped_and_others_are_answered(tmp_path, where):
    with start(tmp_path, where), connect(tmp_path) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        dropped = False
        try:
            for _ in range(20000):
                deaf.sendall(b'{"command": "stats"}\n' * 50)
        except (BrokenPipeError, ConnectionResetError):
            dropped = True
        assert dropped
        assert ask(tmp_path, b'{"command": "status"}')["ok"]


@pytest.mark.parametrize("threads", [1, 2])
def test_many_at_once_are_all_told_the_figures(tmp_path, where, threads):
    with start(tmp_path, where, threads) as daemon:
        peers = [connect(tmp_path) for _ in range(8)]
        for peer in peers:
            peer.sendall(b'{"command": "stats"}\n' * 3)
        assert daemon.figures()["threads"] == threads
        for peer in peers:
            with peer, peer.makefile("rb") as replies:
                for _ in range(3):
                    assert json.loads(replies.readline())["workers"]["threads"] == threads


@pytest.mark.parametrize("threads", [1, 2])
def test_reload_tells_what_changed_and_what_is_wrong(tmp_path, where, threads):
    with start(tmp_path, where, threads) as daemon:
        assert ask(tmp_path, b'{"command": "reload"}')["changed"] == []
        text = CONFIG.format(threads=threads, path=tmp_path / "control")
        daemon.configure(text + "  mode: '0666'\ncache:\n  size: 20m\n")
        got = ask(tmp_path, b'{"command": "reload"}')
        assert got["ok"] and got["changed"] == ["cache.size"] and got["needs_restart"] == ["control.mode"]
        daemon.configure("server:\n  listen: [nonsense]\n  threads: -1\n")
        got = ask(tmp_path, b'{"command": "reload"}')
        assert not got["ok"] and len(got["errors"]) == 2 and got["errors"][0] == got["error"]
        assert "nuthatch.yaml:2:" in got["error"]
        assert ask(tmp_path, b'{"command": "status"}')["reloads"] == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_reloads_at_once_are_all_answered(tmp_path, where, threads):
    with start(tmp_path, where, threads) as daemon:
        peers = [connect(tmp_path) for _ in range(6)]
        for peer in peers:
            peer.sendall(b'{"command": "reload"}\n' * 2)
        daemon.reload()
        for peer in peers:
            with peer, peer.makefile("rb") as replies:
                assert [json.loads(replies.readline())["ok"] for _ in range(2)] == [True, True]


def test_a_peer_that_leaves_while_it_waits_harms_nothing(tmp_path, where):
    with start(tmp_path, where, 2):
        for command in (b"reload", b"stats", b"trace"):
            for _ in range(20):
                with connect(tmp_path) as peer:
                    peer.sendall(b'{"command": "%s"%s}\n' % (command, b', "name": "a.test"' if command == b"trace" else b""))
        assert ask_when_there_is_room(tmp_path)["ok"]


def test_flush_of_a_zone_takes_what_is_below_and_leaves_the_rest(tmp_path, lab):
    with start(tmp_path, lab, 2):
        for name in ("www.example.com", "www.example.org"):
            lab.run(["dig", "@127.0.0.1", "-p", "5300", "+tries=1", "+timeout=9", name])
        held = b'{"command": "lookup", "name": "www.example.%s"}'
        assert ask(tmp_path, b'{"command": "flush", "zone": "com"}')["removed"] > 2
        assert ask(tmp_path, held % b"com")["entries"] == []
        assert len(ask(tmp_path, held % b"org")["entries"]) > 0
        assert ask(tmp_path, b'{"command": "flush", "name": "www.example.org"}')["removed"] > 0
        assert ask(tmp_path, held % b"org")["entries"] == []


@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_the_mode_is_as_configured(tmp_path, where, mode):
    text = CONFIG.format(threads=1, path=tmp_path / "control") + f"  mode: '{mode}'\n"
    with Daemon(tmp_path, text, where):
        assert stat.S_IMODE(os.stat(tmp_path / "control").st_mode) == int(mode, 8)


def test_the_socket_is_its_users_alone_and_goes_with_the_server(tmp_path, where):
    with start(tmp_path, where):
        assert stat.S_IMODE(os.stat(tmp_path / "control").st_mode) == 0o600
    assert not (tmp_path / "control").exists()


def test_a_socket_left_behind_is_replaced(tmp_path, where):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control"))
    with start(tmp_path, where):
        assert ask(tmp_path, b'{"command": "status"}')["ok"]


@pytest.mark.parametrize("kind", ["live socket", "file"])
def test_what_is_not_left_behind_is_not_replaced(tmp_path, where, kind):
    with socket.socket(socket.AF_UNIX) as other:
        if kind == "file":
            (tmp_path / "control").write_text("precious")
        else:
            other.bind(str(tmp_path / "control"))
            other.listen()
        (tmp_path / "c.yaml").write_text(CONFIG.format(threads=1, path=tmp_path / "control"))
        done = where.run([binary(), "-c", tmp_path / "c.yaml"])
        assert done.returncode == 1 and "control.socket: cannot open" in done.stderr
    assert (tmp_path / "control").exists()
