"""Differences that are explained: a predicate over a case, and the section that decides. RULES is the unsigned world's.

A rule that covers more than 0.1 % of the questions names the scenario that shows what we do.
"""

import dataclasses
from typing import Callable

import wire
from compare import same
from processes import PEERS

SET_RECORDS_MAX, SET_OCTETS_MAX = 200, 16384  # dns/message.c
ALIASES_MAX = 11  # resolver/limits.def


@dataclasses.dataclass
class Rule:
    name: str
    section: str
    why: str
    holds: Callable
    scenario: str = ""


def failed(outcome):
    return outcome.rcode == 2


def sound(case):
    """Do the zones hold what we say, or does a peer say it too, or do we say nothing?"""
    held = case.truth is not None and same(case.ours, case.truth)
    return failed(case.ours) or held or any(same(case.outcomes[peer], case.ours) for peer in PEERS)


def stood_by(case):
    return sound(case) and not failed(case.ours)


def odd(case, *behaviours):
    return any(b in case.shapes() for b in behaviours)


def set_too_large(case):
    sizes = {}
    for outcome in case.outcomes.values():
        for owner, kind, rdata in outcome.records if outcome.rcode == 0 else ():
            sizes.setdefault((owner, kind), {})[rdata] = len(rdata) + 2
    return failed(case.ours) and any(len(s) > SET_RECORDS_MAX or sum(s.values()) > SET_OCTETS_MAX
                                     for s in sizes.values())


def without_records(outcome):
    """No error and nothing but aliases."""
    return outcome.rcode == 0 and all(kind in (wire.CNAME, wire.DNAME) for _, kind, _ in outcome.records)


def referral_taken_for_denial(case):
    lame = odd(case, "to_itself", "glue_wrong", "glue_wrong_of_one", "glue_wrong_of_sisters", "child_names_lame",
               "lame", "lame_one", "parent_names_lame_too", "circle")
    return lame and without_records(case.most) and case.most != case.truth and sound(case)


RULES = [
    Rule("ANY gets one set", "RFC 8482 4.1", "Any one RRset will do; others send all they have.",
         lambda c: c.type == "ANY" and not failed(c.ours), "front/any_over_udp_gets_one_rrset"),
    Rule("a set over the limit is refused", "RFC 1035 7.1",
         "No set over 200 records or 16 KiB is taken: the work for one question is bounded (limits L14).",
         set_too_large, "budget/a_set_over_the_limit_is_servfail"),
    Rule("a chain over the limit fails", "RFC 1034 5.2.2, 5.3.3",
         "Eleven aliases are followed (limits L7); named ends there too, unbound and knot later.",
         lambda c: failed(c.ours) and c.longest_chain() + odd(c, "server_name_is_alias") > ALIASES_MAX,
         "budget/twelve_aliases_are_too_many"),
    Rule("records nobody asked for are ignored", "RFC 2181 5.4.1",
         "Foreign records beside an answer are dropped; knot and named refuse the whole message.",
         lambda c: odd(c, "foreign_authority") and failed(c.most) and stood_by(c),
         "scrub/delegation_of_a_zone_above_is_dropped"),
    Rule("an empty answer without AA denies nothing", "RFC 2308 2.2",
         "Neither AA nor a record: the server may not have the zone. unbound and named take it for no data.",
         lambda c: odd(c, "empty") and c.most.rcode == 0 and sound(c), "lame/empty_answers_of_all_servers_are_servfail"),
    Rule("a referral denies nothing", "RFC 2308 2.2",
         "A referral to the zone itself is lame; unbound and knot take it for no data.", referral_taken_for_denial,
         "lame/referral_to_the_same_zone_is_not_followed"),
    Rule("the parent's servers are asked first", "RFC 1034 4.2.2, 5.3.3",
         "The child names servers that refuse, the parent names good ones. knot and named follow the child and fail.",
         lambda c: odd(c, "child_names_lame") and failed(c.most) and stood_by(c),
         "referral/servers_the_zone_itself_names_are_not_asked_while_the_parents_answer"),
    Rule("an answer counts without its server's name", "RFC 1034 4.3.2",
         "The servers' names do not exist, but the parent's server has the zone too and answers with authority.",
         lambda c: odd(c, "server_name_missing") and failed(c.most) and stood_by(c),
         "referral/one_server_for_parent_and_child"),
    Rule("a zone's word on its own alias counts", "RFC 2308 2.2.1",
         "Alias and denial of its target in one message; the peers ask for the target again, and that question fails.",
         lambda c: (odd(c, "only_address", "refuses_probes", "apex_alias") and c.chains_agree()
                    and c.ours.rcode in (0, 3)),
         "alias/to_a_name_without_the_type_is_nodata"),
    Rule("an rcode tells nothing of a name elsewhere", "RFC 6604 3",
         "NXDOMAIN beside an alias out of the zone; who asked for the alias has it. unbound and knot pass the rcode on.",
         lambda c: odd(c, "denies_foreign_target") and c.ours.rcode == 0 and c.chains_agree(),
         "alias/rcode_about_a_target_elsewhere_is_not_believed"),
    Rule("records of another type are none", "RFC 2308 2.2",
         "An answer with authority that holds another type only is no data; unbound and named fail.",
         lambda c: odd(c, "other_type") and failed(c.most) and stood_by(c), "scrub/answer_of_another_type_is_dropped"),
    Rule("a DNAME that was asked for below it", "RFC 6672 3.1",
         "We go on to the name that it stands for, as unbound does; knot and named stop at the DNAME.",
         lambda c: odd(c, "dname_alone") and c.type == "DNAME" and sound(c),
         "dname/question_for_dname_below_one_is_redirected"),
    Rule("an alias made of a DNAME is kept without it", "RFC 6672 3.4",
         "A DNAME that is not validated serves the name that it came for; from the cache its CNAME comes alone.",
         lambda c: same(c.ours, c.most), "dname/unsigned_serves_the_name_it_came_for_only"),
    Rule("beside an alias stands nothing", "RFC 2181 10.1",
         "Only the alias is taken; unbound and knot hand out the data beside it.",
         lambda c: odd(c, "data_beside_alias") and not failed(c.ours), "alias/beside_other_data_wins"),
    Rule("a delegation without a way in fails", "RFC 1034 4.2.2, 5.3.3",
         "No glue, all of it wrong, or names that do not exist. A peer gets in where one of the parent's servers "
         "happens to have the zone too, and is asked.",
         lambda c: odd(c, "glue_missing", "glue_wrong", "server_name_missing", "circle") and failed(c.ours),
         "glue/in_zone_server_without_glue_fails_at_once"),
    Rule("the zone's NS set without SOA denies", "RFC 2308 2.2",
         "No records, AA, and the zone's own NS set: no data of old servers. knot and named fail.",
         lambda c: odd(c, "own_ns_beside_denial") and failed(c.most) and stood_by(c),
         "negative/own_ns_set_without_soa_is_nodata"),
    Rule("an alias at the apex answers for NS", "RFC 1034 3.6.2",
         "Once it is known it answers for every type, as in unbound; NS beside it is against the standard.",
         lambda c: odd(c, "apex_alias") and c.type in ("NS", "SOA") and sound(c),
         "alias/at_the_apex_answers_for_every_type"),
    Rule("what the zones hold", "RFC 1034 4.3.2", "Our answer is the zone data's; the peers' is not.",
         lambda c: c.ours == c.truth),
]


def explain(rules, case):
    """The first rule that holds, or None."""
    return next((rule for rule in rules if rule.holds(case)), None)
