"""Reading settings from variables and from the files that these name, and noting which it was."""

import difflib
import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from consentid.settings.address import require_valkey, with_driver
from consentid.settings.chosen import (
    DATABASES,
    FILE,
    LISTS,
    NETWORKS,
    PREFIX,
    SECRETS,
    Settings,
    SettingsError,
)
from consentid.settings.staff import roles_by_word

CONFIG: Final = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Settings, and who said what."""

    settings: Settings
    places: Mapping[str, str]
    """By setting: the variable, or the file and its key.  What nobody said is not there."""
    files: Mapping[str, Path]
    """By setting: the file that held a secret, or the configuration that held it in clear."""


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read settings from variables and from the files that these name.

    Raises:
        SettingsError: a name is unknown, a value is wrong, or a named file cannot be read.
    """
    return read(environ).settings


def read(environ: Mapping[str, str]) -> Given:
    """The same, and where each value came from.

    Raises:
        SettingsError: as there.
    """
    given = {
        name.removeprefix(PREFIX).lower(): (name, value)
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    config = given.pop(CONFIG, None)
    found = _Found(values={}, places={}, files={})
    if config is not None:
        path = Path(config[1])
        for key, value in _read_toml(path, config[0]).items():
            _put(key, value, f"{path}: {key}", found, beside=path.parent, written_in=path)
    from_variables = _Found(values={}, places=found.places, files=found.files)
    for key, (name, text) in given.items():
        value = [part.strip() for part in text.split(",") if part.strip()] if key in LISTS else text
        _put(key, value, name, from_variables, beside=Path(), written_in=None)
    settings = _build({**found.values, **from_variables.values}, found.places)
    return Given(settings=settings, places=found.places, files=found.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one source said; places and files are those of all sources."""

    values: dict[str, object]
    places: dict[str, str]
    files: dict[str, Path]


def _put(
    key: str, value: object, place: str, found: _Found, *, beside: Path, written_in: Path | None
) -> None:
    """Check the name, read a secret's file, and put the value where it belongs."""
    names = Settings.__struct_fields__
    field = key.removesuffix(FILE)
    is_file = key not in names and field in SECRETS
    if not is_file and key not in names:
        raise SettingsError("settings.unknown", _unknown(key, place), where=place)
    name = field if is_file else key
    if name in found.values:
        raise SettingsError(
            "settings.twice", f"{name} is given both as a value and as a file", where=place
        )
    file = beside / str(value) if is_file else written_in
    found.values[name] = _read_secret(file, place) if is_file and file is not None else value
    found.places[name] = place
    found.files.pop(name, None)
    if file is not None and name in SECRETS:
        found.files[name] = file


def _unknown(key: str, place: str) -> str:
    known = [*Settings.__struct_fields__, *(f"{secret}{FILE}" for secret in SECRETS), CONFIG]
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
    for key in NETWORKS:
        for network in getattr(settings, key):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise SettingsError(
                    "settings.invalid",
                    f"{network!r} is neither an address nor a network such as 10.0.0.0/8",
                    where=places[key],
                ) from error
    _check_mail(settings)
    _check_staff(settings, places)
    return msgspec.structs.replace(settings, **_addresses(settings, places))


def _check_mail(settings: Settings) -> None:
    """What goes over a network is encrypted, and says whom it is from."""
    if settings.smtp_host is None:
        return
    if settings.smtp_from is None:
        raise SettingsError(
            "settings.missing",
            "say whom mails are from: set CONSENTID_SMTP_FROM",
            where="CONSENTID_SMTP_FROM",
        )
    if settings.smtp_tls == "none" and not _is_here(settings.smtp_host):
        raise SettingsError(
            "settings.invalid",
            "mail goes unencrypted to this machine alone: use starttls or tls",
            where="CONSENTID_SMTP_TLS",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_staff(settings: Settings, places: Mapping[str, str]) -> None:
    """Insist on what signing in there needs; its secret, only web processes have to have."""
    try:
        words = roles_by_word(settings.staff_roles)
    except ValueError as error:
        raise SettingsError("settings.invalid", str(error), where=places["staff_roles"]) from error
    if settings.staff_issuer is None:
        return
    needed: dict[str, object] = {
        "staff_client_id": settings.staff_client_id,
        "staff_roles": words,
    }
    for name, value in needed.items():
        if not value:
            raise SettingsError(
                "settings.missing",
                f"staff cannot sign in there: set {PREFIX}{name.upper()}",
                where=places["staff_issuer"],
            )


def _addresses(settings: Settings, places: Mapping[str, str]) -> dict[str, str]:
    """The databases' URLs, as our driver takes them; Valkey's is only checked."""
    found: dict[str, str] = {}
    for key in (*DATABASES, "valkey_url"):
        url: str | None = getattr(settings, key)
        try:
            if url is not None and key in DATABASES:
                found[key] = with_driver(url)
            elif url is not None:
                require_valkey(url)
        except ValueError as error:
            raise SettingsError("settings.invalid", str(error), where=places[key]) from error
    return found


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
