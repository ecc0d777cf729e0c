"""Random numbers that depend on what they are for, and not on what was drawn before."""

import hashlib


def derive_seed(*key: int | str) -> int:
    """A 63-bit seed that depends on every element of `key`, on no process and no platform."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
