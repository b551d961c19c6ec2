"""Forms are read strictly; what is JSON may be written over several lines."""

import pytest

from consentid.kit.errors import MalformedError
from consentid.web.forms import parse_form


def test_json_may_be_written_over_several_lines() -> None:
    told = parse_form(b"authorization_details=%5B%0A%09%7B%7D%0D%0A%5D&state=s")
    assert told == {"authorization_details": "[\n\t{}\r\n]", "state": "s"}


@pytest.mark.parametrize(
    "body",
    [b"state=%0A", b"state%0A=1", b"authorization_details=%00", b"authorization_details%09=1"],
)
def test_any_other_control_character_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError, match="control character"):
        parse_form(body)
