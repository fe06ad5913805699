#include "alert/notify/database.h"

#include <sqlite3.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "alert/notify/notice.h"

namespace glassgate::alert {
namespace {

constexpr int kVersion = 1;

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS alert_state(
  rule_group TEXT NOT NULL, rule TEXT NOT NULL, labels TEXT NOT NULL, annotations TEXT NOT NULL,
  state INTEGER NOT NULL, value REAL, active_at INTEGER NOT NULL, fired_at INTEGER,
  keep_firing_since INTEGER, PRIMARY KEY(rule_group, rule, labels)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS silences(id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history(
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, rule_group TEXT NOT NULL,
  rule TEXT NOT NULL, fingerprint TEXT NOT NULL, labels TEXT NOT NULL, annotations TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, value REAL);
CREATE INDEX IF NOT EXISTS history_by_rule ON history(rule, id);
CREATE TABLE IF NOT EXISTS deliveries(
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, integration TEXT NOT NULL,
  group_key TEXT NOT NULL, status TEXT NOT NULL, outcome TEXT NOT NULL, alerts INTEGER NOT NULL,
  attempts INTEGER NOT NULL, error TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS told(
  group_key TEXT NOT NULL, integration TEXT NOT NULL, firing BLOB, resolved BLOB,
  at INTEGER NOT NULL, PRIMARY KEY(group_key, integration)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spool(
  id INTEGER PRIMARY KEY AUTOINCREMENT, integration TEXT NOT NULL, created INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS spool_by_integration ON spool(integration, id);
)";

using Json = nlohmann::json;

std::string json_of(const store::Labels& labels) {
    Json out = Json::object();
    for (const store::Label& label : labels) out[label.name] = label.value;
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string json_of(const Pairs& pairs) {
    Json out = Json::object();
    for (const auto& [name, value] : pairs) out[name] = value;
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}
Pairs pairs_from(const std::string& text) {
    Pairs out;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return out;
    for (const auto& [name, value] : json.items())
        if (value.is_string()) out.emplace_back(name, value.get<std::string>());
    return out;
}
store::Labels labels_from(const std::string& text) {
    store::Labels out;
    for (auto& [name, value] : pairs_from(text)) out.push_back({name, value});
    return out;
}

std::string bytes_of(const std::set<uint64_t>& numbers) {
    std::string out;
    for (const uint64_t number : numbers)
        out.append(reinterpret_cast<const char*>(&number), sizeof number);
    return out;
}
std::set<uint64_t> numbers_from(std::string_view bytes) {
    std::set<uint64_t> out;
    for (; bytes.size() >= sizeof(uint64_t); bytes.remove_prefix(sizeof(uint64_t))) {
        uint64_t number = 0;
        std::memcpy(&number, bytes.data(), sizeof number);
        out.insert(number);
    }
    return out;
}

}  // namespace

// One prepared statement, its parameters bound in order.
class Database::Statement {
public:
    Statement(Database& database, const char* sql) : database_(database) {
        if (sqlite3_prepare_v2(database.handle_, sql, -1, &handle_, nullptr) != SQLITE_OK)
            database.failed();
    }
    ~Statement() { sqlite3_finalize(handle_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    Statement& bind(std::string_view text) {
        sqlite3_bind_text64(handle_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8);
        return *this;
    }
    Statement& bind_bytes(std::string_view bytes) {
        sqlite3_bind_blob64(handle_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
        return *this;
    }
    Statement& bind(int64_t number) {
        sqlite3_bind_int64(handle_, ++bound_, number);
        return *this;
    }
    Statement& bind(double number) {
        sqlite3_bind_double(handle_, ++bound_, number);
        return *this;
    }
    Statement& bind(const std::optional<TimeMs>& number) {
        if (number) return bind(*number);
        sqlite3_bind_null(handle_, ++bound_);
        return *this;
    }

    // False: no row, or an error, which is counted.
    bool next() {
        if (handle_ == nullptr) return false;
        const int result = sqlite3_step(handle_);
        if (result == SQLITE_ROW) return true;
        if (result != SQLITE_DONE) {
            database_.failed();
            good_ = false;
        }
        return false;
    }
    bool run() {
        while (next()) {
        }
        return handle_ != nullptr && good_;
    }

    [[nodiscard]] std::string text(int column) const {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
        return data == nullptr
                   ? std::string()
                   : std::string(data,
                                 static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
    }
    [[nodiscard]] int64_t integer(int column) const {
        return sqlite3_column_int64(handle_, column);
    }
    [[nodiscard]] double real(int column) const {
        if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nan("");
        return sqlite3_column_double(handle_, column);
    }
    [[nodiscard]] std::optional<TimeMs> maybe(int column) const {
        if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
        return integer(column);
    }

private:
    Database& database_;
    sqlite3_stmt* handle_ = nullptr;
    int bound_ = 0;
    bool good_ = true;
};

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
    const auto open_once = [&]() -> Result<std::unique_ptr<Database>> {
        sqlite3* handle = nullptr;
        const int result = sqlite3_open_v2(
            path.empty() ? ":memory:" : path.c_str(), &handle,
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
        std::unique_ptr<Database> database(new Database(handle));
        if (result != SQLITE_OK)
            return failure(path + ": " +
                           (handle != nullptr ? sqlite3_errmsg(handle) : "no memory"));
        TRY_STATUS(database->prepare_tables());
        return database;
    };
    auto database = open_once();
    if (database || path.empty() || !std::filesystem::is_regular_file(path)) return database;
    if (database.error().message.find("newer") != std::string::npos) return database;
    // Alerting without its past is better than no alerting.
    std::error_code ignored;
    std::filesystem::rename(path, path + ".damaged", ignored);
    std::filesystem::remove(path + "-wal", ignored);
    std::filesystem::remove(path + "-shm", ignored);
    auto again = open_once();
    if (again) (*again)->damaged_ = true;
    return again;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Status Database::execute(const char* sql) {
    char* message = nullptr;
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, &message) == SQLITE_OK) return {};
    std::string what = message != nullptr ? message : "unknown";
    sqlite3_free(message);
    return failure("alerts.db: " + what);
}

Status Database::prepare_tables() {
    sqlite3_busy_timeout(handle_, 2000);
    TRY_STATUS(execute("PRAGMA journal_mode=WAL"));
    TRY_STATUS(execute("PRAGMA synchronous=FULL"));
    int64_t version = 0;
    {
        Statement read(*this, "PRAGMA user_version");
        if (read.next()) version = read.integer(0);
    }
    if (version > kVersion)
        return failure("alerts.db was written by a newer version (format " +
                       std::to_string(version) + ", known is " + std::to_string(kVersion) + ")");
    TRY_STATUS(execute(kTables));
    return execute("PRAGMA user_version=1");
}

void Database::failed() {
    ++failures_;
    last_error_ = sqlite3_errmsg(handle_);
}

uint64_t Database::failures() const noexcept {
    const std::lock_guard lock(mutex_);
    return failures_;
}

void Database::together(const std::function<void()>& writes) {
    const std::lock_guard lock(mutex_);
    const bool began =
        sqlite3_get_autocommit(handle_) != 0 && execute("BEGIN IMMEDIATE").has_value();
    writes();
    if (began && !execute("COMMIT")) {
        failed();
        (void)execute("ROLLBACK");
    }
}

void Database::save_alert(const SavedAlert& saved) {
    const std::lock_guard lock(mutex_);
    const ActiveAlert& alert = saved.alert;
    Statement(*this, "INSERT OR REPLACE INTO alert_state VALUES(?,?,?,?,?,?,?,?,?)")
        .bind(saved.group)
        .bind(saved.rule)
        .bind(json_of(alert.labels))
        .bind(json_of(alert.annotations))
        .bind(static_cast<int64_t>(alert.state))
        .bind(alert.value)
        .bind(alert.active_at_ms)
        .bind(alert.fired_at_ms)
        .bind(alert.keep_firing_since_ms)
        .run();
}

void Database::forget_alert(const std::string& group, const std::string& rule,
                            const store::Labels& labels) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "DELETE FROM alert_state WHERE rule_group=? AND rule=? AND labels=?")
        .bind(group)
        .bind(rule)
        .bind(json_of(labels))
        .run();
}

std::vector<SavedAlert> Database::saved_alerts() {
    const std::lock_guard lock(mutex_);
    std::vector<SavedAlert> out;
    Statement read(*this, "SELECT * FROM alert_state");
    while (read.next()) {
        SavedAlert saved{read.text(0), read.text(1), {}};
        saved.alert.labels = labels_from(read.text(2));
        saved.alert.annotations = pairs_from(read.text(3));
        saved.alert.state = read.integer(4) == 2 ? AlertState::firing : AlertState::pending;
        saved.alert.value = read.real(5);
        saved.alert.active_at_ms = read.integer(6);
        saved.alert.fired_at_ms = read.maybe(7);
        saved.alert.keep_firing_since_ms = read.maybe(8);
        out.push_back(std::move(saved));
    }
    return out;
}

void Database::save_alive(TimeMs at_ms) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "INSERT OR REPLACE INTO facts VALUES('alive',?)").bind(at_ms).run();
}

std::optional<TimeMs> Database::last_alive() {
    const std::lock_guard lock(mutex_);
    Statement read(*this, "SELECT value FROM facts WHERE name='alive'");
    return read.next() ? read.maybe(0) : std::nullopt;
}

void Database::save_silence(const std::string& id, const std::string& json) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "INSERT OR REPLACE INTO silences VALUES(?,?)").bind(id).bind(json).run();
}
void Database::forget_silence(const std::string& id) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "DELETE FROM silences WHERE id=?").bind(id).run();
}
std::vector<std::string> Database::silences() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    Statement read(*this, "SELECT json FROM silences ORDER BY id");
    while (read.next()) out.push_back(read.text(0));
    return out;
}

void Database::add_history(const HistoryRow& row, uint64_t rows_max) {
    const std::lock_guard lock(mutex_);
    Statement(*this,
              "INSERT INTO history(at,rule_group,rule,fingerprint,labels,annotations,before,after,"
              "value) VALUES(?,?,?,?,?,?,?,?,?)")
        .bind(row.at_ms)
        .bind(row.group)
        .bind(row.rule)
        .bind(row.fingerprint)
        .bind(row.labels_json)
        .bind(row.annotations_json)
        .bind(row.before)
        .bind(row.after)
        .bind(row.value)
        .run();
    Statement(*this, "DELETE FROM history WHERE id <= (SELECT MAX(id) FROM history) - ?")
        .bind(static_cast<int64_t>(rows_max))
        .run();
}

std::vector<HistoryRow> Database::history(const std::string& rule, int64_t before_id,
                                          uint64_t limit) {
    const std::lock_guard lock(mutex_);
    std::vector<HistoryRow> out;
    Statement read(*this,
                   "SELECT id,at,rule_group,rule,fingerprint,labels,annotations,before,after,value "
                   "FROM history WHERE (?1='' OR rule=?1) AND (?2=0 OR id<?2) "
                   "ORDER BY id DESC LIMIT ?3");
    read.bind(rule).bind(before_id).bind(static_cast<int64_t>(limit));
    while (read.next())
        out.push_back({read.integer(0), read.integer(1), read.text(2), read.text(3), read.text(4),
                       read.text(5), read.text(6), read.text(7), read.text(8), read.real(9)});
    return out;
}

void Database::add_delivery(const DeliveryRow& row, uint64_t rows_max) {
    const std::lock_guard lock(mutex_);
    Statement(
        *this,
        "INSERT INTO deliveries(at,integration,group_key,status,outcome,alerts,attempts,error)"
        " VALUES(?,?,?,?,?,?,?,?)")
        .bind(row.at_ms)
        .bind(row.integration)
        .bind(row.group_key)
        .bind(row.status)
        .bind(row.outcome)
        .bind(static_cast<int64_t>(row.alerts))
        .bind(static_cast<int64_t>(row.attempts))
        .bind(row.error)
        .run();
    Statement(*this, "DELETE FROM deliveries WHERE id <= (SELECT MAX(id) FROM deliveries) - ?")
        .bind(static_cast<int64_t>(rows_max))
        .run();
}

std::vector<DeliveryRow> Database::deliveries(const std::string& integration, int64_t before_id,
                                              uint64_t limit) {
    const std::lock_guard lock(mutex_);
    std::vector<DeliveryRow> out;
    Statement read(*this,
                   "SELECT id,at,integration,group_key,status,outcome,alerts,attempts,error FROM "
                   "deliveries WHERE (?1='' OR integration=?1) AND (?2=0 OR id<?2) "
                   "ORDER BY id DESC LIMIT ?3");
    read.bind(integration).bind(before_id).bind(static_cast<int64_t>(limit));
    while (read.next())
        out.push_back({read.integer(0), read.integer(1), read.text(2), read.text(3), read.text(4),
                       read.text(5), static_cast<uint64_t>(read.integer(6)),
                       static_cast<uint64_t>(read.integer(7)), read.text(8)});
    return out;
}

void Database::save_told(const ToldRow& row) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "INSERT OR REPLACE INTO told VALUES(?,?,?,?,?)")
        .bind(row.group_key)
        .bind(row.integration)
        .bind_bytes(bytes_of(row.firing))
        .bind_bytes(bytes_of(row.resolved))
        .bind(row.at_ms)
        .run();
}
void Database::forget_told_before(TimeMs at_ms) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "DELETE FROM told WHERE at < ?").bind(at_ms).run();
}
std::vector<ToldRow> Database::told() {
    const std::lock_guard lock(mutex_);
    std::vector<ToldRow> out;
    Statement read(*this, "SELECT group_key,integration,firing,resolved,at FROM told");
    while (read.next())
        out.push_back({read.text(0), read.text(1), numbers_from(read.text(2)),
                       numbers_from(read.text(3)), read.integer(4)});
    return out;
}

bool Database::spool(const std::string& integration, TimeMs created_ms, const std::string& body) {
    const std::lock_guard lock(mutex_);
    return Statement(*this, "INSERT INTO spool(integration,created,body) VALUES(?,?,?)")
        .bind(integration)
        .bind(created_ms)
        .bind(body)
        .run();
}
std::optional<SpoolRow> Database::spool_front(const std::string& integration) {
    const std::lock_guard lock(mutex_);
    Statement read(*this,
                   "SELECT id,created,attempts,body FROM spool WHERE integration=? ORDER BY id "
                   "LIMIT 1");
    read.bind(integration);
    if (!read.next()) return std::nullopt;
    return SpoolRow{read.integer(0), read.integer(1), static_cast<uint64_t>(read.integer(2)),
                    read.text(3)};
}
void Database::spool_attempted(int64_t id, uint64_t attempts) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "UPDATE spool SET attempts=? WHERE id=?")
        .bind(static_cast<int64_t>(attempts))
        .bind(id)
        .run();
}
void Database::spool_remove(int64_t id) {
    const std::lock_guard lock(mutex_);
    Statement(*this, "DELETE FROM spool WHERE id=?").bind(id).run();
}
std::map<std::string, Database::SpoolSize> Database::spool_sizes() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, SpoolSize> out;
    Statement read(*this,
                   "SELECT integration,COUNT(*),SUM(LENGTH(body)) FROM spool GROUP BY integration");
    while (read.next())
        out[read.text(0)] = {static_cast<uint64_t>(read.integer(1)),
                             static_cast<uint64_t>(read.integer(2))};
    return out;
}

}  // namespace glassgate::alert
