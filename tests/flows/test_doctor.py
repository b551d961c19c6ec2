"""What the doctor says of settings, keys, clocks and figures; of all at once, see tests/cli."""

import secrets
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from consentid.flows.doctor.finding import Finding, Severity, in_order, unsafe, warning
from consentid.flows.doctor.look_at_clock import judge_skew, look_at_world
from consentid.flows.doctor.look_at_database import judge_replicas, judge_role, judge_server
from consentid.flows.doctor.look_at_keys import lets_others_replace, look_at_keys
from consentid.flows.doctor.look_at_settings import look_at_settings
from consentid.flows.doctor.look_at_work import judge_lists, judge_queue
from consentid.keyring.generating import generate
from consentid.kit.instants import SECOND, Instant, from_seconds
from consentid.net.guarded import make_client
from consentid.settings import read
from consentid.store.inspection import Replica, Role, Server
from consentid.store.queues import Depth

HUSH = "a-password-of-nobody-0815"
SAFE = {
    "DATABASE_URL": f"postgresql://serving:{HUSH}@db/consentid?sslmode=verify-full",
    "MIGRATION_DATABASE_URL": f"postgresql://owner:{HUSH}@db/consentid?sslmode=verify-full",
    "ERASURE_DATABASE_URL": f"postgresql://erasing:{HUSH}@db/consentid?sslmode=verify-full",
    "VALKEY_URL": f"rediss://:{HUSH}@cache",
    "PORTAL_CLIENT_SECRET": HUSH,
    "LEDGER_COPY": "/mnt/copy",
    "ERASURE_LIST": "/mnt/list",
    "METRICS_PORT": "9464",
    "TRUSTED_PROXIES": "10.1.0.0/16",
}
DAY = 86_400 * SECOND


def codes(findings: Iterable[Finding]) -> set[str]:
    return {each.code for each in findings}


def said_of(**changed: str | None) -> list[Finding]:
    """What is found in safe settings of which some were changed."""
    values = {**SAFE, **changed}
    given = {f"CONSENTID_{name}": value for name, value in values.items() if value is not None}
    return list(look_at_settings(read(given)))


def test_safe_settings_are_not_complained_of() -> None:
    assert said_of() == []


@pytest.mark.parametrize(
    ("name", "value", "code", "severity"),
    [
        ("LOCALHOST_HOSTS", "true", "outbound.loopback", "unsafe"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0", "proxies.everywhere", "unsafe"),
        ("TRUSTED_PROXIES", "::/0", "proxies.everywhere", "unsafe"),
        ("TRUSTED_PROXIES", "128.0.0.0/1", "proxies.everywhere", "unsafe"),
        (
            *("TRUSTED_PROXIES", ",".join(f"{each}.0.0.0/8" for each in range(256))),
            *("proxies.everywhere", "unsafe"),
        ),
        ("TRUSTED_PROXIES", None, "proxies.nobody", "warning"),
        ("FORWARD_AUTH_PROXIES", "0.0.0.0/0", "forward_auth.everywhere", "unsafe"),
        ("LEDGER_COPY", None, "ledger.no_copy", "warning"),
        ("ERASURE_LIST", None, "erasure.no_list", "warning"),
        ("VALKEY_URL", None, "valkey.missing", "warning"),
        ("VALKEY_URL", f"redis://:{HUSH}@cache", "valkey.plain", "warning"),
        ("VALKEY_URL", "rediss://cache", "valkey.open", "warning"),
        ("METRICS_PORT", None, "metrics.off", "warning"),
        ("DATABASE_URL", f"postgresql://s:{HUSH}@db/c", "database.tls_missing", "unsafe"),
        (
            *("DATABASE_URL", f"postgresql://s:{HUSH}@db/c?sslmode=prefer"),
            *("database.tls_missing", "unsafe"),
        ),
        (
            *("DATABASE_URL", f"postgresql://s:{HUSH}@db/c?sslmode=require"),
            *("database.tls_unverified", "warning"),
        ),
        ("DATABASE_URL", "postgresql://s:Postgres@/c?host=/run", "secret.default", "unsafe"),
        ("DATABASE_URL", "postgresql://halcyon:halcyon@/c?host=/run", "secret.default", "unsafe"),
        ("DATABASE_URL", "postgresql://s:tooshort@127.0.0.1/c", "secret.short", "warning"),
        ("PORTAL_CLIENT_SECRET", "changeme", "secret.default", "unsafe"),
        ("SMTP_PASSWORD", "short", "secret.short", "warning"),
        ("ERASURE_DATABASE_URL", SAFE["DATABASE_URL"], "roles.shared", "unsafe"),
        ("MIGRATION_DATABASE_URL", SAFE["DATABASE_URL"], "roles.shared", "unsafe"),
        ("ADMIN_DATABASE_URL", SAFE["DATABASE_URL"], "roles.shared", "unsafe"),
        ("ADMIN_DATABASE_URL", SAFE["MIGRATION_DATABASE_URL"], "roles.owner_serves", "warning"),
        ("ERASURE_DATABASE_URL", None, "roles.no_erasing", "warning"),
    ],
)
def test_an_unsafe_setting_is_named_with_its_remedy(
    name: str, value: str | None, code: str, severity: str
) -> None:
    (found,) = said_of(**{name: value})
    assert (found.code, found.severity) == (code, severity)
    assert found.place == f"CONSENTID_{name}"
    assert found.message
    assert found.remedy
    assert value is None or HUSH not in found.message + found.remedy


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", ""])
def test_a_database_beside_us_needs_no_tls(host: str) -> None:
    url = f"postgresql://serving:{HUSH}@{host}/consentid"
    assert said_of(DATABASE_URL=url) == []


def test_a_secret_that_others_can_read_is_told_with_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "portal"
    secret.write_text(HUSH)
    for mode, expected in ((0o644, {"secret.file_open"}), (0o600, set[str]())):
        secret.chmod(mode)
        found = said_of(PORTAL_CLIENT_SECRET=None, PORTAL_CLIENT_SECRET_FILE=str(secret))
        assert codes(found) == expected
        assert all(each.place == str(secret) for each in found)


def test_keys_are_missing_open_or_old(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    (missing,) = look_at_keys(folder, now=from_seconds(1))
    assert missing.code == "keys.unusable"
    generate(folder, now=from_seconds(1), randomness=secrets.token_bytes)
    assert list(look_at_keys(folder, now=Instant(180 * DAY))) == []
    old = list(look_at_keys(folder, now=Instant(200 * DAY)))
    assert {(each.code, each.severity) for each in old} == {("keys.old", "warning")}
    assert len(old) == 2  # what signs consent tokens, and what signs ID tokens
    assert {each.severity for each in look_at_keys(folder, now=Instant(500 * DAY))} == {"unsafe"}
    (folder / "master.key").chmod(0o644)
    folder.chmod(0o777)
    found = list(look_at_keys(folder, now=from_seconds(1)))
    assert [each.code for each in found] == ["keys.folder_open", "keys.file_open"]
    assert found[1].place == str(folder / "master.key")
    folder.chmod(0o1777)  # as an orchestrator's mounts are: nobody replaces another's file
    (folder / "master.key").chmod(0o600)
    assert list(look_at_keys(folder, now=from_seconds(1))) == []
    (folder / "ledger.key").unlink()
    assert codes(look_at_keys(folder, now=from_seconds(1))) == {"keys.unusable"}


@pytest.mark.parametrize(
    ("mode", "owner", "unsafe_there"),
    [
        *((0o700, 7, False), (0o755, 7, False), (0o775, 7, True), (0o777, 7, True)),
        *((0o3777, 0, False), (0o2775, 0, False), (0o777, 0, True)),  # as mounts are
    ],
)
def test_a_folder_is_safe_from_being_filled_by_others(
    mode: int, owner: int, unsafe_there: bool
) -> None:
    assert lets_others_replace(mode, owner=owner, reader=7) is unsafe_there


@pytest.mark.parametrize(
    ("theirs_s", "severity"),
    [
        (100.0, None),
        (101.9, None),
        (98.5, None),
        (103.5, "warning"),
        (107.5, "unsafe"),
        (90.0, "unsafe"),
    ],
)
def test_a_clock_is_judged_by_what_asking_does_not_explain(
    theirs_s: float, severity: str | None
) -> None:
    found = list(judge_skew("clock.x", "there", theirs_s=theirs_s, before_s=99.0, after_s=101.0))
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    if severity is not None:
        assert ("behind" if theirs_s > 101 else "ahead") in found[0].message


class Dated(BaseHTTPRequestHandler):
    """Says what time it is, as every server does."""

    def do_HEAD(self) -> None:
        self.send_response(204)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


async def test_the_clock_of_the_world_is_read_from_a_date() -> None:
    with HTTPServer(("127.0.0.1", 0), Dated) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        async with make_client(localhost_hosts=False) as client:
            for ahead_s, expected in ((0, []), (-100, ["behind"]), (100, ["ahead of"])):
                found = await look_at_world(client, address, lambda by=ahead_s: time.time() + by)
                assert [each.code for each in found] == ["clock.world"] * len(expected)
                assert all(word in found[0].message for word in expected)
            server.shutdown()
            serving.join()
            server.server_close()
            (unread,) = await look_at_world(client, address, time.time)
    assert (unread.code, unread.severity) == ("clock.unread", Severity.UNKNOWN)


def test_a_server_that_forgets_or_follows_is_unsafe() -> None:
    good = Server(is_durable=True, is_standby=False, now_s=0)
    assert list(judge_server(good, "there")) == []
    bad = Server(is_durable=False, is_standby=True, now_s=0)
    assert codes(judge_server(bad, "there")) == {"database.not_durable", "database.standby"}


def test_a_role_that_may_too_much_is_unsafe() -> None:
    serving = Role(name="serving", powers=[], member_of=[], may_create=False, owned=[])
    assert list(judge_role(serving)) == []
    wide = Role(
        name="serving",
        powers=["SUPERUSER"],
        member_of=["owner"],
        may_create=True,
        owned=["decisions"],
    )
    found = list(judge_role(wide))
    assert codes(found) == {"role.too_wide", "role.member", "role.owns"}
    assert all(each.severity is Severity.UNSAFE for each in found)
    assert found[0].remedy == "ALTER ROLE serving NOSUPERUSER"


def test_a_follower_that_is_late_or_hidden_is_told() -> None:
    def judged(late_s: float | None, late_bytes: int | None, *, hidden: bool = False) -> list[str]:
        replica = Replica(name="b", is_hidden=hidden, late_s=late_s, late_bytes=late_bytes)
        return [f"{each.code} {each.severity}" for each in judge_replicas([replica], "owner")]

    assert judged(None, 0) == []
    assert judged(9, 1_000) == []
    assert judged(11, 0) == ["replica.late warning"]
    assert judged(None, 2**30) == ["replica.late warning"]
    assert judged(61, 2**30) == ["replica.late unsafe"]
    assert judged(None, None, hidden=True) == ["replica.hidden unknown"]


def test_work_that_is_not_done_is_told() -> None:
    assert list(judge_queue(Depth(name="outbox", waiting=3, oldest_s=2))) == []
    assert list(judge_queue(Depth(name="outbox", waiting=0, oldest_s=None))) == []
    (late,) = judge_queue(Depth(name="outbox", waiting=3, oldest_s=11))
    (stalled,) = judge_queue(Depth(name="outbox", waiting=3, oldest_s=61))
    assert (late.severity, stalled.severity) == (Severity.WARNING, Severity.UNSAFE)
    (held,) = judge_queue(Depth(name="held_captures", waiting=3, oldest_s=10_000))
    assert (held.code, held.severity) == ("captures.held", Severity.WARNING)
    assert list(judge_queue(Depth(name="held_captures", waiting=0, oldest_s=None))) == []
    assert list(judge_lists(None)) == list(judge_lists(59)) == []
    assert codes(judge_lists(601)) == {"worker.lists_old"}


def test_the_worst_is_told_first_and_each_thing_once() -> None:
    mild, bad = warning("a", "x", "m", "r"), unsafe("b", "x", "m", "r")
    assert in_order([mild, bad, mild]) == [bad, mild]
