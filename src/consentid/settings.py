"""How one installation is set up: one typed, frozen object.

Read once, at the start of a command, from an optional TOML file (``CONSENTID_CONFIG``) and from
environment variables ``CONSENTID_*``, which win.  A name that we do not know is an error, since a
misspelt setting would silently be the default.  Whatever holds a password can be given as a file
(``CONSENTID_DATABASE_URL_FILE``), as mounted secrets are.
"""

import difflib
import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from consentid.kit.errors import MalformedError

PREFIX: Final = "CONSENTID_"
CONFIG: Final = "config"
CHROMIUM: Final = "chromium"
_FILE: Final = "_file"
_SECRETS: Final = frozenset(
    {
        *("database_url", "migration_database_url", "erasure_database_url"),
        *("valkey_url", "portal_client_secret"),
    }
)
_LISTS: Final = frozenset({"forward_auth_proxies", "trusted_proxies"})
_DRIVER: Final = "postgresql+asyncpg://"

_Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class SettingsError(MalformedError):
    """A setting is unknown, missing or wrong; ``where`` names it as it was given."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that an operator may choose."""

    database_url: str | None = None
    """The database as the serving role.  ``postgresql+asyncpg://...``"""
    migration_database_url: str | None = None
    """The same as the role that owns it; unset, the serving role migrates too."""
    erasure_database_url: str | None = None
    """The same as the role that destroys what is erased; unset, the owning role does."""
    valkey_url: str | None = None
    """Valkey; unset, everything is answered from the database, slower."""
    portal_client_secret: str | None = None
    """Our secret as a client of the customer portal; without it nobody signs in through us."""
    brands_dir: Path = Path("brands")
    keys_dir: Path = Path("keys")
    host: str = "127.0.0.1"
    port: _Port = 8000
    uds: Path | None = None
    """A Unix socket to listen on instead of host and port."""
    workers: _Positive = 1
    """Web processes that ``serve`` starts."""
    metrics_port: _Port | None = None
    """Where each process answers ``/metrics`` to Prometheus, apart from the hub's own address;
    unset: nowhere.  0 is any free port.  The web processes of one ``serve`` take this one and
    those after it.
    """
    metrics_host: str = "127.0.0.1"
    """The address of that listener: whoever reaches it may read."""
    traces: bool = False
    """Whether to send traces by OpenTelemetry, to where the ``OTEL_*`` variables say."""
    concurrency: _Positive = 1000
    """Requests at once per web process; more are answered 503."""
    connections: _Positive = 20_000
    """Connections that may be open at once per web process, idle ones too; what comes on more is
    answered 503.
    """
    followers: _Positive = 2000
    """Requests per web process that may wait for a change; at most half of ``concurrency``."""
    listeners: _Positive = 200
    """Who may listen to ``/statuslists/stream``, per web process; at most a quarter of
    ``concurrency``.
    """
    drain_s: _Positive = 20
    """How long requests under way may take after SIGTERM."""
    database_connections: _Positive = 10
    """Connections to the database per process, at most."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose ``X-Forwarded-*`` are believed; empty: nobody's."""
    forward_auth_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies that may ask ``/v1/verify/forward``; empty: nobody."""
    status_list_window_s: _Positive = 5
    """How often flips of the status lists are published."""
    status_list_days: _Positive = 180
    """So old a list that is full is left: whoever comes back gets a place in a newer one."""
    ledger_origin: Annotated[str, msgspec.Meta(pattern=r"^[^\s+]+\Z")] | None = None
    """What the transparency log is called; unset: the issuer's address without scheme, ``/ledger``.
    Another name begins another log, whose first leaf names the last checkpoint of the one before.
    """
    ledger_copy: Path | None = None
    """A file, best on another machine's disk, that gets each checkpoint before it is published: the
    worker signs nothing more once the database falls behind it, as after an old backup.
    """
    keep_reads_d: Annotated[int, msgspec.Meta(ge=1, le=396)] = 396
    """For how long a person can see who read what of them.  Days, 13 months at most."""
    keep_repeats_h: _Positive = 24
    """For how long a repeated request is answered as the first was.  Hours."""
    keep_ended_h: _Positive = 24
    """For how long a code or a page that ended is still known when it comes again.  Hours."""
    keep_expired_devices_d: _Positive = 30
    """For how long a device is known beyond its 13 months; then it is set aside, as if erased for
    being no longer necessary.  Days.
    """
    keep_events_d: _Positive = 30
    """For how long the event feed can be read again, and what came of webhooks is known.  Days."""
    confirm_within_s: _Positive = 900
    """How long a system may take to confirm what takes something away, a withdrawal above all; then
    somebody is woken.
    """
    ssf_streams: Annotated[int, msgspec.Meta(ge=0, le=100)] = 4
    """Shared Signals streams that a client with ``events:read`` may have; 0: none."""
    portal_events_audience: str | None = None
    """The ``aud`` of the portal's own Shared Signals stream to us: what it says of accounts and
    sessions is done.  Unset, nothing of the kind is heard.
    """
    erasure_proof_d: Annotated[int, msgspec.Meta(ge=0, le=36_525)] = 1_827
    """For how long what a person decided is kept, sealed and served to nobody, once they are to be
    forgotten: as long as it may have to be proven.  Days; 0: not at all.
    """
    erasure_list: Path | None = None
    """A file, best on another machine's disk, that names every erasure, and no person: what an old
    backup brings back is set aside again before anybody is served.
    """
    localhost_hosts: bool = False
    """Demo and dev only: our own clients map ``*.localhost`` to 127.0.0.1."""
    chromium: Path | None = None
    """The browser for the browser tests."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "text"

    def __repr__(self) -> str:  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        """Everything but the secrets."""
        shown = (
            f"{name}={'***' if name in _SECRETS and value is not None else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Settings({', '.join(shown)})"

    def database(self) -> str:
        """The serving role's URL.

        Raises:
            SettingsError: there is none.
        """
        return _required("database_url", self.database_url)

    def migration_database(self) -> str:
        """The owning role's URL, or the serving role's where no other is set.

        Raises:
            SettingsError: there is neither.
        """
        return self.migration_database_url or self.database()

    def erasure_database(self) -> str | None:
        """The erasing role's URL, or the owning role's; None where neither is set.

        The serving role cannot destroy a key.
        """
        return self.erasure_database_url or self.migration_database_url


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read settings from variables and from the files that these name.

    Raises:
        SettingsError: a name is unknown, a value is wrong, or a named file cannot be read.
    """
    given = {
        name.removeprefix(PREFIX).lower(): (name, value)
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    config = given.pop(CONFIG, None)
    values: dict[str, object] = {}
    places: dict[str, str] = {}
    if config is not None:
        path = Path(config[1])
        for key, value in _read_toml(path, config[0]).items():
            _put(key, value, f"{path}: {key}", values, places, beside=path.parent)
    from_variables: dict[str, object] = {}
    for key, (name, text) in given.items():
        value = (
            [part.strip() for part in text.split(",") if part.strip()] if key in _LISTS else text
        )
        _put(key, value, name, from_variables, places, beside=Path())
    return _build({**values, **from_variables}, places)


def _put(
    key: str,
    value: object,
    place: str,
    values: dict[str, object],
    places: dict[str, str],
    *,
    beside: Path,
) -> None:
    """Check the name, read a secret's file, and put the value where it belongs."""
    names = Settings.__struct_fields__
    field = key.removesuffix(_FILE)
    if key not in names and field in _SECRETS:
        if field in values:
            raise SettingsError(
                "settings.twice", f"{field} is given both as a value and as a file", where=place
            )
        value, key = _read_secret(beside / str(value), place), field
    elif key not in names:
        raise SettingsError("settings.unknown", _unknown(key, place), where=place)
    elif key in values:
        raise SettingsError(
            "settings.twice", f"{key} is given both as a value and as a file", where=place
        )
    values[key] = value
    places[key] = place


def _unknown(key: str, place: str) -> str:
    known = [*Settings.__struct_fields__, *(f"{secret}{_FILE}" for secret in _SECRETS), CONFIG]
    near = difflib.get_close_matches(key, known, n=1)
    if not near:
        return "there is no such setting"
    as_given = f"{PREFIX}{near[0].upper()}" if place.startswith(PREFIX) else near[0]
    return f"there is no such setting: did you mean {as_given}?"


def _build(values: Mapping[str, object], places: Mapping[str, str]) -> Settings:
    for key, value in values.items():
        try:
            # One by one, so that an error can say where the value came from.
            msgspec.convert({key: value}, Settings, strict=False, dec_hook=_decode)
        except msgspec.ValidationError as error:
            reason = str(error).partition(" - at ")[0]
            raise SettingsError("settings.invalid", reason, where=places[key]) from error
    settings = msgspec.convert(dict(values), Settings, strict=False, dec_hook=_decode)
    for key in _LISTS:
        for network in getattr(settings, key):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise SettingsError(
                    "settings.invalid",
                    f"{network!r} is neither an address nor a network such as 10.0.0.0/8",
                    where=places[key],
                ) from error
    return msgspec.structs.replace(
        settings,
        database_url=_with_driver("database_url", settings.database_url, places),
        migration_database_url=_with_driver(
            "migration_database_url", settings.migration_database_url, places
        ),
        erasure_database_url=_with_driver(
            "erasure_database_url", settings.erasure_database_url, places
        ),
    )


def _with_driver(key: str, url: str | None, places: Mapping[str, str]) -> str | None:
    """Name the driver where the URL is the plain one that a hosting service hands out."""
    if url is None or url.startswith(_DRIVER):
        return url
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql"}:
        raise SettingsError(
            "settings.invalid",
            "a database's URL begins with postgresql+asyncpg:// (or postgresql://)",
            where=places[key],
        )
    return _DRIVER + rest


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    msg = f"expected a path, not {value!r}"
    raise ValueError(msg)


def _read_toml(path: Path, place: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            "settings.unreadable", f"cannot read {path}: {error.strerror}", where=place
        ) from error
    except ValueError as error:
        raise SettingsError("settings.invalid", f"not TOML: {error}", where=str(path)) from error


def _read_secret(path: Path, place: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(
            "settings.unreadable", f"cannot read {path}: {reason}", where=place
        ) from error


def _required(key: str, value: str | None) -> str:
    if value is None:
        name = f"{PREFIX}{key.upper()}"
        raise SettingsError("settings.missing", f"set {name} or {name}_FILE", where=name)
    return value
