"""The account that an embedded server runs as.

PostgreSQL refuses to run as root.  As root we hand servers to ``nobody``, which exists on every
system; the folders made for it are closed to everybody else but root.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from consentid.embedded.errors import EmbeddedServerError

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who a server runs as."""

    uid: int
    gid: int
    is_ours: bool
    """Whether it is the account that we run as ourselves: then nothing needs handing over."""


def server_account() -> Account:
    """The account for servers that we start.

    Raises:
        EmbeddedServerError: we are root and there is no unprivileged account to hand them to.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), is_ours=True)
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError as error:
        raise EmbeddedServerError(
            "no_account",
            f"servers must not run as root and there is no {_UNPRIVILEGED!r}: run as another user",
        ) from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, is_ours=False)


def require_open_way(path: Path, account: Account) -> None:
    """Check that the account can get to ``path``.

    Its way through group membership and ACLs is not counted: doubt is closed.

    Raises:
        EmbeddedServerError: a folder on the way is closed to it.  Opening it is not ours to do.
    """
    for folder in reversed(path.resolve().parents):
        status = folder.stat()
        bit = 0o100 if status.st_uid == account.uid else 0o001
        if not status.st_mode & bit:
            raise EmbeddedServerError(
                "closed_folder",
                f"{folder} is closed to the servers' account: use a folder under /var/lib",
            )
