#include "alert/rules/cli.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>

#include "alert/rules/glob.h"
#include "alert/rules/test_run.h"
#include "base/yaml.h"

namespace glassgate::alert {
namespace {

constexpr int kGood = 0, kWrong = 1, kEnvironment = 2;

Result<std::string> read_text(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return failure(path + ": is a directory");
    std::ifstream in(path, std::ios::binary);
    if (!in) return failure_errno(path, errno);
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

void print(const Diagnostics& diagnostics, std::ostream& out) {
    for (const Diagnostic& d : diagnostics.all()) out << "  " << to_text(d) << "\n";
}

int check_one(const std::string& file, std::ostream& out, std::ostream& error) {
    out << "Checking " << file << "\n";
    const auto text = read_text(file);
    if (!text) {
        error << "glassgate: " << text.error().message << "\n";
        return kEnvironment;
    }
    Diagnostics diagnostics;
    const std::vector<RuleGroup> groups = read_rule_file(file, *text, diagnostics);
    if (!diagnostics.has_errors()) check_duplicates(groups, diagnostics);
    if (diagnostics.has_errors()) {
        out << "  FAILED:\n";
        print(diagnostics, out);
        return kWrong;
    }
    print(diagnostics, out);
    std::size_t rules = 0;
    for (const RuleGroup& group : groups) rules += group.rules.size();
    out << "  SUCCESS: " << rules << " rules found\n";
    return kGood;
}

// The groups of all rule files a test names. False: reported.
int load_rules(const RuleTestFile& test, const std::string& folder, std::vector<RuleGroup>& groups,
               std::ostream& out, std::ostream& error) {
    Diagnostics diagnostics;
    for (const std::string& pattern : test.rule_files) {
        const std::vector<std::string> files = expand_glob(pattern, folder);
        if (files.empty()) out << "  WARNING: no file match pattern " << pattern << "\n";
        for (const std::string& file : files) {
            const auto text = read_text(file);
            if (!text) {
                error << "glassgate: " << text.error().message << "\n";
                return kEnvironment;
            }
            for (RuleGroup& group : read_rule_file(file, *text, diagnostics))
                groups.push_back(std::move(group));
        }
    }
    if (!diagnostics.has_errors()) return kGood;
    out << "  FAILED:\n";
    print(diagnostics, out);
    return kWrong;
}

int test_one(const std::string& file, std::ostream& out, std::ostream& error) {
    out << "Unit Testing:  " << file << "\n";
    const auto text = read_text(file);
    if (!text) {
        error << "glassgate: " << text.error().message << "\n";
        return kEnvironment;
    }
    Diagnostics diagnostics;
    const auto test = read_test_file(file, *text, diagnostics);
    if (!test) {
        out << "  FAILED:\n";
        print(diagnostics, out);
        return kWrong;
    }
    std::vector<RuleGroup> groups;
    const std::string folder = std::filesystem::path(file).parent_path().string();
    if (const int status = load_rules(*test, folder, groups, out, error); status != kGood)
        return status;
    std::vector<std::string> problems;
    for (const TestGroup& group : test->groups)
        for (std::string& problem : run_test(group, *test, groups))
            problems.push_back(std::move(problem));
    if (problems.empty()) {
        out << "  SUCCESS\n";
        return kGood;
    }
    out << "  FAILED:\n";
    for (const std::string& problem : problems) out << problem << "\n";
    return kWrong;
}

template <typename One>
int each(const std::vector<std::string>& files, std::ostream& out, std::ostream& error, One one) {
    int status = kGood;
    for (const std::string& file : files) {
        status = std::max(status, one(file, out, error));
        out << "\n";
    }
    return status;
}

}  // namespace

int check_rules(const std::vector<std::string>& files, std::ostream& out, std::ostream& error) {
    return each(files, out, error, check_one);
}

int test_rules(const std::vector<std::string>& files, std::ostream& out, std::ostream& error) {
    return each(files, out, error, test_one);
}

}  // namespace glassgate::alert
