import pytest

from consentid.keyring.files import is_open_to_others


@pytest.mark.parametrize(
    ("mode", "owner", "reader", "is_open"),
    [
        (0o600, 1000, 1000, False),
        (0o400, 1000, 1000, False),
        (0o700, 1000, 1000, False),
        (0o640, 1000, 1000, True),
        (0o604, 1000, 1000, True),
        (0o640, 0, 0, True),
        (0o640, 0, 1000, False),
        (0o440, 0, 1000, False),
        (0o660, 0, 1000, True),
        (0o444, 0, 1000, True),
    ],
)
def test_only_root_may_hand_a_file_over_through_a_group(
    mode: int, owner: int, reader: int, is_open: bool
) -> None:
    assert is_open_to_others(mode, owner=owner, reader=reader) is is_open
