"""Signed consent links: one question for one addressee, readable by nobody on the way.

A link is ``https://hub/link#...``.  Its fragment is a compact JWE to the hub's public link key, and
what is in it is a compact JWS by whoever minted it: so only the hub reads it, and the hub knows who
wrote it.  ``mint`` needs no network, only the minter's private key and the hub's key set, kept from
``/link-keys.json``.  Needs the server extra, for its JOSE.  May import tokens and kit.

    from consentid.links import Question, mint, read_hub, read_minter

    link = mint(
        Question(brand="news", purposes=("contact.email",), addressee="mila@example.org"),
        minter=read_minter("news-letters", pem),
        hub=read_hub("https://consent.example", link_keys_json),
        now_s=time.time(),
        randomness=secrets.token_bytes,
    )

Invariants: a fragment is sent to nobody; a link is good once and for 30 days at most; of its
addressee it says no more than a mask; an algorithm is the key's own, never the link's.
"""

from consentid.links.asking import Hub, Minter, Question, mint, read_hub, read_minter
from consentid.links.masking import mask

__all__ = ["Hub", "Minter", "Question", "mask", "mint", "read_hub", "read_minter"]
