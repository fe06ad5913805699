#include "alert/template/template.h"

#include <gtest/gtest.h>

#include <cmath>

namespace glassgate::alert {
namespace {

std::string expand(const std::string& text, double value = 0.1234567) {
    auto parsed = Template::parse("t", text);
    if (!parsed) return "PARSE: " + parsed.error().message;
    TemplateScene scene;
    scene.labels = {{"job", "api"}, {"route", "cart"}};
    scene.external_labels = {{"site", "a"}};
    scene.external_url = "http://gw:9900/x";
    scene.value = value;
    scene.query = [](const std::string& q) -> Result<std::vector<store::query::Sample>> {
        if (q == "bad") return failure("no such thing");
        if (q == "none") return std::vector<store::query::Sample>{};
        return std::vector<store::query::Sample>{{{{"__value__", "s"}, {"i", "b"}}, 2, nullptr},
                                                 {{{"i", "a"}}, 1, nullptr}};
    };
    auto out = parsed->expand(scene);
    return out ? *out : "EXPAND: " + out.error().message;
}

TEST(Template, PrintsLabelsAndValues) {
    EXPECT_EQ(expand("plain"), "plain");
    EXPECT_EQ(expand("{{ $labels.route }}/{{ .Labels.job }}/{{$externalLabels.site}}"),
              "cart/api/a");
    EXPECT_EQ(expand("{{ $labels.nothing }}|"), "|");
    EXPECT_EQ(expand("{{ $value }} {{ .Value }}"), "0.1234567 0.1234567");
    EXPECT_EQ(expand("{{ $value }}", 123456789), "1.23456789e+08");
    EXPECT_EQ(expand("{{ $externalURL }} {{ externalURL }} {{ pathPrefix }}"),
              "http://gw:9900/x http://gw:9900/x /x");
    EXPECT_EQ(expand("a {{- \" b \" -}} c"), "a b c");
    EXPECT_EQ(expand("a{{/* said */}}b"), "ab");
}

struct Case {
    double value;
    const char *humanize, *humanize1024, *duration, *percentage;
};

TEST(Template, Humanizes) {
    const Case cases[] = {
        {0, "0", "0", "0s", "0%"},
        {1234567, "1.235M", "1.177Mi", "14d 6h 56m 7s", "1.235e+08%"},
        {0.00012, "120u", "0.00012", "120us", "0.012%"},
        {61, "61", "61", "1m 1s", "6100%"},
        {3601, "3.601k", "3.517ki", "1h 0m 1s", "3.601e+05%"},
        {-90061, "-90.06k", "-87.95ki", "-1d 1h 1m 1s", "-9.006e+06%"},
        {1.5, "1.5", "1.5", "1.5s", "150%"},
        {NAN, "NaN", "NaN", "NaN", "NaN%"},
        {INFINITY, "+Inf", "+Inf", "+Inf", "+Inf%"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(expand("{{ humanize $value }}", c.value), c.humanize);
        EXPECT_EQ(expand("{{ $value | humanize1024 }}", c.value), c.humanize1024);
        EXPECT_EQ(expand("{{ $value | humanizeDuration }}", c.value), c.duration);
        EXPECT_EQ(expand("{{ $value | humanizePercentage }}", c.value), c.percentage);
    }
    EXPECT_EQ(expand("{{ humanizeTimestamp 1435065584.128 }}"),
              "2015-06-23 13:19:44.128 +0000 UTC");
    EXPECT_EQ(expand("{{ humanize \"1234\" }}"), "1.234k");
}

TEST(Template, Formats) {
    EXPECT_EQ(expand("{{ printf \"%.2f|%5.1f|%-6s|%q|%d|%x|%v|%t\" $value 1.25 \"a\" \"b\" 7 255 "
                     "nil true }}"),
              "0.12|  1.2|a     |\"b\"|7|ff|<nil>|true");
    EXPECT_EQ(expand("{{ printf \"%d\" $value }}"), "%!d(float64=0.1234567)");
    EXPECT_EQ(expand("{{ printf \"%s\" }}"), "%!s(MISSING)");
    EXPECT_EQ(expand("{{ printf \"a\" 1 }}"), "a%!(EXTRA int=1)");
    EXPECT_EQ(expand("{{ $value | printf \"%.1f\" }}"), "0.1");
    EXPECT_EQ(expand("{{ print 1 2 \"a\" \"b\" 3 }}"), "1 2ab3");
}

TEST(Template, Branches) {
    EXPECT_EQ(expand("{{ if gt $value 0.1 }}high{{ else }}low{{ end }}"), "high");
    EXPECT_EQ(expand("{{ if eq $labels.job \"x\" }}1{{ else if eq $labels.job \"api\" }}2{{ else "
                     "}}3{{ end }}"),
              "2");
    EXPECT_EQ(expand("{{ with $labels.none }}y{{ else }}n{{ end }}"), "n");
    EXPECT_EQ(expand("{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}"),
              "job=api;route=cart;");
    EXPECT_EQ(expand("{{ range query \"none\" }}x{{ else }}empty{{ end }}"), "empty");
    EXPECT_EQ(expand("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}"), "2");
    EXPECT_EQ(expand("{{ range query \"q\" }}{{ if eq .Labels.i \"a\" }}{{ break }}{{ end }}{{ "
                     ".Value }}{{ end }}"),
              "2");
    EXPECT_EQ(expand("{{ if and true 0 }}y{{ end }}{{ if or false \"s\" }}z{{ end }}"), "z");
    EXPECT_EQ(expand("{{define \"d\"}}[{{.arg0}}]{{end}}{{template \"d\" args 5}}"), "[5]");
}

TEST(Template, AsksTheStore) {
    EXPECT_EQ(expand("{{ with query \"q\" }}{{ . | first | value }}{{ end }}"), "2");
    EXPECT_EQ(expand("{{ range query \"q\" | sortByLabel \"i\" }}{{ label \"i\" . }}{{ end }}"),
              "ab");
    EXPECT_EQ(expand("{{ query \"q\" | first | strvalue }}"), "s");
    EXPECT_EQ(expand("{{ query \"bad\" }}"),
              "EXPAND: template: t:1:3: executing \"t\" at <query \"bad\">: error calling query: "
              "no such thing");
    EXPECT_NE(
        expand("{{ query \"none\" | first }}").find("first() called on vector with no elements"),
        std::string::npos);
}

TEST(Template, ChangesText) {
    EXPECT_EQ(expand("{{ title \"hello big-world of_x\" }}"), "Hello Big-World Of_x");
    EXPECT_EQ(expand("{{ toUpper \"aß\" }}{{ toLower \"ÄB\" }}"), "Aßäb");
    EXPECT_EQ(expand("{{ reReplaceAll \"(a+)(b)\" \"$2${1}x\" \"caabd\" }}"), "cbaaxd");
    EXPECT_EQ(expand("{{ reReplaceAll \"x*\" \"-\" \"axb\" }}"), "-a-b-");
    EXPECT_EQ(expand("{{ if match \"^a.*\" \"abc\" }}m{{ end }}"), "m");
    EXPECT_EQ(expand("{{ stripPort \"h.x:80\" }} {{ stripDomain \"h.x:80\" }}"), "h.x h:80");
    EXPECT_EQ(expand("{{ \"a b&c\" | urlquery }} {{ html \"<a>\" }} {{ len \"abc\" }}"),
              "a+b%26c &lt;a&gt; 3");
    EXPECT_EQ(expand("{{ tableLink \"up == 0\" }}"), "/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
    EXPECT_EQ(expand("{{ parseDuration \"1h30m\" }} {{ index $labels \"job\" }}"), "5400 api");
}

TEST(Template, RefusesAtLoad) {
    const std::pair<const char*, const char*> cases[] = {
        {"{{ foo }}", "template: t:1: function \"foo\" not defined"},
        {"{{ $x }}", "template: t:1: undefined variable \"$x\""},
        {"{{ if }}a{{ end }}", "template: t:1: missing value for if"},
        {"a\n{{ if true }}", "template: t:2: unexpected EOF"},
        {"{{ end }}", "template: t:1: unexpected {{end}}"},
        {"{{ $value", "template: t:1: unclosed action"},
        {"{{ \"a }}", "template: t:1: unterminated quoted string"},
        {"{{ (1 }}", "template: t:1: unclosed left paren"},
        {"{{ 1 | 2 }}", "template: t:1: non executable command in pipeline stage 2"},
        {"{{ 12x }}", "template: t:1: bad number syntax: \"12x\""},
        {"{{ break }}", "template: t:1: {{break}} outside {{range}}"},
    };
    for (const auto& [text, message] : cases)
        EXPECT_EQ(expand(text), "PARSE: " + std::string(message)) << text;
}

TEST(Template, FailsInWordsWhenExpanded) {
    EXPECT_NE(expand("{{ humanize true }}").find("can't convert bool to float"), std::string::npos);
    EXPECT_NE(expand("{{ toUpper 1 }}").find("at <1>: expected string; found 1"),
              std::string::npos);
    EXPECT_NE(expand("{{ toUpper }}").find("wrong number of args for toUpper: want 1 got 0"),
              std::string::npos);
    EXPECT_NE(expand("{{ .Nothing }}").find("can't evaluate field Nothing"), std::string::npos);
    EXPECT_NE(expand("{{ range 5 }}{{ end }}").find("range can't iterate over 5"),
              std::string::npos);
    EXPECT_NE(expand("{{ lt 1 1.5 }}").find("incompatible types for comparison"),
              std::string::npos);
}

// Whatever the template says, it ends.
TEST(Template, IsBounded) {
    EXPECT_NE(expand("{{define \"d\"}}{{template \"d\"}}{{end}}{{template \"d\"}}")
                  .find("maximum template depth"),
              std::string::npos);
    EXPECT_NE(expand("{{ printf \"%9999d\" 1 }}").size(), 0u);
    std::string deep;
    for (int i = 0; i < 500; ++i) deep += "{{if true}}";
    EXPECT_NE(expand(deep).find("nested too deeply"), std::string::npos);
    EXPECT_NE(expand("{{" + std::string(500, '(') + "1" + std::string(500, ')') + "}}")
                  .find("nested too deeply"),
              std::string::npos);
    EXPECT_NE(expand(std::string(kTemplateBytesMax + 1, 'a')).find("longer than"),
              std::string::npos);
}

}  // namespace
}  // namespace glassgate::alert
