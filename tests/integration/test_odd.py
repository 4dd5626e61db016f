"""Servers of the lab that drop, lie or are late: what they hold is found all the same, or the reason is told."""

import time

import dns.edns
import dns.rcode
import pytest

from ask import ask

pytestmark = pytest.mark.usefixtures("nuthatch")

FORGED = "203.0.113.66"  # zones/lab/odd.py
NO_REACHABLE_AUTHORITY = 22

# First label of a name in liar.net, which says how its server lies before it tells the truth.
LIES = {"id": "93.184.216.112", "question": "93.184.216.113", "letters": "93.184.216.114", "port": "93.184.216.115",
        "address": "93.184.216.116", "twice": "93.184.216.117", "foreign": "93.184.216.118",
        # over UDP the lie is all there is
        "only-id": "93.184.216.119", "only-question": "93.184.216.120", "only-letters": "93.184.216.121"}


def addresses(answer):
    assert answer.rcode() == dns.rcode.NOERROR, answer
    return {record.address for rrset in answer.answer for record in rrset}


def ede(answer):
    return [int(o.code) for o in answer.options if o.otype == dns.edns.OptionType.EDE]


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_passed_over_and_the_truth_is_found(lie):
    for _ in ("resolved", "cached"):
        assert addresses(ask(f"{lie}.liar.net", "A")) == {LIES[lie]}


def test_records_of_others_poison_nothing():
    assert addresses(ask("foreign.liar.net", "A")) == {LIES["foreign"]}
    answer = ask("www.example.com", "A")
    assert FORGED not in addresses(answer) and answer.answer[0].ttl <= 3600
    assert addresses(ask("www.wildcard.com", "A")) == {"93.184.216.50"}  # com's servers are who they were


@pytest.mark.parametrize("lie", ["only-port", "only-address"])
def test_replies_from_elsewhere_only_are_no_replies(lie):
    answer = ask(f"{lie}.liar.net", "A")
    assert answer.rcode() == dns.rcode.SERVFAIL and ede(answer) == [NO_REACHABLE_AUTHORITY], answer


@pytest.mark.parametrize("ms", [100, 250, 800])
def test_a_late_answer_is_waited_for(ms):
    began = time.monotonic()
    assert addresses(ask(f"d{ms}.late.net", "A"))
    assert time.monotonic() - began >= ms / 1000


def test_a_server_deaf_to_edns_is_passed_over():
    assert addresses(ask("www.noedns.net", "A")) == {"93.184.216.131"}


def test_where_all_servers_are_deaf_to_edns_nobody_answers():
    """As agreed on DNS flag day 2019: silence is not met by leaving EDNS out."""
    answer = ask("www.allnoedns.net", "A")
    assert answer.rcode() == dns.rcode.SERVFAIL and ede(answer) == [NO_REACHABLE_AUTHORITY], answer


def test_an_answer_later_than_a_client_waits_is_none():
    answer = ask("d9000.late.net", "A")
    assert answer.rcode() == dns.rcode.SERVFAIL and ede(answer) == [NO_REACHABLE_AUTHORITY], answer
