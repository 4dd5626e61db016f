"""A root server and a server of everything below it, for tests in a namespace of their own.

    authority.py ROOT SERVER [MORE…]    serves UDP on both addresses; says "up" when it does

The root refers each top-level domain to ns.DOMAIN, whose addresses are SERVER and MORE (which need not exist).
"""

import select
import socket
import sys

import dns.flags
import dns.message
import dns.rrset


def sets(name, addresses):
    for address in addresses:
        yield dns.rrset.from_text(name, 3600, "IN", "AAAA" if ":" in address else "A", address)


def refer(query, root, addresses):
    reply = dns.message.make_response(query)
    question = query.question[0]
    if not question.name.labels[:-1]:
        reply.flags |= dns.flags.AA
        reply.answer.append(dns.rrset.from_text(".", 3600, "IN", "NS", "a.root."))
        reply.additional.extend(sets("a.root.", [root]))
        return reply
    domain = question.name.split(2)[1].to_text()
    reply.authority.append(dns.rrset.from_text(domain, 3600, "IN", "NS", "ns." + domain))
    reply.additional.extend(sets("ns." + domain, addresses))
    return reply


def answer(query):
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    question = query.question[0]
    if question.rdtype == 1:
        reply.answer.append(dns.rrset.from_text(question.name, 3600, "IN", "A", "192.0.2.80"))
    else:
        reply.authority.append(dns.rrset.from_text(question.name.split(2)[1], 60, "IN", "SOA", "a. b. 1 2 3 4 60"))
    return reply


def main():
    root, *addresses = sys.argv[1:]
    socks = []
    for address in (root, addresses[0]):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, 53))
        socks.append(s)
    print("up", flush=True)
    while True:
        for s in select.select(socks, [], [])[0]:
            data, peer = s.recvfrom(4096)
            query = dns.message.from_wire(data)
            reply = refer(query, root, addresses) if s is socks[0] else answer(query)
            s.sendto(reply.to_wire(), peer)


if __name__ == "__main__":
    main()
