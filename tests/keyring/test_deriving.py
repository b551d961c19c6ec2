import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.keyring.deriving import KEY_BYTES, Job, derived_key

keys = st.binary(min_size=32, max_size=32)


@given(keys)
def test_each_job_has_a_key_of_its_own(master: bytes) -> None:
    derived = {derived_key(master, job) for job in Job}
    assert len(derived) == len(Job)
    assert master not in derived
    assert {len(key) for key in derived} == {KEY_BYTES}


@given(keys, keys)
def test_another_master_gives_another_key(one: bytes, other: bytes) -> None:
    for job in Job:
        assert (derived_key(one, job) == derived_key(other, job)) == (one == other)


@pytest.mark.parametrize("job", Job)
def test_a_key_is_hkdf_expand_of_the_master(job: Job) -> None:
    """Spec: RFC 5869 section 2.3, one block, by hand."""
    info = f"consentid/{job}\0".encode()
    assert derived_key(bytes(32), job) == hmac.digest(bytes(32), info + b"\x01", hashlib.sha256)
