"""Whatever is done to an audit log, both verifiers say that it is not what was written."""

import json
import random
import shutil

import pytest
from support import audit
from support.audit import lines_of, segments
from support.audit_manipulations import MANIPULATIONS, flip, ordered, segment


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    log = audit.sample(folder, 1500, 90_000)
    witness = folder / "received.log"
    witness.write_text("".join(f"<110>1 2026-11-27T09:14:22Z gw glassgate 1 checkpoint - {line}\n"
                               for line in audit.checkpoint_lines(log)))
    return folder, witness


@pytest.fixture
def log(original, tmp_path):
    shutil.copytree(original[0] / "log", tmp_path / "log")
    return tmp_path / "log"


def make_operators(folder):
    """Keys of alice, bob and a stranger; what is returned are those of the two operators."""
    pem = ""
    for name in ("alice", "bob", "stranger"):
        done = audit.glassgate("key", "generate", folder / f"{name}.pem")
        assert done.returncode == 0, done.stderr
        pem += done.stdout if name != "stranger" else ""
    (folder / "operators.pub").write_text(pem)
    return folder / "operators.pub"


def verdicts(log, original, operators=None):
    folder, witness = original
    return [verify(log, folder / "audit.pub", witness=witness, operators=operators)
            for verify in (audit.first_verifier, audit.second_verifier)]


def test_the_original_is_good(log, original):
    assert all(good for good, _ in verdicts(log, original))
    assert len(segments(log)) > 5 and len(MANIPULATIONS) >= 40


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_every_manipulation_is_seen(name, log, original):
    operators = make_operators(log.parent) if "deleted" in name or "list" in name else None
    MANIPULATIONS[name](log)
    for good, text in verdicts(log, original, operators):
        assert not good, f"{name}: {text}"


def test_an_order_of_two_operators_is_good(log, original):
    operators = make_operators(log.parent)
    ordered(log, ["bob", "alice"])
    assert [good for good, _ in verdicts(log, original, operators)] == [True, True]


def test_compressed_it_is_still_good(log, original):
    assert audit.glassgate("compress", log).returncode == 0
    assert len(list(log.glob("*.jsonl.zst"))) > 4
    assert all(good for good, _ in verdicts(log, original))


def test_any_byte_of_any_file(original, tmp_path):
    """Bits flipped anywhere, at random."""
    choose = random.Random(20261127)
    files = [p.name for p in (original[0] / "log").iterdir() if p.name.startswith("audit-")]
    for turn in range(40):
        log = tmp_path / str(turn)
        shutil.copytree(original[0] / "log", log)
        path = log / choose.choice(files)
        flip(path, choose.randrange(path.stat().st_size), 1 << choose.randrange(8))
        good, text = audit.first_verifier(log, original[0] / "audit.pub")
        assert not good, path
        assert path.name.split(".")[0] in text
        if turn % 4 == 0:
            assert not audit.second_verifier(log, original[0] / "audit.pub")[0], path
        shutil.rmtree(log)


def test_the_first_bad_record_is_named(log, original):
    lines = lines_of(segment(log, 2))
    offset, seq = sum(len(line) for line in lines[:30]), json.loads(lines[30])["seq"]
    flip(segment(log, 2), offset + 120)
    good, text = audit.first_verifier(log, original[0] / "audit.pub")
    assert not good
    assert f"audit-00000002.jsonl: record {seq} at byte {offset}: the hash does not follow" in text


def test_since_begins_in_the_middle(log, original):
    flip(segment(log, 1), 5000)
    time = json.loads(lines_of(segment(log, 3))[3])["time"]
    done = audit.glassgate("verify", log, "--key", original[0] / "audit.pub", "--since", time)
    assert done.returncode == 0, done.stdout
    flip(segment(log, 4), 5000)
    done = audit.glassgate("verify", log, "--key", original[0] / "audit.pub", "--since", time)
    assert done.returncode == 1 and "audit-00000004" in done.stdout


# ---- proofs

def exported(log, tmp_path, *where):
    path = tmp_path / "export.jsonl"
    done = audit.glassgate("export", log, "--out", path, *where)
    assert done.returncode == 0, done.stderr
    return path


def proof_verdicts(path, key):
    first = audit.glassgate("check", path, "--key", key)
    second = audit.run(audit.sys.executable, audit.SECOND, "--proof", path, "--key", key)
    return [first.returncode == 0, second.returncode == 0]


def test_an_export_proves_itself(log, original, tmp_path):
    path = exported(log, tmp_path, "--where", "client.id=shop-3", "--where", "type=request.closed")
    lines = path.read_text().splitlines()
    assert len(lines) > 50
    assert proof_verdicts(path, original[0] / "audit.pub") == [True, True]


FORGERIES = {
    "another record": lambda items: items[3].update(record=items[3]["record"].replace("alice", "mallory")),
    "another index": lambda items: items[3].update(index=items[3]["index"] + 1),
    "a node of the path": lambda items: items[3]["path"].__setitem__(2, "0" * 64),
    "a path too short": lambda items: items[3]["path"].pop(),
    "a path too long": lambda items: items[3]["path"].append("0" * 64),
    "two paths exchanged": lambda items: (items[3].update(path=items[4]["path"])),
    "another checkpoint": lambda items: items[0].update(checkpoint=items[0]["checkpoint"].replace('"size":1', '"size":2')),
    "no checkpoint": lambda items: items.pop(0),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_proof_is_seen(name, log, original, tmp_path):
    path = exported(log, tmp_path, "--where", "client.id=shop-3")
    items = [json.loads(line) for line in path.read_text().splitlines()]
    FORGERIES[name](items)
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    assert proof_verdicts(path, original[0] / "audit.pub") == [False, False]


def test_consistency_of_two_checkpoints(log, original, tmp_path):
    proof = tmp_path / "proof.json"
    done = audit.glassgate("consistency", log, 3, 12)
    assert done.returncode == 0
    proof.write_text(done.stdout)
    key = original[0] / "audit.pub"
    assert audit.glassgate("check", proof, "--key", key).returncode == 0
    item = json.loads(done.stdout)
    for change in ({"first": item["second"], "second": item["first"]}, {"path": item["path"][:-1]}, {"path": []}):
        proof.write_text(json.dumps({**item, **change}))
        assert audit.glassgate("check", proof, "--key", key).returncode == 1


# ---- deletion by the tool

def test_nothing_young_is_deleted(log, original, tmp_path):
    done = audit.glassgate("delete", "list", log, "--reason", "old")
    assert done.returncode == 1 and "old enough" in done.stderr


def test_the_tool_deletes_only_what_the_order_says(log, original, tmp_path):
    operators = make_operators(tmp_path)
    ordered(log, ["alice", "bob"])    # makes list.json; the log is put back below
    shutil.rmtree(log)
    shutil.copytree(original[0] / "log", log)
    signatures = []
    for name in ("alice", "bob"):
        path = tmp_path / f"{name}.sig"
        path.write_text(audit.glassgate("delete", "sign", tmp_path / "list.json", "--key", tmp_path / f"{name}.pem").stdout)
        signatures += ["--signature", path]
    done = audit.glassgate("delete", "execute", log, tmp_path / "list.json", *signatures, "--operator", operators)
    assert done.returncode == 1 and "does not hold what the list says" in done.stderr
    done = audit.glassgate("delete", "execute", log, tmp_path / "list.json", *signatures[:2], "--operator", operators)
    assert done.returncode == 1 and "two different operators" in done.stderr
    assert all(good for good, _ in verdicts(log, original))
