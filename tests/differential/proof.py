"""What can be proven of a signed world: the answer that validation leaves of what the zones hold (RFC 4033 §5).

    outcome = Proof(world).answer(question)     a compare.Outcome: SERVFAIL where it must be bogus; its `ad` is None, or
                                                the whole is, where more than the data decides

With CD it is what the zones hold, proven or not.
"""

import faults
import signing
import wire
from compare import SERVFAIL
from truth import ANSWER, CUT, DELEGATION, NO_NAME, Step, Truth, WILDCARD, WILDCARD_NODATA

COVERED = (NO_NAME, WILDCARD, WILDCARD_NODATA, CUT)  # by a span that leaves unsigned delegations out (RFC 5155 §9.2)
SECURE, INSECURE, BOGUS, OPEN = "secure", "insecure", "bogus", "open"


class Proof(Truth):
    def __init__(self, world):
        super().__init__(world)
        self.states = {b"\0": SECURE}

    def answer(self, question):
        said, steps = self.walk(question.name, question.kind)
        judged = {self.judge(step) for step in steps}
        if said is None or OPEN in judged and BOGUS not in judged:
            return None
        if question.flags & wire.FLAG_CD:
            return said
        if BOGUS in judged:
            return SERVFAIL
        return said._replace(ad=judged == {SECURE})

    # ---- Zones ---------------------------------------------------------------------------------------------------

    def state(self, apex):
        """Of the whole zone, by the chain from the root."""
        if apex not in self.states:
            self.states[apex] = self.find_state(apex, wire.name_wire(self.zones[apex].parent).lower())
        return self.states[apex]

    def find_state(self, apex, parent):
        if self.state(parent) != SECURE:
            return self.state(parent)
        plan, above = self.zones[apex].signing, self.zones[parent].signing
        if not plan or not plan.delegated:
            step = Step(parent, DELEGATION, apex, wire.DS, self.encloser(parent, apex))
            spoils = above.fault.spoils(step, above)
            return INSECURE if spoils is False else BOGUS if spoils else OPEN
        if above.fault.spoils(Step(parent, ANSWER, apex, wire.DS, apex, apex, wire.DS), above):
            return BOGUS
        if not plan.checkable():
            return INSECURE
        return BOGUS if plan.fault.whole else SECURE

    def encloser(self, parent, name):
        """What the zone's hashes know of a name above an unsigned delegation: as it were not there."""
        nodes = self.nodes_of(parent)
        return next(above for above in wire.parents(name) if above != name and above in nodes)

    # ---- Steps ---------------------------------------------------------------------------------------------------

    def judge(self, step):
        state = self.state(step.apex)
        if state != SECURE:
            return state
        plan = self.zones[step.apex].signing
        if step.found == wire.NSEC and step.how == WILDCARD:
            return OPEN  # whether a wildcard has one to give
        spoils = plan.fault.spoils(step, plan)
        if plan.opt_out and step.how == WILDCARD and plan.fault is faults.STRIPPED_SETS:
            return OPEN  # without a signature it may as well be an unsigned delegation's
        if spoils is not False:
            return BOGUS if spoils else OPEN
        if step.how != ANSWER and plan.hashed and plan.iterations > signing.ITERATIONS_MAX:
            return INSECURE
        return INSECURE if plan.opt_out and step.how in COVERED else SECURE
