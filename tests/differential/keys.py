"""Key pairs of DNSSEC's algorithms, and what is made of them: DNSKEY and DS rdata, signatures.

A pool is made once a run: many zones share its pairs, as their owner names make other DS records of them. A zone and
its parent do not, or what bears the wrong one's name would verify.
"""

import base64
import dataclasses
import hashlib
import random
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

RSASHA1, RSASHA1_NSEC3, RSASHA256, RSASHA512, P256, P384, ED25519, ED448 = 5, 7, 8, 10, 13, 14, 15, 16
SUPPORTED = (RSASHA256, RSASHA512, P256, P384, ED25519, ED448)
SHA1 = (RSASHA1, RSASHA1_NSEC3)  # RFC 9905: taken for unsigned
UNKNOWN = (3, 12, 200)  # retired or not assigned: nobody can check them
DIGESTS = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}
UNKNOWN_DIGEST = 200
PAIRS = 4  # of each algorithm, for one generation of zones
ZONE, SEP, REVOKE = 0x0100, 0x0001, 0x0080
RSA_HASHES = {RSASHA1: hashes.SHA1, RSASHA1_NSEC3: hashes.SHA1, RSASHA256: hashes.SHA256, RSASHA512: hashes.SHA512}
CURVES = {P256: (ec.SECP256R1, hashes.SHA256, 32), P384: (ec.SECP384R1, hashes.SHA384, 48)}


class Rsa:
    def __init__(self, algorithm, number):
        self.private = rsa.generate_private_key(65537, 2048 if number == 0 else 1024)
        self.hash = RSA_HASHES[algorithm]()
        public = self.private.public_key().public_numbers()
        self.public = b"\3\1\0\1" + public.n.to_bytes((public.n.bit_length() + 7) // 8, "big")

    def sign(self, data):
        return self.private.sign(data, padding.PKCS1v15(), self.hash)


class Ecdsa:
    def __init__(self, algorithm, _):
        curve, self.hash, self.size = CURVES[algorithm]
        self.private = ec.generate_private_key(curve())
        point = self.private.public_key().public_numbers()
        self.public = point.x.to_bytes(self.size, "big") + point.y.to_bytes(self.size, "big")

    def sign(self, data):
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(self.hash())))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")


class Eddsa:
    def __init__(self, algorithm, _):
        kind = ed25519.Ed25519PrivateKey if algorithm == ED25519 else ed448.Ed448PrivateKey
        self.private = kind.generate()
        self.sign = self.private.sign
        self.public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Noise:
    """Of an algorithm that nobody knows."""

    def __init__(self, algorithm, number):
        self.public = random.Random(f"{algorithm} {number}").randbytes(64)

    def sign(self, data):
        return hashlib.sha512(data).digest()


def kind_of(algorithm):
    if algorithm in UNKNOWN:
        return Noise
    return Rsa if algorithm in RSA_HASHES else Ecdsa if algorithm in CURVES else Eddsa


class Pool:
    def __init__(self):
        self.pairs = {}

    def pair(self, algorithm, number):
        if (algorithm, number) not in self.pairs:
            self.pairs[algorithm, number] = kind_of(algorithm)(algorithm, number)
        return self.pairs[algorithm, number]


@dataclasses.dataclass
class Key:
    """A zone's: what it is published as, and what it signs."""
    pair: object
    algorithm: int
    flags: int
    signs_keys: bool = True
    signs_data: bool = True
    published: bool = True
    protocol: int = 3

    def rdata(self):
        return struct.pack("!HBB", self.flags, self.protocol, self.algorithm) + self.pair.public

    def tag(self):
        return tag_of(self.rdata())


def tag_of(rdata):
    """RFC 4034 appendix B."""
    total = sum(octet << 8 if n % 2 == 0 else octet for n, octet in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


def ds_rdata(owner, key_rdata, digest):
    head = struct.pack("!HBB", tag_of(key_rdata), key_rdata[3], digest)
    return head + DIGESTS.get(digest, hashlib.sha256)(owner + key_rdata).digest()


def ds_text(rdata):
    tag, algorithm, digest = struct.unpack_from("!HBB", rdata)
    return f"{tag} {algorithm} {digest} {rdata[4:].hex()}"


def base32(octets):
    """As NSEC3 owners have it (RFC 4648 §7)."""
    return base64.b32hexencode(octets).lower().rstrip(b"=")
