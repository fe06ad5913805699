// Reading the audit log is itself recorded (PCI DSS 10.2.1.3). Whoever reads it with `glassgate
// audit` is another process than the writer, so he leaves a note in DIR/access; the writer makes a
// record of each note and removes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glassgate::audit {

// `command`: "verify", "show", "export"...; `detail`: what was asked for. Fails where the reader
// may not write: then nobody can make him leave a note, and he is told.
[[nodiscard]] Status leave_note(const std::string& folder, std::string_view command,
                                std::string_view detail);

struct Note {
    std::string path;
    std::string body;  // of the record: "type":"audit.read",...
};
// At most `limit`, the oldest first. Notes that are none are made a record of, too.
[[nodiscard]] std::vector<Note> take_notes(const std::string& folder, std::size_t limit);

}  // namespace glassgate::audit
