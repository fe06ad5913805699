"""Audit logs for tests: samples, both verifiers, and the tools of somebody who wants to cheat."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .gateway import BINARY, ROOT

BUILD = Path(os.environ.get("GLASSGATE_BUILD", BINARY.parent))
SAMPLE = BUILD / "bin" / "audit_sample_log"
SECOND = ROOT / "tests" / "audit" / "second_verifier.py"


def sample(folder, records, segment_bytes, *more):
    """A log in folder/log, its key in folder/key.pem; the public half in folder/audit.pub."""
    subprocess.run([SAMPLE, folder / "log", folder / "key.pem", str(records), str(segment_bytes), *more], check=True)
    (folder / "audit.pub").write_bytes((folder / "log" / "audit.pub").read_bytes())
    return folder / "log"


def run(*arguments, **kw):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, **kw)


def glassgate(*arguments):
    return run(BINARY, "audit", *arguments)


def first_verifier(log, key, *, witness=None, operators=None):
    """(good, what it says)."""
    more = (["--witness", witness] if witness else []) + (["--operator", operators] if operators else [])
    done = glassgate("verify", log, "--key", key, *more)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0, done.stdout.strip()


def second_verifier(log, key, *, witness=None, operators=None):
    more = (["--witness", witness] if witness else []) + (["--operators", operators] if operators else [])
    done = run(sys.executable, SECOND, log, "--key", key, *more)
    assert done.returncode in (0, 1) and not done.stderr, done.stdout + done.stderr
    return done.returncode == 0, done.stdout.strip()


def segments(log):
    return sorted(log.glob("audit-*.jsonl"))


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def records(log):
    return [json.loads(line) for path in segments(log) for line in lines_of(path)]


def checkpoint_lines(log):
    return [line for path in sorted(log.glob("audit-*.checkpoints")) for line in path.read_text().splitlines()]


# ---- what a cheat can do -------------------------------------------------------------------------------------

def write(path, data):
    path.chmod(0o640)
    path.write_bytes(data)


def split(line):
    """A record's line without its hash, and the hash."""
    body, value = line.rstrip(b"\n").rsplit(b',"hash":"', 1)
    return body, bytes.fromhex(value[:64].decode())


def rechain(log, start, changes):
    """Rewrites all records from segment number `start` on as `changes(lines)` gives them, with right hashes, and
    numbers: what everybody can do who may write the files and has no key. Trees and indexes, too."""
    previous, seq = bytes(32), 0
    peaks = []
    for number, path in enumerate(segments(log), 1):
        lines = lines_of(path)
        bodies = [split(line)[0] for line in lines]
        if number >= start:
            bodies = changes(number, bodies)
        data, tree, index = b"", b"", ""
        for at, body in enumerate(bodies):
            seq += 1
            body = re.sub(rb'^\{"seq":\d+', b'{"seq":%d' % seq, body)
            if at == 0:
                written = b",".join(b'"%s"' % p.hex().encode() for p in peaks)
                body = re.sub(rb'"tree":\{"size":\d+,"peaks":\[[^]]*\]\}',
                              b'"tree":{"size":%d,"peaks":[%s]}' % (seq - 1, written), body)
            previous = hashlib.sha256(previous + body).digest()
            line = body + b',"hash":"' + previous.hex().encode() + b'"}'
            if at == 0 or seq % 1024 == 1:
                index += f"{seq} {len(data)} {json.loads(line)['time']}\n"
            data += line + b"\n"
            node, size = hashlib.sha256(b"\0" + line).digest(), seq - 1
            peaks.append(node)
            tree += node
            while size & 1:
                right = peaks.pop()
                peaks[-1] = hashlib.sha256(b"\1" + peaks[-1] + right).digest()
                tree += peaks[-1]
                size >>= 1
        write(path, data)
        write(path.with_suffix(".tree"), tree)
        write(path.with_suffix(".index"), index.encode())


def root(peaks):
    value = peaks[-1]
    for peak in reversed(peaks[:-1]):
        value = hashlib.sha256(b"\1" + peak + value).digest()
    return value


def resign(log, key=None, only=None):
    """Signs all checkpoints anew, over what the records now are, with a key of the cheat's own."""
    key = key or Ed25519PrivateKey.generate()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    states, peaks = {}, []
    for path in segments(log):
        for line in lines_of(path):
            seq = json.loads(line)["seq"]
            peaks.append(hashlib.sha256(b"\0" + line.rstrip(b"\n")).digest())
            size = seq - 1
            while size & 1:
                right = peaks.pop()
                peaks[-1] = hashlib.sha256(b"\1" + peaks[-1] + right).digest()
                size >>= 1
            states[seq] = (root(peaks).hex(), split(line)[1].hex())
    previous = "0" * 64
    for path in sorted(log.glob("audit-*.checkpoints")):
        out = ""
        for line in path.read_text().splitlines():
            c = json.loads(line)
            if (only is None or c["checkpoint"] in only) and c["size"] in states:
                c["root"], c["hash"] = states[c["size"]]
                c["previous"], c["key"] = previous, hashlib.sha256(spki).hexdigest()
                c.pop("signature")
                text = json.dumps(c, separators=(",", ":"))[:-1]
                signature = base64.b64encode(key.sign(b"glassgate audit checkpoint 1\n" + text.encode())).decode()
                line = f'{text},"signature":"{signature}"}}'
            out += line + "\n"
            previous = hashlib.sha256(line.encode()).hexdigest()
        write(path, out.encode())
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


# ---- gateways that write one

def settings(folder, **more):
    """`telemetry.audit` of a gateway whose log is to lie in this folder."""
    return {"audit": {"directory": str(folder / "audit"), "key": str(folder / "audit-key.pem"), **more}}


def all_records(folder):
    """What is in the log now, also while it is being written: whole lines."""
    found = []
    for path in sorted((folder / "audit").glob("audit-*.jsonl")):
        text = path.read_bytes()
        found += [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]
    return found


def of_type(folder, *types):
    return [record for record in all_records(folder) if record["type"] in types]


def both_verify(folder, **more):
    key = folder / "audit" / "audit.pub"
    for verify in (first_verifier, second_verifier):
        good, text = verify(folder / "audit", key, **more)
        assert good, f"{verify.__name__}: {text}"
