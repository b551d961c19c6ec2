"""What an attacker sends to an address, whatever it is there for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from tests.attacks.wire import request

EVIL: Final = "evil.example"
INJECTED: Final = "x-injected"
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_HIDDEN: Final = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One method at one address, and who calls."""

    method: str
    path: str
    parameters: tuple[str, ...] = ()
    """Of its query."""
    takes: str | None = None
    """The media type of its body, if it has one."""
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Bytes, and which answers to them are sound; none named: whatever is no error of ours."""

    name: str
    raw: bytes
    sound: frozenset[int] = frozenset()


def attacks_on(address: Address) -> Iterator[Attack]:
    """Everything."""
    yield from _heads(address)
    yield from _framing(address)
    yield from _targets(address)
    if address.takes is not None:
        yield from _bodies(address)


def _heads(at: Address) -> Iterator[Attack]:
    def sent(name: str, more: bytes, *sound: int, host: str = "127.0.0.1") -> Attack:
        raw = request(at.method, at.path, headers=at.headers, more=more, body=_empty(at), host=host)
        return Attack(name=name, raw=raw, sound=frozenset(sound))

    yield sent("a giant header", b"X-A: " + b"a" * 70_000 + b"\r\n", 431)
    yield sent("many headers", b"X-A: b\r\n" * 5_000)
    yield sent("many cookies", b"Cookie: " + b"; ".join([b"a=b"] * 9_000) + b"\r\n")
    yield sent("a cookie of bytes", b"Cookie: __Host-consentid-session=\xff\x80\xc0; =; ;;a\r\n")
    yield sent("another host", b"", host=EVIL)
    yield sent("a second host", f"Host: {EVIL}\r\n".encode(), 400)
    bare = request(at.method, at.path, headers=at.headers, body=_empty(at))
    yield Attack(
        name="no host", raw=bare.replace(b"Host: 127.0.0.1\r\n", b""), sound=frozenset({400})
    )
    for name in ("Host", "Server", "Proto", "Port", "Prefix", "For"):
        yield sent(f"X-Forwarded-{name}", f"X-Forwarded-{name}: {EVIL}\r\n".encode())
    yield sent("Forwarded", f"Forwarded: for={EVIL};host={EVIL};proto=https\r\n".encode())
    for name in ("X-Original-URL", "X-Rewrite-URL"):
        yield sent(name, f"{name}: /operations\r\n".encode())
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        yield sent(name, f"{name}: DELETE\r\n".encode())
    yield sent("two authorizations", b"Authorization: Bearer a\r\nAuthorization: Basic Og==\r\n")
    yield sent("bytes for a token", b"Authorization: Bearer \xff\xfe\r\n")
    yield sent("odd Basic", b"Authorization: Basic /////w==\r\n")
    yield sent("two types", b"Content-Type: application/json\r\nContent-Type: text/html\r\n")
    yield sent("an odd charset", b"Content-Type: application/json; charset=utf-7\r\n")
    yield sent("two keys", b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n")
    yield sent("an origin", f"Origin: https://{EVIL}\r\n".encode())
    yield sent("a preference", b"Prefer: wait=99999999999999999999, wait=-1\r\n")
    yield sent("a place", b'Last-Event-ID: \xff\xff\r\nIf-None-Match: W/"\xff"\r\n')
    yield sent("a language", b"Accept-Language: " + b"a-;q=x," * 2_000 + b"\r\n")
    yield sent("an encoding", b"Accept-Encoding: gzip;q=1e999, *;q=nan\r\n")
    yield sent("a range", b"Range: bytes=0-,0-,0-\r\n")
    yield sent("a trace", b"traceparent: 00-" + b"0" * 99 + b"\r\n")
    for name, more in {
        "a web socket": b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        "HTTP/2": b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    }.items():
        raw = sent(name, more).raw.replace(b"Connection: close", b"Connection: upgrade, close")
        yield Attack(name=name, raw=raw)
    yield sent("an expectation", b"Expect: 100-continue\r\n")
    yield sent("a folded line", b"X-A: a\r\n b: c\r\n", 400)
    yield sent("a space in a name", b"X A: b\r\n", 400)
    yield sent("a NUL", b"X-A: a\x00b\r\n", 400)
    yield sent("a bare CR", b"X-A: a\rX-B: b\r\n", 400)


def _framing(at: Address) -> Iterator[Attack]:
    body = b"0\r\n\r\n" + _HIDDEN
    begin = f"POST {at.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
    both = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(body)
    heads = {
        "both lengths": both,
        "two lengths": b"Content-Length: 5\r\nContent-Length: 0\r\n",
        "a list of lengths": b"Content-Length: 5, 0\r\n",
        "a signed length": b"Content-Length: +5\r\n",
        "a length below nothing": b"Content-Length: -1\r\n",
        "a length in hexadecimal": b"Content-Length: 0x5\r\n",
        "a length without end": b"Content-Length: 99999999999999999999999\r\n",
        "a length and a space": b"Content-Length : 5\r\n",
        "another coding": b"Transfer-Encoding: xchunked\r\n",
        "chunked, and more": b"Transfer-Encoding: chunked, identity\r\n",
        "a tab before it": b"Transfer-Encoding:\x0bchunked\r\n",
        "a coding and a space": b"Transfer-Encoding : chunked\r\n",
    }
    for name, head in heads.items():
        yield Attack(name=name, raw=begin + head + b"\r\n" + body, sound=frozenset({400}))
    chunks = {
        "a chunk of a signed size": b"-1\r\n",
        "a chunk without end": b"FFFFFFFFFFFFFFFFFFFF\r\n",
        "a chunk in hexadecimal": b"0x5\r\nhello\r\n",
        "a chunk that ends early": b"1\r\nhello\r\n",
    }
    for name, chunk in chunks.items():
        raw = begin + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + _HIDDEN
        # What refuses before it reads the body has said so first.
        yield Attack(name=name, raw=raw, sound=frozenset(range(400, 500)))


def _targets(at: Address) -> Iterator[Attack]:
    def sent(name: str, target: str | bytes, *, method: str = at.method) -> Attack:
        raw = request(method, target, headers=at.headers, body=_empty(at))
        return Attack(name=name, raw=raw)

    yield sent("an absolute target", f"http://{EVIL}{at.path}")
    yield sent("a target with a user", f"http://{EVIL}:1@127.0.0.1{at.path}")
    yield sent("two slashes", f"//{EVIL}{at.path}")
    yield sent("a backslash", f"/\\{EVIL}{at.path}")
    for name, tail in {
        "up": "/../../../../etc/passwd",
        "up, encoded": "/%2e%2e/%2e%2e/etc/passwd",
        "up, encoded twice": "/%252e%252e%252fetc%252fpasswd",
        "up, in Windows": "/..%5c..%5cwin.ini",
        "a NUL": "/%00",
        "no UTF-8": "/%ff%fe",
        "too long a form": "/%c0%ae%c0%ae/",
        "a new line": "%0d%0aX-Injected:%20yes",
        "a parameter of a path": ";a=b",
        "a fragment": "#x",
    }.items():
        yield sent(f"a path that goes on: {name}", at.path + tail)
    yield sent("bytes in a path", at.path.encode() + b"/\xff\xfe")
    yield sent("a long path", at.path + "/" + "a" * 8_000)
    yield sent("a long query", at.path + "?" + "a=b&" * 5_000)
    for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "get"):
        yield sent(f"the method {method}", at.path, method=method)
    for parameter in at.parameters:
        for name, text in {
            "a new line": f"a\r\n{INJECTED}: yes\r\n\r\n<script>",
            "another site": f"https://{EVIL}/",
            "another site, briefly": f"//{EVIL}/",
            "a script": f"javascript:alert('{EVIL}')",
            "a NUL": "\0",
            "a large number": "9" * 400,
            "a negative number": "-1",
            "markup": "\"'><script>alert(1)</script>",
        }.items():
            yield sent(f"{parameter}: {name}", f"{at.path}?{parameter}={quote(text, safe='')}")
        yield sent(f"{parameter}: no UTF-8", f"{at.path}?{parameter}=%ff%c0%80")
        yield sent(f"{parameter}: twice", f"{at.path}?{parameter}=a&{parameter}=b")


def _bodies(at: Address) -> Iterator[Attack]:
    def sent(name: str, body: bytes, takes: str | None = None) -> Attack:
        headers = {**at.headers, "Content-Type": takes or at.takes or _JSON}
        return Attack(name=name, raw=request(at.method, at.path, headers=headers, body=body))

    yield sent("deep", b'{"a":' * 20_000)
    yield sent("an array without end", b"[" * 60_000)
    yield sent("a number without end", b'{"a":' + b"9" * 60_000 + b"}")
    yield sent("a number out of this world", b'{"a":1e999999}')
    yield sent("no UTF-8", b'{"a":"\xff"}')
    yield sent("a NUL", b"\0" * 100)
    yield sent("twice the same", b'{"a":1,"a":2}')
    yield sent("too much", b" " * 1_100_000)
    yield sent("another type", b"<a/>", "text/xml")
    yield sent("a prototype", b'{"__proto__": {"admin": true}, "_method": "DELETE"}')
    yield sent("a form", b"a=" + b"%00" * 100 + b"&_method=DELETE&a=%ff&=&&", _FORM)
    yield sent("many fields", b"&".join(b"f%d=1" % number for number in range(9_000)))


def _empty(at: Address) -> bytes | None:
    return None if at.takes is None else b""


def addresses(
    document: dict[str, Any],
    pages: Mapping[str, tuple[str, ...]],
    headers_of: Callable[[str, str], Mapping[str, str]],
) -> Iterator[Address]:
    """Those of the document, and the pages that it does not tell of, by their query.

    ``headers_of`` says by method and path who calls.
    """
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            asked = operation.get("parameters", [])
            filled = path
            for each in asked:
                if each["in"] == "path":
                    filled = filled.replace("{" + each["name"] + "}", "1")
            yield Address(
                method=method.upper(),
                path=filled,
                parameters=tuple(each["name"] for each in asked if each["in"] == "query"),
                takes=next(iter(operation.get("requestBody", {}).get("content", {})), None),
                headers=headers_of(method.upper(), path),
            )
    for page, parameters in pages.items():
        method, _, path = page.partition(" ")
        takes = None if method == "GET" else _FORM
        yield Address(
            method=method,
            path=path,
            parameters=parameters,
            takes=takes,
            headers=headers_of(method, path),
        )
