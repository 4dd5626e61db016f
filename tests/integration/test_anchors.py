"""Trust anchors that follow their zones (RFC 5011): the state file, and what --check-anchor says."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from daemon import Daemon, binary

CONFIG = """server:
  listen: [127.0.0.1@5320]
  threads: {threads}
control:
  socket: {folder}/control
dnssec:
  trust-anchors: {anchor}
  anchor-state: {folder}/anchors
"""


def config(folder, threads=1):
    return CONFIG.format(threads=threads, folder=folder, anchor=os.environ["NUTHATCH_LAB_ANCHOR"])


def wait_for(what, seconds=25):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def flags(lab, name):
    done = lab.run(["dig", "@127.0.0.1", "-p", "5320", "+dnssec", "+tries=1", "+timeout=9", name])
    return done.stdout.split("flags: ")[1].split(";")[0]


def check(folder, text):
    (folder / "check.yaml").write_text(text)
    return subprocess.run([binary(), "-c", folder / "check.yaml", "--check-anchor"], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_state_is_made_followed_and_found_again(tmp_path, lab, threads):
    state = tmp_path / "anchors"
    with Daemon(tmp_path, config(tmp_path, threads), lab) as daemon:
        assert state.exists()  # from the first moment, so that what is wrong with it is said then
        daemon.wait_log("trust_anchor zone=. ")
        assert "state=VALID" in daemon.log()
        wait_for(lambda: "state=2 [ VALID ]" in state.read_text())
        assert " ad" in flags(lab, "www.example.com")
        assert daemon.stop() == 0
    text = state.read_text()
    assert not (tmp_path / "anchors.new").exists()
    said = check(tmp_path, config(tmp_path))
    assert said.returncode == 0 and "followed (RFC 5011)" in said.stdout and " VALID since " in said.stdout
    with Daemon(tmp_path, config(tmp_path, threads), lab) as daemon:
        assert " ad" in flags(lab, "www.example.org")
        assert "trust_anchor zone" not in daemon.log()  # nothing is new, and the next probe is not due
    assert [line for line in state.read_text().splitlines() if "DNSKEY" in line] == [line for line in text.splitlines() if "DNSKEY" in line]


def test_what_the_state_trusts_counts_and_not_the_configured_anchor(tmp_path, lab):
    with Daemon(tmp_path, config(tmp_path), lab):
        wait_for(lambda: "state=2 [ VALID ]" in (tmp_path / "anchors").read_text())
    state = tmp_path / "anchors"
    state.write_text(state.read_text().replace("state=2 [ VALID ]", "state=4 [ REVOKED ]"))
    said = check(tmp_path, config(tmp_path))
    assert said.returncode == 1 and "ALL its keys were revoked" in said.stdout and "Nothing is trusted" in said.stdout
    with Daemon(tmp_path, config(tmp_path), lab) as daemon:
        daemon.wait_log("trust_anchor_gone zone=. ")
        assert " ad" not in flags(lab, "www.example.com")


@pytest.mark.parametrize("text,says", [
    (". IN A 192.0.2.1\n", "line 1, column 1: only DNSKEY records stand here"), ("; \n. IN DNSKEY 257 3\n", "line 2, column 1: "),
    (";;id: a..b 1\n", "line 1, column 7: ")])
def test_a_broken_state_is_told_and_left_alone(tmp_path, lab, text, says):
    (tmp_path / "anchors").write_text(text)
    (tmp_path / "c.yaml").write_text(config(tmp_path))
    done = lab.run([binary(), "-c", tmp_path / "c.yaml"])
    assert done.returncode == 1 and "c.yaml:" in done.stderr and "dnssec.anchor-state: " in done.stderr and says in done.stderr
    assert (tmp_path / "anchors").read_text() == text


def test_a_folder_that_is_not_there_is_told_at_start(tmp_path, lab):
    (tmp_path / "c.yaml").write_text(config(tmp_path).replace(f"{tmp_path}/anchors", f"{tmp_path}/none/anchors"))
    done = lab.run([binary(), "-c", tmp_path / "c.yaml"])
    assert done.returncode == 1 and "cannot write" in done.stderr and "its folder must be there" in done.stderr


def test_what_cannot_be_written_any_more_is_told_and_the_server_goes_on(tmp_path, lab):
    folder = tmp_path / "state"
    folder.mkdir()
    text = config(tmp_path).replace(f"{tmp_path}/anchors", f"{folder}/anchors")
    with Daemon(tmp_path, text, lab) as daemon:
        folder.rename(tmp_path / "gone")
        daemon.wait_log("anchor_state_not_written", timeout=25)
        assert " ad" in flags(lab, "www.example.com")


def test_what_was_half_written_before_is_of_no_matter(tmp_path, lab):
    (tmp_path / "anchors.new").write_text("; half a li")
    with Daemon(tmp_path, config(tmp_path), lab) as daemon:
        daemon.wait_log("trust_anchor zone=. ")
        wait_for(lambda: not (tmp_path / "anchors.new").exists(), 5)  # it is there again while that line's state is written


def test_check_anchor_tells_of_the_built_in_keys_and_of_what_is_of_no_use(tmp_path):
    said = check(tmp_path, "{}\n")
    assert said.returncode == 0 and "key 20326, " in said.stdout and "key 38696, " in said.stdout
    (tmp_path / "odd").write_text("odd. IN DS 1 250 2 " + "00" * 32 + "\n")
    said = check(tmp_path, f"dnssec:\n  trust-anchors: {tmp_path}/odd\n")
    assert said.returncode == 1 and "NOT USED: " in said.stdout and "counts as unsigned" in said.stdout
    said = check(tmp_path, "dnssec:\n  validate: no\n")
    assert said.returncode == 1 and "Nothing is trusted" in said.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_state_is_the_servers_users(tmp_path, lab):
    """Before it became that user it could have written anywhere."""
    folder = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))  # which that user can reach
    try:
        text = config(folder).replace("server:\n", "server:\n  user: nobody\n")
        (folder / "c.yaml").write_text(text)
        folder.chmod(0o755)
        done = lab.run([binary(), "-c", folder / "c.yaml"])
        assert done.returncode == 1 and f"cannot write {folder}/anchors: Permission denied: " in done.stderr, done.stderr
        assert not (folder / "anchors").exists()
        shutil.chown(folder, "nobody")
        (folder / "anchors.new").write_text("; half a li")  # root's
        with Daemon(tmp_path, text, lab, notify=False) as daemon:
            daemon.wait_log("trust_anchor zone=. ")
            wait_for(lambda: "state=2 [ VALID ]" in (folder / "anchors").read_text())
            assert (folder / "anchors").owner() == "nobody" and not (folder / "anchors.new").exists()
            assert daemon.stop() == 0
    finally:
        shutil.rmtree(folder)


def test_an_empty_state_begins_with_the_configured_anchors(tmp_path, lab):
    (tmp_path / "anchors").touch()
    with Daemon(tmp_path, config(tmp_path), lab) as daemon:
        daemon.wait_log("trust_anchor zone=. ")
        assert " ad" in flags(lab, "www.example.com")


def test_check_anchor_says_who_trusts_and_what_hides_it(tmp_path):
    key = "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
    (tmp_path / "some").write_text(f"; ours\none. IN DNSKEY {key}\n\ntwo. IN DNSKEY ( {key}\n )\n")
    said = check(tmp_path, f"dnssec:\n  trust-anchors: {tmp_path}/some\n  negative-anchors: [two, three until 2025-01-01]\n")
    assert said.returncode == 0
    assert f"; from {tmp_path}/some:2\n" in said.stdout
    assert f"; from {tmp_path}/some\n    HIDDEN by the negative anchor" in said.stdout  # of several lines
    assert "three.  negative: nothing is validated there, ENDED on 2025-01-01" in said.stdout
    said = check(tmp_path, "dnssec:\n  negative-anchors: [.]\n")
    assert said.returncode == 1 and "; built in\n" in said.stdout and "Nothing is trusted" in said.stdout
