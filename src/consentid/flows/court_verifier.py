"""Check a bundle of evidence: Python 3.11 and the package `cryptography` are all it takes.

    python verify.py [FOLDER or ZIP] [--log-key FILE]

Without a path it checks the folder that it lies in.  The log's key is to be had by another way than
this bundle, for example from an auditor or from an old copy: give it with --log-key.  Exit codes:
0 all of it holds, 1 something does not, 2 there is nothing to check.

It imports nothing of the software that made the bundle.  Specifications: RFC 9162 (Merkle tree),
C2SP signed-note, tlog-checkpoint and tlog-proof, RFC 7515 (JWS), RFC 8785 (canonical JSON).
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

COMMITMENT_TAG = b"consentid/commitment/1\0"
ED25519 = 1
DASH = "\u2014 "
Files = Mapping[str, bytes]
LogKeys = Mapping[tuple[str, bytes], bytes]


class WrongError(Exception):
    """Something does not hold."""


def main() -> int:
    """Check, and tell how it went."""
    parser = argparse.ArgumentParser(description="Check a bundle of evidence.")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--log-key", type=Path, help="a file with the log's key, had elsewhere")
    given = parser.parse_args()
    try:
        files = read_bundle(given.bundle)
        manifest = json.loads(files["manifest.json"])
        catalogues, decisions = manifest["catalogues"], manifest["decisions"]
        pictures = manifest.get("pictures", [])
        unreadable = manifest.get("unreadable", {})
        own = given.log_key
        text = files["keys/log-keys.txt"].decode() if own is None else own.read_text("utf-8")
        keys = log_keys(text)
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        print(f"there is no bundle to check: {error!r}")
        return 2
    faults = check_files(files, manifest)
    for version in catalogues:
        faults += told(f"catalogue version {version}", check_catalogue, files, keys, version)
    for picture in pictures:
        faults += told(f"picture {picture}", check_picture, files, keys, picture)
    for decision in decisions:
        faults += told(f"decision {decision}", check_decision, files, keys, decision)
    for decision in unreadable:
        print(f"NOT HERE  decision {decision}: its record could not be read by who made the bundle")
    for name, _ in keys:
        source = "of the bundle itself: compare it with one that you had elsewhere"
        print(f"log key   {name} ({source if own is None else own})")
    whole = "ALL THAT IS HERE HOLDS" if unreadable else "ALL OF IT HOLDS"
    print(f"{faults} DO NOT HOLD" if faults else whole)
    return 1 if faults else 0


def told(what: str, check: Any, files: Files, keys: LogKeys, name: str) -> int:  # noqa: ANN401
    """Run one check and print how it went."""
    try:
        lines = check(files, keys, name)
    except (WrongError, LookupError, ValueError, TypeError, AttributeError) as error:
        print(f"WRONG     {what}: {error}")
        return 1
    print(f"holds     {what}")
    for line in lines:
        print(f"          {line}")
    return 0


def read_bundle(path: Path) -> Files:
    """All files by name, out of a folder or a zip."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    return {
        each.relative_to(path).as_posix(): each.read_bytes()
        for each in path.rglob("*")
        if each.is_file()
    }


def check_files(files: Files, manifest: Any) -> int:  # noqa: ANN401 - JSON
    """Hold every file against the manifest: what a file's change would spoil is told by name."""
    faults = 0
    for name, digest in manifest["files"].items():
        if hashlib.sha256(files.get(name, b"")).hexdigest() != digest:
            print(f"WRONG     file {name}: it is missing, or was changed")
            faults += 1
    return faults


def check_catalogue(files: Files, keys: LogKeys, version: str) -> list[str]:
    """The configuration that was in force is the one that the log has."""
    folder = f"catalogues/{version}"
    leaf = json.loads(files[f"{folder}/leaf.json"])
    digest = hashlib.sha256(files[f"{folder}/catalogue.json"]).hexdigest()
    demand(leaf["kind"] == "catalogue" and leaf["commitment"] == digest, "it is another version")
    return [check_entry(files, keys, folder)]


def check_picture(files: Files, keys: LogKeys, picture: str) -> list[str]:
    """The picture is the one that the log has, of the text that the log says."""
    folder = f"pictures/{picture}"
    leaf, body = json.loads(files[f"{folder}/leaf.json"]), files[f"{folder}/body.json"]
    said = json.loads(body)
    commitment = hashlib.sha256(body).hexdigest()
    digest = hashlib.sha256(files[f"{folder}/picture.png"]).hexdigest()
    demand(leaf["kind"] == "notice" and leaf["id"] == picture, "the entry is of another kind")
    demand(leaf["commitment"] == commitment, "what is said of it is not what the log has")
    demand(said["picture"] == digest, "it is another picture than the log has")
    at = datetime.fromtimestamp(leaf["time"] / 1_000_000, tz=UTC)
    of = f"notice {said['id']} in {said['language']}, put there at {at:%Y-%m-%d %H:%M:%S} UTC"
    return [of, check_entry(files, keys, folder)]


def check_decision(files: Files, keys: LogKeys, decision: str) -> list[str]:
    """The record is what was committed to, and the commitment is in the log."""
    folder = f"decisions/{decision}"
    record_bytes = files[f"{folder}/record.json"]
    record, leaf = json.loads(record_bytes), json.loads(files[f"{folder}/leaf.json"])
    salt = bytes.fromhex(files[f"{folder}/salt.txt"].decode().strip())
    commitment = hashlib.sha256(COMMITMENT_TAG + salt + record_bytes).hexdigest()
    demand(leaf["commitment"] == commitment, "the record is not what was committed to")
    demand(leaf["id"] == record["id"] == decision, "the entry speaks of another decision")
    demand(leaf["time"] == record["recorded_at"], "the entry is of another time")
    demand(f"catalogues/{record['catalogue']}/leaf.json" in files, "its catalogue is not there")
    at = datetime.fromtimestamp(record["recorded_at"] / 1_000_000, tz=UTC)
    lines = [f"recorded at {at:%Y-%m-%d %H:%M:%S} UTC, reach {record['reach']}"]
    lines += [f"{each['outcome']} {each['purpose']}" for each in record["choices"]]
    lines.append(check_notice(files, folder, record["notice"]))
    lines += check_shown(files, folder, record)
    lines += pictured(files, folder, record["notice"])
    lines.append(check_entry(files, keys, folder))
    lines.append(check_receipt(files, folder, record))
    return lines


def check_notice(files: Files, folder: str, notice: Any) -> str:  # noqa: ANN401 - JSON
    """The text is the one that was shown."""
    if notice is None:
        return "no text had to be shown"
    name = f"{folder}/notice/{notice['language']}.json"
    shown = hashlib.sha256(files[name]).hexdigest()
    demand(shown == notice["digest"], "the text is not the one that was shown")
    return f"shown was notice {notice['id']}, version {notice['version']}: {name}"


def check_shown(files: Files, folder: str, record: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Where, when and how it was shown is what the record says, as far as the record says it."""
    notice, noted = record["notice"], json.loads(files.get(f"{folder}/shown.json", b"{}"))
    if noted:
        text = {
            "notice": notice["id"],
            "served": record["served"],
            "catalogue": record["catalogue"],
        }
        text |= {name: notice[name] for name in ("version", "language", "digest")}
        demand(text.items() <= noted.items(), "shown.json is of another text than the record says")
    event, said = shown_event(files, folder), notice and notice.get("shown")
    if said is None:  # nor does any record in the first form say it
        alone = "when and how it was shown stands in shown.json alone, which no log vouches for"
        return [] if event is None else [alone]
    told = None if event is None else (microseconds(event["at"]), event["layout"])
    demand(told == (said["at"], said["layout"]), "shown.json is not what the record says of it")
    at = datetime.fromtimestamp(said["at"] / 1_000_000, tz=UTC)
    layout = said["layout"]
    laid_out = "how it was laid out was not told" if layout is None else f"laid out as {layout}"
    return [f"shown as its page told at {at:%Y-%m-%d %H:%M:%S} UTC, {laid_out}"]


def shown_event(files: Files, folder: str) -> Any:  # noqa: ANN401 - JSON
    """What the controller noted when the text was shown."""
    shown = json.loads(files.get(f"{folder}/shown.json", b'{"events": []}'))
    return next((each for each in shown["events"] if each["event"] == "shown"), None)


def microseconds(time: str) -> int:
    """Since 1970-01-01 UTC."""
    since = datetime.fromisoformat(time) - datetime.fromtimestamp(0, tz=UTC)
    return since // timedelta(microseconds=1)


def pictured(files: Files, folder: str, notice: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The pictures of that very text; whether each holds is told of it."""
    lines: list[str] = []
    for name in sorted(files):
        if notice is None or not name.startswith("pictures/") or not name.endswith("/body.json"):
            continue
        said = json.loads(files[name])
        if said["notice"] == notice["digest"]:
            shown = notice.get("shown") or shown_event(files, folder) or {"layout": None}
            is_so = said["layout"] is not None and said["layout"] == shown["layout"]
            how = "laid out as it was shown" if is_so else "in a layout that is not told of"
            lines.append(f"a picture of it, {how}: {name.replace('body.json', 'picture.png')}")
    return lines


def check_entry(files: Files, keys: LogKeys, folder: str) -> str:
    """The entry is in the log.  Spec: C2SP tlog-proof; RFC 9162 section 2.1.3.2."""
    head, _, note = files[f"{folder}/proof.txt"].decode().partition("\n\n")
    first, *lines = head.split("\n")
    demand(first == "c2sp.org/tlog-proof@v1", "the proof is none")
    if lines[0].startswith("extra "):
        del lines[0]
    index = int(lines[0].removeprefix("index "))
    origin, size, root = open_checkpoint(note, keys)
    demand(0 <= index < size, f"a log of {size} entries has none at {index}")
    entry = hashlib.sha256(b"\0" + files[f"{folder}/leaf.json"]).digest()
    computed, place, last = entry, index, size - 1
    for hash_ in (base64.b64decode(line, validate=True) for line in lines[1:]):
        demand(last > 0, "the proof is too long")
        if place & 1 or place == last:
            computed = hashlib.sha256(b"\1" + hash_ + computed).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            computed = hashlib.sha256(b"\1" + computed + hash_).digest()
        place, last = place >> 1, last >> 1
    demand(last == 0 and computed == root, "the proof does not lead to the signed root")
    return f"in the log at index {index} among the {size} entries of {origin}"


def open_checkpoint(note: str, keys: LogKeys) -> tuple[str, int, bytes]:
    """Origin, size and root under a signature of the log's.  Spec: C2SP signed-note."""
    text, _, block = note.rpartition("\n\n")
    text += "\n"
    origin, size, root, *_ = text.split("\n")
    is_signed = False
    for line in block.splitlines():
        name, _, encoded = line.removeprefix(DASH).partition(" ")
        raw = base64.b64decode(encoded, validate=True)
        public = keys.get((name, raw[:4]))
        if public is not None and name == origin:
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], text.encode())
            except InvalidSignature:
                raise WrongError(f"the checkpoint's signature by {name} is wrong") from None
            is_signed = True
    demand(is_signed, f"no key of {origin} that is known signed the checkpoint")
    return origin, int(size), base64.b64decode(root, validate=True)


def log_keys(text: str) -> LogKeys:
    """Keys by name and id, out of lines ``name+id+key``.  Spec: C2SP signed-note."""
    keys: dict[tuple[str, bytes], bytes] = {}
    for line in text.split():
        name, _, encoded = line.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        if raw[0] != ED25519:
            raise ValueError(f"{name} is no key of a log")
        keys[name, hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]] = raw[1:]
    return keys


def check_receipt(files: Files, folder: str, record: object) -> str:
    """The issuer signed the receipt, and it has the same record.  Spec: RFC 7515, RFC 7518."""
    receipt = json.loads(files[f"{folder}/receipt.json"])
    demand(receipt["record"] == record, "the receipt has another record")
    head, payload, signature = receipt["signature"].split(".")
    claims = json.loads(unpadded(payload))
    signed = {name: receipt[name] for name in receipt if name not in {"signature", "proof"}}
    canonical = json.dumps(signed, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    demand(claims == {"iss": receipt["issuer"], "receipt": digest}, "it is another's signature")
    kid = json.loads(unpadded(head))["kid"]
    keys = {each["kid"]: each for each in json.loads(files["keys/jwks.json"])["keys"]}
    demand(kid in keys, f"the key {kid} that signed the receipt is not there")
    key = keys[kid]
    x, y = (int.from_bytes(unpadded(key[name])) for name in "xy")
    raw = unpadded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        public.verify(der, f"{head}.{payload}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise WrongError("the receipt's signature is wrong") from None
    return f"receipt signed by {receipt['issuer']} with key {kid}"


def unpadded(text: str) -> bytes:
    """Read base64url without its padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def demand(holds: bool, otherwise: str) -> None:
    """Go on only where something holds."""
    if not holds:
        raise WrongError(otherwise)


if __name__ == "__main__":
    sys.exit(main())
