import io
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import final

import msgspec
import pytest
from tests.cli.running import Command
from tests.tokens.making import ISSUER, JWKS, compact
from tests.verify.receipt_making import ID, encoded, log_key, make, prove, proven
from tests.web.pages.gallery import Quiet, serving

from consentid.ledger.note import format_key
from consentid.tokens.receipt import Receipt


@pytest.fixture
def keys(tmp_path: Path) -> list[str]:
    (tmp_path / "jwks.json").write_bytes(compact(JWKS))
    (tmp_path / "logs").write_text(f"{format_key(log_key())}\n")
    return ["--jwks", str(tmp_path / "jwks.json"), "--log-key", str(tmp_path / "logs")]


def file_of(folder: Path, receipt: Receipt) -> Path:
    path = folder / "receipt.json"
    path.write_bytes(encoded(receipt))
    return path


def test_a_receipt_is_checked_without_any_network(
    consentid: Command, tmp_path: Path, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    ended = consentid("verify-receipt", *keys, "--issuer", ISSUER, file_of(tmp_path, proven()))
    assert ended.code == 0, ended
    assert ended.out.startswith("the receipt holds\n")
    for line in (
        "signature",
        "at index 2 among the 5 entries",
        "2026-09-21T14:13:20",
        "granted ads",
    ):
        assert line in ended.out
    told = consentid("verify-receipt", *keys, "--json", file_of(tmp_path, proven())).json
    assert (told["verdict"], told["index"], told["size"]) == ("holds", 2, 5)
    assert {each["outcome"] for each in told["checks"]} == {"holds"}


def test_how_it_went_is_the_exit_code(
    consentid: Command, tmp_path: Path, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = file_of(tmp_path, msgspec.structs.replace(proven(), controllers=[]))
    ended = consentid("verify-receipt", *keys, changed)
    assert (ended.code, "does not hold" in ended.out, "granted" in ended.out) == (1, True, False)
    early = file_of(tmp_path, make())
    assert consentid("verify-receipt", *keys, early).code == 0
    assert consentid("verify-receipt", *keys, "--require-proof", early).code == 3
    (tmp_path / "proof").write_text(prove(make()))
    apart = ("--require-proof", "--proof", tmp_path / "proof")
    assert consentid("verify-receipt", *keys, *apart, early).code == 0
    assert consentid("verify-receipt", early).code == 2
    assert consentid("verify-receipt", *keys, tmp_path / "none").code == 2
    assert consentid("verify-receipt", "--log-key", "nobody", early).code == 2
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(encoded(proven()))))
    assert consentid("verify-receipt", *keys, "-").code == 0


@pytest.fixture
def published() -> Iterator[dict[str, bytes]]:
    """What an issuer on loopback serves; ``url`` is where."""
    documents: dict[str, bytes] = {}

    @final
    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
            body = documents.get(self.path)
            if body is None:
                self.send_error(404)
            else:
                self.answer(body, "application/octet-stream", {})

    with serving(Handler) as url:
        documents["url"] = url.encode()
        yield documents


def test_keys_and_the_proof_are_fetched_from_its_issuer(
    consentid: Command, tmp_path: Path, published: dict[str, bytes]
) -> None:
    url = published["url"].decode()
    receipt = make(issuer=url)
    asked = ("verify-receipt", "--issuer", url, "--json", file_of(tmp_path, receipt))
    assert consentid(*asked).code == 3
    published["/jwks.json"] = compact(JWKS)
    published["/v1/ledger/keys"] = format_key(log_key()).encode()
    assert consentid(*asked).json["index"] is None
    published[f"/v1/ledger/proof/entry/{ID}"] = prove(receipt).encode()
    ended = consentid(*asked)
    assert (ended.code, ended.json["index"]) == (0, 2), ended
    assert json.loads(ended.out)["verdict"] == "holds"
    published["/jwks.json"] = b"{}"
    assert consentid(*asked).code == 2
