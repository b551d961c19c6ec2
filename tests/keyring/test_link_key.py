from consentid.keyring.link_key import link_key


def test_one_master_key_makes_one_link_key_for_good() -> None:
    """Links are out for 30 days, and printed: this derivation never changes."""
    made = link_key(bytes(range(32)))
    assert made.jwk() == link_key(bytes(range(32))).jwk()
    assert made.kid == "vi53jvwegejz"
    assert made.jwk()["use"] == "enc"
    assert "d" not in made.jwk()


def test_another_master_key_makes_another() -> None:
    assert link_key(bytes(32)).kid != link_key(bytes(range(32))).kid


def test_a_link_key_does_not_show_itself() -> None:
    assert "private" not in repr(link_key(bytes(32)))
