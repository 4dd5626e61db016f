#!/usr/bin/python3
"""The run of scripts/differential, inside its network namespace.

    run.py FOLDER SEED ZONES QUESTIONS [signed]

Makes the world in FOLDER, starts what serves it and the four resolvers, asks, and has report.py compare. Exit code 0
when what is unexplained is within its bound and nothing is wrong.
"""

import pathlib
import random
import signal
import sys
import time

import compare
import rules
import signed_rules
from ask import ask
from compare import Case, differs, outcome
from processes import OURS, PEERS, RESOLVERS, Authorities, Resolver
from proof import Proof
from questions import Questions
from report import Report
from signed_world import SignedWorld
from truth import Truth
from world import World

AGAIN = 0.2  # the share asked twice
WINDOW, PATIENCE_S = 40, 15
ALONE_WINDOW, ALONE_PAUSE_S, ALONE_ROUNDS = 8, 6, 3
ADDRESS = {name: RESOLVERS[name][0] for name in (OURS, *PEERS)}


class Run:
    def __init__(self, folder, seed, zones, questions, signed):
        self.folder, self.started = pathlib.Path(folder), time.monotonic()
        self.signed, self.rules = signed, signed_rules.RULES if signed else rules.RULES
        self.world = (SignedWorld if signed else World)(seed, zones)
        self.world.write(self.folder)
        self.truth = (Proof if signed else Truth)(self.world)
        self.questions = Questions(seed, self.world, signed).draw(questions)
        self.rng = random.Random(f"again {seed}")
        self.transient = []  # cases of failures that did not come again
        self.say(f"{len(self.world.zones)} zones, {sum(len(z.records) for z in self.world.zones.values())} records, "
                 f"{questions} questions, seed {seed}")
        if signed:
            self.say(self.world.summary())

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def with_processes(self, work):
        authorities, resolvers = None, []
        try:
            authorities = Authorities(self.world, self.folder)
            self.say(f"{len(authorities.processes)} authorities serve")
            for name in ADDRESS:
                resolvers.append(Resolver(name, self.folder, self.world.anchor))
            for resolver in resolvers:
                resolver.await_start()
            work()
            for resolver in resolvers:
                if not resolver.process.alive():
                    sys.exit(f"differential: {resolver.name} has ended: see {resolver.process.log}")
        finally:
            for resolver in resolvers:
                resolver.stop()
            self.ended_well = bool(resolvers) and resolvers[0].process.child.returncode == 0
            if authorities:
                authorities.stop()

    def ask(self, numbers, window=WINDOW):
        """number -> {resolver: reply}."""
        answers = ask(list(ADDRESS.values()), [self.questions[n] for n in numbers], window, PATIENCE_S)
        return {n: {who: answers[address][i] for who, address in ADDRESS.items()} for i, n in enumerate(numbers)}

    # ---- Asking --------------------------------------------------------------------------------------------------

    def ask_all(self):
        everything = range(len(self.questions))
        self.first = self.ask(everything)
        self.say("all asked")
        self.outcomes = {n: self.outcomes_of(n, replies) for n, replies in self.first.items()}
        again = sorted(self.rng.sample(everything, int(len(everything) * AGAIN)))
        self.second = {n: self.outcomes_of(n, replies) for n, replies in self.ask(again).items()}
        self.say(f"{len(again)} asked twice")
        suspects = {n: self.outcomes[n] for n in everything if self.suspect(n, self.outcomes[n])}
        suspects.update({n: self.second[n] for n in again if self.suspect(n, self.second[n])})
        self.say(f"{len(suspects)} differ at first")
        self.ask_alone(suspects)

    def outcomes_of(self, number, replies):
        return {who: outcome(reply, self.questions[number]) for who, reply in replies.items()}

    def suspect(self, number, outcomes):
        return differs(outcomes) or self.fails_what_is_good(number, outcomes)

    def fails_what_is_good(self, number, outcomes):
        """In the signed world every zone can be reached, so that a failure of ours is a wrong judgement."""
        truth = self.signed and outcomes[OURS] == compare.SERVFAIL and self.truth.answer(self.questions[number])
        return bool(truth) and truth != compare.SERVFAIL

    def ask_alone(self, suspects):
        """A failure of ours or theirs that does not come again was one of time or load, not of judgement."""
        open_ones = dict(suspects)
        for _ in range(ALONE_ROUNDS):
            doubtful = [n for n, o in open_ones.items() if self.is_doubtful(n, o)]
            if not doubtful:
                break
            time.sleep(ALONE_PAUSE_S)
            for n, replies in self.ask(doubtful, ALONE_WINDOW).items():
                now = self.outcomes_of(n, replies)
                if self.suspect(n, now):
                    open_ones[n] = now
                else:
                    self.transient.append(self.case(n, open_ones.pop(n)))
            self.say(f"{len(doubtful)} failures asked again alone, {len(open_ones)} differences left")
        self.cases = [self.case(n, o) for n, o in sorted(open_ones.items())]

    def case(self, number, outcomes):
        question = self.questions[number]
        return Case(self.world, question, outcomes, self.truth.answer(question))

    def is_doubtful(self, number, outcomes):
        """A failure. In the signed world, where nothing is lost, only one that no rule explains."""
        explained = self.signed and rules.explain(self.rules, self.case(number, outcomes))
        return compare.SERVFAIL in (outcomes[OURS], compare.majority(outcomes)) and not explained


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that our children end with us
    folder, seed, zones, questions = sys.argv[1], *map(int, sys.argv[2:5])
    run = Run(folder, seed, zones, questions, sys.argv[5:] == ["signed"])
    run.with_processes(run.ask_all)
    return 0 if Report(run).all_is_well() else 1


if __name__ == "__main__":
    sys.exit(main())
