"""Questions to the daemon under test by dnspython, and the lab's zone files as what is to be expected."""

import pathlib

import dns.flags
import dns.message
import dns.query
import dns.rdataclass
import dns.rdatatype
import dns.zone

LAB = pathlib.Path(__file__).resolve().parents[2] / "zones" / "lab"
SERVERS = {"udp4": "127.0.0.1", "udp6": "::1", "tcp4": "127.0.0.1", "tcp6": "::1"}
TIMEOUT = 10


def ask(name, rdtype, via="udp4", **options):
    """One question, one answer, truncated or not."""
    query = dns.message.make_query(name, rdtype, **({"use_edns": 0, "payload": 1232} | options))
    send = dns.query.udp if via.startswith("udp") else dns.query.tcp
    return send(query, SERVERS[via], timeout=TIMEOUT)


def ask_whole(name, rdtype, via="udp4", **options):
    """The same, asked again over TCP when it does not fit."""
    answer = ask(name, rdtype, via, **options)
    if answer.flags & dns.flags.TC:
        answer = ask(name, rdtype, via.replace("udp", "tcp"), **options)
    return answer


def rows(name):
    """The rows of one of the lab's tables."""
    return [line.split("\t") for line in (LAB / name).read_text().split("\n") if line and line[0] != "#"]


def signed_zones():
    """Zone: what is wrong with it, of signed.tsv."""
    return {row[0]: row[3] if len(row) > 3 else "" for row in rows("signed.tsv")}


def zone_names():
    """Every zone of servers.tsv that somebody answers for as a resolver asks and believes, the root as '.'."""
    bogus = {zone for zone, fault in signed_zones().items() if fault not in ("", "odd-digest")}
    return sorted({zone for group, _, zones in rows("servers.tsv") for zone in zones.split()
                   if group != "odd-deaf"} - bogus)


def load(zone):
    path = LAB / f"{'root' if zone == '.' else zone}.zone"
    return dns.zone.from_file(str(path), origin=zone.rstrip(".") + ".", relativize=False, check_origin=False)


def authoritative(zone):
    """(owner, rdataset) of what the zone itself answers: neither cuts nor what lies below them or a DNAME."""
    origin = zone.origin
    hidden = [name for name, node in zone.items()
              if name != origin and node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NS)]
    aliased = [name for name, node in zone.items() if node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.DNAME)]
    for name, node in zone.items():
        if any(name.is_subdomain(cut) for cut in hidden):
            continue
        if any(name.is_subdomain(alias) and name != alias for alias in aliased):
            continue
        for rdataset in node:
            yield name, rdataset
