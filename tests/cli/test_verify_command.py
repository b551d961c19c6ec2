import argparse
import io
import json
import time
from pathlib import Path

import pytest
from tests.tokens.making import AUDIENCE, INDEX, ISSUER, JWKS, claims, compact, issue, issue_list

from consentid.cli import verify_command
from consentid.tokens.reasons import Reason


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="consentid")
    verify_command.add_parser(parser.add_subparsers(required=True))
    return verify_command.run(parser.parse_args(["verify", *words]))


@pytest.fixture
def token() -> str:
    now_s = int(time.time())
    return issue(claims(iat=now_s, exp=now_s + 600))


@pytest.fixture
def offline(tmp_path: Path) -> list[str]:
    (tmp_path / "jwks.json").write_bytes(compact(JWKS))
    (tmp_path / "list").write_text(issue_list(iat_s=int(time.time())))
    return [
        *("--audience", AUDIENCE, "--jwks", str(tmp_path / "jwks.json")),
        *("--status-list", str(tmp_path / "list")),
    ]


def test_an_active_token_is_exit_0(
    offline: list[str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*offline, token) == 0
    told = capsys.readouterr().out
    assert told.startswith("active until ")
    assert "audience" in told


def test_json_says_what_online_verification_says(
    offline: list[str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*offline, "--issuer", ISSUER, "--require", "audience", "--json", token) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["active"], told["granted"], told["decision"]) == (True, ["audience"], "allow")


def test_a_purpose_that_is_not_granted_is_exit_1(
    offline: list[str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*offline, "--require", "ads.personalised", token) == 1
    assert "does not allow: ads.personalised" in capsys.readouterr().out


def test_a_token_from_standard_input_is_read(
    offline: list[str], token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
    assert run(*offline, "-") == 0


def test_a_bad_token_is_exit_1_with_its_reason(
    offline: list[str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*offline, "--json", f"{token[:-1]}!") == 1
    assert json.loads(capsys.readouterr().out) == {"active": False, "reason": "bad_encoding"}


def test_a_superseded_token_is_exit_1(
    offline: list[str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(offline[-1]).write_text(issue_list((INDEX,), iat_s=int(time.time())))
    assert run(*offline, token) == 1
    assert capsys.readouterr().out.startswith("not active: superseded")


def test_an_issuer_out_of_reach_is_exit_3(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--audience", AUDIENCE, "--issuer", "http://consent.localhost:9", token) == 3
    assert capsys.readouterr().out.startswith("cannot tell: keys_unavailable")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--jwks", "missing"],
        ["--jwks", "missing", "--status-list", "missing"],
        ["--issuer", "http://consent.example"],
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_is_right(
    words: list[str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--audience", AUDIENCE, *words, token) == 2
    told = capsys.readouterr()
    assert told.err.startswith("consentid verify: ")
    assert token not in told.err


def test_every_reason_is_explained() -> None:
    assert set(verify_command.REMEDIES) == set(Reason)
