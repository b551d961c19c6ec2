from pathlib import Path

import pytest
from tests.tokens.making import (
    AUDIENCE,
    INDEX,
    ISSUER,
    JWKS,
    LIST_URI,
    NOW,
    STRANGER,
    claims,
    compact,
    issue,
    issue_list,
)

from consentid.kit.errors import ConsentidError, MalformedError, NotFoundError
from consentid.tokens import status
from consentid.tokens.consent import Status, StatusListRef
from consentid.verify import Active, Inactive, OfflineVerifier, Reason


def build(
    *lists: str, audience: str = AUDIENCE, issuer: str | None = None, now_s: float = NOW
) -> OfflineVerifier:
    return OfflineVerifier(
        audience=audience,
        jwks_document=compact(JWKS),
        unverified_lists=lists,
        issuer=issuer,
        now=lambda: now_s,
    )


def test_files_alone_suffice(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_bytes(compact(JWKS))
    (tmp_path / "1.jwt").write_text(issue_list() + "\n")
    verifier = OfflineVerifier.from_files(
        audience=AUDIENCE,
        jwks_file=tmp_path / "jwks.json",
        status_list_files=[tmp_path / "1.jwt"],
        now=lambda: NOW,
    )
    found = verifier.verify(issue(claims()))
    assert isinstance(found, Active)
    assert found.aud == AUDIENCE
    assert verifier.allows(issue(claims()), "audience")


def test_a_token_whose_bit_is_set_is_superseded() -> None:
    assert build(issue_list((INDEX,))).verify(issue(claims())) == Inactive(Reason.SUPERSEDED)


def test_of_two_editions_of_a_list_the_newer_counts() -> None:
    old, new = issue_list(iat_s=NOW - 50), issue_list((INDEX,), iat_s=NOW - 5)
    for lists in ((old, new), (new, old)):
        assert build(*lists).verify(issue(claims())) == Inactive(Reason.SUPERSEDED)


def test_a_token_of_another_list_cannot_be_told() -> None:
    other = Status(status_list=StatusListRef(idx=1, uri=f"{ISSUER}/statuslists/2"))
    found = build(issue_list()).verify(issue(claims(status=other)))
    assert found == Inactive(Reason.STATUS_UNAVAILABLE)
    foreign = Status(status_list=StatusListRef(idx=1, uri="https://evil.example/statuslists/1"))
    found = build(issue_list()).verify(issue(claims(status=foreign)))
    assert found == Inactive(Reason.FOREIGN_STATUS_LIST)


@pytest.mark.parametrize(("max_list_age_s", "ends_s"), [(300, 290), (3_000, 2_990), (9_999, 3_590)])
def test_a_list_is_believed_for_its_time_and_never_past_its_expiry(
    max_list_age_s: int, ends_s: int
) -> None:
    clock = [float(NOW)]
    verifier = OfflineVerifier(
        audience=AUDIENCE,
        jwks_document=compact(JWKS),
        unverified_lists=[issue_list(iat_s=NOW - 10)],
        max_list_age_s=max_list_age_s,
        now=lambda: clock[0],
    )
    token = issue(claims(exp=NOW + 7_200))
    clock[0] = NOW + ends_s - 1
    assert isinstance(verifier.verify(token), Active)
    clock[0] = NOW + ends_s
    assert verifier.verify(token) == Inactive(Reason.STATUS_UNAVAILABLE)


def test_another_audience_and_another_issuer_are_refused() -> None:
    token = issue(claims())
    assert build(issue_list(), audience="https://shop.halcyon.example").verify(token) == Inactive(
        Reason.WRONG_AUDIENCE
    )
    assert build(issue_list(), issuer="https://other.example").verify(token) == Inactive(
        Reason.WRONG_ISSUER
    )


@pytest.mark.parametrize(
    "lists",
    [
        (),
        ("",),
        (issue_list(key=STRANGER),),
        (issue_list(iat_s=NOW - 4_000),),
        (issue_list(uri="https://consent.other.example/statuslists/1"), issue_list()),
        (issue_list(uri="somewhere"),),
    ],
)
def test_a_verifier_is_not_built_without_a_list_to_believe(lists: tuple[str, ...]) -> None:
    with pytest.raises(MalformedError):
        build(*lists)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(70_000))
    for name, family in (("missing", NotFoundError), ("large", MalformedError)):
        with pytest.raises(ConsentidError, match=name) as told:
            OfflineVerifier.from_files(
                audience=AUDIENCE, jwks_file=tmp_path / name, status_list_files=[]
            )
        assert isinstance(told.value, family)


def test_the_list_names_its_own_address() -> None:
    assert LIST_URI.startswith(ISSUER + status.PATH)
