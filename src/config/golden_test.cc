// What the compiler says about each document in tests/golden/config: the diagnostics, and the plan
// in words when there is one. GLASSGATE_UPDATE_GOLDEN=1 writes the expectations anew. $CERTS in a
// document is a folder of certificates made for this run; their dates are not looked at.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>

#include "config/explain.h"
#include "config/load.h"
#include "config/test_certificate_folder.h"

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = GLASSGATE_SOURCE_DIR;
const fs::path kGoldens = kRoot / "tests" / "golden" / "config";

std::string text_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

const std::string& certificates() {
    static const TestCertificateFolder folder;
    return folder.path();
}

std::optional<std::string> environment(const std::string& name) {
    if (name == "CERTS") return certificates();
    // What is left of a key that lost its first and last line on the way into a variable.
    if (name == "NAKED_KEY") return std::string(64, 'S') + "ecretSecret+Secret==";
    static const std::map<std::string, std::string> kVariables = {
        {"GATEWAY_NAME", "named-outside"},
        {"WORKERS", "3"},
        {"UPSTREAM_HOST", "orders.internal"},
        {"UPSTREAM_PORT", "3000"},
        {"EMPTY", ""}};
    const auto found = kVariables.find(name);
    return found == kVariables.end() ? std::nullopt : std::optional(found->second);
}

// The number of processors is this machine's.
std::string without_processors(std::string text, const std::string& input) {
    if (input.find("workers:") != std::string::npos) return text;
    const std::size_t end = text.find(" workers, drain");
    const std::size_t begin = end == std::string::npos ? end : text.rfind(' ', end - 1);
    if (begin != std::string::npos) text.replace(begin + 1, end - begin - 1, "auto");
    return text;
}

// Neither where the certificates are nor when they end is the same in two runs.
std::string without_this_run(std::string text) {
    for (std::size_t at = text.find(certificates()); at != std::string::npos;
         at = text.find(certificates()))
        text.replace(at, certificates().size(), "$CERTS");
    text = std::regex_replace(
        text, std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"), "DATE");
    return std::regex_replace(text, std::regex("[0-9]+ days left"), "N days left");
}

std::string outcome_of(const fs::path& folder) {
    fs::path path = folder / "input.yaml";
    std::string name = "input.yaml";
    if (fs::exists(folder / "input.path")) {  // a document that lives elsewhere
        name = text_of(folder / "input.path");
        name.erase(name.find_last_not_of('\n') + 1);
        path = kRoot / name;
    }
    const std::string input = text_of(path);
    const Loaded loaded = load_sources({{name, input}}, 1, environment);
    std::string out;
    for (const Diagnostic& diagnostic : loaded.diagnostics.all()) out += to_text(diagnostic) + "\n";
    EXPECT_EQ(loaded.configuration.has_value(), !loaded.diagnostics.has_errors());
    if (loaded.configuration) out += explain(*loaded.configuration);
    EXPECT_EQ(out.find("SecretSecret"), std::string::npos);
    return without_this_run(without_processors(std::move(out), input));
}

std::vector<std::string> golden_names() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(kGoldens))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, SaysWhatIsExpected) {
    const fs::path folder = kGoldens / GetParam();
    const std::string outcome = outcome_of(folder);
    if (std::getenv("GLASSGATE_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(folder / "expected.txt", std::ios::binary) << outcome;
        return;
    }
    EXPECT_EQ(outcome, text_of(folder / "expected.txt"))
        << "if that is right, run this test with GLASSGATE_UPDATE_GOLDEN=1";
}

INSTANTIATE_TEST_SUITE_P(Config, Golden, testing::ValuesIn(golden_names()), [](const auto& chosen) {
    std::string name = chosen.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace glassgate::config
