"""Everything that an operator may choose: one typed, frozen object.

What stands below a setting is its entry in the reference (``consentid.settings.reference``).
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from consentid.kit.errors import MalformedError

PREFIX: Final = "CONSENTID_"
COMMAND_LINE: Final = "cli"
"""What the log calls whoever runs commands and does not say more."""
FILE: Final = "_file"
"""At the end of a secret's name: its value is the name of a file that holds it."""
DATABASES: Final = (
    *("database_url", "migration_database_url", "erasure_database_url", "admin_database_url"),
)
SECRETS: Final = frozenset(
    {*DATABASES, "valkey_url", "portal_client_secret", "staff_client_secret", "smtp_password"}
)
NETWORKS: Final = frozenset({"forward_auth_proxies", "trusted_proxies"})
LISTS: Final = frozenset({*NETWORKS, "staff_roles"})

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
    admin_database_url: str | None = None
    """The same as the role that owns it, for one internal web process: with it, programs do at
    ``/v1/admin`` what takes the owner, such as registering clients; unset, the command line alone
    does.
    """
    valkey_url: str | None = None
    """Valkey; unset, everything is answered from the database, slower."""
    portal_client_secret: str | None = None
    """Our secret as a client of the customer portal; without it nobody signs in through us."""
    staff_issuer: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s?#]+\Z")] | None = None
    """The OpenID Provider that staff sign in at for ``/operations``; unset: a code opens it, see
    ``consentid operations let-in``.
    """
    staff_client_id: str | None = None
    """What we are called there."""
    staff_client_secret: str | None = None
    """Our secret there."""
    staff_roles_claim: str = "roles"
    """The claim of its ID tokens that holds what somebody is there."""
    staff_roles: tuple[str, ...] = ()
    """What that claim has to hold for a role here, as ``operator=sre,platform,auditor=audit``.  The
    roles: ``privacy_officer``, ``brand_editor``, ``support``, ``auditor``, ``operator``.
    """
    actor: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")] | None = None
    """What the log calls whoever runs commands with these settings: ``cli:deploy`` for ``deploy``;
    unset: ``cli``.  Everybody may read it: name an account or a pipeline, not a person.
    """
    brands_dir: Path = Path("brands")
    """The folder of the group's configuration, for commands that read it."""
    keys_dir: Path = Path("keys")
    """The folder of the keyring."""
    host: str = "127.0.0.1"
    """The address that ``serve`` listens on."""
    port: _Port = 8000
    """The port there; 0 is any free one."""
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
    captures_wait_d: _Positive = 14
    """For how long what others say that a person said waits for the person.  Days."""
    captures_operator_most: _Positive = 30
    """Captures that one operator of a client may hand in within a minute; what is more is held
    until somebody has looked: see ``consentid captures held``.
    """
    captures_party_most: _Positive = 600
    """The same of all operators and clients of a brand or partner together."""
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
    smtp_host: str | None = None
    """The mail server that takes the links that the hub sends; unset: the hub sends no mail."""
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    """Its port."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How nobody reads along; ``none`` is for a server on this machine alone."""
    smtp_user: str | None = None
    """Who the hub is there; unset: it takes mail of anybody who reaches it."""
    smtp_password: str | None = None
    """The password for that."""
    smtp_from: Annotated[str, msgspec.Meta(pattern=r"^[^\r\n]*[^\s@<]+@[^\s@>]+>?\Z")] | None = None
    """Whom mails are from, such as ``Halcyon <consent@halcyon.example>``."""
    localhost_hosts: bool = False
    """Demo and dev only: our own clients map ``*.localhost`` to 127.0.0.1."""
    chromium: Path | None = None
    """The browser for the browser tests."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged, to standard error."""
    log_format: Literal["json", "text"] = "text"
    """Lines for people, or one JSON object each."""

    def __repr__(self) -> str:  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        """Everything but the secrets."""
        shown = (
            f"{name}={'***' if name in SECRETS and value is not None else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Settings({', '.join(shown)})"

    @property
    def command_line(self) -> str:
        """What the log calls whoever runs commands."""
        return COMMAND_LINE if self.actor is None else f"{COMMAND_LINE}:{self.actor}"

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


def _required(key: str, value: str | None) -> str:
    if value is None:
        name = f"{PREFIX}{key.upper()}"
        raise SettingsError("settings.missing", f"set {name} or {name}_FILE", where=name)
    return value
