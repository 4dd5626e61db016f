"""Differences in the signed world that are explained, as in rules.py. What the zones hold, proven, is proof.py's."""

import faults
import keys
import signing
from compare import same
from rules import ALIASES_MAX, Rule, failed, set_too_large

FAILED_CHECKS_MAX = 8  # resolver/limits.def
SETS_BESIDE_ALIASES = 4  # the keys, the SOA and two denials, or the records that were asked for


def plans(case):
    return [zone.signing for zone in case.zones() if zone.signing]


def as_held(case):
    return case.truth is not None and same(case.ours, case.truth)


def insecure_here(case):
    """We leave AD out, and the zones bear us out or leave it open."""
    alike = case.truth is None and same(case.ours._replace(ad=None), case.most)
    return not case.ours.ad and (as_held(case) or alike)


def signed_with_sha1(case):
    return insecure_here(case) and any(key.algorithm in keys.SHA1 for plan in plans(case) for key in plan.keys)


def many_iterations(case):
    return insecure_here(case) and any(signing.ITERATIONS_MAX < plan.iterations for plan in plans(case))


def chain_too_long(case):
    held = len(case.truth.chain) if case.truth else 0
    return failed(case.ours) and max(held, case.longest_chain()) > ALIASES_MAX


def has_fault(case, *names):
    return any(plan.fault.name in names for plan in plans(case))


def denied_cut(case):
    """Below a delegation that its own parent denies: what is proven depends on what was asked before."""
    return case.truth is None and has_fault(case, *faults.DENYING_CUTS)


def wrong_beside_good(case):
    """More sets with a wrong signature beside the good one than a query may try (L10)."""
    wrong = max((sum(key.signs_data for key in plan.keys) for plan in plans(case) if plan.beside), default=0)
    return failed(case.ours) and wrong * (case.longest_chain() + SETS_BESIDE_ALIASES) >= FAILED_CHECKS_MAX


RULES = [
    Rule("a chain over the limit fails", "RFC 1034 5.2.2, 5.3.3",
         "Eleven aliases are followed (limits L7); named ends there too, unbound and knot later.", chain_too_long,
         "budget/twelve_aliases_are_too_many"),
    Rule("RSA with SHA-1 proves nothing", "RFC 9905 4",
         "A zone that has no other algorithm is taken for unsigned; the peers of 2023 still check it.",
         signed_with_sha1,
         "dnssec-signature/algorithm_5_is_insecure"),
    Rule("many iterations prove nothing", "RFC 9276 3.2",
         "Denials of more than 50 iterations are insecure; unbound and named take up to 150.", many_iterations,
         "dnssec-nsec3/iterations_above_the_limit_are_insecure"),
    Rule("NSEC3 with unknown flags is none", "RFC 5155 8.2",
         "It is ignored, so that nothing is denied; knot and named use it.",
         lambda c: as_held(c) and has_fault(c, "flags unknown"), "dnssec-nsec3/unknown_flags_are_bogus"),
    Rule("a cut that the parent's denial does not show", "RFC 6840 4.4",
         "NSEC without NS, or with SOA, at a delegation: bogus for who comes by the referral, while from the cache it "
         "denies the names below.", denied_cut, "dnssec-delegation/nsec_without_ns_is_bogus"),
    Rule("a set over the limit is refused", "RFC 1035 7.1",
         "No set over 200 records or 16 KiB is taken: the work for one question is bounded (limits L14).",
         set_too_large, "budget/a_set_over_the_limit_is_servfail"),
    Rule("too many signatures do not verify", "RFC 4035 5.3.3",
         "A chain of aliases with a wrong signature beside each good one: eight checks of a query may fail (KeyTrap).",
         wrong_beside_good, "dnssec-signature/many_broken_is_bogus"),
    Rule("an alias made of a DNAME is kept without it", "RFC 6672 3.4",
         "A DNAME that is not proven serves the name that it came for; from the cache its CNAME comes alone.",
         lambda c: same(c.ours, c.most), "dname/unsigned_serves_the_name_it_came_for_only"),
    Rule("what the zones hold", "RFC 4035 5", "Our answer is what the zones hold and prove; the peers' is not.",
         as_held),
]
