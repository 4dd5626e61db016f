"""Just enough of DNS messages for many of them a second: names, queries, and answers in a form that can be compared.

Names are text in presentation form ("a\\.b.example."), absolute; in comparisons lower-case octets.
"""

import struct
import typing

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18,
    "SIG": 24, "KEY": 25, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": 39, "DS": 43,
    "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "TLSA": 52, "SMIMEA": 53,
    "CDS": 59, "OPENPGPKEY": 61, "SVCB": 64, "HTTPS": 65, "SPF": 99, "EUI48": 108, "EUI64": 109, "ANY": 255,
    "URI": 256, "CAA": 257,
}
NAMES = {number: name for name, number in TYPES.items()}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN"}

# Where names stand in the RDATA of types that may be sent compressed (RFC 3597 §4, RFC 1035 §3.3): octets before the
# first, how many names.
COMPRESSED = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 17: (0, 2), 18: (2, 1), 33: (6, 1), 36: (2, 1),
              39: (0, 1)}
NS, CNAME, SOA, DNAME, OPT, DS, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM = 2, 5, 6, 39, 41, 43, 46, 47, 48, 50, 51
FLAG_TC, FLAG_RD, FLAG_AD, FLAG_CD = 0x0200, 0x0100, 0x0020, 0x0010
EDNS_DO = 0x8000


def type_number(text):
    return TYPES[text] if text in TYPES else int(text.removeprefix("TYPE"))


def type_text(number):
    return NAMES.get(number, f"TYPE{number}")


def labels_of(name):
    """The labels of a name in presentation form, as octets."""
    out, label, at = [], bytearray(), 0
    while at < len(name):
        c = name[at]
        if c == "\\" and name[at + 1].isdigit():
            label.append(int(name[at + 1:at + 4]))
            at += 4
        elif c == "\\":
            label.append(ord(name[at + 1]))
            at += 2
        elif c == ".":
            if label:
                out.append(bytes(label))
            label, at = bytearray(), at + 1
        else:
            label.append(ord(c))
            at += 1
    if label:
        out.append(bytes(label))
    return out


def label_text(label):
    out = ""
    for octet in label:
        if octet in b".\\\"();@$":
            out += "\\" + chr(octet)
        elif 0x21 <= octet <= 0x7E:
            out += chr(octet)
        else:
            out += f"\\{octet:03}"
    return out


def name_text(labels):
    return "".join(label_text(label) + "." for label in labels) or "."


def name_wire(name):
    if "\\" in name:
        labels = labels_of(name)
    else:
        labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_labels(wire):
    out, at = [], 0
    while wire[at]:
        out.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    return out


def parents(wire_name):
    """The name and all above it, in wire form."""
    while True:
        yield wire_name
        if wire_name == b"\0":
            return
        wire_name = wire_name[1 + wire_name[0]:]


def rank(wire_name):
    """By which names stand in canonical order (RFC 4034 §6.1)."""
    return [label.lower() for label in reversed(wire_labels(wire_name))]


class Question(typing.NamedTuple):
    name: str
    kind: int
    flags: int = 0  # of the header, beside RD
    do: bool = False

    def text(self):
        marks = [mark for mark, there in (("DO", self.do), ("AD", self.flags & FLAG_AD), ("CD", self.flags & FLAG_CD))
                 if there]
        return " ".join([self.name, type_text(self.kind), *marks])


def query(ident, question, payload=1232):
    """A question with RD and an OPT."""
    return (struct.pack("!6H", ident, FLAG_RD | question.flags, 1, 0, 0, 1) + name_wire(question.name)
            + struct.pack("!2H", question.kind, 1)
            + struct.pack("!B2HIH", 0, OPT, payload, EDNS_DO if question.do else 0, 0))


def read_name(message, at):
    """The name there as lower-case octets without compression, and where it ends."""
    out, end, hops = [], None, 0
    while True:
        length = message[at]
        if length >= 0xC0:
            end = at + 2 if end is None else end
            at = (length & 0x3F) << 8 | message[at + 1]
            hops += 1
            if hops > 120:
                raise ValueError("compression loop")
        elif length:
            out.append(message[at:at + 1 + length])
            at += 1 + length
        else:
            return b"".join(out).lower() + b"\0", at + 1 if end is None else end


def canonical_rdata(message, kind, at, length):
    if kind not in COMPRESSED:
        return bytes(message[at:at + length])
    skip, names = COMPRESSED[kind]
    out, pos = bytes(message[at:at + skip]), at + skip
    for _ in range(names):
        name, pos = read_name(message, pos)
        out += name
    return out + bytes(message[pos:at + length])


class Answer(typing.NamedTuple):
    rcode: int
    ad: bool
    records: tuple  # (owner, type, rdata) of the answer as sent, signatures apart
    soa: bytes | None  # the owner of that in authority


def read_answer(message):
    _, flags, questions, answers, authorities, _ = struct.unpack_from("!6H", message)
    at = 12
    for _ in range(questions):
        at = read_name(message, at)[1] + 4
    records, soa = [], None
    for n in range(answers + authorities):
        owner, at = read_name(message, at)
        kind, _, _, length = struct.unpack_from("!2HIH", message, at)
        at += 10
        if n < answers and kind != RRSIG:
            records.append((owner, kind, canonical_rdata(message, kind, at, length)))
        elif kind == SOA:
            soa = owner
        at += length
    return Answer(flags & 15, bool(flags & FLAG_AD), tuple(records), soa)


def chain_of(records):
    """The owners of the aliases in the order in which they lead on."""
    return tuple(owner for owner, kind, _ in records if kind == CNAME)


def record_text(record):
    owner, kind, rdata = record
    if kind in (CNAME, DNAME, NS, 12):
        shown = name_text(wire_labels(rdata))
    elif kind == 1 and len(rdata) == 4:
        shown = ".".join(str(b) for b in rdata)
    else:
        shown = rdata.hex() if len(rdata) < 24 else rdata[:8].hex() + "…"
    return f"{name_text(wire_labels(owner))} {type_text(kind)} {shown}"
