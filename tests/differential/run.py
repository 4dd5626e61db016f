#!/usr/bin/python3
"""The run of scripts/differential, inside its network namespace.

    run.py FOLDER SEED ZONES QUESTIONS

Makes the world in FOLDER, starts what serves it and the four resolvers, asks, compares, prints the counts, and leaves
differences.txt in the folder. Exit code 0 when what is unexplained is within its bound.
"""

import collections
import pathlib
import random
import signal
import sys
import time

import compare
import rules
from ask import ask
from compare import Case, differs, outcome
from processes import OURS, PEERS, RESOLVERS, Authorities, Resolver
from questions import Questions
from truth import Truth
from world import World

UNEXPLAINED_MAX = 0.0005
RULE_WITHOUT_SCENARIO_MAX = 0.001
AGAIN = 0.2  # the share asked twice
WINDOW, PATIENCE_S = 40, 15
ALONE_WINDOW, ALONE_PAUSE_S, ALONE_ROUNDS = 8, 6, 3
SCENARIOS = pathlib.Path(__file__).resolve().parents[1] / "scenarios"
ADDRESS = {name: RESOLVERS[name][0] for name in (OURS, *PEERS)}


class Run:
    def __init__(self, folder, seed, zones, questions):
        self.folder, self.started = pathlib.Path(folder), time.monotonic()
        self.world = World(seed, zones)
        self.world.write(self.folder)
        self.truth = Truth(self.world)
        self.questions = Questions(seed, self.world).draw(questions)
        self.rng = random.Random(f"again {seed}")
        self.transient = []  # cases of failures that did not come again
        self.say(f"{len(self.world.zones)} zones, {sum(len(z.records) for z in self.world.zones.values())} records, "
                 f"{questions} questions, seed {seed}")

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def with_processes(self, work):
        authorities, resolvers = None, []
        try:
            authorities = Authorities(self.world, self.folder)
            self.say(f"{len(authorities.processes)} authorities serve")
            resolvers = [Resolver(name, self.folder) for name in ADDRESS]
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
        self.outcomes = {n: {who: outcome(r) for who, r in replies.items()} for n, replies in self.first.items()}
        again = sorted(self.rng.sample(everything, int(len(everything) * AGAIN)))
        self.second = {n: {who: outcome(r) for who, r in replies.items()} for n, replies in self.ask(again).items()}
        self.say(f"{len(again)} asked twice")
        suspects = {n: self.outcomes[n] for n in everything if differs(self.outcomes[n])}
        suspects.update({n: self.second[n] for n in again if differs(self.second[n])})
        self.say(f"{len(suspects)} differ at first")
        self.ask_alone(suspects)

    def ask_alone(self, suspects):
        """A failure of ours or theirs that does not come again was one of time or load, not of judgement."""
        open_ones = dict(suspects)
        for _ in range(ALONE_ROUNDS):
            doubtful = [n for n, o in open_ones.items() if self.has_failure(o)]
            if not doubtful:
                break
            time.sleep(ALONE_PAUSE_S)
            for n, replies in self.ask(doubtful, ALONE_WINDOW).items():
                now = {who: outcome(r) for who, r in replies.items()}
                if differs(now):
                    open_ones[n] = now
                else:
                    self.transient.append(self.case(n, open_ones.pop(n)))
            self.say(f"{len(doubtful)} failures asked again alone, {len(open_ones)} differences left")
        self.cases = [self.case(n, o) for n, o in sorted(open_ones.items())]

    def case(self, number, outcomes):
        question = self.questions[number]
        return Case(self.world, question, outcomes, self.truth.answer(*question))

    @staticmethod
    def has_failure(outcomes):
        return compare.SERVFAIL in (outcomes[OURS], compare.majority(outcomes))

    # ---- Reporting -----------------------------------------------------------------------------------------------

    def changed_in_cache(self):
        """Who said otherwise the second time, failures apart."""
        changed = collections.Counter()
        for n, outcomes in self.second.items():
            for who, second in outcomes.items():
                first = self.outcomes[n][who]
                if not compare.same(first, second) and compare.SERVFAIL not in (first, second):
                    changed[who] += 1
                    if who == OURS:
                        self.changed_text.append(self.case(n, self.outcomes[n]).text())
        return changed

    def contradictions(self):
        """Who said otherwise than the zones hold, failures apart."""
        counts, self.wrong_text, self.decided = collections.Counter(), [], 0
        for n, outcomes in self.outcomes.items():
            truth = self.truth.answer(*self.questions[n])
            self.decided += truth is not None
            for who, said in outcomes.items():
                if truth and said != compare.SERVFAIL and not compare.same(said, truth):
                    counts[who] += 1
                    if who == OURS:
                        self.wrong_text.append(self.case(n, outcomes).text())
        return counts

    def negatives_without_soa(self):
        counts = collections.Counter()
        for n, outcomes in self.outcomes.items():
            for who, (rcode, records, _) in outcomes.items():
                if rcode in (0, 3) and not records and not compare.has_soa(self.first[n][who]):
                    counts[who] += 1
        return counts

    def report(self):
        total = len(self.questions)
        explained, unexplained = collections.Counter(), []
        details = []
        for case in self.cases:
            rule = rules.explain(case)
            if rule:
                explained[rule.name] += 1
                details.append(f"[{rule.name}] {case.text()}")
            else:
                unexplained.append(case)
        self.changed_text = []
        changed, wrong = self.changed_in_cache(), self.contradictions()
        with open(self.folder / "differences.txt", "w", encoding="utf-8") as file:
            parts = {"unexplained": [c.text() for c in unexplained], "changed in our cache": self.changed_text,
                     "not what the zones hold": self.wrong_text, "explained": details,
                     "failures that did not come again": [case.text() for case in self.transient]}
            for title, texts in parts.items():
                file.write("\n".join([f"# {title}", *texts]) + "\n")
        print(f"\ndifferent from at least two agreeing peers   {len(self.cases):6}  {len(self.cases) / total:8.3%}")
        fine = self.report_rules(explained, total)
        gone = len(self.transient)
        ours = sum(compare.SERVFAIL == case.ours for case in self.transient)
        print(f"failures that did not come again             {gone:6}  {gone / total:8.3%}  of which ours {ours}")
        self.report_each("answers changed when asked twice", changed)
        self.report_each(f"not what the zones hold, of {self.decided}", wrong)
        self.report_each("denials without SOA", self.negatives_without_soa())
        print(f"unexplained                                  {len(unexplained):6}  {len(unexplained) / total:8.3%}"
              f"  (bound {UNEXPLAINED_MAX:.3%})")
        for case in unexplained[:20]:
            print(case.text())
        if not self.ended_well:
            print(f"{OURS} ended with an error: see {OURS}.out")
        return fine and self.ended_well and not self.changed_text and not self.wrong_text and len(unexplained) <= UNEXPLAINED_MAX * total

    @staticmethod
    def report_rules(explained, total):
        fine = True
        for rule in rules.RULES:
            count = explained[rule.name]
            note = rule.scenario
            if note and not (SCENARIOS / f"{note}.rpl").exists():
                fine, note = False, f"THERE IS NO SCENARIO {note}"
            if count > RULE_WITHOUT_SCENARIO_MAX * total and not rule.scenario:
                fine, note = False, "NEEDS A SCENARIO"
            print(f"  {rule.name:42} {count:6}  {count / total:8.3%}  {rule.section:24} {note}")
        return fine

    @staticmethod
    def report_each(what, counts):
        print(f"{what:40}" + "".join(f"  {who} {counts[who]}" for who in ADDRESS))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that our children end with us
    folder, seed, zones, questions = sys.argv[1], *map(int, sys.argv[2:5])
    run = Run(folder, seed, zones, questions)
    run.with_processes(run.ask_all)
    return 0 if run.report() else 1


if __name__ == "__main__":
    sys.exit(main())
