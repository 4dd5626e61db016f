"""Starts nuthatchd for tests, always inside a network namespace without a way out.

    with Namespace() as ns:                      # only lo, and it is up
        with Daemon(tmp_path, CONFIG, ns) as d:  # returns when the daemon said READY=1
            ns.run(["dig", "@127.0.0.1", "-p", "5300", "localhost"])
            d.reload()

`Daemon` takes anything with a `prefix` (a list of words put in front of a command), so a lab of other making
serves as well: Daemon(folder, config, Prefix(["ip", "netns", "exec", "lab"])).
"""

import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary():
    """The nuthatchd under test."""
    return os.environ.get("NUTHATCHD", str(ROOT / "build" / "release" / "ops" / "nuthatchd"))


class Prefix:
    """Words to be put in front of a command to run it somewhere."""

    def __init__(self, words):
        self.prefix = list(words)

    def run(self, command, **options):
        """Runs a command there to its end; returns the CompletedProcess with its text."""
        options.setdefault("timeout", 30)
        return subprocess.run(
            self.prefix + [str(w) for w in command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, check=False, **options)

    def popen(self, command, **options):
        return subprocess.Popen(self.prefix + [str(w) for w in command], **options)


class Namespace(Prefix):
    """A network namespace of its own with nothing in it but lo. Needs root or unprivileged user namespaces."""

    def __init__(self):
        super().__init__([])
        self.holder = None

    def __enter__(self):
        user = [] if os.geteuid() == 0 else ["-U", "-r"]
        # The holder says "up" when lo is up, then waits for the end of its input: it cannot outlive us.
        self.holder = subprocess.Popen(
            ["unshare", *user, "-n", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "up\n":
            self.close()
            raise RuntimeError("no network namespace: run as root or allow unprivileged user namespaces")
        enter_user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self.prefix = ["nsenter", "-t", str(self.holder.pid), *enter_user, "-n"]
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self.holder:
            self.holder.stdin.close()
            self.holder.wait(timeout=10)
            self.holder.stdout.close()
            self.holder = None


class Daemon:
    """One nuthatchd. `config` is the text of its file; None: none is given."""

    def __init__(self, folder, config, where, extra=(), notify=True):
        self.folder = pathlib.Path(folder)
        self.where = where
        self.extra = list(extra)
        self.notify = notify
        self.process = None
        self.inbox = None
        self.file = self.folder / "nuthatch.yaml"
        self.log_file = self.folder / "nuthatchd.log"
        self.notify_file = self.folder / "notify"
        self.notified = []
        self.given = config is not None
        if self.given:
            self.configure(config)

    def configure(self, text):
        """Writes the configuration; a running daemon sees it at reload(). In the lab its trust anchor is ours."""
        anchor = os.environ.get("NUTHATCH_LAB_ANCHOR")
        if anchor and "dnssec:" not in text:
            text += f"\ndnssec:\n  trust-anchors: {anchor}\n"
        self.file.write_text(text)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.close()

    def spawn(self):
        """Starts the process without waiting for it."""
        environment = dict(os.environ)
        environment.pop("NOTIFY_SOCKET", None)
        if self.notify:
            self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notify_file.unlink(missing_ok=True)
            self.inbox.bind(str(self.notify_file))
            environment["NOTIFY_SOCKET"] = str(self.notify_file)
        command = [binary(), *(["-c", str(self.file)] if self.given else []), *self.extra]
        with open(self.log_file, "w") as log:
            self.process = self.where.popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self, timeout=15):
        """Starts the daemon and waits until it serves."""
        self.spawn()
        try:
            if self.notify:
                self.wait_notified("READY=1", timeout)
            else:
                self.wait_log("started", timeout)
        except Exception:
            self.close()
            raise

    def wait_notified(self, word, timeout=15):
        """Waits for a line of the sd_notify protocol."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if any(word in message.split("\n") for message in self.notified):
                self.notified.clear()
                return
            self.inbox.settimeout(0.1)
            try:
                self.notified.append(self.inbox.recv(4096).decode())
            except TimeoutError:
                self.must_run()
        raise TimeoutError(f"no {word} within {timeout} s; its log:\n{self.log()}")

    def must_run(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"nuthatchd ended with {self.process.returncode}; its log:\n{self.log()}")

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def wait_log(self, text, timeout=10, count=1):
        """Waits until `text` stands `count` times in the log; returns the log."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            log = self.log()
            if log.count(text) >= count:
                return log
            self.must_run()
            time.sleep(0.02)
        raise TimeoutError(f"no '{text}' within {timeout} s; its log:\n{self.log()}")

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, text=None):
        """Writes a new configuration if one is given and has it read again; returns when that is done."""
        if text is not None:
            self.configure(text)
        before = self.reloads()
        self.signal(signal.SIGHUP)
        end = time.monotonic() + 15
        while self.reloads() == before and time.monotonic() < end:
            self.must_run()
            time.sleep(0.02)
        if self.notify:
            self.wait_notified("READY=1")
        return self.log()

    def reloads(self):
        """How often a reload ended, well or not. Counts at log levels from notice on."""
        return self.log().count(" reloaded ") + self.log().count(" reload_failed ")

    def figures(self):
        """SIGUSR1's figures: a dict of counter name to number."""
        before = self.log().count(" figures_end ")
        self.signal(signal.SIGUSR1)
        log = self.wait_log(" figures_end ", count=before + 1)
        block = log.split(" figures_end ")[before]
        lines = [line for line in block.split("\n") if " figures " in line]
        words = (word.partition("=") for line in lines for word in line.split() if "=" in word)
        return {name: int(value) for name, _, value in words if value.isdigit()}

    def stop(self, timeout=15):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"no end within {timeout} s of SIGTERM; its log:\n{self.log()}") from None

    def close(self):
        """Ends the process whatever its state."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=10)
        if self.inbox:
            self.inbox.close()
            self.inbox = None
