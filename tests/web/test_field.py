"""Capture devices over HTTP: they enrol, work without network, and bring what they captured."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.web.hub import Hub
from tests.web.tablets import CLIENT, Tablet, bring, invite, new_tablet

from consentid.cli import field_device, field_queue
from consentid.cli.main import main
from consentid.kit import base64url
from consentid.kit.errors import ConsentidError
from consentid.tokens import capture_bundle, field_sync
from consentid.tokens.capture_bundle import BundleClaims, EntryClaim

_captures = """
    SELECT c.id::text, c.state, c.early, c.late, c.clock_unproven, e.seq, c.subject_id
    FROM captures c JOIN field_entries e ON e.capture_id = c.id
    WHERE e.device_id = '{device}' ORDER BY e.seq, e.entry_id
"""
_ended = """
    SELECT head_seq, state, count(*) FROM field_devices JOIN field_bundles ON id = device_id
    WHERE id = '{device}' GROUP BY 1, 2
"""
_kept = "SELECT seq FROM field_bundles WHERE device_id = '{device}' AND sealed IS NOT NULL"


@pytest.fixture
def tablet(hub: Hub) -> Tablet:
    return new_tablet(hub)


def captures_of(hub: Hub, tablet: Tablet) -> list[Any]:
    return hub.rows(_captures.format(device=tablet.id))


def states(answers: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(each["state"], each.get("waiting_for") or each.get("why")) for each in answers]


def signed(tablet: Tablet, *entries: EntryClaim, **changed: Any) -> str:
    """A bundle that the device signs, and that says something else than it would."""
    claims = BundleClaims(
        aud=tablet.queue.issuer,
        seq=tablet.queue.last() + 1,
        prev=tablet.queue.head,
        sync=tablet.queue.sync or "",
        entries=list(entries or [tablet.entry()]),
    )
    unsigned = capture_bundle.unsigned(msgspec.structs.replace(claims, **changed), tablet.id)
    return capture_bundle.assemble(unsigned, tablet.queue.signing_key().sign(unsigned))


def test_what_was_captured_offline_becomes_a_capture_that_waits_for_its_person(
    hub: Hub, tablet: Tablet
) -> None:
    entry = tablet.entry()
    (answer,) = bring(hub, tablet.capture(entry))
    assert (answer["state"], answer["seq"]) == ("recorded", 1)
    assert [each["entry"] for each in answer["captures"]] == [entry.id]
    ((id_, state, early, late, clock_unproven, _, subject),) = captures_of(hub, tablet)
    assert (id_, state, subject) == (answer["captures"][0]["capture"], "pending", None)
    assert not clock_unproven
    said = datetime.fromtimestamp(entry.at_ms / 1_000, UTC)
    assert early <= said <= late
    assert early.microsecond == 0  # the last sync, as the hub signed it
    mine = hub.http.get("/v1/captures", headers=hub.client_token(CLIENT)).json()
    assert id_ in str(mine)


def test_a_code_enrols_one_key_and_the_same_key_again(hub: Hub) -> None:
    invited = invite(hub, "Till 3")
    issuer = field_device.find_issuer(hub.http)
    queue = field_queue.new_queue(hub=hub.url, issuer=issuer, code=invited["code"])
    joined = field_device.join(hub.http, queue)
    assert (joined.device, joined.name) == (invited["device"], "Till 3")
    assert field_device.join(hub.http, queue) == joined  # its answer was lost
    thief = field_queue.new_queue(hub=hub.url, issuer=issuer, code=invited["code"])
    with pytest.raises(ConsentidError, match="mistyped"):
        field_device.join(hub.http, thief)
    late = invite(hub)
    hub.rows(f"UPDATE field_devices SET code_expires_at = now() WHERE id = '{late['device']}'")
    with pytest.raises(ConsentidError, match="15 minutes"):
        field_device.join(
            hub.http, field_queue.new_queue(hub=hub.url, issuer=issuer, code=late["code"])
        )
    assert late["code"] not in str(hub.rows("SELECT * FROM field_devices"))
    for name in ("\u202eTablet", "Tablet\u200b", "\x00"):  # would turn, hide or end what is around
        answer = hub.http.post(
            "/v1/field/devices", json={"name": name}, headers=hub.client_token(CLIENT)
        )
        assert answer.status_code in (400, 422), answer.text


def test_a_gap_waits_and_nothing_is_lost_or_double(hub: Hub, tablet: Tablet) -> None:
    texts = [tablet.capture() for _ in range(5)]
    assert states(bring(hub, *texts[:1:-1])) == [("waiting", 1)] * 3
    assert captures_of(hub, tablet) == []
    assert states(bring(hub, texts[0])) == [("recorded", None)]
    assert states(bring(hub, texts[4])) == [("waiting", 2)]
    first = bring(hub, texts[1], *texts)
    assert {each["state"] for each in first} == {"recorded"}
    again = [bring(hub, *reversed(texts)) for _ in range(3)]
    assert all([*reversed(each)] == first[1:] for each in again)
    assert [row.seq for row in captures_of(hub, tablet)] == [1, 2, 3, 4, 5]
    assert hub.rows(_kept.format(device=tablet.id)) == []


def test_what_nobody_can_vouch_for_is_refused_and_not_kept(hub: Hub, tablet: Tablet) -> None:
    other = new_tablet(hub)
    text = tablet.capture()
    head, payload, signature = text.split(".")
    foreign = other.capture().split(".")
    before = hub.counts()
    answers = bring(
        hub,
        text[: len(text) // 2],
        f"{head}.{payload}.{foreign[2]}",
        f"{foreign[0]}.{payload}.{signature}",
        f"{head}.{payload[:-4]}.{signature}",
        signed(tablet, aud="https://elsewhere.example"),
    )
    assert all(each["state"] == "refused" and each["is_kept"] is False for each in answers)
    assert [each["why"] for each in answers][1:3] == ["bad_signature", "bad_signature"]
    half = hub.http.post(
        "/v1/captures/bundles",
        content=f'{{"bundles": ["{text}"'.encode(),
        headers={"Content-Type": "application/json"},
    )
    assert half.status_code == 400
    assert hub.counts() == before
    assert states(bring(hub, text)) == [("recorded", None)]


def test_a_chain_that_breaks_or_forks_has_no_effect_and_is_kept(hub: Hub, tablet: Tablet) -> None:
    bring(hub, tablet.capture())
    broken = signed(tablet, prev=base64url.encode(bytes(32)))
    forked = signed(tablet)
    assert states(bring(hub, broken)) == [("refused", "chain_broken")]
    text = tablet.capture()
    assert states(bring(hub, text)) == [("recorded", None)]  # of two, the one that came first
    assert states(bring(hub, forked, broken)) == [
        ("refused", "chain_forked"),
        ("refused", "chain_broken"),
    ]
    assert states(bring(hub, tablet.capture())) == [("recorded", None)]
    assert len(captures_of(hub, tablet)) == 3
    assert [row.seq for row in hub.rows(_kept.format(device=tablet.id))] == [2, 2]


def test_a_sync_proof_is_the_hubs_for_this_very_device(hub: Hub, tablet: Tablet) -> None:
    own, other = tablet.queue.sync or "", new_tablet(hub).queue.sync or ""
    forged = f"{own.rpartition('.')[0]}.{other.rpartition('.')[2]}"
    for sync, why in ((other, "foreign_sync"), (forged, "bad_sync")):
        tablet.queue = msgspec.structs.replace(tablet.queue, sync=sync)
        assert states(bring(hub, tablet.capture())) == [("refused", why)]
    claims = field_sync.SyncClaims(
        iss=tablet.queue.issuer, sub=tablet.id, iat=2**32, nonce="", cat=1, kit="0" * 64
    )
    key = tablet.queue.signing_key()
    unsigned = field_sync.unsigned(claims, "long-gone")
    unknown = field_sync.assemble(unsigned, key.sign(unsigned))
    tablet.queue = msgspec.structs.replace(tablet.queue, sync=unknown)
    assert states(bring(hub, tablet.capture())) == [("recorded", None)]
    enrolled = hub.rows(f"SELECT enrolled_at FROM field_devices WHERE id = '{tablet.id}'")
    assert captures_of(hub, tablet)[0].early == enrolled[0][0]  # which the hub knows by itself


def test_a_bundle_is_whole_or_nothing_and_the_next_goes_on(hub: Hub, tablet: Tablet) -> None:
    wrong = tablet.capture(tablet.entry(), tablet.entry(granted=["unheard.of"]))
    twice = tablet.entry()
    answers = bring(hub, wrong, tablet.capture(twice), tablet.capture(twice, tablet.entry()))
    assert states(answers) == [
        ("refused", "purpose_unknown"),
        ("recorded", None),
        ("recorded", None),
    ]
    assert [row.seq for row in captures_of(hub, tablet)] == [2, 3]
    assert answers[1]["captures"][0] == answers[2]["captures"][0]


@pytest.mark.parametrize(
    ("claimed", "is_unproven"),
    [("2099-01-01T00:00:00+00:00", True), ("1970-01-02T00:00:00+00:00", True), (None, False)],
)
def test_a_clock_that_cannot_be_right_makes_nothing_younger(
    hub: Hub, tablet: Tablet, claimed: str | None, *, is_unproven: bool
) -> None:
    ((began,),) = hub.rows("SELECT clock_timestamp()")
    at = began if claimed is None else datetime.fromisoformat(claimed)
    bring(hub, tablet.capture(tablet.entry(at_ms=int(at.timestamp() * 1_000))))
    ((_, _, early, late, unproven, _, _),) = captures_of(hub, tablet)
    assert unproven is is_unproven
    assert early <= min(at, began)  # never later than the last sync, or the claim
    assert late >= began  # receipt


def test_receipt_is_when_it_came_and_not_when_its_turn_came(hub: Hub, tablet: Tablet) -> None:
    first, second = tablet.capture(), tablet.capture()
    bring(hub, second)
    came_at = hub.rows(f"SELECT received_at FROM field_bundles WHERE device_id = '{tablet.id}'")[0][
        0
    ]
    bring(hub, first)
    assert captures_of(hub, tablet)[1].late == came_at


def test_a_lost_device_is_believed_no_more(hub: Hub, tablet: Tablet) -> None:
    headers = hub.client_token(CLIENT)
    texts = [tablet.capture() for _ in range(4)]
    recorded = bring(hub, texts[0])
    bring(hub, texts[2])
    path = f"/v1/field/devices/{tablet.id}"
    stranger = hub.http.delete(path, headers=hub.client_token("reach-calls"))
    assert stranger.status_code == 404
    assert hub.http.delete(path, headers=headers).status_code == 204
    assert states(bring(hub, texts[1], texts[3])) == [("refused", "device_revoked")] * 2
    assert bring(hub, texts[0]) == recorded
    assert states(bring(hub, texts[2])) == [("waiting", 2)]
    ((id_, *_),) = captures_of(hub, tablet)
    told = hub.http.get(f"/v1/captures/{id_}", headers=headers).json()
    assert (told["device"], told["flags"]) == (tablet.id, ["device_revoked"])
    with pytest.raises(ConsentidError, match="revoked"):
        field_device.sync(hub.http, tablet.queue, lambda _: None)
    (shown,) = [
        each
        for each in hub.http.get("/v1/field/devices", headers=headers).json()["devices"]
        if each["device"] == tablet.id
    ]
    assert (shown["state"], shown["last_bundle"]) == ("revoked", 1)
    assert shown["bundles"] == {"recorded": 1, "waiting": 1, "refused": 2}


def test_who_captures_faster_than_anybody_can_is_held(hub: Hub, tablet: Tablet) -> None:
    texts = [tablet.capture(*(tablet.entry() for _ in range(8))) for _ in range(10)]
    bring(hub, *texts)
    found = [row.state for row in captures_of(hub, tablet)]
    assert set(found[:24]) == {"pending"}
    assert set(found[-8:]) == {"held"}  # a minute's worth ahead, and what time has come since


@settings(max_examples=8)
@given(st.data())
def test_in_whatever_order_and_however_often_they_come_the_end_is_one(
    hub: Hub, data: st.DataObject
) -> None:
    tablet = new_tablet(hub)
    texts = [tablet.capture() for _ in range(6)]
    many = data.draw(st.permutations([*texts, *texts]))
    size = data.draw(st.integers(1, 6))
    for first in range(0, len(many), size):
        bring(hub, *many[first : first + size])
    rows = captures_of(hub, tablet)
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5, 6]
    found = hub.rows(_ended.format(device=tablet.id))
    assert [tuple(each) for each in found] == [(6, "recorded", 6)]


def test_the_command_line_is_a_device(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "device.json"

    def run(action: str, *words: str) -> Any:
        code = main(["field", action, "--queue", str(file), "--json", *words])
        assert code == 0, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    code = invite(hub, "Kit 1")["code"]
    assert run("join", "--hub", hub.url, "--code", code.lower())["name"] == "Kit 1"
    assert file.stat().st_mode & 0o077 == 0
    run("sync")
    for choice in ("--grant", "--refuse"):
        run("capture", "--operator", "agent-7", "--version", "form-3", choice, "ads")
    said = run("sync")["bundles"]
    assert [each["state"] for each in said] == ["recorded", "recorded"]
    assert all(len(each["captures"]) == 1 for each in said)
