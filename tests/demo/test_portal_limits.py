from consentid.demo.portal_limits import FailedSignIns


def test_five_failures_within_a_minute_make_a_login_wait() -> None:
    failures = FailedSignIns()
    for second in range(5):
        assert failures.wait_s("noah", second) == 0
        failures.note_failure("noah", second)
    assert 55 <= failures.wait_s("noah", 5) <= 61
    assert failures.wait_s("salma", 5) == 0
    assert failures.wait_s("noah", 61) == 0


def test_success_forgets_failures() -> None:
    failures = FailedSignIns()
    for _ in range(5):
        failures.note_failure("noah", 0)
    failures.note_success("noah")
    assert failures.wait_s("noah", 1) == 0


def test_made_up_logins_do_not_fill_memory() -> None:
    failures = FailedSignIns()
    for number in range(3000):
        failures.note_failure(f"nobody-{number}", 0)
    assert len(failures) == 1000
