"""Details of type ``consent_request``: a closed form, bounded, echoed as granted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import MAX_DETAILS, BrandTerms, ConsentRequest
from consentid.oidc.refusal import RefusedRequestError

AUDIENCE = "https://reach-media.example"
SHOP = "https://market.halcyon.example"
ALLOWED = ("ads.partners", "ads.partners.retail", "ads.measurement")


def detail(**changed: object) -> dict[str, Any]:
    return {"type": "consent_request", "purposes": ["ads.partners"], **changed}


def parse(document: object) -> tuple[ConsentRequest, ...]:
    text = document if isinstance(document, str) else json.dumps(document)
    return authorization_details.parse(text, allowed=ALLOWED, audience=AUDIENCE, catalogue=3)


def refusal(document: object) -> str:
    with pytest.raises(RefusedRequestError) as caught:
        parse(document)
    assert caught.value.error == "invalid_authorization_details"
    description = caught.value.description
    assert len(description) < 400
    assert description.isascii()
    assert description.isprintable()
    return description


def test_a_full_detail_is_read_and_comes_back_from_its_kept_form() -> None:
    details = parse(
        [
            detail(locations=[AUDIENCE], catalogue=3, channel="tv"),
            detail(purposes=["ads.measurement", "ads.partners"]),
        ]
    )
    assert [each.type for each in details] == ["consent_request"] * 2
    assert authorization_details.decode(authorization_details.encode(details)) == details
    assert authorization_details.purposes_of(details) == ("ads.partners", "ads.measurement")


def test_a_brand_is_named_with_whom_it_is_asked_for_and_only_once_for_all() -> None:
    brands = {"shop": BrandTerms(audience=SHOP, allowed=frozenset({"content"}))}

    def judge(*details: dict[str, Any]) -> tuple[ConsentRequest, ...]:
        return authorization_details.parse(
            json.dumps(details), allowed=ALLOWED, audience=AUDIENCE, catalogue=3, brands=brands
        )

    for_it = detail(purposes=["content"], brand="shop", beneficiary="brand", locations=[SHOP])
    assert authorization_details.brand_of(judge(for_it)) == "shop"
    beside_it = judge(detail(brand="shop", beneficiary="self", locations=[AUDIENCE]))
    assert authorization_details.brand_of(beside_it) is None
    assert authorization_details.context_of(beside_it) == "shop"
    assert authorization_details.brand_of(judge(detail(beneficiary="self"))) is None
    for wrong in (
        (detail(brand="shop", beneficiary="brand"),),
        ({**for_it, "locations": [AUDIENCE]},),
        (detail(brand="news", beneficiary="self"),),
        (for_it, detail()),
        (detail(beneficiary="group"),),
    ):
        with pytest.raises(RefusedRequestError):
            judge(*wrong)


def test_what_is_granted_is_echoed_and_what_is_not_is_left_out() -> None:
    details = parse(
        [
            detail(purposes=["ads.partners", "ads.measurement"], channel="web"),
            detail(purposes=["ads.partners.retail"]),
        ]
    )
    echoed = authorization_details.grant(
        details, granted={"ads.measurement"}, audience=AUDIENCE, catalogue=4
    )
    assert json.loads(authorization_details.encode(echoed)) == [
        {
            "type": "consent_request",
            "purposes": ["ads.measurement"],
            "locations": [AUDIENCE],
            "catalogue": 4,
            "channel": "web",
        }
    ]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("", "JSON array"),
        ("{}", "JSON array"),
        ("null", "JSON array"),
        ("[", "JSON array"),
        ([], "1 to 16"),
        (["x"], "[0] is no object"),
        ([detail(type="payment_initiation")], "[0] is of no type known here"),
        ([{"purposes": ["ads.partners"]}], "[0] is of no type known here"),
        ([detail(type=["consent_request"])], "[0] is of no type known here"),
        ([detail(amount=1)], "amount"),
        ([detail(purposes=[])], "purposes"),
        ([{"type": "consent_request"}], "purposes"),
        ([detail(purposes="ads.partners")], "purposes"),
        ([detail(purposes=["ads.partners", "ads.partners"])], "twice"),
        ([detail(purposes=["location"])], "may not ask for: location"),
        ([detail(), detail(purposes=["caf\u00e9\u202e"])], "[1] asks for"),
        ([detail(locations=["https://evil.example"])], "location"),
        ([detail(catalogue=2)], "another catalogue"),
        ([detail(catalogue="3")], "catalogue"),
        ([detail(catalogue=True)], "catalogue"),
        ([detail(channel="pigeon")], "channel"),
        ('[{"type":"consent_request","purposes":["ads.partners"],"purposes":["x"]}]', "twice"),
        ('[{"type":"consent_request","purposes":["ads.partners"],"catalogue":NaN}]', "detail"),
        ('[{"type":"consent_request","purposes":["ads.partners"],"catalogue":1e400}]', "detail"),
        ("[" * 100_000, "at most"),
    ],
)
def test_what_is_no_such_request_is_refused_by_name(document: object, told: str) -> None:
    assert told in refusal(document)


def test_a_thousand_details_are_refused_before_they_are_read() -> None:
    assert "at most" in refusal([detail()] * 1_000)
    assert len(parse([detail(purposes=["ads.partners"])] * MAX_DETAILS)) == MAX_DETAILS
    assert "16" in refusal([detail()] * (MAX_DETAILS + 1))


@given(st.text(max_size=200))
def test_whatever_text_comes_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except RefusedRequestError as refused:
        if refused.error != "invalid_authorization_details":
            raise


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["purposes", "locations", "catalogue", "channel"]), _json))
def test_whatever_members_come_are_read_or_refused(members: dict[str, object]) -> None:
    try:
        read = parse([detail(**members)])
    except RefusedRequestError:
        return
    assert set(read[0].purposes) <= set(ALLOWED)
