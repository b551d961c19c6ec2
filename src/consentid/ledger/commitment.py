"""What a leaf says of a record without telling it: whoever has salt and record opens it.

The encoding has shipped and never changes; a new one takes a new tag.
"""

import hashlib
from typing import Final

SALT_BYTES: Final = 32
_TAG: Final = b"consentid/commitment/1\0"


def commit(salt: bytes, canonical_body: bytes) -> bytes:
    """Commit to a body without telling anything of it: SHA-256(tag || salt || body).  32 bytes.

    Raises:
        ValueError: the salt is not 32 bytes, which would blur where it ends.
    """
    if len(salt) != SALT_BYTES:
        msg = f"the salt is {SALT_BYTES} bytes, not {len(salt)}"
        raise ValueError(msg)
    return hashlib.sha256(_TAG + salt + canonical_body).digest()
