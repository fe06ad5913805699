"""Expressions over promql_samples: tables of everything combined with everything, and a list of what
tables do not find. UNORDERED finds those whose order Prometheus itself leaves to chance."""

import re

RANGE_FUNCTIONS = [
    "rate({})", "increase({})", "delta({})", "irate({})", "idelta({})", "deriv({})", "changes({})", "resets({})",
    "avg_over_time({})", "min_over_time({})", "max_over_time({})", "sum_over_time({})", "count_over_time({})",
    "last_over_time({})", "present_over_time({})", "absent_over_time({})", "stddev_over_time({})",
    "stdvar_over_time({})", "quantile_over_time(0.3, {})", "quantile_over_time(0.99, {})",
    "predict_linear({}, 600)", "holt_winters({}, 0.3, 0.6)",
]
RANGE_SELECTORS = [
    "requests_total[5m]", 'requests_total{instance="1"}[90s]', "temperature[4m10s]", "odd[3m]", "short[2m]",
    "fine_total[1m]", "native_seconds[5m]",
]
MORE_RANGES = [
    "requests_total[5m] offset 3m", "temperature[5m] offset -2m", "temperature[5m] @ 1600001200", "all_nan[2m]",
    "temperature[5m] @ start()", "temperature[5m] @ end() offset 1m", "sparse[20m]", "constant[5m]", "big[10m]",
    "temperature[10m:1m]", "temperature[10m:]", "rate(requests_total[2m])[10m:30s]", "short[5m:20s]",
    "temperature[10m:70s] offset 90s", "temperature[10m:1m] @ 1600001500", "limit[15s]", "limit[1m]", "nothing[5m]",
    'requests_total{instance=~"[01]", code!="500"}[7m]', "native_shifting[3m]", "native_seconds_number[5m]",
]
MORE_RANGE_FUNCTIONS = ["rate({})", "sum_over_time({})", "max_over_time({})", "stddev_over_time({})",
                        "quantile_over_time(0.5, {})", "absent_over_time({})", "deriv({})", "last_over_time({})"]
VALUE_FUNCTIONS = [
    "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "rad", "deg", "sgn", "round", "days_in_month", "day_of_month",
    "day_of_week", "day_of_year", "hour", "minute", "month", "year", "timestamp", "absent", "sort", "sort_desc",
    "histogram_count", "histogram_sum",
]
VALUE_SELECTORS = ["temperature", "odd", "birthday", "native_seconds"]
AGGREGATORS = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"]
GROUPINGS = ["", " by (job)", " by (job, code)", " without (instance)", " by (nothing)", " without ()", " by ()"]
PARAMETER_AGGREGATORS = ["topk(2, {})", "bottomk(2, {})", "topk(1, {})", "topk(100, {})", "quantile(0.75, {})",
                         "quantile(0, {})", 'count_values("v", {})', "bottomk(0, {})", "topk(scalar(limit), {})"]
ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]


def tables():
    out = [f.format(s) for f in RANGE_FUNCTIONS for s in RANGE_SELECTORS]
    out += [f.format(s) for f in MORE_RANGE_FUNCTIONS for s in MORE_RANGES]
    out += [f"{f}({s})" for f in VALUE_FUNCTIONS for s in VALUE_SELECTORS]
    out += [f"{a}{g} (requests_total)" for a in AGGREGATORS for g in GROUPINGS]
    out += [f"{a}({s})" for a in AGGREGATORS for s in ("temperature", "odd", "short", "native_seconds", "all_nan")]
    out += [a.format(s) for a in PARAMETER_AGGREGATORS for s in ("temperature", "odd", "step", "native_seconds")]
    out += [a.replace("(", " by (half) (", 1).format("step") for a in PARAMETER_AGGREGATORS]
    for op in ARITHMETIC:
        out += [f"temperature {op} 3", f"2.5 {op} temperature", f"many {op} on (a) group_left one", f"7 {op} 2",
                f"temperature {op} temperature", f"odd {op} odd", f"shape {op} ignoring (c, d, e) other_shape"]
    for op in COMPARISONS:
        out += [f"temperature {op} 15", f"15 {op} temperature", f"temperature {op} bool 15", f"15 {op} bool temperature",
                f"many {op} on (a) group_left one", f"one {op} bool on (a) group_right () many", f"7 {op} bool 2",
                f"odd {op} odd", f"step {op} bool step", f"odd {op} 0"]
    for op in ("and", "or", "unless"):
        out += [f"many {op} one", f"many {op} on (a) one", f"many {op} ignoring (b, owner) one", f"many {op} nothing",
                f"nothing {op} many", f"short {op} on () vector(1)", f"many > 15 {op} on (a) one < 3",
                f"native_seconds {op} on (route) native_seconds_number"]
    return out


HAND = [
    # The shipped rules and dashboards.
    "(rate(flex_requests_errors_total[5m]) / rate(flex_requests_total[5m])) > 0.05",
    "histogram_quantile(0.99, rate(flex_request_duration_ms_bucket[5m]) ) > 500",
    "rate(flex_rate_limit_exceeded[5m]) / rate(flex_requests_total[5m]) > 0.20",
    "rate(flex_auth_failures_total[5m]) > 50", 'up{job="flex-gateway"} == 0',
    "histogram_quantile(0.99, sum by (le, route) (rate(flex_request_duration_ms_bucket[5m])))",
    "histogram_quantile(0.5, sum by (le) (increase(flex_request_duration_ms_bucket[2m])))",
    "sum by (route) (rate(flex_request_duration_ms_sum[5m])) / sum by (route) (rate(flex_request_duration_ms_count[5m]))",
    'sum(rate(flex_request_duration_ms_bucket{le="500"}[5m])) / sum(rate(flex_request_duration_ms_count[5m]))',
    "1 - sum(rate(flex_requests_errors_total[5m])) / sum(rate(flex_requests_total[5m]))",
    "topk(3, sum by (route) (rate(flex_requests_total[1m])))",
    "max_over_time(sum(rate(flex_requests_total[1m]))[10m:1m])",
    # Selectors.
    "temperature", 'temperature{room="hall"}', 'temperature{room!="hall"}', 'temperature{room=~"a.*|cellar"}',
    'temperature{room!~".*l"}', '{__name__="temperature"}', '{__name__=~"temp.*"}', '{room=~".+"}', 'shape{a=""}',
    'shape{a!=""}', 'shape{a=~""}', 'shape{a=~".*"}', 'shape{a=~"1|"}', 'shape{a!~"1|"}', 'shape{nothing=""}', "shape",
    'shape{a="Größe"}', "shape{b='\"quoted\" \\\\ back'}", "shape{b=`\"quoted\" \\ back`}", 'shape{_c="x y"}',
    'shape{A="upper"}', "with:colon", '{__name__=~"with:.*"}', "nothing", "short", "sparse", "odd", "all_nan",
    "native_seconds", "native_shifting", 'native_seconds{route="orders"}', "native_empty", 'src{url=~"http://.*:8080/.*"}',
    '{__name__=~"relay_.", x="1"}', 'temperature{room=~"(?i:HALL)"}', 'temperature{room=~"h[a-z]{2}l"}',
    "temperature offset 5m", "temperature offset -5m", "temperature @ 1600001000", "temperature @ 1600001000.5 offset 1m",
    "temperature @ start()", "temperature @ end()", "temperature @ 0", "temperature @ -1", "short @ 1600000905",
    "native_seconds offset 10m", "native_seconds @ 1600001000",
    # Raw samples.
    "temperature[2m]", "short[10m]", "odd[1m] offset 2m", "native_seconds[1m]", "temperature[1m] @ 1600001000",
    "temperature[5m:1m]", "sum(requests_total)[5m:1m]", "nothing[5m]", "1[5m:1m]", "vector(time())[3m:30s]",
    "temperature[5m:1m] offset 1m", "temperature[5m:1m] @ 1600001010 offset 30s", "(temperature)[1m:]",
    # Literals and scalars.
    "1", "-1", "1e3", "0x1F", "010", "Inf", "-inf", "NaN", "+1", ".5", "1.", "1e-7", "1e21", "1e20", "123456789.125",
    '"a string"', "'single'", "`raw \\n`", '"esc \\u00fc \\x41 \\101 \\n"', "1 + 2 * 3", "2 ^ 3 ^ 2", "-2 ^ 2", "(1 + 2) * 3",
    "1 / 0", "-1 / 0", "0 / 0", "5 % 3", "-5 % 3", "5.5 % -2", "1 == bool 1", "1 != bool NaN", "NaN == bool NaN",
    "2 * 3 % 2", "2 % 3 * 2", "1 - 1 - 1", "-1 atan2 -2", "time()", "time() - 1600000000", "pi()", "pi() * 2", "-pi()",
    "scalar(limit)", "scalar(temperature)", "scalar(nothing)", "scalar(odd)", "vector(1)", "vector(time())", "-vector(1)",
    "vector(scalar(limit))", "scalar(limit) + 1", "-scalar(limit)", "scalar(limit) > bool 2", "1 + scalar(limit) * 2",
    # Names and signs.
    "-temperature", "+temperature", "-(temperature)", "--temperature", "-temperature + 1", "-requests_total[5m:1m]",
    "temperature * 1 == 20", "temperature == temperature", "-temperature ^ 2", "2 ^ -temperature",
    # Offsets everywhere.
    "sum(requests_total offset 5m)", "rate(requests_total[5m] offset 5m) / rate(requests_total[5m])",
    "temperature - temperature offset 1m", "temperature - temperature offset -1m",
    "sum_over_time(sum_over_time(temperature[1m])[5m:1m])", "max_over_time(rate(requests_total[2m])[5m:15s] offset 2m)",
    "avg_over_time(temperature[5m:1m] @ end())", "sum_over_time((temperature @ 1600001000)[5m:1m])",
    "rate(requests_total[5m] @ 1600002000) * 2 + rate(requests_total[5m])", "temperature - temperature @ start()",
    "sum(temperature @ end()) - sum(temperature)", "min_over_time(temperature[1m:1s])",
    "sum_over_time(temperature[30s:1m])", "count_over_time(temperature[1m:7s])",
    "count_over_time((temperature offset 1m)[2m:30s] offset 30s)", "stddev_over_time((time() - temperature)[5m:20s])",
    "avg_over_time(scalar(limit)[5m:1m])", "last_over_time(short[1m])", "last_over_time(native_seconds[1m])",
    "quantile_over_time(scalar(limit) / 5, temperature[5m])", "quantile_over_time(-1, temperature[5m])",
    "quantile_over_time(2, temperature[5m])", "quantile_over_time(NaN, temperature[5m])",
    "quantile_over_time(0.25, odd[10m])", "predict_linear(temperature[5m], scalar(limit))",
    "predict_linear(temperature[10m:1m], -60)", "holt_winters(temperature[2m], 0.9, 0.1)", "deriv(constant[5m])",
    "predict_linear(constant[5m], 10)", "deriv(odd[10m])", "deriv(big[5m])", "increase(big[5m])",
    "irate(short[5m])", "changes(odd[10m])", "changes(all_nan[5m])", "resets(odd[10m])", "resets(temperature[10m])",
    "delta(odd[5m])", "rate(odd[5m])", "increase(fine_total[7m])", "rate(fine_total[10s])", "rate(fine_total[1s])",
    "rate(limit[1m])", "rate(limit[2m])", "increase(requests_total[10m] offset 15m)", "rate(sparse[15m])",
    # Aggregations.
    "sum(nothing)", "count(nothing)", "sum(vector(1))", "sum by (a) (shape)", "sum without (a) (shape)",
    "count by (__name__) ({__name__=~\"shape|other_shape\"})", "sum by (a, b, c, d, e) (shape)", "SUM(temperature)",
    "sum(temperature) by (room)", "Sum By (room) (temperature)", "sum by (group, by, on) (shape)", "avg(odd)",
    "min(odd)", "max(odd)", "stddev(odd)", "sum(odd)", "topk(2, odd)", "bottomk(2, odd)", "topk(3, all_nan)",
    "quantile(0.5, odd)", "quantile(scalar(limit), temperature)", "quantile(NaN, temperature)", "quantile(-1, temperature)",
    "quantile by (half) (0.5, step)", "topk by (half) (1, step)", "bottomk without (i) (1, step)", "topk(1.9, step)",
    "topk(-1, step)", "topk(NaN, step)", "topk(Inf, step)", "topk(1e30, step)", 'count_values("a", shape)',
    'count_values by (a) ("value", shape)', 'count_values without (b) ("b", shape)', 'count_values("value", odd)',
    'count_values by (half) ("half", step)', 'count_values("9bad", step)', 'count_values("", step)',
    'count_values("big", big)', "group(nothing)", "sum(sum by (job) (requests_total))", "avg(native_seconds)",
    "sum by (route) (native_seconds)", "sum(native_seconds)", "sum(native_seconds or native_seconds_number)",
    "sum(native_shifting)", "avg(1e300 * big)", "stdvar(constant)", "count(short)", "sum(short)", "topk(2, short)",
    # Matching.
    "many + on (a) group_left (owner) one", "one + on (a) group_right (owner) many", "many * ignoring (b, owner) group_left () one",
    "many + one", "many + on (a) one", "one + on (a) many", "many + on (b) many", "many + ignoring (a) many",
    "many + on (a, b) many", "many == on (a, b) many", "many / on () group_left vector(2)", "sum(many) / on () sum(one)",
    "many + on (a) group_left (b) one", "many - on (a) group_left (a) one", "shape + on (a) group_left (d) other_shape",
    "shape + on (a, b) other_shape", "shape == on (a, b) other_shape", "shape atan2 on (a, b) other_shape",
    "shape > bool on (a, b) other_shape", "many + on (a) group_left (owner) one offset 1m", "short + on () group_left vector(0)",
    "short - short offset 15s", "one > on (a) group_right many", "many > on (a) group_left (owner) one",
    "many > bool on (a) group_left (owner) one", "one unless on (a) (many > 20)", "one and on (a) (many > 20)",
    "(many > 20) or on (a, b) many", "many or one", "short or relay_a or relay_b", "relay_a or relay_b",
    "temperature and temperature > 0", "vector(1) or vector(2)", "vector(1) and vector(2)", "vector(1) unless vector(2)",
    "one + on (nothing) one", "many and ignoring (a, b) one", '{__name__=~"relay_.", x="1"} + 1',
    "sum_over_time({__name__=~\"relay_.\"}[5m])", "-{__name__=~\"relay_.\"}", "abs({__name__=~\"relay_.\"})",
    "rate({__name__=~\"shape|other_shape\"}[5m])", "abs({__name__=~\"shape|other_shape\"})",
    "{__name__=~\"shape|other_shape\"} * 2", "-{__name__=~\"shape|other_shape\"}",
    "{__name__=~\"shape|other_shape\"} > 0", "{__name__=~\"shape|other_shape\"} == bool 0",
    "max by (a) ({__name__=~\"shape|other_shape\"})", "last_over_time({__name__=~\"shape|other_shape\"}[5m])",
    # Native histograms.
    "histogram_quantile(0.9, native_seconds)", "histogram_quantile(0.9, rate(native_seconds[5m]))",
    "histogram_quantile(0.5, sum(rate(native_seconds[5m])))", "histogram_quantile(0, native_seconds)",
    "histogram_quantile(1, native_seconds)", "histogram_quantile(-0.1, native_seconds)", "histogram_quantile(1.1, native_seconds)",
    "histogram_quantile(NaN, native_seconds)", "histogram_fraction(0, 2, native_seconds)", "histogram_fraction(-Inf, 1, native_seconds)",
    "histogram_fraction(0.5, Inf, rate(native_seconds[5m]))", "histogram_fraction(2, 1, native_seconds)", "histogram_fraction(NaN, 1, native_seconds)",
    "histogram_fraction(-1, 0.2, native_seconds)", "histogram_count(rate(native_seconds[5m]))", "histogram_sum(increase(native_seconds[5m]))",
    "native_seconds + native_seconds", "native_seconds - native_seconds", "native_seconds * 2", "2 * native_seconds",
    "native_seconds > 0", "native_seconds == 0", "native_seconds == native_seconds", "native_seconds + on (route) native_seconds_number",
    "-native_seconds", "rate(native_shifting[2m])", "increase(native_shifting[5m])", "delta(native_shifting[5m])",
    "rate(native_seconds[5m:15s])", "native_seconds and on (route) flex_requests_total", "native_seconds or temperature",
    "label_replace(native_seconds, \"x\", \"$1\", \"route\", \"(.*)\")", "histogram_quantile(0.5, native_empty)",
    "histogram_fraction(0, 1, native_empty)", "sum without (pod) (native_seconds)", "count(native_seconds)",
    "min(native_seconds)", "topk(1, native_seconds)", "quantile(0.5, native_seconds)", "absent(native_seconds)",
    "scalar(native_empty)", "clamp(native_seconds, 1, 2)", "changes(native_seconds[5m])", "native_seconds % 2",
    "native_seconds > bool 0", "sum(native_seconds) + sum(native_shifting)", "timestamp(native_seconds)",
    "native_seconds unless native_seconds", "irate(native_seconds[5m])", "count_over_time(native_seconds[2m])",
    "sort(native_seconds)", "count_values(\"v\", native_seconds)", "native_seconds[1m:30s]",
    # Classic histograms.
    *(f"histogram_quantile({q}, {v})" for q in ("0.5", "0", "1", "-1", "2", "NaN", "scalar(limit) / 5")
      for v in ("depth_bucket", "sum by (le, route) (rate(flex_request_duration_ms_bucket[5m]))")),
    "histogram_quantile(0.9, flex_request_duration_ms_bucket)", "histogram_quantile(0.9, temperature)",
    "histogram_quantile(0.9, nothing)", "histogram_quantile(0.9, depth_bucket{kind=\"twice\"})",
    "histogram_quantile(0.9, {__name__=~\".*_bucket|native_seconds\"})",
    "histogram_quantile(0.9, rate(flex_request_duration_ms_bucket{route=\"checkout\"}[5m]))",
    # Labels.
    'label_replace(src, "host", "$1", "url", "http://([^:/]+).*")', 'label_replace(src, "n", "", "n", ".*")',
    'label_replace(src, "host", "${proto}-$2", "url", "(?P<proto>[a-z]+)://(.*)")', 'label_replace(src, "x", "$$1$", "url", ".*")',
    'label_replace(src, "x", "$1x", "url", "(.).*")', 'label_replace(src, "x", "${1}x", "url", "(.).*")',
    'label_replace(src, "x", "$9", "url", ".*")', 'label_replace(src, "x", "y", "missing", "")',
    'label_replace(src, "x", "y", "url", "ftp")', 'label_replace(src, "__name__", "renamed", "", "")',
    'label_replace(src, "9x", "y", "url", ".*")', 'label_replace(src, "x", "y", "url", "(")',
    'label_replace(src, "url", "same", "url", ".*")', 'label_replace(many, "a", "same", "a", ".*")',
    'label_replace(nothing, "x", "y", "url", "(")', 'label_join(src, "x", "-", "url", "n")', 'label_join(src, "x", ",")',
    'label_join(src, "x", "", "missing", "gone")', 'label_join(src, "n", "/", "n", "n", "n")', 'label_join(src, "9", "", "n")',
    'label_join(src, "x", "", "9")', 'label_join(many, "a", "", "missing")', 'sum by (host) (label_replace(src, "host", "$1", "url", "(.*):.*"))',
    'label_replace(label_join(many, "ab", "-", "a", "b"), "c", "<$1>", "ab", "(.*)-x")',
    # Absence, order, clamping, dates.
    "absent(nothing)", 'absent(nothing{a="1", b=~"2", c!="3"})', 'absent(nothing{a="1", a="2"})', 'absent(nothing{a="1", a="1"})',
    'absent({__name__="nothing", a="1"})', "absent(short)", "absent(temperature)", "absent(sum(nothing))", "absent((nothing{x=\"y\"}))",
    "absent(nothing offset 5m)", "absent(-nothing)", "absent(vector(1))", 'absent_over_time(nothing{a="1"}[5m])', "absent_over_time(short{life=\"ends\"}[1m])",
    "absent_over_time(short[1m])", "absent_over_time(sum(nothing{a=\"1\"})[5m:1m])", "absent_over_time(nothing{a=\"1\"}[5m:1m])",
    "absent_over_time({__name__=~\"shape|other_shape\"}[5m])", "present_over_time(short[1m])",
    "sort(temperature)", "sort_desc(temperature)", "sort(odd)", "sort_desc(odd)", "sort(step)", "sort_desc(step)", "sort(shape)",
    "sort_desc(sum by (a) (many))", "sort(all_nan)", "clamp(temperature, -1, 1)", "clamp(temperature, 1, -1)", "clamp_min(temperature, 0)",
    "clamp_max(temperature, 0)", "clamp(temperature, NaN, 1)", "clamp_min(odd, 0)", "clamp_max(odd, -0)", "clamp(temperature, 0, scalar(limit))",
    "round(temperature, 0.5)", "round(temperature, 10)", "round(-temperature)", "round(odd, 0)", "round(temperature, scalar(limit))",
    "day_of_month()", "hour()", "minute() + 0", "year(vector(0))", "month(vector(-1))", "day_of_week(vector(1e10))", "days_in_month(vector(951782400))",
    "year(vector(NaN))", "year(vector(Inf))", "hour(vector(-Inf))", "year(vector(1e18))", "day_of_year(vector(1.7e9))", "minute(vector(59.9))",
    "timestamp(temperature offset 1m)", "timestamp(temperature @ 1600001000)", "timestamp(temperature + 0)", "timestamp((temperature))", "timestamp(vector(5))",
    "timestamp(timestamp(temperature))", "timestamp(short)", "time() - timestamp(sparse)", "sgn(-temperature)", "sgn(odd)",
    "exp(odd)", "ln(-temperature)", "sqrt(-temperature)", "deg(pi() * temperature)", "vector(1) + on () vector(2)", "abs(-1 * vector(3))",
    # Errors when evaluated.
    "holt_winters(temperature[5m], 0, 0.5)", "holt_winters(temperature[5m], 0.5, 1)", "holt_winters(nothing[5m], 2, 2)",
    "holt_winters(temperature[5m], scalar(limit), 0.5)",
    # No expressions, or of a wrong type.
    "", "sum(", "temperature[5m", "temperature[5m] + 1", "rate(temperature)", "1 == 1", "temperature and 1", "foo bar", "sum by (a", "nofunction(1)",
    "temperature{room=}", 'temperature{room="x"', '{x=""}', "{}", 'x{__name__="y"}', "x @ foo", "x offset 5", "x[5m] offset 5m offset 5m", "topk(temperature)",
    "rate(temperature[5m])[5m]", 'temperature{room=~"("}', "-'a'", "label_replace(temperature)", "x + on (a) group_left (a) y", "x and on (a) group_left y",
    "histogram_avg(native_seconds)", "x == bool", "1 bool + 1", "5m", "temperature[0s]", "x[5m:0s]", "x[1y1h:]", "x[5m a]", "x @ 1e30",
]
# Series that went through a Go map: of histogram_quantile, and of a subquery of anything but a selector.
UNORDERED = re.compile(r"histogram_quantile|\[[^\]]*:")


def expressions():
    return list(dict.fromkeys(tables() + HAND))
