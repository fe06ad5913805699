"""The query language against its reference: the same samples in Debian's Prometheus 2.42 and in
`glassgate query`, the same expressions, the same answers: labels, order and errors exactly, values to
1e-9."""

import random
import shutil

import pytest

from support.promql import difference, glassgate_answers, open_metrics, prometheus
from support.promql_corpus import MISPRINTS, mutations
from support.promql_expressions import UNORDERED, expressions
from support.promql_samples import START_MS, samples

START = START_MS // 1000
INSTANTS = [START + 1200, START + 707, START + 905.5, START + 2000, START + 3050]
RANGES = [
    (START + 300, START + 1500, "15"),
    (START + 700, START + 1000, "7"),
    (START - 120, START + 3400, "100"),
    (START + 1200, START + 1200, "60"),
]


def instant(expression, at):
    return {"query": expression, "time": str(at)}


def over_range(expression, start, end, step):
    return {"query": expression, "start": str(start), "end": str(end), "step": step}


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    assert shutil.which("prometheus"), "prometheus is not installed"
    folder = tmp_path_factory.mktemp("promql")
    made = samples()
    (folder / "samples.om").write_text(open_metrics(made), encoding="utf-8")
    with prometheus(folder) as server:
        server.write(made)
        yield server, folder / "samples.om"


def compare(engines, requests):
    server, file = engines
    found = []
    for request, ours in zip(requests, glassgate_answers(file, requests), strict=True):
        ordered = "start" in request or not UNORDERED.search(request["query"])
        if said := difference(server.answer(request), ours, ordered):
            found.append(f"{request}\n    {said}")
    assert not found, f"{len(found)} of {len(requests)} differ\n" + "\n".join(found[:40])


def test_there_are_enough_expressions_with_answers(engines):
    _, file = engines
    answers = glassgate_answers(file, [instant(expression, INSTANTS[0]) for expression in expressions()])
    assert len([a for a in answers if a["status"] == "success" and a["data"]["result"]]) >= 900


@pytest.mark.parametrize("at", INSTANTS)
@pytest.mark.timeout(300)
def test_instant_queries(engines, at):
    compare(engines, [instant(expression, at) for expression in expressions()])


@pytest.mark.parametrize("start, end, step", RANGES)
@pytest.mark.timeout(300)
def test_range_queries(engines, start, end, step):
    compare(engines, [over_range(expression, start, end, step) for expression in expressions()])


# Where 2.42 is not what its documentation says; docs/guide/query.md has the reasons.
KNOWN = [
    "predict_linear(temperature[5m] @ 1600001200, 60)",
    "quantile_over_time(scalar(limit) / 5, temperature[5m] @ 1600001200)",
    "topk(scalar(limit @ start()), step)",
    "ln(vector(5e-324))",
]


@pytest.mark.parametrize("expression", KNOWN)
def test_the_list_of_differences_is_true(engines, expression):
    server, file = engines
    request = over_range(expression, START + 1200, START + 1260, "15")
    [ours] = glassgate_answers(file, [request])
    theirs = server.answer(request)
    assert ours["status"] == theirs["status"] == "success"
    assert difference(theirs, ours), "no difference: take it off the list"


def test_parameters(engines):
    """Times, steps and their mistakes, as the API takes them."""
    base = {"query": "temperature", "start": str(START), "end": str(START + 60), "step": "15"}
    changes = [{"step": "15s"}, {"step": "0"}, {"step": "-1"}, {"step": "x"}, {"step": "1m30s"}, {"step": "0.001"},
               {"start": "2020-09-13T12:26:40Z"}, {"end": "2020-09-13T14:27:40.5+02:00"}, {"start": "yesterday"},
               {"end": str(START - 1)}, {"start": str(START) + ".1239"}, {"step": "1e300"}, {"end": "2020-02-30T00:00:00Z"}]
    compare(engines, [{**base, **change} for change in changes]
            + [instant("temperature", at) for at in ("x", "2020-09-13T12:30:00Z", "1600000100.9996", "1e3")])


def test_canonical_text(engines):
    """What an expression is printed as; Prometheus breaks lines from 100 characters on."""
    server, file = engines
    requests = [{"format": e} for e in expressions() if 0 < len(e) < 80]
    differ = []
    for request, ours in zip(requests, glassgate_answers(file, requests), strict=True):
        theirs = server.answer(request)
        if theirs["status"] != ours["status"] or theirs.get("data") != ours.get("data"):
            differ.append(f"{request['format']}\n    {theirs} | {ours}")
    assert not differ, "\n".join(differ[:40])


def accepted(answer):
    return answer["status"] == "success" or "parse error" not in answer["error"]


def test_what_is_an_expression(engines):
    """The same texts are accepted; the complaint about the others is the same in nearly all cases."""
    server, file = engines
    corpus = MISPRINTS + mutations([e for e in expressions() if e], 2000, random.Random(7))
    requests = [{"format": text} for text in corpus]
    differ, complaints, same = [], 0, 0
    for request, ours in zip(requests, glassgate_answers(file, requests), strict=True):
        theirs = server.answer(request)
        if accepted(theirs) != accepted(ours):
            differ.append(f"{request['format']!r}\n    {theirs} | {ours}")
        elif theirs["status"] == "error":
            complaints += 1
            same += theirs["error"] == ours["error"]
    assert not differ, "\n".join(differ[:40])
    assert same >= 0.95 * complaints, f"{same} of {complaints} messages are the same"
