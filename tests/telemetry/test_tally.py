from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consentid.telemetry.families import counters, histogram, registry_of
from consentid.telemetry.tally import Tally, Timings


def test_values_beyond_the_bound_are_counted_together() -> None:
    tally = Tally("client", "reason", most=2)
    for client in ("a", "b", "c", "d", "a"):
        tally.add((client, "active"))
    assert tally.read() == {("a", "active"): 2, ("b", "active"): 1, ("other", "other"): 2}
    timings = Timings("route", most=1)
    timings.of(("/a",)).add(0.1)
    timings.of(("/b",)).add(0.1)
    timings.of(("/c",)).add(0.1)
    assert {key: sum(found.counts) for key, found in timings.read().items()} == {
        ("/a",): 1,
        ("other",): 2,
    }


def test_prometheus_reads_what_was_counted_and_timed() -> None:
    tally, timings = Tally("client"), Timings("route")
    tally.add(('a "quoted" \\ name',), 3)
    for took_s in (0.000_05, 0.000_1, 0.2, 60.0):
        timings.of(("/v1/verify",)).add(took_s)
    text = generate_latest(
        registry_of(lambda: [counters("acts", "Acts.", tally), histogram("took", "Took.", timings)])
    ).decode()
    told = {
        (sample.name, *sorted(sample.labels.values(), key=len)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert told["consentid_acts_total", 'a "quoted" \\ name'] == 3
    assert told["consentid_took_bucket", "0.0001", "/v1/verify"] == 2  # a bound is in its bucket
    assert told["consentid_took_bucket", "0.1", "/v1/verify"] == 2
    assert told["consentid_took_bucket", "0.25", "/v1/verify"] == 3
    assert told["consentid_took_bucket", "+Inf", "/v1/verify"] == 4
    assert told["consentid_took_count", "/v1/verify"] == 4
    assert told["consentid_took_sum", "/v1/verify"] == 60.200_15
    assert told["process_open_fds",] > 0
