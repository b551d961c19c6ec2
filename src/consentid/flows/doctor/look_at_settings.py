"""Settings that are for a demo, that trust anybody, or that are missing."""

import ipaddress
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sqlalchemy.engine import URL, make_url

from consentid.flows.doctor.finding import Finding, unsafe, warning
from consentid.keyring.files import is_open_to_others
from consentid.settings import PREFIX, Given
from consentid.settings.chosen import DATABASES

_KNOWN_SECRETS: Final = frozenset(
    {
        *("admin", "changeme", "change-me", "consentid", "default", "demo", "erasing", "example"),
        *("owner", "pass", "password", "postgres", "secret", "serving", "test", "valkey", "..."),
    }
)
_SHORT: Final = 16
"""Characters that somebody with time guesses."""
_WIDEST: Final = {4: 8, 6: 16}
"""Bits that a network of proxies has in common at least: a wider one is anybody's."""
_VERIFIED: Final = "verify-full"
_ENCRYPTED: Final = frozenset({"require", "verify-ca", _VERIFIED})
_TLS: Final = frozenset({"rediss", "valkeys"})
_CHOSEN_LATER: Final = {
    "ledger_copy": (
        "ledger.no_copy",
        "nobody notices when the database is set back, or when the log is rewritten with it",
        "name a file on another machine's disk, for the workers",
    ),
    "erasure_list": (
        "erasure.no_list",
        "a backup of the database knows people again who were erased since",
        "name a file on another machine's disk, for every process",
    ),
    "valkey_url": (
        "valkey.missing",
        "limits are counted by each process alone: with ten of them, ten times as much is let in",
        "name a Valkey that all processes share",
    ),
    "metrics_port": (
        "metrics.off",
        "nobody sees what waits, what fails and how old the knowledge of revocations is",
        "name a port, and let Prometheus alone reach it",
    ),
    "trusted_proxies": (
        "proxies.nobody",
        "every visitor counts as the proxy that they come through: limits meet them all at once",
        "name the addresses of your proxies",
    ),
}


def look_at_settings(given: Given) -> Iterator[Finding]:
    """Judge what this installation is told."""
    settings = given.settings
    if settings.localhost_hosts:
        yield unsafe(
            "outbound.loopback",
            _place(given, "localhost_hosts"),
            "whoever registers an address has us send requests to this machine itself",
            "unset it: it is for demo and dev",
        )
    for name, (code, message, remedy) in _CHOSEN_LATER.items():
        if getattr(settings, name) in (None, ()):
            yield warning(code, _place(given, name), message, remedy)
    yield from _look_at_networks(given)
    addresses = {
        name: make_url(text)
        for name in (*DATABASES, "valkey_url")
        if (text := getattr(settings, name)) is not None
    }
    for name, url in addresses.items():
        place = _place(given, name)
        if name == "valkey_url":
            yield from _look_at_valkey_url(place, url)
        else:
            yield from _look_at_database_url(place, url)
    yield from _look_at_roles(given, {name: url.username for name, url in addresses.items()})
    for name, user in (
        ("portal_client_secret", None),
        ("staff_client_secret", None),
        ("smtp_password", settings.smtp_user),
    ):
        yield from _look_at_secret(_place(given, name), getattr(settings, name), user=user)
    if (settings.staff_issuer or "").startswith("http://"):
        yield unsafe(
            "staff.plain",
            _place(given, "staff_issuer"),
            "whoever is on the way signs in as staff",
            "name an issuer by https",
        )
    yield from _look_at_files(given)


def _place(given: Given, name: str) -> str:
    return given.places.get(name, f"{PREFIX}{name.upper()}")


def _look_at_networks(given: Given) -> Iterator[Finding]:
    for name, code, message in (
        (
            "trusted_proxies",
            "proxies.everywhere",
            "anybody chooses the address that limits and records know them by, and our scheme",
        ),
        (
            "forward_auth_proxies",
            "forward_auth.everywhere",
            "anybody asks about tokens of every audience, without being known as a client",
        ),
    ):
        for network in _joined(getattr(given.settings, name)):
            if network.prefixlen < _WIDEST[network.version]:
                yield unsafe(
                    code,
                    _place(given, name),
                    f"{network} is nearly everybody: {message}",
                    "name the addresses of your own proxies",
                )


def _joined(texts: Iterable[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks as they lie together: 256 narrow ones may be everybody, too."""
    networks = [ipaddress.ip_network(text) for text in texts]
    yield from ipaddress.collapse_addresses(
        each for each in networks if isinstance(each, ipaddress.IPv4Network)
    )
    yield from ipaddress.collapse_addresses(
        each for each in networks if isinstance(each, ipaddress.IPv6Network)
    )


def _look_at_database_url(place: str, url: URL) -> Iterator[Finding]:
    yield from _look_at_secret(place, url.password, user=url.username)
    if _is_beside_us(url):
        return
    mode = url.query.get("ssl", "prefer")
    if mode not in _ENCRYPTED:
        yield unsafe(
            "database.tls_missing",
            place,
            "what goes to the database may be read and changed on the way",
            f"add ?sslmode={_VERIFIED}, and the authority as PGSSLROOTCERT",
        )
    elif mode != _VERIFIED:
        yield warning(
            "database.tls_unverified",
            place,
            f"sslmode={mode} does not prove that it is the database who answers",
            f"write sslmode={_VERIFIED}, and the authority as PGSSLROOTCERT",
        )


def _is_beside_us(url: URL) -> bool:
    """Whether nothing leaves this machine: a socket, or a proxy next to us."""
    host = url.query.get("host", url.host) or ""
    if not isinstance(host, str):
        return False
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _look_at_roles(given: Given, roles: Mapping[str, str | None]) -> Iterator[Finding]:
    serving = roles.get("database_url")
    for name in DATABASES[1:]:
        if serving is not None and roles.get(name) == serving:
            yield unsafe(
                "roles.shared",
                _place(given, name),
                f"it is the serving role ({serving}), who may then rewrite what was decided",
                "give each of them a role of its own",
            )
    if "admin_database_url" in roles and roles["admin_database_url"] != serving:
        yield warning(
            "roles.owner_serves",
            _place(given, "admin_database_url"),
            "whoever takes over a process that has it rewrites clients and what is in force; who "
            "reaches the process is not to be seen from here",
            "give it to one internal web process, and to none that the public reaches",
        )
    if "migration_database_url" in roles and "erasure_database_url" not in roles:
        yield warning(
            "roles.no_erasing",
            _place(given, "erasure_database_url"),
            "workers destroy as the owner, who may do everything else as well",
            "CREATE ROLE erasing LOGIN, name it here, and run `consentid migrate`",
        )


def _look_at_valkey_url(place: str, url: URL) -> Iterator[Finding]:
    yield from _look_at_secret(place, url.password, user=url.username)
    if _is_beside_us(url):
        return
    if url.drivername not in _TLS:
        yield warning(
            "valkey.plain",
            place,
            "limits may be lifted by whoever is on the way",
            "write rediss:// where your Valkey takes TLS",
        )
    if url.password is None:
        yield warning(
            "valkey.open",
            place,
            "whoever reaches it lifts limits: no password is given",
            "set one (requirepass, or an ACL user), and keep others out by network",
        )


def _look_at_secret(place: str, secret: str | None, *, user: str | None) -> Iterator[Finding]:
    if secret is None:
        return
    if secret.lower() in _KNOWN_SECRETS or secret == user:
        yield unsafe(
            "secret.default",
            place,
            "the secret is one that everybody tries first",
            "choose one at random: openssl rand -hex 32",
        )
    elif len(secret) < _SHORT:
        yield warning(
            "secret.short",
            place,
            f"the secret has fewer than {_SHORT} characters",
            "choose one at random: openssl rand -hex 32",
        )


def _look_at_files(given: Given) -> Iterator[Finding]:
    for path in dict.fromkeys(given.files.values()):
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if is_open_to_others(mode, owner=status.st_uid, reader=os.geteuid()):
            yield unsafe(
                "secret.file_open",
                str(path),
                f"others on this machine can read it (mode {mode:04o})",
                f"chmod 600 {path}, or mount it 0400",
            )
