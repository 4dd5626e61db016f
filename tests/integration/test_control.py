"""The control socket: what it answers, whom it lets in, what becomes of its file."""

import json
import os
import socket
import stat

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
    peer.settimeout(10)
    peer.connect(str(folder / "control"))
    return peer


def ask(folder, line):
    with connect(folder) as peer:
        peer.sendall(line + b"\n")
        with peer.makefile("rb") as replies:
            return json.loads(replies.readline())


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
