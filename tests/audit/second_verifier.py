#!/usr/bin/env python3
"""A second verifier of the audit log, written from docs/formats/audit.md alone. Tests only.

second_verifier.py FOLDER --key PEM [--operators PEM] [--witness FILE]
second_verifier.py --proof FILE --key PEM
"""
import argparse
import base64
import glob
import hashlib
import json
import os
import re
import subprocess
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    Encoding, PublicFormat, load_pem_public_key)

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
RECORD = re.compile(rb'(\{"seq":(0|[1-9]\d*),"time":"(' + TIME.encode() + rb')",(?="type":"([^"]+)")'
                    rb'.*?),"hash":"([0-9a-f]{64})"\}', re.S)
CHECKPOINT = re.compile(
    r'(\{"checkpoint":(?P<checkpoint>[1-9]\d*),"log":"(?P<log>[0-9a-f]{32})","size":(?P<size>\d+),'
    r'"root":"(?P<root>[0-9a-f]{64})","hash":"(?P<hash>[0-9a-f]{64})","segment":(?P<segment>\d+),'
    r'"time":"(?P<time>' + TIME + r')","previous":"(?P<previous>[0-9a-f]{64})",'
    r'"key":"(?P<key>[0-9a-f]{64})"),"signature":"(?P<signature>[A-Za-z0-9+/]{86}==)"\}')
OPENED = re.compile(rb'"type":"segment\.opened","log":"([0-9a-f]{32})","segment":(\d+),"format":1,'
                    rb'"tree":\{"size":(\d+),"peaks":\[((?:"[0-9a-f]{64}",?)*)\]\}(?:,|$)')
SEALED = re.compile(rb'"type":"segment\.sealed","segment":(\d+),"records":(\d+)(?:,|$)')


class Bad(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Bad(what)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node(left, right):
    return sha(b"\1", left, right)


def root_of(peaks):
    if not peaks:
        return sha()
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node(peak, root)
    return root


def append(peaks, size, leaf):
    """The peaks with one leaf more; the nodes this completes."""
    peaks, made = peaks + [leaf], [leaf]
    while size & 1:
        peaks = peaks[:-2] + [node(peaks[-2], peaks[-1])]
        made.append(peaks[-1])
        size >>= 1
    return peaks, made


def load_keys(path):
    keys = {}
    blocks = re.findall(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", open(path, "rb").read(), re.S)
    for block in blocks:
        key = load_pem_public_key(block)
        keys[sha(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hex()] = key
    return keys


def signed(keys, key, signature, message):
    raw = base64.b64decode(signature)
    if key not in keys or base64.b64encode(raw).decode() != signature:
        return False
    try:
        keys[key].verify(raw, message)
        return True
    except InvalidSignature:
        return False


def read_checkpoint(line, keys):
    match = CHECKPOINT.fullmatch(line)
    need(match, "a checkpoint has not the form of one")
    c = match.groupdict()
    need(signed(keys, c["key"], c["signature"],
                b"glassgate audit checkpoint 1\n" + match.group(1).encode()),
         f"checkpoint {c['checkpoint']}: not signed by an allowed key")
    return {**c, "checkpoint": int(c["checkpoint"]), "size": int(c["size"]),
            "segment": int(c["segment"]), "line": line}


def read_witness(path, keys):
    found = []
    for line in open(path, encoding="utf-8"):
        match = CHECKPOINT.search(line)
        if match:
            try:
                found.append(read_checkpoint(match.group(0), keys))
            except Bad:
                pass
    need(found, "the witness has no checkpoint of an allowed key")
    return found


class Log:
    def __init__(self, folder, keys, operators, witness):
        self.folder, self.keys, self.operators = folder, keys, operators
        self.witness = witness
        self.seq, self.hash, self.time, self.log, self.peaks = 0, bytes(32), "", None, []
        self.last, self.signed, self.stopped = None, 0, False  # the last checkpoint; its size

    def path(self, segment, kind):
        return os.path.join(self.folder, f"audit-{segment:08d}.{kind}")

    def data(self, segment):
        plain, packed = self.path(segment, "jsonl"), self.path(segment, "jsonl.zst")
        if os.path.exists(plain):
            return open(plain, "rb").read()
        if os.path.exists(packed):
            done = subprocess.run(["zstd", "-dcq", packed], capture_output=True, check=False)
            need(done.returncode == 0, f"segment {segment}: the compressed file is damaged")
            return done.stdout
        return None

    def checkpoints(self, segment, last):
        path, found = self.path(segment, "checkpoints"), []
        need(last or os.path.exists(path), f"the checkpoints of segment {segment} are missing")
        text = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        need(text == "" or text.endswith("\n"), f"segment {segment}: an unfinished checkpoint")
        for line in text.splitlines():
            c = read_checkpoint(line, self.keys)
            need(c["segment"] == segment, "a checkpoint of another segment")
            if self.last is None:
                need(c["checkpoint"] == 1 and c["previous"] == "0" * 64, "the first checkpoint")
            else:
                need(c["checkpoint"] == self.last["checkpoint"] + 1 and c["size"] > self.last["size"]
                     and c["previous"] == sha(self.last["line"].encode()).hex()
                     and c["log"] == self.last["log"], f"checkpoint {c['checkpoint']} does not follow")
            self.last = c
            found.append(c)
        return found

    def check_opened(self, body, segment):
        match = OPENED.match(body)
        need(match, f"record {self.seq + 1}: a segment must begin with segment.opened")
        peaks = [bytes.fromhex(p.decode()) for p in re.findall(rb"[0-9a-f]{64}", match.group(4))]
        need(int(match.group(2)) == segment and int(match.group(3)) == self.seq, "segment.opened: numbers")
        need(self.log in (None, match.group(1).decode()), "segment.opened: another log")
        need(root_of(peaks) == root_of(self.peaks) if self.peaks is not None
             else root_of(peaks).hex() == self.anchor, "segment.opened: another tree")
        need(len(peaks) == bin(self.seq).count("1"), "segment.opened: peaks")
        self.log, self.peaks = match.group(1).decode(), peaks

    def segment(self, segment, last):
        data, due = self.data(segment), self.checkpoints(segment, last)
        need(data, f"segment {segment} is empty")
        need(data.endswith(b"\n"), f"segment {segment}: an unfinished last line")
        tree, index, offset, sealed, first = [], "", 0, False, self.seq + 1
        for line in data[:-1].split(b"\n"):
            at = f"record {self.seq + 1} at byte {offset} of segment {segment}"
            match = RECORD.fullmatch(line)
            need(match and len(line) <= 65536, f"{at}: not a record")
            hashed, seq, time, kind, value = match.groups()
            time, kind, body = time.decode(), kind.decode(), hashed[hashed.index(b'"type":'):]
            need(not sealed, f"{at}: behind segment.sealed")
            need(int(seq) == self.seq + 1, f"{at}: seq is {int(seq)}")
            need(sha(self.hash, hashed).hex() == value.decode(), f"{at}: hash")
            need(time >= self.time or kind in ("clock.step", "log.started", "log.recovered"), f"{at}: time")
            if self.seq + 1 == first:
                self.check_opened(body, segment)
            else:
                need(kind != "segment.opened", f"{at}: a second segment.opened")
            if kind == "segment.sealed":
                match, sealed = SEALED.match(body), True
                need(match and [int(g) for g in match.groups()] == [segment, self.seq + 2 - first],
                     f"{at}: segment.sealed does not state its segment")
            self.peaks, made = append(self.peaks, self.seq, sha(b"\0", line))
            tree += made
            self.seq, self.hash, self.time = self.seq + 1, bytes.fromhex(value.decode()), time
            if self.seq == first or self.seq % 1024 == 1:
                index += f"{self.seq} {offset} {time}\n"
            while due and due[0]["size"] <= self.seq:
                c = due.pop(0)
                need(c["size"] == self.seq and c["hash"] == self.hash.hex() and c["log"] == self.log
                     and c["root"] == root_of(self.peaks).hex() and c["time"] >= time,
                     f"{at}: not what checkpoint {c['checkpoint']} signs")
                self.signed = self.seq
            for c in [w for w in self.witness if w["size"] == self.seq]:
                need(c["root"] == root_of(self.peaks).hex() and c["log"] == self.log, f"{at}: witness")
                self.witness.remove(c)
            self.stopped = kind == "log.stopped"
            offset += len(line) + 1
        need(not due, f"segment {segment}: records are missing at the end")
        need(sealed or last, f"segment {segment} is not sealed")
        need(not (sealed or (last and self.stopped)) or self.signed == self.seq, "the end is not signed")
        self.derived(segment, "tree", b"".join(tree), sealed)
        self.derived(segment, "index", index.encode(), sealed)

    def derived(self, segment, kind, expected, sealed):
        path = self.path(segment, kind)
        data = open(path, "rb").read() if os.path.exists(path) else None
        need(data is not None or not sealed, f"segment {segment}: no {kind} file")
        need(data == expected if sealed else expected.startswith(data or b""), f"segment {segment}: {kind}")

    def deleted(self, segment):
        for path in glob.glob(os.path.join(self.folder, "deletion-*.json")):
            order = json.load(open(path, encoding="utf-8"))
            message = b"glassgate audit deletion 1\n" + order["list"].encode()
            good = {s["key"] for s in order["signatures"] if signed(self.operators, s["key"], s["signature"], message)}
            listed = json.loads(order["list"])
            if len(good) >= 2 and segment in [s["segment"] for s in listed["segments"]]:
                need(self.last and listed["log"] == self.last["log"], "a deletion order of another log")
                return True
        return False

    def verify(self):
        numbers = {int(m.group(1)) for m in (re.fullmatch(r"audit-(\d{8,})\.(jsonl(\.zst)?|checkpoints|tree|index)", n)
                                             for n in os.listdir(self.folder)) if m}
        need(numbers and numbers == set(range(1, max(numbers) + 1)), "segments are missing")
        began = False
        for segment in sorted(numbers):
            if self.data(segment) is None and not began:
                need(self.checkpoints(segment, False) and self.deleted(segment), f"segment {segment} is missing")
                c = self.last
                self.seq, self.hash, self.time, self.signed = c["size"], bytes.fromhex(c["hash"]), c["time"], c["size"]
                self.log, self.peaks, self.anchor = c["log"], None, c["root"]
                self.witness = [w for w in self.witness if w["size"] > c["size"]]
                continue
            began = True
            self.segment(segment, segment == max(numbers))
        need(began, "no records")
        need(not self.witness, "the witness has seen more records than there are")


def verify_proof(path, keys):
    checkpoint = None
    for line in open(path, encoding="utf-8"):
        item = json.loads(line)
        if "record" not in item:
            need(checkpoint is None and item.get("export") == 1, "not an export")
            checkpoint = read_checkpoint(item["checkpoint"], keys)
            continue
        record = item["record"].encode()
        match = RECORD.fullmatch(record)
        need(checkpoint and match and int(match.group(2)) == item["index"] + 1, "not a record")
        fn, sn, value = item["index"], checkpoint["size"] - 1, sha(b"\0", record)
        need(fn <= sn, "outside of the tree")
        for step in item["path"]:
            need(sn > 0, "the path is too long")
            step = bytes.fromhex(step)
            if fn & 1 or fn == sn:
                value = node(step, value)
                while not fn & 1 and fn:
                    fn, sn = fn >> 1, sn >> 1
            else:
                value = node(value, step)
            fn, sn = fn >> 1, sn >> 1
        need(sn == 0 and value.hex() == checkpoint["root"], f"record {item['index'] + 1} is not in the tree")
    need(checkpoint, "nothing in it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    for name in ("--key", "--operators", "--witness", "--proof"):
        parser.add_argument(name)
    args = parser.parse_args()
    keys = load_keys(args.key)
    try:
        if args.proof:
            verify_proof(args.proof, keys)
        else:
            operators = load_keys(args.operators) if args.operators else {}
            Log(args.folder, keys, operators, read_witness(args.witness, keys) if args.witness else []).verify()
    except (Bad, ValueError, KeyError, TypeError) as problem:
        print(f"BAD: {problem}")
        return 1
    print("good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
