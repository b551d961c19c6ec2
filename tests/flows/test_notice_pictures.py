"""A picture of a notice as it was shown: kept, committed to, proven, and held against the log."""

import asyncio
import json
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.cli.running import Command
from tests.flows.conftest import Founded
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import Town
from tests.flows.visits import LAYOUT, Visit

from consentid.flows.attach_picture import MOST_BYTES, MOST_OF_ONE, Attached, attach_picture
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError


def png(grey: int, width: int = 3, height: int = 2) -> bytes:
    """A picture of one shade."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checked = name + body
        return len(body).to_bytes(4) + checked + zlib.crc32(checked).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes((8, 0, 0, 0, 0))
    rows = (b"\0" + bytes((grey,)) * width) * height
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


async def keep(town: Town, image: bytes, notice: str = "news", language: str = "fr") -> Attached:
    return await attach_picture(
        town.context, image, notice_id=notice, language=language, by="cli", where="FILE"
    )


@pytest.fixture
def consentid(
    town: Town,
    founded: Founded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    command = Command(capsys, monkeypatch)
    command.set("DATABASE_URL", town.urls.serving)
    command.set("KEYS_DIR", founded.keys)
    return command


async def test_what_was_shown_is_proven_with_its_picture(
    town: Town, consentid: Command, tmp_path: Path
) -> None:
    visit = Visit(town=town)
    await visit.sign_in("ada")
    await visit.consent()
    (((decision,),)) = await town.rows("SELECT CAST(id AS text) FROM decisions")
    ((language,),) = await town.rows("SELECT language FROM served_notices")
    (tmp_path / "shown.png").write_bytes(png(7))
    (tmp_path / "other.png").write_bytes(png(8))
    of_notice = ("--notice", "news", "--language", language)

    async def run(*words: str | Path) -> dict[str, Any]:
        ended = await asyncio.to_thread(consentid, *words, "--json")
        assert ended.code == 0, ended
        return ended.json

    attach = ("notices", "picture", tmp_path / "shown.png", *of_notice)
    kept = await run(*attach, "--layout", LAYOUT.hex())
    assert kept["new"] is True
    assert await run(*attach, "--layout", LAYOUT.hex()) == {**kept, "new": False}
    await run("notices", "picture", tmp_path / "other.png", *of_notice, "--layout", "link")
    listed = await run("notices", "list")
    assert [each["pictures"] for each in listed["notices"] if each["digest"] == kept["notice"]] == [
        2
    ]
    await drain(town.context)
    path = tmp_path / "evidence.zip"
    await run("ledger", "prove", decision, "--output", path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "evidence"
    assert (folder / f"pictures/{kept['entry']}/picture.png").read_bytes() == png(7)

    def check() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 our own program
            [sys.executable, folder / "verify.py"], capture_output=True, text=True, check=False
        )

    done = await asyncio.to_thread(check)
    assert done.returncode == 0, done
    assert f"a picture of it, laid out as it was shown: pictures/{kept['entry']}" in done.stdout
    assert "a picture of it, in a layout that is not told of" in done.stdout
    manifest = json.loads((folder / "manifest.json").read_bytes())
    name = f"pictures/{kept['entry']}/picture.png"
    (folder / name).write_bytes(png(9))
    assert "it is another picture than the log has" in (await asyncio.to_thread(check)).stdout
    assert name in manifest["files"]
    assert (await walk(town))[1] == []


CHANGES = {
    "UPDATE notice_pictures SET image = image || '\\x00'": "is not what the log says",
    "UPDATE notice_pictures SET notice = sha256('x')": "is not what the log says",
    "UPDATE notice_pictures SET layout = sha256('x')": "is not what the log says",
    "UPDATE notice_pictures SET image = 'x', digest = sha256('x')": "is not what the log says",
    "DELETE FROM notice_pictures": "is missing",
    "UPDATE notice_pictures SET event_id = gen_random_uuid()": "is in no log",
}


async def test_a_picture_that_was_changed_exchanged_or_lost_is_found(town: Town) -> None:
    await keep(town, png(7))
    await drain(town.context)
    assert (await walk(town))[1] == []
    for statement, told in CHANGES.items():
        await town.change("CREATE TABLE kept AS TABLE notice_pictures")
        await town.change("ALTER TABLE notice_pictures DISABLE TRIGGER USER")
        await town.change("ALTER TABLE notice_pictures DROP CONSTRAINT notice_pictures_event_id_fk")
        await town.change(statement)
        found = [(each.kind, each.message) for each in (await walk(town))[1]]
        assert any(kind == "picture" and told in message for kind, message in found), statement
        await town.change("DELETE FROM notice_pictures")
        await town.change("INSERT INTO notice_pictures TABLE kept")
        await town.change(
            "ALTER TABLE notice_pictures ADD CONSTRAINT notice_pictures_event_id_fk"
            " FOREIGN KEY (event_id) REFERENCES entry_bodies (event_id)"
        )
        await town.change("DROP TABLE kept")
    assert (await walk(town))[1] == []


async def test_what_is_no_picture_of_a_notice_in_force_is_refused(town: Town) -> None:
    for spoilt in (
        b"",
        b"GIF89a",
        png(1)[:20],
        png(1)[:16] + b"\0" * 4,
        png(1) + b"\0" * MOST_BYTES,
        png(1) + b"\0",
        png(1) + png(1),
        png(1).replace(b"IDAT", b"IDAX"),
        png(1, width=40_000),
        png(1, height=0),
    ):
        with pytest.raises(MalformedError):
            await keep(town, spoilt)
    for notice, language in (("none", "fr"), ("news", "xx")):
        with pytest.raises(NotFoundError):
            await keep(town, png(1), notice, language)
    assert await town.rows("SELECT 1 FROM notice_pictures") == []


async def test_as_many_pictures_of_a_text_are_kept_as_it_can_be_shown_in(town: Town) -> None:
    for grey in range(MOST_OF_ONE):
        assert (await keep(town, png(grey))).is_new
    with pytest.raises(ConflictError):
        await keep(town, png(MOST_OF_ONE))
    assert not (await keep(town, png(0))).is_new
    assert (await keep(town, png(0), language="en")).is_new
