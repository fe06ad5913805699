"""`glassgate demo`: the incident happens, its numbers add up, and nothing is left behind.

The runs are compressed and scaled down; how close the full run comes to the mission's figures is
for a quiet machine and a reader (docs/incident.md), not for a test.
"""
import json
import os
import signal
import subprocess

from support.gateway import BINARY, SLOW


def start(tmp_path, *options):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [str(BINARY), "demo", "--plain", "--height", "60", "--port", "0", "--metrics-port", "0", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "TMPDIR": str(temporary)}), temporary


def test_the_incident_compressed(tmp_path):
    summary = tmp_path / "summary.json"
    process, temporary = start(tmp_path, "--speed", "8", "--scale", "0.1", "--json", str(summary))
    out, err = process.communicate(timeout=60 * SLOW)
    assert process.returncode == 0, err
    run = json.loads(summary.read_text())
    measured, counts, clients = run["measured"], run["counts"], run["clients"]
    assert counts["by_endings"] == counts["by_routes"] == counts["log_records"] == counts["log_lines"] == counts["panel"]
    assert counts["by_endings"] == sum(counts["endings"].values())
    assert counts["log_lost"] == 0 and counts["agree"]
    assert clients["answered"] + clients["broken"] == clients["sent"]
    assert counts["endings"]["rate_limited"] == measured["rate_limit_hits"] > 0
    assert measured["top_offender"] == "mob-4f7a"
    assert measured["peak_per_second"] > 1.5 * measured["baseline_per_second"] > 0
    assert measured["hotfix_applied_s"] >= 72 / 8
    assert "rate_limit_config_updated" in out and "config_applied" in out
    assert "GET /api/products/:id" in out and "the first three agree" in out
    assert "\x1b" not in out, "no colours and no cursor control where nobody looks at a terminal"
    assert list(temporary.iterdir()) == []


def test_an_interrupt_ends_it_in_order(tmp_path):
    process, temporary = start(tmp_path, "--scale", "0.1")
    try:
        pictures = 0
        while pictures < 2:  # there is traffic by then
            line = process.stdout.readline()
            assert line, process.stderr.read()
            pictures += "● LIVE" in line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20 * SLOW)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "interrupted" in out and "the first three agree" in out
    assert list(temporary.iterdir()) == []


def test_a_wrong_option_is_the_users_mistake(tmp_path):
    process, _ = start(tmp_path, "--speed", "11")
    process.communicate(timeout=20 * SLOW)
    assert process.returncode == 1
