"""The log as anybody reads it: with its key, with what it serves, and with nothing else."""

import base64
import importlib
import json
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text
from tests.web.hub import Hub, fresh_key

from consentid.flows.opening import open_context
from consentid.flows.sequence_ledger import open_sequencer
from consentid.ledger import bundle, note
from consentid.ledger.checkpoint import Checkpoint, open_checkpoint
from consentid.ledger.tiles import TileId, decode_bundle, decode_tile, path_of
from consentid.ledger.tree import check_consistency, check_inclusion, leaf_hash, root_of
from consentid.settings import Settings
from consentid.tokens.jwks import read_keys
from consentid.verify.receipts import Outcome, Trusted, check_receipt

STAGE = """
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT gen_random_uuid(), 'decision', convert_to('leaf ' || n, 'UTF8'), now()
FROM generate_series(1, 300) n
"""


async def sequence(url: str, keys: Path) -> None:
    """What a worker does, until nothing waits."""
    opened = open_context(Settings(database_url=url, keys_dir=keys))
    sequencer = await open_sequencer(opened.context)
    while await sequencer.sequence():
        pass
    await opened.close()


def sequenced(hub: Hub) -> None:
    url = hub.owner.url.render_as_string(hide_password=False)
    hub.asking.call(sequence, url, hub.log.parent / "keys")


@pytest.fixture(scope="module")
def receipts(hub: Hub) -> dict[str, dict[str, str]]:
    """Receipts of two decisions with three hundred leaves between, all in the log."""

    async def stage() -> None:
        async with hub.owner.begin() as connection:
            await connection.execute(text(STAGE))

    first = hub.decide()["receipt"]
    sequenced(hub)
    hub.asking.call(stage)
    second = hub.decide()["receipt"]
    sequenced(hub)
    return {"first": first, "second": second}


def head(hub: Hub) -> tuple[Checkpoint, note.NoteKey]:
    key = note.parse_key(hub.http.get("/v1/ledger/key").text)
    answer = hub.http.get("/v1/ledger/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert answer.headers["access-control-allow-origin"] == "*"
    return open_checkpoint(answer.content, origin=key.name, keys=[key])[0], key


def tile(hub: Hub, which: TileId) -> bytes:
    answer = hub.http.get(f"/v1/ledger/tile/{path_of(which)}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    return answer.content


@pytest.mark.usefixtures("receipts")
def test_tiles_bundles_and_checkpoint_are_one_tree(hub: Hub) -> None:
    checkpoint, _ = head(hub)
    full, rest = divmod(checkpoint.size, 256)
    hashes: list[bytes] = []
    for number, width in [*((number, 256) for number in range(full)), (full, rest)]:
        if width:
            kept = decode_tile(tile(hub, TileId(0, number, width)), width=width)
            entries = decode_bundle(tile(hub, TileId(None, number, width)), width=width)
            assert [leaf_hash(each) for each in entries] == kept
            hashes += kept
    assert root_of(hashes) == checkpoint.root
    above = decode_tile(tile(hub, TileId(1, 0, full)), width=full)
    assert above == [root_of(hashes[at * 256 : at * 256 + 256]) for at in range(full)]


def test_a_receipt_is_proven_by_what_is_public(
    hub: Hub, receipts: dict[str, dict[str, str]]
) -> None:
    _, key = head(hub)
    for receipt in receipts.values():
        record = json.loads(json.dumps(receipt["record"]))
        leaf = {
            "v": 1,
            "kind": "decision",
            "id": record["id"],
            "time": record["recorded_at"],
            "origin": receipt["log"],
            "commitment": receipt["commitment"],
        }
        entry = json.dumps(leaf, separators=(",", ":"), sort_keys=True).encode()
        answer = hub.http.get(f"/v1/ledger/proof/entry/{record['id']}")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        bundle.check(bundle.decode(answer.content), entry, origin=receipt["log"], keys=[key])


@pytest.mark.usefixtures("receipts")
def test_proofs_lead_from_any_size_to_any_later(hub: Hub) -> None:
    checkpoint, _ = head(hub)
    size = checkpoint.size
    whole = decode_tile(tile(hub, TileId(0, 0, 256)), width=256)
    for index in (0, 1, 255, size - 1):
        told = hub.http.get(
            "/v1/ledger/proof/inclusion", params={"index": index, "size": size}
        ).json()
        proof = [base64.b64decode(each) for each in told["hashes"]]
        leaf = base64.b64decode(told["leaf"])
        check_inclusion(proof, leaf=leaf, index=index, size=size, root=checkpoint.root)
        assert index > 255 or leaf == whole[index]
    for first in (1, 2, 200, 256):
        told = hub.http.get(
            "/v1/ledger/proof/consistency", params={"first": first, "second": size}
        ).json()
        check_consistency(
            [base64.b64decode(each) for each in told["hashes"]],
            first=first,
            first_root=root_of(whole[:first]),
            second=size,
            second_root=checkpoint.root,
        )


@pytest.mark.usefixtures("receipts")
def test_what_is_not_there_is_told_by_name(hub: Hub) -> None:
    checkpoint, _ = head(hub)
    size = checkpoint.size

    def asked(path: str) -> tuple[int, str]:
        answer: httpx2.Response = hub.http.get(f"/v1/ledger/{path}")
        assert "immutable" not in answer.headers.get("cache-control", "")
        return answer.status_code, answer.json()["code"]

    for path in (
        "0/9",
        "0/999",
        "0/001.p/256",
        "entries/x001/000",
        "2/000.p/1",
        "64/000",
        "0/000.p/0",
    ):
        assert asked(f"tile/{path}") == (404, "no_such_tile"), path
    assert asked(f"proof/entry/{UUID(int=0)}") == (404, "entry_unknown")
    assert asked("proof/entry/one")[0] == 404
    for query, code in (
        (f"inclusion?index={size}&size={size}", "index_beyond_tree"),
        ("inclusion?index=0&size=0", "bad_tree_size"),
        (f"inclusion?index=0&size={size + 1}", "bad_tree_size"),
        ("consistency?first=0&second=1", "bad_tree_size"),
        ("consistency?first=3&second=2", "bad_tree_size"),
        (f"consistency?first=1&second={size + 1}", "bad_tree_size"),
    ):
        assert asked(f"proof/{query}") == (422, code), query
    for query in (
        *("inclusion?index=-1&size=1", "inclusion?index=a&size=1", "inclusion?size=1"),
        "consistency?first=1&second=9223372036854775808",
    ):
        assert asked(f"proof/{query}")[0] == 400, query
    for query in ("inclusion?index=0&size=1&more=1", "inclusion?index=0&index=1&size=1"):
        assert asked(f"proof/{query}")[0] == 422, query


def test_what_is_recorded_and_not_integrated_yet_is_told(hub: Hub) -> None:
    record = hub.decide()["receipt"]["record"]
    answer = hub.http.get(f"/v1/ledger/proof/entry/{record['id']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "entry_waiting")
    assert answer.headers["retry-after"] == "1"
    sequenced(hub)
    assert hub.http.get(f"/v1/ledger/proof/entry/{record['id']}").status_code == 200


def test_a_receipt_is_completed_once_the_log_has_it(hub: Hub) -> None:
    person = hub.sign_in()
    answered = hub.decide(person)

    def receipt(headers: dict[str, str]) -> httpx2.Response:
        return hub.http.get(f"/v1/receipts/{answered['decision']}", headers=headers)

    assert receipt(person).json() == answered["receipt"]
    sequenced(hub)
    completed = receipt(person)
    assert completed.headers["cache-control"] == "no-store"
    proof = completed.json().pop("proof")
    assert {**answered["receipt"], "proof": proof} == completed.json()
    trusted = Trusted(
        issuer=answered["receipt"]["issuer"],
        keys=read_keys(hub.http.get("/jwks.json").content),
        logs=tuple(map(note.parse_key, hub.http.get("/v1/ledger/keys").text.split())),
    )
    found = check_receipt(completed.content, trusted)
    assert (found.verdict, found.proven is not None) == (Outcome.HOLDS, True), found
    for stranger, status in ((hub.sign_in(), 404), (hub.client_token(), 403), ({}, 401)):
        assert receipt(stranger).status_code == status


def present(value: Any) -> Any:
    """JSON without its nulls, which linked data does not tell from what is not there."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return {name: present(member) for name, member in members if member is not None}
    return (
        [present(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value
    )


def read_as_linked_data(receipt: dict[str, Any], meaning: dict[str, Any]) -> dict[str, Any]:
    """Expanded; there and back with nothing lost, for there is no member without a term."""
    linked_data: Any = importlib.import_module("pyld.jsonld")  # it has no types
    (expanded,) = linked_data.expand({**meaning, **receipt})
    again = linked_data.compact(expanded, meaning)
    assert present(receipt) == {name: again[name] for name in again if name != "@context"}
    return expanded


def test_a_receipt_is_linked_data_in_which_every_member_has_its_term(hub: Hub) -> None:
    person = hub.sign_in()
    asked = hub.decision("news")
    event = {"served": asked["served"], "event": "shown", "layout": "07" * 32}
    assert hub.http.post("/v1/served", json=event, headers=person).status_code == 204
    answered = hub.http.post("/v1/decisions", json=asked, headers={**person, **fresh_key()}).json()
    assert answered["receipt"]["record"]["notice"]["shown"]["layout"] == event["layout"]
    told = hub.http.get(f"/v1/receipts/{answered['decision']}", headers=person)
    link = told.headers["link"]
    issuer = told.json()["issuer"]
    assert link.startswith(f'<{issuer}/schema/receipt>; rel="http://www.w3.org/ns/json-ld#context"')
    served = hub.http.get("/schema/receipt")
    assert served.headers["content-type"].startswith("application/ld+json")
    meaning = served.json()
    expanded = read_as_linked_data(told.json(), meaning)
    dpv = "https://w3id.org/dpv#"
    (record,) = expanded["http://purl.org/dc/terms/hasPart"]
    granted, *_ = record[f"{dpv}hasProcess"]
    assert granted[f"{dpv}hasConsentStatus"] == [{"@id": f"{dpv}ConsentGiven"}]
    chosen = told.json()["record"]["choices"][0]
    assert chosen["outcome"] == "granted"
    assert granted[f"{dpv}hasPurpose"] == [{"@id": f"{issuer}/purposes/{chosen['purpose']}"}]
    (at,) = expanded["http://purl.org/dc/terms/created"]
    assert at["@type"] == "http://www.w3.org/2001/XMLSchema#dateTime"
    assert {f"{dpv}hasNotice", f"{dpv}isIndicatedAtTime", f"{dpv}hasScope"} <= record.keys()
    assert f"{dpv}hasDataController" in expanded
    taken_back = hub.http.post(
        "/v1/withdrawals",
        json={"reach": "brand", "purposes": ["ads"]},
        headers={**person, **fresh_key()},
    )
    withdrawn = read_as_linked_data(taken_back.json()["receipt"], meaning)
    assert [
        (means[f"{dpv}hasLegalBasis"], means[f"{dpv}hasConsentStatus"])
        for each in (expanded, withdrawn)
        for means in each[f"{dpv}hasProcess"]
    ] == [
        ([{"@id": f"{dpv}Consent"}], [{"@id": f"{dpv}{status}"}])
        for status in ("ConsentGiven", "ConsentWithdrawn")
    ]
    own = read_as_linked_data({"purposes": [{"purpose": "shop:loyalty"}]}, meaning)
    (loyalty,) = own[f"{dpv}hasProcess"]
    assert loyalty[f"{dpv}hasPurpose"] == [{"@id": f"{issuer}/purposes/shop:loyalty"}]
