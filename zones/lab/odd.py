#!/usr/bin/python3
"""Name servers that do as NSD would not, for the lab's groups `odd-KIND`.

    odd.py KIND ZONE… -- ADDRESS…

All of them know their zones' files and tell the truth over TCP. Over UDP:

deaf   drops every query with an OPT record (over TCP too), as if it had not come
late   answers for a name whose first label is d and a number only after so many milliseconds
liar   does first what the name's first label says, then tells the truth, unless it begins with `only-`:
           id          a forged answer with another id
           question    a forged answer to another question
           letters     a forged answer with the letters of the name in other case (0x20)
           port        a forged answer from another port
           address     a forged answer from another address
           twice       the truth, then a forged answer
           foreign     the truth, with records of names that are not its own
       A forged answer has the address 203.0.113.66.
"""

import asyncio
import pathlib
import re
import socket
import sys

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

LAB = pathlib.Path(__file__).resolve().parent
IPV6_FREEBIND = 78  # Linux; Python does not name it
FORGED = "203.0.113.66"
VICTIM = "www.example.com."  # its servers are others


# ---- The truth --------------------------------------------------------------------------------------------------


def load(zones):
    return [dns.zone.from_file(str(LAB / f"{z}.zone"), origin=f"{z}.", relativize=False) for z in zones]


def truth(zones, query):
    """What the zone files say: an answer, a denial, or REFUSED for names of others."""
    question = query.question[0]
    reply = dns.message.make_response(query)
    zone = next((z for z in zones if question.name.is_subdomain(z.origin)), None)
    if zone is None:
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    reply.flags |= dns.flags.AA
    found = zone.get_rrset(question.name, question.rdtype)
    if found is not None:
        # Compression must not bring back the file's letters: the question's are a secret (0x20).
        reply.answer.append(dns.rrset.from_rdata_list(question.name, found.ttl, list(found)))
        return reply
    if not any(name.is_subdomain(question.name) for name in zone):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.authority.append(zone.get_rrset(zone.origin, dns.rdatatype.SOA))
    return reply


# ---- What becomes of it over UDP: a list of (milliseconds, message, who sends it) ------------------------------


def deaf(query, reply):
    return [] if query.edns >= 0 else [(0, reply, "self")]


def late(query, reply):
    wanted = re.match(rb"d(\d+)$", query.question[0].name.labels[0].lower())
    return [(int(wanted[1]) if wanted else 0, reply, "self")]


def forged(query, name=None):
    fake = dns.message.make_response(query)
    fake.flags |= dns.flags.AA
    question = fake.question[0]
    if name is not None:
        question.name = name
    fake.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", FORGED))
    return fake


def other_letters(name):
    return dns.name.Name([label.swapcase() for label in name.labels])


def liar(query, reply):
    name = query.question[0].name
    only, _, what = name.labels[0].lower().decode().rpartition("only-")
    fake, sender = forged(query), "self"
    if what == "id":
        fake.id ^= 1
    elif what == "question":
        fake = forged(query, dns.name.from_text("other", name.parent()))
    elif what == "letters":
        fake = forged(query, other_letters(name))
    elif what in ("port", "address"):
        sender = what
    elif what == "twice":
        return [(0, reply, "self"), (0, fake, "self")]
    else:
        if what == "foreign":
            reply.answer.append(dns.rrset.from_text(VICTIM, 86400, "IN", "A", FORGED))
            reply.authority.append(dns.rrset.from_text("com.", 86400, "IN", "NS", VICTIM))
            reply.additional.append(dns.rrset.from_text(VICTIM, 86400, "IN", "A", FORGED))
        return [(0, reply, "self")]
    lie = [(0, fake, sender)]
    return lie if name.labels[0].lower().startswith(b"only-") else lie + [(20, reply, "self")]


KINDS = {"deaf": deaf, "late": late, "liar": liar}


# ---- Sockets ----------------------------------------------------------------------------------------------------


def bound(address, kind, port=53):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    s.bind((address, port))
    s.setblocking(False)
    return s


class Server(asyncio.DatagramProtocol):
    """One address, over UDP by its kind."""

    def __init__(self, zones, kind, address):
        self.zones, self.kind = zones, kind
        # Where forged answers come from that the address alone gives away.
        self.others = {} if ":" in address else {
            "port": bound(address, socket.SOCK_DGRAM, 5353), "address": bound("192.0.2.199", socket.SOCK_DGRAM, 0)}

    def connection_made(self, transport):
        self.others["self"] = transport

    def datagram_received(self, data, client):
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        for ms, message, sender in self.kind(query, truth(self.zones, query)):
            wire = message.to_wire()
            asyncio.get_running_loop().call_later(ms / 1000, self.others[sender].sendto, wire, client)

    async def stream(self, reader, writer):
        """TCP: the truth, query by query."""
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                query = dns.message.from_wire(await reader.readexactly(size))
                if self.kind is deaf and query.edns >= 0:
                    continue
                wire = truth(self.zones, query).to_wire()
                writer.write(len(wire).to_bytes(2, "big") + wire)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, dns.exception.DNSException):
            writer.close()


async def serve(kind, zones, addresses):
    loop = asyncio.get_running_loop()
    for address in addresses:
        server = Server(zones, kind, address)
        await loop.create_datagram_endpoint(lambda s=server: s, sock=bound(address, socket.SOCK_DGRAM))
        await asyncio.start_server(server.stream, sock=bound(address, socket.SOCK_STREAM))
    await asyncio.Event().wait()


def main():
    kind, *rest = sys.argv[1:]
    split = rest.index("--")
    asyncio.run(serve(KINDS[kind], load(rest[:split]), rest[split + 1:]))


if __name__ == "__main__":
    main()
