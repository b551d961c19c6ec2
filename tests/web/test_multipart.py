import pytest

from consentid.kit.errors import MalformedError
from consentid.web.multipart import parse_multipart

TYPE = "multipart/form-data; boundary=----x"


def field(name: str, content: str, more: str = "") -> str:
    return f'------x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{content}\r\n'


def form(*fields: str, end: str = "------x--\r\n") -> bytes:
    return ("".join(fields) + end).encode()


def test_texts_and_files_are_read_byte_by_byte() -> None:
    file = '; filename="a.json"\r\nContent-Type: application/json'
    body = form(field("receipt", ""), field("file", "{\r\n\r\n--x\r\n}", file))
    assert parse_multipart(body, TYPE) == {"file": b"{\r\n\r\n--x\r\n}"}
    assert parse_multipart(body[:-2], 'Multipart/Form-Data; boundary="----x"') == {
        "file": b"{\r\n\r\n--x\r\n}"
    }
    assert parse_multipart(form(), TYPE) == {}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", f"{TYPE}; a=b"],
)
def test_what_names_no_boundary_is_no_form(content_type: str) -> None:
    with pytest.raises(MalformedError, match="not a form"):
        parse_multipart(form(field("a", "b")), content_type)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "cut short"),
        (form(field("a", "b"), end=""), "cut short"),
        (form(field("a", "b"), end="------x-"), "cut short"),
        (b"before" + form(field("a", "b")), "cut short"),
        (form(field("a", "b"), end="------x--\r\nafter"), "cut short"),
        (form(*(field("a" * each, "b") for each in range(1, 10))), "too many"),
        (form(field("a", "b"), field("a", "c")), "twice"),
        (form("------x\r\n\r\nb\r\n"), "no name"),
        (form(field("A B", "b")), "no name"),
        (form("------x" + field("a", "b")[7:].lstrip()), "no name"),
        (form(field("a" * 33, "b")), "no name"),
        (b"------x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y" * 900, "short"),
    ],
)
def test_a_form_that_two_parsers_might_read_differently_is_refused(body: bytes, told: str) -> None:
    with pytest.raises(MalformedError, match=told):
        parse_multipart(body, TYPE)
