#include "audit/access.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "audit/files.h"
#include "audit/instant.h"
#include "base/card_numbers.h"
#include "base/clock.h"
#include "base/json_text.h"

namespace glassgate::audit {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNoteBytes = 4096;

std::string user_name(uid_t uid) {
    char buffer[4096];
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
        return found->pw_name;
    return std::to_string(uid);
}

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add(std::string& body, std::string_view key, std::string value) {
    mask_card_numbers(value);
    body += ",\"";
    body += key;
    body += "\":";
    append_json_string(body, value);
}

}  // namespace

Status leave_note(const std::string& folder, std::string_view command, std::string_view detail) {
    const std::string notes = folder + "/access";
    if (!exists(notes)) return failure("there is no folder " + notes);
    const uint64_t now_ns = wall_now_ns();
    std::string text = "{\"command\":";
    append_json_string(text, command);
    text += ",\"detail\":";
    append_json_string(text, detail.substr(0, kMaxNoteBytes / 4));
    text += ",\"time\":\"" + instant(now_ns) + "\"}\n";
    const std::string name = std::to_string(now_ns) + "-" + std::to_string(::getpid());
    const std::string hidden = notes + "/." + name, path = notes + "/" + name;
    TRY_STATUS(write_new_file(hidden, text, 0640));
    if (::rename(hidden.c_str(), path.c_str()) != 0)
        return failure_errno("rename " + hidden, errno);
    return {};
}

std::vector<Note> take_notes(const std::string& folder, std::size_t limit) {
    std::vector<Note> notes;
    const auto names = names_in(folder + "/access");
    if (!names) return notes;
    for (const std::string& name : *names) {
        if (notes.size() == limit) break;
        if (name.starts_with('.')) continue;
        Note note{folder + "/access/" + name, {}};
        struct stat info{};
        if (::lstat(note.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
        const auto text = read_whole(note.path, kMaxNoteBytes);
        const json object = json::parse(text.value_or(std::string()), nullptr, false);
        note.body = "\"type\":\"audit.read\"";
        // Who it was says the file's owner, not what stands in it.
        add(note.body, "user.name", user_name(info.st_uid));
        note.body += ",\"user.uid\":" + std::to_string(info.st_uid);
        add(note.body, "command", object.is_object() ? text_of(object, "command") : "unreadable");
        if (object.is_object()) {
            add(note.body, "detail", text_of(object, "detail"));
            add(note.body, "read.time", text_of(object, "time"));
        }
        notes.push_back(std::move(note));
    }
    return notes;
}

}  // namespace glassgate::audit
