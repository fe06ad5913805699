// What is wrong with TLS settings: collected, so that all of it is reported at once. The
// configuration knows where in a file each setting stands; here a setting has a path.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace glassgate::io::tls {

struct Problem {
    bool warning = false;  // the settings can be used nevertheless
    std::string where;     // path of the setting: "certificates[1].key", "ciphers[0]"
    std::string message;   // "the private key is encrypted"
    std::string expected;  // what would be right; may be empty
    std::string nearest;   // the nearest valid name; may be empty
};

class Problems {
public:
    void error(std::string where, std::string message, std::string expected = {},
               std::string nearest = {}) {
        ++errors_;
        all_.push_back(
            {false, std::move(where), std::move(message), std::move(expected), std::move(nearest)});
    }
    void warning(std::string where, std::string message, std::string expected = {}) {
        all_.push_back({true, std::move(where), std::move(message), std::move(expected), {}});
    }
    [[nodiscard]] bool has_errors() const noexcept { return errors_ != 0; }
    [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
    [[nodiscard]] const std::vector<Problem>& all() const noexcept { return all_; }

private:
    std::vector<Problem> all_;
    std::size_t errors_ = 0;
};

// "certificates" and 1: "certificates[1]".
[[nodiscard]] inline std::string element_path(std::string_view list, std::size_t index) {
    return std::string(list) + '[' + std::to_string(index) + ']';
}

}  // namespace glassgate::io::tls
