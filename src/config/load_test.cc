#include "config/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/digest.h"
#include "config/url.h"

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;
using model::Field;

const std::string kHead =
    "apiVersion: gateway.mulesoft.com/v1alpha1\nkind: Gateway\nmetadata: {name: shop}\n";

std::string mistakes(const Loaded& loaded) {
    std::string out;
    for (const Diagnostic& d : loaded.diagnostics.all()) out += to_text(d) + "\n";
    return out;
}

Loaded load_text(const std::string& spec) {
    return load_sources({{"g.yaml", kHead + "spec:\n" + spec}}, 7,
                        [](const std::string&) { return std::nullopt; });
}

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (fs::temp_directory_path() / "glassgate-load-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryFolder() { fs::remove_all(path_); }
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return (path_ / name).string();
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

TEST(Load, GivesPlanNamesAndRouterOneGeneration) {
    const Loaded loaded = load_text(
        "  routes:\n"
        "    - id: a\n"
        "      path: [/a, '/a/:id']\n"
        "      methods: [GET]\n"
        "      upstream: {url: 'http://a:1'}\n"
        "      policies: [client-id, rate-limit: {limit: 10/s}, rate-limit: {limit: 100/min}]\n"
        "    - {id: b, path: /b, upstream: {url: 'http://a:1'}, policies: [rate-limit: {limit: "
        "5/s}]}\n");
    ASSERT_TRUE(loaded.configuration) << mistakes(loaded);
    const proxy::Plan& plan = *loaded.configuration->plan;
    EXPECT_EQ(plan.generation, 7u);
    EXPECT_EQ(plan.names->generation, 7u);
    EXPECT_EQ(plan.names->gateway, "shop");
    EXPECT_EQ(plan.names->mode, "local");
    EXPECT_GE(plan.workers, 1u);
    ASSERT_EQ(plan.names->routes.size(), 2u);
    EXPECT_EQ(plan.names->routes[0].patterns, (std::vector<std::string>{"/a", "/a/:id"}));
    EXPECT_EQ(plan.names->routes[0].methods, method_bit(Method::get));
    EXPECT_EQ(plan.names->routes[0].policies, (std::vector<uint32_t>{0, 1, 1}));
    EXPECT_EQ(plan.names->routes[1].policies, (std::vector<uint32_t>{1}));
    ASSERT_EQ(plan.names->policies.size(), 2u);  // one per kind
    EXPECT_EQ(plan.names->policies[1].kind, "rate-limit");
    EXPECT_EQ(plan.names->policies[1].reasons.at(0), "pass");
    ASSERT_EQ(plan.upstreams.size(), 1u);  // identical inline ones are shared
    EXPECT_EQ(plan.names->upstreams[0].name, "a:1");
    EXPECT_EQ(plan.names->upstreams[0].targets, (std::vector<std::string>{"a:1"}));
    EXPECT_EQ(plan.router.match(0, "any", "/a/5", Method::get).pattern, 1u);
    EXPECT_EQ(plan.router.match(0, "any", "/b", Method::post).route, 1u);

    const auto& limits = loaded.configuration->rate_limits;
    ASSERT_EQ(limits.size(), 3u);
    EXPECT_EQ(limits[0].state_key, "a/rate-limit/1");
    EXPECT_EQ(limits[1].state_key, "a/rate-limit/2");
    EXPECT_EQ(limits[1].summary, "100/min");
    EXPECT_EQ(limits[2].route, "b");
}

TEST(Load, CapturesWhatTheLogShowsAndWhatIsAlwaysNeeded) {
    const Loaded loaded = load_text(
        "  telemetry: {flightRecorder: {enabled: false}, "
        "logging: {fields: [jwt.sub, request.headers.X-Tenant, request.query]}}\n");
    ASSERT_TRUE(loaded.configuration) << mistakes(loaded);
    const model::FieldSelection& captured = loaded.configuration->plan->names->captured;
    for (const Field field : {Field::request_query, Field::client_id, Field::client_name,
                              Field::request_path, Field::request_method, Field::upstream_address})
        EXPECT_TRUE(captured.has(field)) << model::describe(field).name;
    EXPECT_FALSE(captured.has(Field::policy_outcomes));
    EXPECT_FALSE(captured.has(Field::request_user_agent));
    ASSERT_EQ(captured.slots().size(), 2u);
    EXPECT_EQ(captured.slots()[1].parameter, "x-tenant");
    const telemetry::LoggingSettings& logging = loaded.configuration->telemetry.logging;
    ASSERT_EQ(logging.fields.size(), 3u);
    EXPECT_EQ(logging.fields[1].slot, 1);
    EXPECT_EQ(logging.field_names[1], "request.headers.X-Tenant");  // the key as written
}

TEST(Load, TracingCapturesWhatSpansShow) {
    const std::string no_recorder = "flightRecorder: {enabled: false}";
    const Loaded off = load_text("  telemetry: {tracing: {enabled: false}, " + no_recorder + "}\n");
    const Loaded on = load_text("  telemetry: {tracing: {sampleRate: 0.5}, " + no_recorder + "}\n");
    ASSERT_TRUE(off.configuration && on.configuration);
    EXPECT_FALSE(off.configuration->plan->trace.enabled);
    EXPECT_FALSE(off.configuration->plan->names->captured.has(Field::request_user_agent));
    EXPECT_TRUE(on.configuration->plan->trace.enabled);
    EXPECT_DOUBLE_EQ(on.configuration->plan->trace.sample_rate, 0.5);
    EXPECT_TRUE(on.configuration->plan->names->captured.has(Field::request_user_agent));
    EXPECT_TRUE(on.configuration->plan->names->captured.has(Field::policy_outcomes));
}

TEST(Load, TheFlightRecorderCapturesWhatItsRecordsShow) {
    const Loaded on = load_text("  telemetry: {logging: {fields: [request.id]}}\n");
    ASSERT_TRUE(on.configuration);
    EXPECT_TRUE(on.configuration->flight.enabled);
    const auto& captured = on.configuration->plan->names->captured;
    for (const Field field : {Field::request_query, Field::request_user_agent,
                              Field::policy_outcomes, Field::tls_client_cert_subject})
        EXPECT_TRUE(captured.has(field)) << model::describe(field).name;
}

TEST(Load, StateKeysLiveWithTargetsAndNames) {
    const auto key = [](const std::string& upstream) {
        const Loaded loaded = load_text("  routes: [{id: a, upstream: " + upstream + "}]\n");
        return loaded.configuration ? loaded.configuration->plan->upstreams.at(0).state_key
                                    : mistakes(loaded);
    };
    const std::string plain = key("{url: 'http://a:1'}");
    EXPECT_EQ(plain, key("{url: 'http://a:1', timeoutMs: 5, maxConnections: 3}"));
    EXPECT_NE(plain, key("{url: 'http://a:2'}"));
    EXPECT_NE(plain, key("{targets: [{url: 'http://a:1'}, {url: 'http://b:1'}]}"));
    EXPECT_NE(plain, key("{url: 'http://a:1', healthCheck: {}}"));
}

TEST(Load, WorkersFollowTheProcessors) {
    EXPECT_EQ(load_text("  workers: 3\n").configuration->plan->workers, 3u);
    EXPECT_GE(load_text("  workers: auto\n").configuration->plan->workers, 1u);
}

TEST(Load, AListenerThatTrustsNobodysTraceContextMatchesNoPeer) {
    const Loaded loaded = load_text(
        "  listeners: [{name: a, address: 'http://127.0.0.1:1', trust: {traceContext: []}}]\n");
    const AddressSet& set = loaded.configuration->plan->listeners[0].trust_trace_context;
    EXPECT_FALSE(set.empty());
    EXPECT_FALSE(set.matches("127.0.0.1"));
    EXPECT_FALSE(set.matches("0.0.0.0"));
    EXPECT_FALSE(set.matches("::1"));
}

TEST(Load, FilesAndFoldersInTheOrderOfNames) {
    const TemporaryFolder folder;
    (void)folder.write("b.yaml", kHead);
    (void)folder.write("a.yml", "# empty\n");
    (void)folder.write(".hidden.yaml", "not: [read\n");
    (void)folder.write("readme.txt", "not: [read\n");
    fs::create_directory(folder.path() / "c.yaml");
    const Loaded loaded = load({folder.path().string(), (folder.path() / "b.yaml").string()}, 1);
    ASSERT_TRUE(loaded.configuration) << mistakes(loaded);
    EXPECT_EQ(loaded.files, (std::vector<std::string>{(folder.path() / "a.yml").string(),
                                                      (folder.path() / "b.yaml").string()}));
}

TEST(Load, GatewaysInTwoFilesAreBothNamed) {
    const TemporaryFolder folder;
    const std::string a = folder.write("a.yaml", kHead), b = folder.write("b.yaml", "\n" + kHead);
    EXPECT_EQ(mistakes(load({folder.path().string()}, 1)),
              b + ":2:1: error: a second Gateway document, the first is in " + a +
                  ":1; expected exactly one in all files together\n");
}

TEST(Load, WhatCannotBeReadIsSaid) {
    const TemporaryFolder folder;
    const std::string missing = (folder.path() / "missing.yaml").string();
    EXPECT_EQ(mistakes(load({missing}, 1)),
              missing + ": error: cannot read: No such file or directory\n");
    EXPECT_EQ(
        mistakes(load({folder.path().string()}, 1)),
        folder.path().string() +
            ": error: no configuration in this folder; expected files named *.yaml or *.yml\n");
    const std::string pipe = (folder.path() / "pipe.yaml").string();
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(mistakes(load({pipe}, 1)), pipe + ": error: cannot read: not a regular file\n");
    fs::resize_file(folder.write("big.yaml", ""), 5u << 20);
    EXPECT_EQ(
        mistakes(load({(folder.path() / "big.yaml").string()}, 1)),
        (folder.path() / "big.yaml").string() + ": error: the file is larger than 4194304 bytes\n");
}

TEST(Load, SecretsComeFromFilesBesideTheDocument) {
    const TemporaryFolder folder;
    const std::string secret = folder.write("key", "s3cret\n");
    const auto document = [&](const std::string& path) {
        return folder.write(
            "g.yaml",
            kHead + "spec: {telemetry: {tracing: {headers: {x-key: {fromFile: " + path + "}}}}}\n");
    };
    const Loaded loaded = load({document("key")}, 1);
    ASSERT_TRUE(loaded.configuration) << mistakes(loaded);
    EXPECT_EQ(loaded.configuration->telemetry.tracing.headers.at(0).second, "s3cret");
    EXPECT_EQ(loaded.files.at(1), secret);
    (void)folder.write("key", "other\n");
    EXPECT_NE(load({document("key")}, 1).configuration->digest, loaded.configuration->digest);
    EXPECT_EQ(mistakes(load({document("kye")}, 1)),
              (folder.path() / "g.yaml").string() +
                  ":4:58: error: cannot read: No such file or directory: " +
                  (folder.path() / "kye").string() + "\n");
}

TEST(Load, EnvironmentIsTheProcesssByDefault) {
    ASSERT_EQ(::setenv("GLASSGATE_TEST_NAME", "from-outside", 1), 0);
    const std::string head = "apiVersion: gateway.mulesoft.com/v1alpha1\nkind: Gateway\n";
    const Loaded loaded =
        load_sources({{"g", head + "metadata: {name: $GLASSGATE_TEST_NAME}\n"}}, 1);
    ASSERT_TRUE(loaded.configuration) << mistakes(loaded);
    EXPECT_EQ(loaded.configuration->plan->names->gateway, "from-outside");
}

TEST(Load, DigestNamesTheContent) {
    const auto digest = [](const std::string& text) {
        return load_sources({{"g", kHead + text}}, 1).configuration->digest;
    };
    EXPECT_EQ(digest("# a\n"), digest("# a\n"));
    EXPECT_NE(digest("# a\n"), digest("# b\n"));
    EXPECT_EQ(digest("").size(), 16u);
    Digest one, two;
    one.add("ab"), one.add("c");
    two.add("a"), two.add("bc");
    EXPECT_NE(one.hex(), two.hex());
}

TEST(Url, Parts) {
    const Result<Url> url = parse_url("HTTP://Product-Service:3000/base/");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->scheme, "http");
    EXPECT_EQ(url->host, "product-service");
    EXPECT_EQ(url->port, 3000);
    EXPECT_EQ(url->path, "/base/");
    EXPECT_EQ(parse_url("http://[2001:db8::1]:80")->host, "2001:db8::1");
    EXPECT_FALSE(parse_url("http://a")->port);
    for (const char* bad :
         {"", "a", "://a", "http://", "http://a:", "http://a:x", "http://a:65536", "http://[a]",
          "http://[::1", "http://[::1]x", "http://[1.2.3.4]", "http://1.2.3.400", "http://a#b",
          "http://a/?b", "http://u@a", "http://a b", "http://.a", "http://a..b", "http://a,b"})
        EXPECT_FALSE(parse_url(bad)) << bad;
    EXPECT_EQ(host_and_port("::1", 80), "[::1]:80");
}

}  // namespace
}  // namespace glassgate::config
