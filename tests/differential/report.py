"""What came of a run: counts by rule, what is wrong, and differences.txt in its folder."""

import collections
import pathlib

import compare
import rules
import wire
from processes import OURS, PEERS

UNEXPLAINED_MAX = 0.0005
RULE_WITHOUT_SCENARIO_MAX = 0.001
SCENARIOS = pathlib.Path(__file__).resolve().parents[1] / "scenarios"
# What is said against the zones.
BOGUS_TAKEN, AD_UNPROVEN, AD_MISSING, OTHER_DATA = (
    "bogus data answered", "AD on what is not proven", "no AD on what is proven", "not what the zones hold")


def wrong(said, truth):
    """Which of these it is, or None. A failure of what is good is a difference, not here."""
    if truth is None or said == compare.SERVFAIL or compare.same(said, truth):
        return None
    if truth == compare.SERVFAIL:
        return BOGUS_TAKEN
    if compare.same(said._replace(ad=truth.ad), truth):
        return AD_UNPROVEN if said.ad else AD_MISSING
    return OTHER_DATA


class Report:
    def __init__(self, run):
        self.run, self.total = run, len(run.questions)
        self.explained, self.unexplained, self.explained_text = collections.Counter(), [], []
        for case in run.cases:
            rule = rules.explain(run.rules, case)
            if rule:
                self.explained[rule.name] += 1
                self.explained_text.append(f"[{rule.name}] {case.text()}")
            else:
                self.unexplained.append(case)
        self.look_at_caches()
        self.look_at_zones()

    # ---- What is wrong by itself ---------------------------------------------------------------------------------

    def look_at_caches(self):
        """Who said otherwise the second time, failures apart."""
        self.changed, self.changed_text = collections.Counter(), []
        for n, outcomes in self.run.second.items():
            for who, second in outcomes.items():
                first = self.run.outcomes[n][who]
                if not compare.same(first, second) and compare.SERVFAIL not in (first, second):
                    self.changed[who] += 1
                    if who == OURS:
                        self.changed_text.append(self.run.case(n, self.run.outcomes[n]).text())

    def look_at_zones(self):
        """Who said otherwise than the zones hold, failures apart."""
        self.wrong, self.wrong_text, self.decided = collections.defaultdict(collections.Counter), [], 0
        self.others_text = []
        for n, outcomes in self.run.outcomes.items():
            truth = self.run.truth.answer(self.run.questions[n])
            self.decided += truth is not None
            for who, said in outcomes.items():
                what = wrong(said, truth)
                if what:
                    self.wrong[what][who] += 1
                    texts = self.wrong_text if who == OURS else self.others_text
                    texts.append(f"[{what}: {who}] {self.run.case(n, outcomes).text()}")

    def silent(self):
        """(who, question) without any answer."""
        return [(who, self.run.questions[n]) for n, replies in self.run.first.items()
                for who, reply in replies.items() if reply is None]

    def counts_of_replies(self, holds):
        """By resolver, to how many of the questions the answer is such."""
        counts = collections.Counter()
        for n, replies in self.run.first.items():
            for who, reply in replies.items():
                answer = compare.read(reply)
                counts[who] += bool(answer and holds(self.run.questions[n], answer))
        return counts

    @staticmethod
    def ad_beside_cd(question, answer):
        return question.flags & wire.FLAG_CD and answer.ad

    @staticmethod
    def denial_without_soa(_, answer):
        return answer.rcode in (0, 3) and not answer.records and answer.soa is None

    # ---- What is told --------------------------------------------------------------------------------------------

    def write(self):
        parts = {"unexplained": [c.text() for c in self.unexplained], "changed in our cache": self.changed_text,
                 "not what the zones hold": self.wrong_text, "explained": self.explained_text,
                 "failures that did not come again": [case.text() for case in self.run.transient],
                 "not what the zones hold, say others": self.others_text,
                 "no answer at all": [f"{who} {question.text()}" for who, question in self.silent()]}
        with open(self.run.folder / "differences.txt", "w", encoding="utf-8") as file:
            for title, texts in parts.items():
                file.write("\n".join([f"# {title}", *texts]) + "\n")

    def print_rules(self):
        fine = True
        for rule in self.run.rules:
            count, note = self.explained[rule.name], rule.scenario
            if note and not (SCENARIOS / f"{note}.rpl").exists():
                fine, note = False, f"THERE IS NO SCENARIO {note}"
            if count > RULE_WITHOUT_SCENARIO_MAX * self.total and not rule.scenario:
                fine, note = False, "NEEDS A SCENARIO"
            print(f"  {rule.name:42} {count:6}  {count / self.total:8.3%}  {rule.section:24} {note}")
        return fine

    @staticmethod
    def print_each(what, counts):
        print(f"{what:40}" + "".join(f"  {who} {counts[who]}" for who in (OURS, *PEERS)))

    def all_is_well(self):
        """Prints everything."""
        self.write()
        count, total = len(self.run.cases), self.total
        what = "different from two peers that agree" + (", or failed" if self.run.signed else "")
        print(f"\n{what:44} {count:6}  {count / total:8.3%}")
        fine = self.print_rules()
        gone = len(self.run.transient)
        ours = sum(compare.SERVFAIL == case.ours for case in self.run.transient)
        print(f"failures that did not come again             {gone:6}  {gone / total:8.3%}  of which ours {ours}")
        self.print_each("no answer at all", collections.Counter(who for who, _ in self.silent()))
        self.print_each("answers changed when asked twice", self.changed)
        print(f"of {self.decided} questions that the zones decide")
        for kind in (BOGUS_TAKEN, AD_UNPROVEN, AD_MISSING, OTHER_DATA) if self.run.signed else (OTHER_DATA,):
            self.print_each(f"  {kind}", self.wrong[kind])
        self.print_each("denials without SOA", self.counts_of_replies(self.denial_without_soa))
        beside_cd = self.counts_of_replies(self.ad_beside_cd)
        if self.run.signed:
            self.print_each("AD although CD was set", beside_cd)
        count = len(self.unexplained)
        print(f"{'unexplained':44} {count:6}  {count / total:8.3%}  (bound {UNEXPLAINED_MAX:.3%})")
        for case in self.unexplained[:20]:
            print(case.text())
        if not self.run.ended_well:
            print(f"{OURS} ended with an error: see {OURS}.out")
        return (fine and self.run.ended_well and not self.changed_text and not self.wrong_text and not beside_cd[OURS]
                and count <= UNEXPLAINED_MAX * total)
