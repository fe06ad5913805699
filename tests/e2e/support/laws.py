"""What must hold after every run, whatever the test did."""

from .gateway import SLOW
from .wait import until

REPORTS = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer", "runtime error:",
           "check failed", "terminate called")


def sinks(metrics):
    return sorted({dict(labels)["sink"] for labels in metrics.select("flex_telemetry_records_total")})


def imbalance(metrics):
    """Sinks for which closed = filtered + sampled_out + delivered + lost + queued does not hold with
    an empty queue; {} when it holds for all."""
    closed = metrics.sum("flex_exchanges_total")
    out = {}
    for sink in sinks(metrics):
        known = metrics.sum("flex_telemetry_records_total", sink=sink)
        if known != closed:
            out[sink] = (closed, {dict(k)["outcome"]: v for k, v in
                                  metrics.select("flex_telemetry_records_total", sink=sink).items()})
    return out


def check_quiet(gateway):
    """Nothing is open and nothing is queued; the law and the identity hold. The last scrape."""
    seen = {}

    def quiet():
        metrics = seen["metrics"] = gateway.metrics()
        stuck = {name: metrics.sum(name) for name in ("flex_exchanges_active", "flex_connections")}
        if not any(stuck.values()):
            stuck = {}
        seen["why"] = {**stuck, **imbalance(metrics)}
        return not seen["why"]
    until(quiet, lambda: f"gauges at zero and the conservation law; instead {seen['why']}", timeout=20 * SLOW, every=0.05)
    metrics = seen["metrics"]
    exchanges, requests = metrics.sum("flex_exchanges_total"), metrics.sum("flex_requests_total")
    assert exchanges == requests, f"flex_exchanges_total {exchanges}, flex_requests_total {requests}"
    responses = metrics.sum("flex_responses_total")
    assert responses == requests, f"flex_responses_total {responses}, flex_requests_total {requests}"
    durations = metrics.sum("flex_request_duration_ms_count")
    assert durations == requests, f"flex_request_duration_ms_count {durations}, flex_requests_total {requests}"
    ended = metrics.sum("flex_connection_endings_total")
    assert ended == metrics.sum("flex_connections_total"), "connections accepted and ended differ"
    assert sinks(metrics), "no sink reports its records"
    return metrics


def check_reports(gateway):
    text = gateway.stderr_path.read_text(errors="replace")
    for report in REPORTS:
        assert report not in text, f"the gateway reported:\n{text[-6000:]}"


def access_lines(path):
    """How many access lines there are: no events, no interim lines of long streams. Quotes within a value are escaped,
    so this cannot be forged."""
    return sum(b'"event":' not in line and b'"interim":true' not in line for line in path.read_bytes().splitlines())


def audit(gateway):
    """At the end of a test. The gateway may have been stopped by it."""
    metrics = None
    if gateway.running:
        if gateway.audited:
            metrics = check_quiet(gateway)
        status = gateway.stop()
    else:
        status = gateway.process.returncode
    check_reports(gateway)
    assert status == gateway.expected_exit, f"exit status {status}\n{gateway.complaints()}"
    if metrics and gateway.exact_log:
        closed = metrics.sum("flex_exchanges_total")
        for name, path in (("file", gateway.log_path), ("stdout", gateway.stdout_path)):
            logged = access_lines(path)
            assert logged == closed, f"{logged} access lines on {name}, {closed} exchanges closed"
