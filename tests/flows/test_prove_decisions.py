"""Evidence for a court: whole, checked by a program of its own, and by nothing of ours."""

import asyncio
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.running import Command
from tests.flows.conftest import Founded
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.core.decision import DecisionId, SubjectId
from consentid.flows import court_verifier
from consentid.flows.append_decisions import BODY
from consentid.flows.note_export import note_download
from consentid.flows.open_subject import open_subject
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject
from consentid.flows.stage_entry import open_own
from consentid.keyring import wrapping
from consentid.store import decisions, entry_bodies, reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A person's two answers in the log, and somebody else's that is not."""

    town: Town
    decisions: tuple[str, ...]
    subject: str
    unlogged: str


@pytest.fixture
async def case(town: Town) -> Case:
    caller, _ = await town.sign_in("ada")
    told = [await town.decide(caller, {"ads": GRANTED}), await town.withdraw(caller, "ads")]
    await drain(town.context)
    other = await town.decide(await town.device(), {"ads": REFUSED})
    return Case(
        town=town,
        decisions=tuple(each.receipt.record["id"] for each in told),
        subject=str(caller.subject),
        unlogged=other.receipt.record["id"],
    )


@pytest.fixture
def prove(
    case: Case,
    founded: Founded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    command = Command(capsys, monkeypatch)
    command.set("DATABASE_URL", case.town.urls.serving)
    command.set("KEYS_DIR", founded.keys)
    return command


def bare(verifier: Path, *words: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the verifier where nothing can be imported but Python's own and `cryptography`."""
    packages = folder / "packages"
    packages.mkdir(exist_ok=True)
    for name in ("cryptography", "_cffi_backend"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        found = found.parent if found.name == "__init__.py" else found
        if not (packages / found.name).exists():
            (packages / found.name).symlink_to(found)
    program = (
        "import runpy, sys; sys.path.append(sys.argv.pop(1)); sys.argv.pop(0);"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-I", "-S", "-B", "-c", program, packages, verifier, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bundle_is_checked_with_python_and_cryptography_alone(
    case: Case, prove: Command, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.zip"
    ended = prove("ledger", "prove", case.subject, "--output", path, "--json")
    assert (ended.code, ended.json["decisions"]) == (0, 2), ended
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    unpacked = tmp_path / "evidence"
    granted, withdrawn = case.decisions
    names = {each.relative_to(unpacked).as_posix() for each in unpacked.rglob("*")}
    assert {
        *("README.txt", "verify.py", "manifest.json", "keys/log-keys.txt", "keys/jwks.json"),
        *(f"decisions/{granted}/{each}" for each in ("shown.json", "notice/fr.json")),
        f"decisions/{withdrawn}/proof.txt",
        "catalogues/1/catalogue.json",
    } <= names
    assert json.loads((unpacked / "manifest.json").read_bytes())["decisions"] == [
        granted,
        withdrawn,
    ]
    done = bare(unpacked / "verify.py", folder=tmp_path)
    assert done.returncode == 0, done
    for line in (
        "ALL OF IT HOLDS",
        "granted ads",
        "refused ads",
        "among the 3 entries",
        "signed by",
    ):
        assert line in done.stdout
    key = tmp_path / "key"
    shutil.copy(unpacked / "keys/log-keys.txt", key)
    assert bare(unpacked / "verify.py", path, "--log-key", key, folder=tmp_path).returncode == 0
    key.write_text(key.read_text().replace("/ledger", "/other"))
    done = bare(unpacked / "verify.py", path, "--log-key", key, folder=tmp_path)
    assert done.returncode == 1
    assert "no key of" in done.stdout
    assert bare(unpacked / "verify.py", tmp_path / "none", folder=tmp_path).returncode == 2


async def test_who_wrote_evidence_is_in_the_log_and_seen_by_the_person(
    case: Case, prove: Command, tmp_path: Path
) -> None:
    town = case.town
    path = tmp_path / "evidence.zip"
    # The command has a loop of its own.
    await asyncio.to_thread(prove, "ledger", "prove", case.decisions[0], "--output", path)
    await asyncio.to_thread(prove, "ledger", "export")
    subject = SubjectId(UUID(case.subject))
    async with town.context.database.reading() as connection:
        seen = await reads.page(connection, [subject], before=None, limit=10)
        opened = await open_subject(town.context, connection, subject)
        assert opened is not None
        of_person = await entry_bodies.of_subject(connection, subject)
    assert {(OPERATOR, "proof"), (OPERATOR, "export")} <= {
        (row.client_id, row.kind) for row in seen
    }
    (noted,) = (row for row in of_person if row.kind == "export")
    said = json.loads(open_own(opened.key, noted))
    assert (said["act"], said["decisions"]) == ("prove", [case.decisions[0]])
    staged = await town.rows("SELECT convert_from(leaf, 'UTF8') FROM staged_entries")
    assert len([leaf for (leaf,) in staged if '"kind":"export"' in leaf]) == 2
    assert not any(name in leaf for name in (case.subject, *case.decisions) for (leaf,) in staged)
    await note_download(town.context, opened)
    await drain(town.context)
    assert (await walk(town))[1] == await town.faults() == []


def test_whatever_is_changed_in_a_bundle_is_found(
    case: Case,
    prove: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "evidence.zip"
    assert prove("ledger", "prove", case.decisions[0], "--output", path).code == 0
    with zipfile.ZipFile(path) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}

    def check(changed: dict[str, bytes]) -> tuple[int, str]:
        folder = tmp_path / "unpacked"
        for name, content in {**files, **changed}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        monkeypatch.setattr(sys, "argv", ["verify.py", str(folder)])
        return court_verifier.main(), capsys.readouterr().out

    assert check({})[0] == 0
    folder = f"decisions/{case.decisions[0]}"
    for name, (old, new, told) in {
        f"{folder}/record.json": (b"granted", b"refused", "not what was committed to"),
        f"{folder}/salt.txt": (files[f"{folder}/salt.txt"][:2], b"zz", "hexadecimal"),
        f"{folder}/leaf.json": (b'"kind":"decision"', b'"kind":"claim"', "signed root"),
        f"{folder}/proof.txt": (b"\nindex 1\n", b"\nindex 2\n", "proof is too"),
        f"{folder}/notice/en.json": (b"Halcyon", b"Holcyon", "not the one that was shown"),
        f"{folder}/receipt.json": (b'"legal_entity": "', b'"legal_entity": "x', "signature"),
        "catalogues/1/catalogue.json": (b"Halcyon", b"Holcyon", "another version"),
        "keys/log-keys.txt": (b"/ledger", b"/other", "no key of"),
    }.items():
        assert old in files[name], name
        code, out = check({name: files[name].replace(old, new)})
        assert code == 1, name
        assert told in out, (name, out)
    proof = files[f"{folder}/proof.txt"]
    size = proof.replace(b"\n3\n", b"\n0\n")
    assert "signature by" in check({f"{folder}/proof.txt": size})[1]
    code, out = check({"README.txt": b"Trust me."})
    assert code == 1
    assert "file README.txt: it is missing, or was changed" in out


def test_what_cannot_be_proven_is_told(case: Case, prove: Command, tmp_path: Path) -> None:
    output = ("--output", tmp_path / "evidence.zip")
    assert prove("ledger", "prove", "portal:ada", *output).code == 0
    for name in ("portal:nobody", "nonsense", "00000000-0000-7000-8000-000000000000"):
        ended = prove("ledger", "prove", name, *output)
        assert ended.code == 1
        assert "no decision and no subject has this name" in ended.err
    ended = prove("ledger", "prove", case.unlogged, "--output", tmp_path / "late.zip")
    assert ended.code == 3
    assert "is not in the published log yet" in ended.err
    assert prove("ledger", "prove", case.subject, "--output", tmp_path / "no/where").code == 2
    assert {each.name for each in tmp_path.iterdir()} == {"evidence.zip"}


@pytest.fixture
async def set_aside(case: Case) -> Case:
    """The same person, whom nobody serves any more while proof may be asked for."""
    asked = Asked(reason=Reason.CONSENT_WITHDRAWN, asked_by=OPERATOR)
    async with case.town.context.database.writing() as connection:
        await restrict_subject(case.town.context, connection, SubjectId(UUID(case.subject)), asked)
    return case


def test_who_is_set_aside_until_proof_is_needed_no_more_is_proven_by_a_role_of_its_own(
    set_aside: Case, prove: Command, tmp_path: Path
) -> None:
    output = ("--output", tmp_path / "evidence.zip")
    ended = prove("ledger", "prove", set_aside.subject, *output)
    assert ended.code == 1
    assert "set aside where this role does not reach" in ended.err
    prove.set("ERASURE_DATABASE_URL", set_aside.town.urls.erasing)
    for name in (set_aside.decisions[0], "portal:ada"):
        assert prove("ledger", "prove", name, *output).code == 0
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        archive.extractall(tmp_path)
    done = bare(tmp_path / "evidence/verify.py", folder=tmp_path)
    assert (done.returncode, "granted ads" in done.stdout) == (0, True), done


async def spoil(town: Town, decision: str, how: str) -> None:
    """Change one record: a bit of it, or so that a release to come wrote it."""
    id_ = UUID(decision)
    async with town.context.database.reading() as connection:
        subject = await decisions.find_subject(connection, id_)
        assert subject is not None
        opened = await open_subject(town.context, connection, subject)
        assert opened is not None
        row = await decisions.find(connection, subject, DecisionId(id_))
    assert row is not None
    if how == "changed":
        sealed = row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])
    else:
        aad = BODY + id_.bytes
        record = {**json.loads(wrapping.open_sealed(opened.key, row.sealed, aad=aad)), "v": 3}
        sealed = wrapping.seal(
            opened.key, json.dumps(record).encode(), nonce=bytes(wrapping.NONCE_BYTES), aad=aad
        )
    await town.change("ALTER TABLE decisions DISABLE TRIGGER USER")
    await town.change("UPDATE decisions SET sealed = :sealed WHERE id = :id", sealed=sealed, id=id_)


@pytest.mark.parametrize(
    ("how", "why"),
    [("changed", "bring the row back from a backup"), ("later", "use the one that wrote it")],
)
async def test_a_record_that_cannot_be_read_is_named_and_the_rest_is_proven(
    case: Case, prove: Command, tmp_path: Path, how: str, why: str
) -> None:
    granted, withdrawn = case.decisions
    await spoil(case.town, granted, how)
    path = tmp_path / "evidence.zip"
    ended = await asyncio.to_thread(prove, "ledger", "prove", case.subject, "--output", path)
    assert ended.code == 1, ended
    assert f"left out: decision {granted}: its record" in ended.err
    assert why in ended.err
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("evidence/manifest.json"))
        archive.extractall(tmp_path)
    assert (manifest["decisions"], [*manifest["unreadable"]]) == ([withdrawn], [granted])
    done = bare(tmp_path / "evidence/verify.py", folder=tmp_path)
    assert done.returncode == 0, done
    assert f"NOT HERE  decision {granted}" in done.stdout
    assert "ALL THAT IS HERE HOLDS" in done.stdout

    path.unlink()
    ended = await asyncio.to_thread(prove, "ledger", "prove", granted, "--output", path)
    assert ended.code == 3, ended
    assert f"decision {granted}: its record" in ended.err
    assert not path.exists()
