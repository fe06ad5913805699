"""What can be done to an audit log: each function does one thing to the one it gets."""

import json
import re
import shutil

from . import audit
from .audit import lines_of, rechain, resign, segments, write


def segment(log, number):
    return segments(log)[number - 1]


def beside(log, number, kind):
    return segment(log, number).with_suffix("." + kind)


def edit(path, change):
    write(path, change(path.read_bytes()))


def edit_lines(path, change):
    lines = lines_of(path)
    changed = change(lines)
    write(path, b"".join(lines if changed is None else changed))


def flip(path, at, bit=1):
    data = bytearray(path.read_bytes())
    data[at] ^= bit
    write(path, bytes(data))


def swap(lines, a, b):
    lines[a], lines[b] = lines[b], lines[a]


def replaced(old, new):
    def change(data):
        assert old in data
        return data.replace(old, new, 1)
    return change


MANIPULATIONS = {}


def manipulation(function):
    MANIPULATIONS[function.__name__] = function
    return function


# ---- single bytes

@manipulation
def a_byte_of_a_record(log):
    flip(segment(log, 2), 5000)


@manipulation
def the_first_byte(log):
    flip(segment(log, 1), 0)


@manipulation
def the_last_newline(log):
    edit(segment(log, 4), lambda d: d[:-1])


@manipulation
def a_digit_of_a_hash(log):
    edit_lines(segment(log, 2), lambda ls: ls.__setitem__(7, ls[7][:-10] + (b"0" if ls[7][-10:-9] != b"0" else b"1") + ls[7][-9:]))


@manipulation
def a_space_within_a_record(log):
    edit_lines(segment(log, 3), lambda ls: ls.__setitem__(9, ls[9].replace(b'"type":', b'"type": ')))


@manipulation
def a_carriage_return(log):
    edit_lines(segment(log, 3), lambda ls: ls.__setitem__(9, ls[9][:-1] + b"\r\n"))


@manipulation
def an_empty_line(log):
    edit_lines(segment(log, 3), lambda ls: ls.insert(9, b"\n"))


@manipulation
def bytes_behind_the_end(log):
    edit(segments(log)[-1], lambda d: d + b'{"seq":')


@manipulation
def zeros_behind_a_sealed_segment(log):
    edit(segment(log, 2), lambda d: d + bytes(512))


# ---- what records say, hashes put right

@manipulation
def who_it_was(log):
    rechain(log, 2, lambda n, bs: [b.replace(b'"jwt.sub":"alice"', b'"jwt.sub":"mallory"') if n == 2 else b for b in bs])


@manipulation
def back_dated(log):
    edit_lines(segment(log, 2), lambda ls: ls.__setitem__(20, re.sub(rb'"time":"\d{4}', b'"time":"2025', ls[20])))


@manipulation
def back_dated_and_rechained(log):
    rechain(log, 2, lambda n, bs: [re.sub(rb'"time":"\d{4}', b'"time":"2025', b) if n == 2 and i == 20 else b
                                   for i, b in enumerate(bs)])


@manipulation
def all_of_it_back_dated(log):
    rechain(log, 1, lambda n, bs: [re.sub(rb'"time":"\d{4}', b'"time":"2025', b) for b in bs])


@manipulation
def a_status_in_the_last_segment(log):
    rechain(log, len(segments(log)), lambda n, bs: [b.replace(b":201,", b":200,") for b in bs])


# ---- records dropped, doubled, moved

@manipulation
def a_record_dropped(log):
    edit_lines(segment(log, 2), lambda ls: ls.pop(30) and None)


@manipulation
def a_record_dropped_and_rechained(log):
    rechain(log, 2, lambda n, bs: bs[:30] + bs[31:] if n == 2 else bs)


@manipulation
def a_record_doubled(log):
    edit_lines(segment(log, 2), lambda ls: ls.insert(30, ls[30]))


@manipulation
def a_record_doubled_and_rechained(log):
    rechain(log, 2, lambda n, bs: bs[:30] + bs[29:] if n == 2 else bs)


@manipulation
def two_records_swapped(log):
    edit_lines(segment(log, 3), lambda ls: swap(ls, 10, 11))


@manipulation
def two_records_swapped_and_rechained(log):
    def change(number, bodies):
        if number == 3:
            swap(bodies, 10, 11)
        return bodies
    rechain(log, 3, change)


@manipulation
def a_record_inserted_and_rechained(log):
    rechain(log, 2, lambda n, bs: bs[:30] + [bs[30].replace(b"alice", b"bob")] + bs[30:] if n == 2 else bs)


@manipulation
def a_record_moved_to_another_segment(log):
    line = lines_of(segment(log, 2))[5]
    edit_lines(segment(log, 2), lambda ls: ls.pop(5) and None)
    edit_lines(segment(log, 3), lambda ls: ls.insert(5, line))


# ---- cut off

@manipulation
def the_tail_of_the_last_segment(log):
    edit_lines(segments(log)[-1], lambda ls: ls[:-1])


@manipulation
def the_tail_in_the_middle_of_a_line(log):
    edit(segments(log)[-1], lambda d: d[:-40])


@manipulation
def the_tail_of_a_sealed_segment(log):
    edit_lines(segment(log, 2), lambda ls: ls[:-1])


@manipulation
def the_last_segment_emptied(log):
    write(segments(log)[-1], b"")


@manipulation
def the_last_segment_removed(log):
    last = segments(log)[-1]
    for path in log.glob(last.stem + ".*"):
        path.unlink()


@manipulation
def the_first_segment_removed(log):
    for path in log.glob("audit-00000001.*"):
        path.unlink()


@manipulation
def a_middle_segment_removed(log):
    for path in log.glob("audit-00000003.*"):
        path.unlink()


@manipulation
def only_its_records_removed(log):
    segment(log, 3).unlink()


@manipulation
def the_oldest_records_removed_without_an_order(log):
    segment(log, 1).unlink()
    beside_first = log / "audit-00000001.index"
    beside_first.unlink()


@manipulation
def put_back_to_an_older_copy(log):
    """All of it as it was when segment 3 had been begun: consistent in itself, only the witness knows better."""
    for path in segments(log)[3:]:
        for file in log.glob(path.stem + ".*"):
            file.unlink()
    c = json.loads(lines_of(beside(log, 3, "checkpoints"))[0])
    edit_lines(beside(log, 3, "checkpoints"), lambda ls: ls[:1])
    edit_lines(segment(log, 3), lambda ls: [line for line in ls if json.loads(line)["seq"] <= c["size"]])
    leaves = sum(len(lines_of(p)) for p in segments(log))
    before = sum(len(lines_of(p)) for p in segments(log)[:-1])
    nodes = (2 * leaves - bin(leaves).count("1")) - (2 * before - bin(before).count("1"))
    edit(beside(log, 3, "tree"), lambda d: d[:32 * nodes])
    edit_lines(beside(log, 3, "index"), lambda ls: [line for line in ls if int(line.split()[0]) <= leaves])


@manipulation
def put_back_and_continued(log):
    """The last segment rewritten behind a checkpoint the cheat has not the key for, without those after it."""
    last = len(segments(log))
    rechain(log, last, lambda n, bs: [b.replace(b"alice", b"mallory") for b in bs])
    write(beside(log, last, "checkpoints"), b"")


# ---- segments

@manipulation
def two_segments_exchanged(log):
    for kind in ("jsonl", "checkpoints", "tree", "index"):
        a, b = beside(log, 2, kind), beside(log, 3, kind)
        first, second = a.read_bytes(), b.read_bytes()
        write(a, second), write(b, first)


@manipulation
def only_records_of_two_segments_exchanged(log):
    a, b = segment(log, 2), segment(log, 3)
    first, second = a.read_bytes(), b.read_bytes()
    write(a, second), write(b, first)


@manipulation
def segments_spliced(log):
    a, b = lines_of(segment(log, 2)), lines_of(segment(log, 3))
    write(segment(log, 2), b"".join(a[:50] + b[50:]))


@manipulation
def a_segment_not_sealed(log):
    rechain(log, 3, lambda n, bs: bs[:-1] if n == 3 else bs)


@manipulation
def a_segment_sealed_twice(log):
    rechain(log, 3, lambda n, bs: bs + bs[-1:] if n == 3 else bs)


@manipulation
def a_segment_of_another_log(log):
    other = audit.sample(log.parent / "other-log", 1500, 90_000)
    for kind in ("jsonl", "checkpoints", "tree", "index"):
        write(beside(log, 2, kind), beside(other, 2, kind).read_bytes())


@manipulation
def all_of_another_log(log):
    other = audit.sample(log.parent / "other-log", 1500, 90_000)
    shutil.rmtree(log)
    shutil.copytree(other, log)


# ---- checkpoints

@manipulation
def all_resigned_with_another_key(log):
    rechain(log, 2, lambda n, bs: [b.replace(b"alice", b"mallory") for b in bs])
    pem = resign(log)
    (log / "audit.pub").write_bytes(pem)


@manipulation
def one_checkpoint_resigned(log):
    resign(log, only={5})


@manipulation
def a_checkpoint_dropped(log):
    edit_lines(beside(log, 2, "checkpoints"), lambda ls: ls.pop(1) and None)


@manipulation
def the_last_checkpoint_dropped(log):
    edit_lines(beside(log, len(segments(log)), "checkpoints"), lambda ls: ls[:-1])


@manipulation
def all_checkpoints_of_a_segment_dropped(log):
    write(beside(log, 3, "checkpoints"), b"")


@manipulation
def a_checkpoint_file_removed(log):
    beside(log, 2, "checkpoints").unlink()


@manipulation
def two_checkpoints_swapped(log):
    edit_lines(beside(log, 2, "checkpoints"), lambda ls: swap(ls, 0, 1))


@manipulation
def a_checkpoint_doubled(log):
    edit_lines(beside(log, 2, "checkpoints"), lambda ls: ls.insert(1, ls[1]))


@manipulation
def the_size_in_a_checkpoint(log):
    edit(beside(log, 2, "checkpoints"), lambda d: re.sub(rb'"size":(\d+)', lambda m: b'"size":%d' % (int(m[1]) - 1), d, count=1))


@manipulation
def the_root_in_a_checkpoint(log):
    edit(beside(log, 2, "checkpoints"), lambda d: re.sub(rb'"root":"[0-9a-f]{4}', b'"root":"0000', d, count=1))


@manipulation
def the_time_of_a_checkpoint(log):
    edit(beside(log, 2, "checkpoints"), lambda d: re.sub(rb'"time":"\d{4}', b'"time":"2031', d, count=1))


@manipulation
def a_signature_spelt_otherwise(log):
    """The same 64 bytes in another base64: the unused bits of the last digit."""
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def respell(match):
        at = digits.index(match[1])
        return digits[at ^ 1:(at ^ 1) + 1] + b'=="}'
    edit(beside(log, 2, "checkpoints"), lambda d: re.sub(rb'([A-Za-z0-9+/])=="\}', respell, d, count=1))


@manipulation
def a_checkpoint_torn(log):
    edit(beside(log, len(segments(log)), "checkpoints"), lambda d: d[:-30])


# ---- derived files

@manipulation
def a_middle_node_of_the_tree(log):
    path = beside(log, 2, "tree")
    flip(path, path.stat().st_size // 64 * 32 + 3)


@manipulation
def a_leaf_of_the_tree(log):
    flip(beside(log, 3, "tree"), 0)


@manipulation
def a_tree_cut_off(log):
    edit(beside(log, 2, "tree"), lambda d: d[:-32])


@manipulation
def a_tree_with_more_nodes(log):
    edit(beside(log, 2, "tree"), lambda d: d + bytes(32))


@manipulation
def a_tree_removed(log):
    beside(log, 2, "tree").unlink()


@manipulation
def an_offset_in_the_index(log):
    edit(beside(log, 4, "index"), lambda d: re.sub(rb" (\d+) ", lambda m: b" %d " % (int(m[1]) + 1), d, count=1))


@manipulation
def a_time_in_the_index(log):
    edit(beside(log, 2, "index"), replaced(b" 0 20", b" 0 19"))


@manipulation
def a_line_more_in_the_index(log):
    edit_lines(beside(log, 2, "index"), lambda ls: ls + ls[-1:])


@manipulation
def an_index_removed(log):
    beside(log, 2, "index").unlink()


# ---- compressed segments and deletions

@manipulation
def a_byte_of_a_compressed_segment(log):
    assert audit.glassgate("compress", log).returncode == 0
    flip(log / "audit-00000002.jsonl.zst", 4000)


@manipulation
def a_compressed_segment_cut_off(log):
    assert audit.glassgate("compress", log).returncode == 0
    edit(log / "audit-00000002.jsonl.zst", lambda d: d[:-100])


def ordered(log, signers, change=lambda text: text):
    """Deletes segment 1 by an order these sign."""
    listed = {"deletion": 1, "log": audit.records(log)[0]["log"],
              "segments": [{"segment": 1, "records": len(lines_of(segment(log, 1))), "sha256": "0" * 64,
                            "newest": "2019-11-27T09:14:22.000000Z"}], "time": "2026-11-27T09:14:22.000000Z", "reason": "x"}
    text = log.parent / "list.json"
    text.write_text(json.dumps(listed, separators=(",", ":")))
    signatures = []
    for name in signers:
        done = audit.glassgate("delete", "sign", text, "--key", log.parent / f"{name}.pem")
        assert done.returncode == 0, done.stderr
        signatures.append(json.loads(done.stdout))
    (log / "deletion-00000001.json").write_text(json.dumps({"list": change(text.read_text()), "signatures": signatures}))
    segment(log, 1).unlink()
    (log / "audit-00000001.index").unlink()


@manipulation
def deleted_by_one_operator(log):
    ordered(log, ["alice"])


@manipulation
def deleted_by_one_operator_twice(log):
    ordered(log, ["alice", "alice"])


@manipulation
def deleted_by_a_stranger(log):
    ordered(log, ["alice", "stranger"])


@manipulation
def another_list_than_was_signed(log):
    ordered(log, ["alice", "bob"], lambda text: text.replace('"reason":"x"', '"reason":"y"'))
