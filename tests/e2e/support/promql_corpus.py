"""Texts that are nearly expressions."""

import re

MISPRINTS = [
    "# nothing\n", "x # comment\n + # another\n y", "1 +", "*1", "1 1", "(1))", "((1)", ")", "(", "]", "[", "}", "{", ",", "@", ":", ":x", "x:", "::",
    "1..2", "1.2.3", "1e", "1e+", "0x", "0xg", "0x1p3", "0b1", "0o7", "08", "09.5", "1_000", "1e400", "-1e400", "9223372036854775808", "0xFFFFFFFFFFFFFFFF",
    "inf", "INF", "nAn", "infinity", "5m", "5m3", "1h1s5m", "x[5]", "x[5m", "x[5mm]", "x[m]", "x[]", "x[ 5m ]", "x[5m:]", "x[5m:1m]", "x[5m :1m]", "x[5m: 1m ]",
    "x[5m::1m]", "x[5ma]", "x[5m a 1m]", "x[5m ab]", "x[5m:5]", "x[:5m]", "x[5m#c\n]", "x[1.5h]", "x[0x5m]", "x[1e3s]", "x[5y1hs]", "x[99999999999y]", "x[300y]",
    "x[1d1w]", "x[-5m]", "x[5m][5m]", "(x)[5m]", "(x)[5m:]", "x[5m:1m][5m:1m]", "sum(x)[5m]", "x offset", "x offset 5", "x offset -5m", "x offset - 5m", "x offset +5m",
    "x offset --5m", "x offset 5m 5m", "1 offset 5m", "sum(x) offset 5m", "x[5m] offset 5m", "x offset 5m[5m]", "x @ 5 [5m]", "x @ start() [5m]", "x @", "x @ 1m", "x @ y",
    "x @ -5", "x @ +5", "x @ - 5", "x @ --5", "x @ (5)", "x @ start", "x @ start(", "x @ start(1)", "x @ start ( )", "x @ end()", "x @ 1 @ 2", "x @ 1e400", "x @ Inf", "x @ NaN",
    "x @ 1e18", "1 @ 5", "x @ 5 offset 5m", "x offset 5m @ 5", "x[5m] @ 5", "x[5m:1m] @ 5 offset -1m", "x + y @ 5", "-x @ 5", "x{", "x}", "x{}", "{}", "{,}", "x{,}", 'x{a="b",}',
    'x{a="b",,}', 'x{a="b" b="c"}', "x{a}", "x{a=}", "x{a=b}", 'x{a=="b"}', 'x{a=~"b"}', 'x{a!="b"}', 'x{a!~"b"}', 'x{a!"b"}', 'x{a>"b"}', 'x{"a"="b"}', 'x{1="b"}',
    'x{a:b="c"}', 'x{on="c", by="d", sum="e", bool="f"}', 'x{a="b"}{c="d"}', "x{a='b'}", "x{a=`b`}", 'x{a="b}', 'x{a="b\n"}', 'x{a="\\q"}', 'x{a="\\\'"}', "x{a='\\''}",
    'x{a="\\400"}', 'x{a="\\ud800"}', 'x{a="\\U00110000"}', 'x{a="\\x4"}', 'x{a="\\xff"}', 'x{a="�"}', 'x{__name__="y"}', '{__name__="y", __name__="z"}', '{a=~".*"}', '{a!~".+"}',
    '{a=~".+"}', '{a!=""}', 'x{a=~"["}', 'x{a=~"a**"}', 'x{a=~"(?<n>a)"}', 'x{a=~"\\\\C"}', 'x{a=~"a{1001}"}', 'x{a=~"\\\\"}', 'x{a=~"(?P<n>a)"}', 'x{a=~"\\\\pN"}', 'x{a=~")"}',
    "by", "on", "ignoring", "bool", "offset", "start", "end", "group_left", "and", "or", "unless", "atan2", "sum", "count_values", "without", "by + by", "and and and", "or or or",
    "offset offset 5m", "start @ start()", "end()", "sum by", "sum + sum", "sum sum", "sum by (a)", "sum by (a) x", "sum by a (x)", "sum by (a,) (x)", "sum by (,) (x)", "sum by (a,,b) (x)",
    "sum by (1) (x)", "sum by (a:b) (x)", 'sum by ("a") (x)', "sum by (inf) (x)", "sum by (on, bool, sum, by, and, atan2, offset, start) (x)", "sum by (a) (x) by (b)", "sum (x) by (a) by (b)",
    "sum (x) without (a)", "sum by (a) without (b) (x)", "sum()", "sum(x, y)", "sum(x,)", "sum(,x)", "topk(x)", "topk(1, x, y)", "topk(x, 1)", "count_values(1, x)", 'sum("x")', "sum(1)", "sum(x[5m])",
    "sum x", "sum(x y)", "sum(x) y", "a b", "a(b)", "abs(x", "abs(x,)", "abs(x y)", "abs()", "abs(1)", "abs(x, y)", "round(x, 1, 2)", "time(1)", "time", "pi", "pi()", "label_join(x)", "label_join(x, \"a\", \"b\")",
    "label_replace(x, 1, \"a\", \"b\", \"c\")", "ABS(x)", "Rate(x[5m])", "rate(x)", "rate(1)", 'rate("x")', "rate(x[5m:1m])", "rate((x[5m]))", "hour()", "hour(x)", "hour(1)", "scalar(1)", "vector(x)",
    "a:b(x)", "a:b", "a:b:c{d='e'}", ":a", "a.b", "a-b", "a - b", "a$b", "ä", '"ä"', "'a", '"a', "`a", "`a\nb`", '"a\nb"', "'a' + 'b'", "-'a'", "-x[5m]", "- - x", "+-+x", "-1", "- 1", "--1",
    "1 + + 1", "1 + * 1", "1 ++ 1", "1 - - 1", "1 ^ -1", "-1 ^ 2", "1 ^ 2 ^ 3", "1 == 1", "1 == bool 1", "x == bool 1", "1 + bool 1", "x and bool y", "x == on(a) 1", "x + on(a) y", "x + on a y",
    "x + on() y", "x + ignoring() y", "x + on(a) ignoring(b) y", "x + bool on(a) y", "x > bool on(a) y", "x + on(a) bool y", "x + group_left y", "x + on(a) group_left y", "x + on(a) group_left(b) y",
    "x + on(a) group_left(a) y", "x + ignoring(a) group_left(a) y", "x + on(a) group_left() y", "x + on(a) group_right(b,) y", "x + on(a) group_left (y)", "x + on(a) group_left (y) z", "x and on(a) group_left y",
    "x or 1", "1 and x", "x unless 1", "x and y or z unless w", "x < y > z", "x == y == z", "x =~ y", "x !~ y", "x = y", "x ! y", "x => y", "x <= y", "x < = y", "x <> y", "x && y", "x || y",
    "x | y", "x & y", "x ~ y", "x;y", "x?y", "x\\y", "x\ty", "x\r\ny", "\t x \n", "\ufeffx", "x\x00", "x{a=\"\x00\"}", "\x00",
    "x @ start() @ end()", "sum(x)(y)", "(x)(y)", "1(x)", "'f'(x)", "x{}(y)", "x[5m](y)", "sum_over_time(x[5m])[5m:1m] @ 1 offset 1m", "count_values('a', x)", "quantile(0.5)", "quantile('a', x)",
]


def mutations(expressions, count, rng):
    """Expressions with a word left out, doubled, swapped or exchanged for another's."""
    words = [re.findall(r"\"[^\"]*\"|\w+|\s+|[^\w\s]", e) for e in expressions]
    every = [w for sentence in words for w in sentence]
    made = []
    for _ in range(count):
        sentence = list(rng.choice(words))
        at = rng.randrange(len(sentence))
        match rng.randrange(4):
            case 0:
                del sentence[at]
            case 1:
                sentence.insert(at, sentence[at])
            case 2:
                sentence[at] = rng.choice(every)
            case 3:
                sentence.insert(at, rng.choice(every))
        made.append("".join(sentence))
    return [text for text in made if text.strip()]
