"""Asks many questions with many under way at once.

    answers = ask(addresses, questions, window, seconds)

Every question goes to each address; answers[address][n] is the reply's octets without the id, or None when nothing came
within the time. What was cut is asked again over TCP. One thread, one socket a resolver, bounded by the time of each.
`window` are under way of those asked a moment ago: the few that wait for dead servers hold nobody up.
"""

import collections
import select
import socket
import struct
import time

import wire

YOUNG_S = 0.3
WAITING_MAX = 1500


class Asker:
    """The questions of one list before one resolver."""

    def __init__(self, address, questions, window, seconds):
        self.address, self.questions = address, questions
        self.window, self.seconds = window, seconds
        self.answers = [None] * len(questions)
        self.next = 0
        self.waiting = {}  # id -> the question's number
        self.young = {}  # id -> when it counts as slow; the oldest first
        self.order = collections.deque()  # (deadline, id, number), the oldest first
        self.cut = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("10.53.0.100", 0))
        self.socket.connect((address, 53))
        self.socket.setblocking(False)

    def done(self):
        return self.next == len(self.questions) and not self.waiting

    def fill(self, now):
        while self.next < len(self.questions) and len(self.young) < self.window and len(self.waiting) < WAITING_MAX:
            ident = self.next & 0xFFFF
            if ident in self.waiting:
                return
            try:
                self.socket.send(wire.query(ident, self.questions[self.next]))
            except OSError:
                return
            self.waiting[ident] = self.next
            self.young[ident] = now + YOUNG_S
            self.order.append((now + self.seconds, ident, self.next))
            self.next += 1

    def take(self):
        for _ in range(64):
            try:
                message = self.socket.recv(65535)
            except OSError:
                return
            ident, flags = struct.unpack_from("!2H", message)
            if ident not in self.waiting:
                continue
            number = self.waiting.pop(ident)
            self.young.pop(ident, None)
            if flags & wire.FLAG_TC:
                self.cut.append(number)
            self.answers[number] = message[2:]

    def expire(self, now):
        while self.young and next(iter(self.young.values())) <= now:
            del self.young[next(iter(self.young))]
        while self.order and self.order[0][0] <= now:
            _, ident, number = self.order.popleft()
            if self.waiting.get(ident) == number:
                del self.waiting[ident]

    def ask_cut_ones(self):
        for number in self.cut:
            self.answers[number] = over_tcp(self.address, self.questions[number], self.seconds)
        self.socket.close()


def over_tcp(address, question, seconds):
    try:
        with socket.create_connection((address, 53), timeout=seconds) as s:
            message = wire.query(1, question)
            s.sendall(struct.pack("!H", len(message)) + message)
            with s.makefile("rb") as stream:
                size = struct.unpack("!H", stream.read(2))[0]
                return stream.read(size)[2:]
    except (OSError, struct.error):
        return None


def ask(addresses, questions, window, seconds):
    askers = [Asker(a, questions, window, seconds) for a in addresses]
    poll = select.poll()
    by_fd = {a.socket.fileno(): a for a in askers}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while not all(a.done() for a in askers):
        now = time.monotonic()
        for asker in askers:
            asker.fill(now)
        for fd, _ in poll.poll(100):
            by_fd[fd].take()
        now = time.monotonic()
        for asker in askers:
            asker.expire(now)
    for asker in askers:
        asker.ask_cut_ones()
    return {a.address: a.answers for a in askers}
