from pathlib import Path

from tests.cli.running import Command

from consentid.cli.terminal import Exit

CONSUMER = ("news-crm", "--party", "brand/news", "--scope", "events:read")


def test_a_folder_is_written_for_whoever_may_read_events(
    installed: Command, tmp_path: Path
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    assert installed("keys", "generate").code == Exit.OK
    assert installed("brands", "apply").code == Exit.OK
    to = tmp_path / "warehouse"
    exporting = ("events", "export", "--client", "news-crm", "--to", to)
    assert "events:read" in installed(*exporting).err
    assert installed("clients", "add", *CONSUMER).code == Exit.OK
    assert installed(*exporting, "--json").json == {"people": 0, "events": 0, "files": 0}
    assert (to / "manifest.json").exists()
    refused = installed(*exporting, "--format", "csv")
    assert refused.code == Exit.NO
    assert "another format: parquet" in refused.err
