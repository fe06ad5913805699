// A notification as a mail.
#include <openssl/evp.h>

#include <algorithm>
#include <ctime>

#include "alert/notify/format.h"
#include "alert/template/functions.h"

namespace glassgate::alert {
namespace {

constexpr std::size_t kAlertsMax = 50;

std::string encode_base64(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string html_escaped(const std::string& text) {
    const Value value{text};
    const auto out = find_function("html")->call(TemplateScene{}, {&value, 1});
    return out ? to_text(*out) : std::string();
}

// RFC 2047 where it is not plain ASCII; never a line break.
std::string header_text(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    const bool plain = std::all_of(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x7f; });
    if (plain) return text;
    std::string out;
    // An encoded word has at most 75 characters: 45 bytes and its dress.
    while (!text.empty()) {
        std::size_t length = std::min<std::size_t>(text.size(), 42);
        while (length < text.size() && length > 0 && (text[length] & 0xC0) == 0x80) --length;
        if (length == 0) length = std::min<std::size_t>(text.size(), 42);
        out += (out.empty() ? "" : "\r\n ") + std::string("=?UTF-8?B?") +
               encode_base64(text.substr(0, length)) + "?=";
        text.erase(0, length);
    }
    return out;
}

std::string folded_base64(std::string_view text) {
    const std::string all = encode_base64(text);
    std::string out;
    for (std::size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
    return out;
}

std::string date_text(TimeMs t_ms) {
    const auto seconds = static_cast<std::time_t>(t_ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    const std::size_t size =
        std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts);
    return {text, size};
}

std::string plain_body(const Notification& n, const Links& links) {
    std::string out = subject_of(n) + "\n\n";
    std::size_t shown = 0;
    for (const Notification::Alert& alert : n.alerts) {
        if (++shown > kAlertsMax) break;
        out += alert.firing ? "FIRING" : "RESOLVED";
        out += " since " + rfc3339(alert.notice.starts_ms) + "\n";
        for (const auto& [name, value] : alert.notice.annotations)
            out += "  " + name + ": " + value + "\n";
        for (const store::Label& label : alert.notice.labels)
            out += "  " + label.name + " = " + label.value + "\n";
        if (const std::string runbook = runbook_of(alert.notice, links); !runbook.empty())
            out += "  Runbook: " + runbook + "\n";
        out += "\n";
    }
    if (n.alerts.size() > kAlertsMax)
        out += "... and " + std::to_string(n.alerts.size() - kAlertsMax) + " more\n";
    if (const std::string console = console_link(n.common_labels(), links); !console.empty())
        out += "Console: " + console + "\n";
    return out;
}

std::string html_body(const Notification& n, const Links& links) {
    std::string out =
        "<!DOCTYPE html><html><body style=\"font-family:sans-serif\"><h2 style=\"color:";
    out += n.firing() ? "#b00020" : "#1b7f3b";
    out += "\">" + html_escaped(subject_of(n)) + "</h2>\n";
    std::size_t shown = 0;
    for (const Notification::Alert& alert : n.alerts) {
        if (++shown > kAlertsMax) break;
        out += "<h3>" + std::string(alert.firing ? "Firing" : "Resolved") + " since " +
               rfc3339(alert.notice.starts_ms) + "</h3>\n<table>\n";
        const auto row = [&out](const std::string& name, const std::string& value) {
            out += "<tr><td><b>" + html_escaped(name) + "</b></td><td>" + html_escaped(value) +
                   "</td></tr>\n";
        };
        for (const auto& [name, value] : alert.notice.annotations) row(name, value);
        for (const store::Label& label : alert.notice.labels) row(label.name, label.value);
        out += "</table>\n";
        if (const std::string runbook = runbook_of(alert.notice, links); !runbook.empty())
            out += "<p><a href=\"" + html_escaped(runbook) + "\">Runbook</a></p>\n";
    }
    if (n.alerts.size() > kAlertsMax)
        out += "<p>... and " + std::to_string(n.alerts.size() - kAlertsMax) + " more</p>\n";
    if (const std::string console = console_link(n.common_labels(), links); !console.empty())
        out += "<p><a href=\"" + html_escaped(console) + "\">Console</a></p>\n";
    return out + "</body></html>\n";
}

}  // namespace

std::string email_text(const Notification& n, const EmailTarget& target, const Links& links,
                       const std::string& host) {
    const std::string unique =
        fingerprint_text({{"group", n.group_key}, {"at", std::to_string(n.at_ms)}});
    const std::string boundary = "=_" + unique;
    std::string to;
    for (const std::string& address : target.to) to += (to.empty() ? "" : ", ") + address;
    std::string out;
    const auto header = [&out](std::string_view name, const std::string& value) {
        out.append(name).append(": ").append(value).append("\r\n");
    };
    header("From", header_text(target.from));
    header("To", header_text(to));
    header("Subject", header_text(subject_of(n)));
    header("Date", date_text(n.at_ms));
    header("Message-ID", "<" + unique + "@" + host + ">");
    // One thread a group.
    header("References", "<" + fingerprint_text({{"group", n.group_key}}) + "@" + host + ">");
    header("Auto-Submitted", "auto-generated");
    header("MIME-Version", "1.0");
    header("Content-Type", "multipart/alternative; boundary=\"" + boundary + "\"");
    const auto part = [&](std::string_view type, const std::string& text) {
        out += "\r\n--" + boundary + "\r\n";
        header("Content-Type", std::string(type) + "; charset=utf-8");
        header("Content-Transfer-Encoding", "base64");
        out += "\r\n" + folded_base64(text);
    };
    part("text/plain", plain_body(n, links));
    part("text/html", html_body(n, links));
    return out + "\r\n--" + boundary + "--\r\n";
}

}  // namespace glassgate::alert
