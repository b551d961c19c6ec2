"""``/v1/admin/notices``: a picture that was taken elsewhere is kept of the very text it shows."""

import zlib
from typing import Any, Final

import httpx2
import pytest
from tests.flows.test_notice_pictures import png
from tests.web.hub import Hub, forget
from tests.web.programs import program_of
from tests.web.test_administration import ADMIN, call, newest_act

from consentid.brandbook.client import Scope

OF: Final = {"notice": "news", "language": "fr"}


@pytest.fixture(autouse=True)
def unlimited(valkey_url: str) -> None:
    forget(valkey_url, "limit:pictures:*")


def keep(
    hub: Hub, image: bytes, scope: Scope = Scope.ADMIN_NOTICES, kind: str = "image/png", **of: str
) -> httpx2.Response:
    headers = {**hub.client_token(program_of(scope)), "Content-Type": kind}
    params = {**OF, **of}
    return hub.http.post(f"{ADMIN}/notices/pictures", content=image, headers=headers, params=params)


def crumbled(image: bytes) -> bytes:
    """The same with as many empty chunks as a body holds: to walk them all takes over a second."""
    crumb = b"\0\0\0\0tEXt" + zlib.crc32(b"tEXt").to_bytes(4)
    end = image[-len(crumb) :]
    return image[: -len(end)] + crumb * ((4 * 2**20 - len(image)) // len(crumb)) + end


def shown(hub: Hub) -> dict[str, Any]:
    found = call(hub, Scope.ADMIN, "notices").json()["notices"]
    (notice,) = (each for each in found if {**each, **OF} == each)
    return notice


def test_a_picture_is_kept_once_and_listed_with_the_text_that_it_shows(programs: Hub) -> None:
    before = shown(programs)
    answer = keep(programs, png(7), layout="ab" * 32)
    assert answer.status_code == 200, answer.text
    kept = answer.json()
    assert (kept["notice"], kept["new"]) == (before["digest"], True)
    assert newest_act(programs) == {
        "act": "notice/picture",
        "by": f"client:{program_of(Scope.ADMIN_NOTICES)}",
        "notice": "news",
        "picture": kept["picture"],
    }
    assert keep(programs, png(7), layout="ab" * 32).json() == {**kept, "new": False}
    own = keep(programs, png(7), layout="consent").json()
    assert own["entry"] != kept["entry"]
    told = shown(programs)["pictures"]
    added = [each for each in told if each not in before["pictures"]]
    assert [(each["entry"], each["layout"] == "ab" * 32) for each in added] == [
        (kept["entry"], True),
        (own["entry"], False),
    ]
    assert [each["pictures"] for each in call(programs, Scope.ADMIN, "notices").json()["notices"]]


def test_what_is_no_picture_of_a_text_in_force_is_refused_by_its_place(programs: Hub) -> None:
    rows = programs.rows("SELECT count(*) FROM notice_pictures")
    assert "chunks" in keep(programs, crumbled(png(1))).json()["detail"]
    for answer, status, code, where in (
        (keep(programs, b""), 422, "picture_malformed", "body"),
        (keep(programs, png(1)[:-1]), 422, "picture_malformed", "body"),
        (keep(programs, b"\0" * 4_194_305), 413, "body_too_large", "body"),
        (keep(programs, png(1), kind="image/gif"), 415, "unsupported_media_type", "Content-Type"),
        (keep(programs, png(1), layout="page"), 422, "layout_malformed", "layout"),
        (keep(programs, png(1), language="xx"), 404, "notice_unknown", "language"),
        (keep(programs, png(1), more="1"), 422, "unknown_parameter", "more"),
        (keep(programs, png(1), scope=Scope.ADMIN), 403, "insufficient_scope", None),
    ):
        told = answer.json()
        assert (answer.status_code, told["code"], told.get("where")) == (status, code, where)
    assert programs.rows("SELECT count(*) FROM notice_pictures") == rows


def test_whoever_may_not_send_one_is_told_before_it_was_sent(programs: Hub) -> None:
    answer = programs.http.post(
        f"{ADMIN}/notices/pictures",
        content=b"\0" * 4_194_305,
        headers={"Content-Type": "image/png"},
        params=OF,
    )
    assert answer.status_code == 401
