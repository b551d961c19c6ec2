import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consentid.kit.errors import MalformedError
from consentid.ledger import bundle, cosignature, note
from consentid.ledger.bundle import Bundle
from consentid.ledger.checkpoint import Checkpoint, decode, encode, open_checkpoint
from consentid.ledger.cosignature import Policy
from consentid.ledger.note import COSIGNATURE, ED25519, Note, NoteKey, Signature
from consentid.ledger.tree import leaf_hash, root_of

# The example of C2SP's signed-note; it comes without its key.
C2SP_TEXT = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed \N{LATIN SMALL LETTER E WITH GRAVE} subito sera.\n"
)
C2SP_NOTE = (
    f"{C2SP_TEXT}\n\N{EM DASH} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddn"
    "GITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
# The example of the format's first implementation, with its key.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "consent.example/ledger"


class Signer:
    """Whoever holds a key."""

    def __init__(self, name: str, seed: int, kind: int = ED25519) -> None:
        self.private: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        public = self.private.public_key().public_bytes_raw()
        self.key: NoteKey = NoteKey(name=name, public=public, kind=kind)

    def line(self, text: str, at_s: int = 1_679_315_147) -> Signature:
        if self.key.kind == ED25519:
            return note.sign_with(self.key, self.private.sign(text.encode()))
        signed = self.private.sign(cosignature.message(text, at_s=at_s))
        return note.sign_with(self.key, cosignature.encode(at_s=at_s, signature=signed))


LOG = Signer(ORIGIN, 1)
STRANGER = Signer("stranger.example", 2)
WITNESSES = [Signer(f"witness.example/w{n}", 10 + n, COSIGNATURE) for n in range(3)]
ENTRIES = [b"entry %d" % number for number in range(5)]
HASHES = [leaf_hash(entry) for entry in ENTRIES]
TEXT = encode(Checkpoint(origin=ORIGIN, size=5, root=root_of(HASHES)))


def signed(*signers: Signer, text: str = TEXT) -> str:
    return note.format_note(Note(text=text, signatures=tuple(each.line(text) for each in signers)))


def refused(error: pytest.ExceptionInfo[MalformedError]) -> str:
    return error.value.code


def test_the_example_of_the_specification_is_read_as_it_is_written() -> None:
    read = note.parse_note(C2SP_NOTE)
    assert read.text == C2SP_TEXT
    (line,) = read.signatures
    assert (line.name, line.key_id.hex()) == ("quasimodo.example/salvatore", "367ba04b")
    assert len(line.signature) == 64
    assert note.format_note(read) == C2SP_NOTE


def test_a_note_that_another_implementation_signed_holds() -> None:
    key = note.parse_key(NEUMANN)
    assert note.format_key(key) == NEUMANN
    assert note.check(note.parse_note(NEUMANN_NOTE), [LOG.key, key]) == (key,)
    with pytest.raises(MalformedError, match="signature of PeterNeumann is wrong"):
        note.check(note.parse_note(NEUMANN_NOTE.replace("answer", "question")), [key])
    with pytest.raises(MalformedError, match="no signature of a known key"):
        note.check(note.parse_note(NEUMANN_NOTE), [LOG.key])


def test_of_two_signatures_of_known_keys_one_wrong_spoils_the_note() -> None:
    other = Signer(ORIGIN, 3)
    wrong = note.sign_with(other.key, LOG.private.sign(TEXT.encode()))
    spoilt = note.format_note(Note(text=TEXT, signatures=(LOG.line(TEXT), wrong)))
    with pytest.raises(MalformedError, match="is wrong"):
        open_checkpoint(spoilt, origin=ORIGIN, keys=[LOG.key, other.key])
    # A key that nobody knows says nothing, rightly or wrongly.
    assert open_checkpoint(spoilt, origin=ORIGIN, keys=[LOG.key])[0].size == 5
    both = signed(LOG, other)
    assert open_checkpoint(both, origin=ORIGIN, keys=[LOG.key, other.key])[0].size == 5


def test_a_name_without_its_id_is_no_key() -> None:
    impostor = Signer(ORIGIN, 4)
    with pytest.raises(MalformedError, match="no signature of a known key"):
        open_checkpoint(signed(impostor), origin=ORIGIN, keys=[LOG.key])


def test_a_checkpoint_of_another_log_is_refused() -> None:
    with pytest.raises(MalformedError) as error:
        open_checkpoint(signed(LOG), origin="other.example/ledger", keys=[LOG.key])
    assert (refused(error), error.value.where) == ("foreign_origin", "origin")


@pytest.mark.parametrize(
    "text",
    [
        *("", "a\n", "a\n1\n", "a\n\nAAAA\n", "a\n01\nx\n", "a\n-1\nx\n", "a\n1\nAAAA\n"),
        "a\n1\n" + "A" * 43 + "=\n\n",
        "a\n\u0663\n" + "A" * 43 + "=\n",
        "a\n1_0\n" + "A" * 43 + "=\n",
        f"a\n{2**63}\n" + "A" * 43 + "=\n",
        "a\n1\n" + "A" * 42 + "B=\n",
        "a\n1\n" + "A" * 43 + "\n",
        "\n1\n" + "A" * 43 + "=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as error:
        decode(text)
    assert refused(error) == "bad_checkpoint"


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    for size in (0, 1, 2**63 - 1):
        checkpoint = Checkpoint(origin=ORIGIN, size=size, root=bytes(32), extensions=("more",))
        assert decode(encode(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "spoilt",
    [
        *(
            b"",
            b"text\n",
            b"text\n\n",
            NEUMANN_NOTE.encode()[:-1],
            b"\xff\n\n\xe2\x80\x94 a AAAA\n",
        ),
        NEUMANN_NOTE.replace("\N{EM DASH}", "-").encode(),
        NEUMANN_NOTE.replace("x08g", "x08").encode(),
        NEUMANN_NOTE.replace("PeterNeumann", "Peter+Neumann").encode(),
        NEUMANN_NOTE.replace("PeterNeumann", "Peter\N{NO-BREAK SPACE}Neumann").encode(),
        NEUMANN_NOTE.replace("answer", "ans\twer").encode(),
        NEUMANN_NOTE.replace("\n", "\r\n").encode(),
        b"text\n\n" + "\N{EM DASH} a AAAA\n".encode(),
        b"text\n\n" + "\N{EM DASH} a AAAAAAA=\n".encode() * 65,
        b"a" * 70_000 + b"\n\n" + "\N{EM DASH} a AAAAAAA=\n".encode(),
    ],
)
def test_what_is_no_note_is_refused(spoilt: bytes) -> None:
    with pytest.raises(MalformedError) as error:
        note.parse_note(spoilt)
    assert refused(error) == "bad_note"


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a+b", "a+b+c", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("+ARpc", "+BRpc"),
        NEUMANN.replace("PeterNeumann", "Peter Neumann"),
        NEUMANN[:-4],
        NEUMANN.replace("10TW", "10T!"),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as error:
        note.parse_key(text)
    assert refused(error) == "bad_note_key"


def test_a_quorum_of_named_witnesses_is_demanded() -> None:
    policy = Policy(witnesses=tuple(each.key for each in WITNESSES), quorum=2)
    for name in policy.witnesses:
        assert note.parse_key(note.format_key(name)) == name
    cosigned = note.parse_note(signed(LOG, WITNESSES[0], STRANGER, WITNESSES[2]))
    note.check(cosigned, [LOG.key])
    assert [each.name for each in cosignature.demand(cosigned, policy)] == [
        WITNESSES[0].key.name,
        WITNESSES[2].key.name,
    ]
    twice = note.parse_note(signed(LOG, WITNESSES[0], WITNESSES[0]))
    with pytest.raises(MalformedError, match=r"1 of 2.*w1, witness.example/w2") as error:
        cosignature.demand(twice, policy)
    assert refused(error) == "too_few_cosignatures"
    # The time is signed too.
    later = WITNESSES[0].line(TEXT)
    moved = Signature(
        name=later.name, key_id=later.key_id, signature=bytes(8) + later.signature[8:]
    )
    for wrong in (moved, Signature(name=later.name, key_id=later.key_id, signature=b"short")):
        with pytest.raises(MalformedError):
            cosignature.check(Note(text=TEXT, signatures=(wrong,)), policy.witnesses)


def test_a_proof_stands_alone() -> None:
    # The entry at 3 of 5, by hand: its sibling, the pair beside it, the one on the right.
    pair = root_of(HASHES[:2])
    given = Bundle(index=3, proof=(HASHES[2], pair, HASHES[4]), note=signed(LOG), extra=b"more")
    for each in (given, Bundle(index=3, proof=given.proof, note=given.note)):
        text = bundle.encode(each)
        assert bundle.decode(text) == each
        checkpoint, _ = bundle.check(bundle.decode(text), ENTRIES[3], origin=ORIGIN, keys=[LOG.key])
        assert checkpoint.size == 5
    with pytest.raises(MalformedError, match="does not lead to the root"):
        bundle.check(given, ENTRIES[2], origin=ORIGIN, keys=[LOG.key])
    with pytest.raises(MalformedError, match="no signature of a known key"):
        bundle.check(given, ENTRIES[3], origin=ORIGIN, keys=[STRANGER.key])
    text = bundle.encode(given)
    for wrong in (
        text.replace("@v1", "@v2"),
        text.replace("index 3", "index 03"),
        text.replace("index 3", "index -3"),
        text.replace("index 3\n", ""),
        text.replace("extra bW9yZQ==", "extra bW9yZR=="),
        text.replace("\n\n", "\n", 1),
        text.split("\n\n", maxsplit=1)[0],
        "c2sp.org/tlog-proof@v1\n\n" + given.note,
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n" + given.note,
        "c2sp.org/tlog-proof@v1\nextra AAAA\n\n" + given.note,
        "c2sp.org/tlog-proof@v1\nindex 0\n" + ("A" * 43 + "=\n") * 64 + "\n" + given.note,
        "",
    ):
        with pytest.raises(MalformedError) as error:
            bundle.check(bundle.decode(wrong), ENTRIES[3], origin=ORIGIN, keys=[LOG.key])
        assert refused(error) in {"bad_proof", "bad_note"}
