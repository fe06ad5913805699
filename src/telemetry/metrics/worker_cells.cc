#include "telemetry/metrics/worker_cells.h"

#include <algorithm>
#include <charconv>

#include "http/grpc.h"
#include "io/tls/refusal.h"
#include "telemetry/metrics/classic_histogram.h"

namespace glassgate::telemetry {
namespace {

using model::Exchange;
using model::kNone;

// Gauges are signed sums over the workers.
constexpr uint64_t kMinusOne = ~uint64_t{0};

constexpr auto kGrpcStatuses = static_cast<int>(http::grpc::kStatusCount);

// Reasons of one listener that have a series of their own: all there are.
constexpr auto kReasonsMax = static_cast<std::size_t>(io::tls::Refusal::count_);

// Clocks are monotonic; a record whose times are not in order counts as 0, not as 584 years.
uint64_t duration(uint64_t ns) noexcept { return static_cast<int64_t>(ns) < 0 ? 0 : ns; }

// Whether there is a trace somebody can look up by its exemplar.
bool has_trace(const Exchange& e) noexcept {
    const model::TraceKeep& keep = e.names->keep;
    const bool kept = e.sampled || (keep.errors && e.failed()) ||
                      (keep.slower_than_ns != 0 && e.latency_ns() >= keep.slower_than_ns);
    return kept && e.trace_id.valid();
}

void observe(Cell* cells, uint8_t sum_cell, uint8_t native_cell, uint64_t ns) noexcept {
    cells[sum_cell].add(ns);
    NativeCells::make(cells[native_cell]).observe(ns);
}

}  // namespace

WorkerCells::WorkerCells(SeriesIndex& index, ClientTable& clients, unsigned worker, Prepare prepare)
    : index_(index),
      worker_(worker),
      prepare_(std::move(prepare)),
      listeners_(index),
      upstreams_(index),
      clients_(clients, worker),
      exemplar_edges_(edges_of(*find_family("flex_request_duration_seconds"))) {
    const SeriesIndex::Fixed& fixed = index_.fixed();
    for (std::size_t m = 0; m < kMethodCount; ++m) {
        no_route_[m].group = fixed.no_route[m];
        no_route_[m].cells = cells_of(*fixed.no_route[m]);
    }
    for (std::size_t i = 0; i < endings_.size(); ++i)
        if (fixed.endings[i] != nullptr) endings_[i] = cells_of(*fixed.endings[i]);
}

// --- plans ---------------------------------------------------------------------------------------

void WorkerCells::plan_applied(std::shared_ptr<const model::PlanNames> names) {
    for (const auto& table : tables_)
        if (table->names == names.get()) return;
    std::shared_ptr<PlanLayout> layout = index_.layout_of(names.get());
    if (layout == nullptr) layout = prepare_(std::move(names));
    layout->applied.fetch_add(1, std::memory_order_acq_rel);
    newest_applied_.store(layout->sequence, std::memory_order_release);
    Table* before = current_;
    tables_.push_back(make_table(std::move(layout)));
    current_ = tables_.back().get();
    if (before->retired) {
        before->retired = false;
        plan_retired(before->names->generation);
    }
}

void WorkerCells::plan_retired(uint64_t generation) {
    const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const auto& table) {
        return table->names->generation == generation;
    });
    if (found == tables_.end()) return;
    if (found->get() == current_) {
        // While stopping: connections of the last plan may still close after its last exchange.
        current_->retired = true;
        return;
    }
    for (const model::ListenerName& l : (*found)->names->listeners) listeners_.forget(l.name);
    for (const model::UpstreamName& u : (*found)->names->upstreams) upstreams_.forget(u.name);
    (*found)->layout->retired.fetch_add(1, std::memory_order_acq_rel);
    if (last_ == found->get()) last_ = &none_;
    tables_.erase(found);
}

std::unique_ptr<WorkerCells::Table> WorkerCells::make_table(std::shared_ptr<PlanLayout> layout) {
    auto table = std::make_unique<Table>();
    table->names = layout->names.get();
    const auto resolve = [&](const std::vector<SeriesGroup*>& groups, std::vector<Cell*>& into) {
        into.reserve(groups.size());
        for (const SeriesGroup* group : groups) into.push_back(cells_of(*group));
    };
    table->rows.resize(layout->rows.size());
    for (std::size_t i = 0; i < layout->rows.size(); ++i) {
        if (layout->rows[i] != nullptr) add_row(*table, i, *layout->rows[i]);
    }
    resolve(layout->verdicts, table->verdicts);
    resolve(layout->attempts, table->attempts);
    name_listeners(*layout, *table);
    for (std::size_t u = 0; u < layout->upstreams.size(); ++u) {
        SeriesGroup& group = *layout->upstreams[u].group;
        table->upstreams.push_back(cells_of(group));
        upstreams_.name(table->names->upstreams[u].name, group, cells_of(group));
    }
    table->streams.resize(layout->routes.size());
    table->untargeted.resize(layout->upstreams.size());
    table->layout = std::move(layout);
    return table;
}

void WorkerCells::name_listeners(const PlanLayout& layout, Table& table) {
    for (std::size_t l = 0; l < layout.listeners.size(); ++l) {
        SeriesGroup& group = *layout.listeners[l];
        LiveSeries::Entry& entry =
            listeners_.name(table.names->listeners[l].name, group, cells_of(group));
        table.listeners.push_back(&entry);
        if (!entry.endings.empty()) continue;
        for (std::size_t e = 0; e < model::kConnectionEndingCount; ++e)
            entry.endings.push_back(
                cells_of(*layout.connection_endings[l * model::kConnectionEndingCount + e]));
    }
}

WorkerCells::Table& WorkerCells::table_of(const model::PlanNames* names) noexcept {
    if (last_->names == names) [[likely]]
        return *last_;
    for (const auto& table : tables_)
        if (table->names == names) return *(last_ = table.get());
    return none_;  // every index is out of range there: what it says is counted as "other"
}

Cell* WorkerCells::cells_of(const SeriesGroup& group) const noexcept {
    return index_.store().at(worker_, group.first_cell);
}

Cell* WorkerCells::other(Subject subject) noexcept {
    Cell*& cell = others_[static_cast<std::size_t>(subject)];
    if (cell == nullptr) cell = cells_of(index_.overflow(subject));
    return cell;
}

// --- connections and gauges ----------------------------------------------------------------------

Cell* WorkerCells::listener_cells(const Table& table, uint32_t listener) noexcept {
    return listener < table.listeners.size() ? table.listeners[listener]->cells
                                             : other(Subject::listener);
}

void WorkerCells::connection_opened(uint32_t listener) noexcept {
    listener_cells(*current_, listener)[cells::listener::kConnectionsTotal].add();
    if (listener < current_->listeners.size())
        listeners_.opened(*current_->listeners[listener], 1);
    else
        other(Subject::listener)->add();
}

void WorkerCells::connection_closed(const model::Connection& connection) noexcept {
    const bool handshake_failed =
        connection.ending == model::ConnectionEnding::tls_handshake_failed;
    LiveSeries::Entry* entry = listeners_.find(connection.listener_name);
    // A name may be too long for the record; then the index is the best there is.
    if (entry == nullptr && connection.listener < current_->listeners.size())
        entry = current_->listeners[connection.listener];
    if (entry == nullptr) {
        other(Subject::listener)->add(kMinusOne);
        other(Subject::connection_ending)->add();
        if (handshake_failed) other(Subject::handshake_failure)->add();
        if (connection.tls != model::TlsVersion::none) other(Subject::tls_connection)->add();
        return;
    }
    entry->endings[static_cast<std::size_t>(connection.ending)]->add();
    if (handshake_failed) handshake_cell(*entry, connection.reason)->add();
    if (connection.tls != model::TlsVersion::none) tls_cell(*entry, connection)->add();
    listeners_.opened(*entry, -1);
}

Cell* WorkerCells::handshake_cell(LiveSeries::Entry& listener, std::string_view reason) noexcept {
    std::vector<LiveSeries::Reason>& known = listener.failed_handshakes;
    for (const LiveSeries::Reason& one : known)
        if (one.slug == reason) return one.cell;
    if (known.size() >= kReasonsMax) return other(Subject::handshake_failure);
    const std::string_view labels[] = {listener.group->labels[0],
                                       reason.empty() ? "unknown" : reason};
    Cell* cell = cells_of(
        index_.obtain(Subject::handshake_failure, labels, listener.group, Claim::on_demand));
    known.push_back({std::string(reason), cell});
    return cell;
}

Cell* WorkerCells::tls_cell(LiveSeries::Entry& listener,
                            const model::Connection& connection) noexcept {
    Cell*& cell = listener.tls_connections[2 * static_cast<std::size_t>(connection.tls) +
                                           (connection.tls_resumed ? 1 : 0)];
    if (cell != nullptr) return cell;
    const std::string_view labels[] = {listener.group->labels[0], to_text(connection.tls),
                                       connection.tls_resumed ? "true" : "false"};
    cell =
        cells_of(index_.obtain(Subject::tls_connection, labels, listener.group, Claim::on_demand));
    return cell;
}

void WorkerCells::exchange_opened(uint32_t listener) noexcept {
    listener_cells(*current_, listener)[cells::listener::kActive].add();
}

void WorkerCells::upstream_connections_changed(std::string_view upstream, int delta) noexcept {
    if (LiveSeries::Entry* entry = upstreams_.find(upstream))
        upstreams_.opened(*entry, delta);
    else
        other(Subject::upstream)->add(static_cast<uint64_t>(int64_t{delta}));
}

// --- the fold ------------------------------------------------------------------------------------

void WorkerCells::exchange_closed(const Exchange& e) noexcept {
    clients_.look_at_clock();
    if (!e.final) return;  // an interim record: the final one will tell it all
    Table& table = table_of(e.names);
    Row& row = row_of(table, e);
    fold_request(row, e);
    code_cell(row, e.status)->add();
    if (e.grpc) grpc_cell(row, e.grpc_status)->add();
    ending_cell(e.ending, e.origin)->add();
    if (!e.client_id.empty()) fold_client(e);
    if (!e.policies.empty()) fold_policies(table, e);
    if (e.attempt_count != 0) fold_attempts(table, e);
    if (e.stream != model::StreamKind::none) fold_stream(table, e);
    listener_cells(table, e.listener)[cells::listener::kActive].add(kMinusOne);
}

WorkerCells::Row& WorkerCells::row_of(Table& table, const Exchange& e) noexcept {
    const auto method = static_cast<std::size_t>(e.method);
    // What 405 answered belongs to no route, even where one matched the path.
    if (e.route == kNone || e.ending == model::Ending::method_not_allowed) return no_route_[method];
    if (table.layout != nullptr && e.route < table.layout->routes.size()) [[likely]] {
        const RouteLayout& route = table.layout->routes[e.route];
        if (e.pattern < route.patterns) [[likely]] {
            const std::size_t at = route.first_row + e.pattern * kMethodCount + method;
            Row* row = table.rows[at];
            return row != nullptr ? *row : make_row(table, e, at);
        }
    }
    if (other_row_.cells == nullptr) {
        other_row_.group = &index_.overflow(Subject::request);
        other_row_.cells = cells_of(*other_row_.group);
    }
    return other_row_;
}

WorkerCells::Row& WorkerCells::add_row(Table& table, std::size_t at, SeriesGroup& group) {
    Row& row = table.made.emplace_back();
    row.group = &group;
    row.cells = cells_of(group);
    table.rows[at] = &row;
    return row;
}

WorkerCells::Row& WorkerCells::make_row(Table& table, const Exchange& e, std::size_t at) {
    const model::RouteName& route = table.names->routes[e.route];
    const std::string_view labels[] = {route.id, to_text(e.method), route.patterns[e.pattern]};
    SeriesGroup* anchor = table.layout->pattern_anchors[at / kMethodCount];
    return add_row(table, at, index_.obtain(Subject::request, labels, anchor, Claim::on_demand));
}

void WorkerCells::fold_request(Row& row, const Exchange& e) noexcept {
    using namespace cells::request;
    Cell* cells = row.cells;
    cells[kRequests].add();
    if (e.failed()) cells[kErrors].add();
    if (e.ending == model::Ending::rate_limited) cells[kRateLimited].add();
    if (e.ending == model::Ending::auth_failed) cells[kAuthFailed].add();
    const uint64_t latency = duration(e.latency_ns());
    cells[kSumNs].add(latency);
    cells[kBuckets + classic_buckets::bucket_of(latency)].add();
    NativeCells& native = NativeCells::make(cells[kNative]);
    native.observe(latency);
    if (has_trace(e)) {
        const uint64_t wall_ns = e.opened_wall_ns + duration(e.lifetime_ns());
        native.remember(exemplar_edges_, e.trace_id, latency, wall_ns);
    }
}

Cell* WorkerCells::code_cell(Row& row, uint32_t status) noexcept {
    for (const CodeCell& known : row.codes)
        if (known.code == status) return known.cell;
    return make_code_cell(row, status);
}

Cell* WorkerCells::make_code_cell(Row& row, uint32_t status) {
    char digits[8];
    std::string_view code = "other";  // not a status a response can have
    if (status == 0) {
        code = "none";  // nothing was sent
    } else if (status >= 100 && status <= 999) {
        const auto end = std::to_chars(digits, digits + sizeof digits, status).ptr;
        code = {digits, static_cast<std::size_t>(end - digits)};
    }
    const SeriesGroup& group = *row.group;
    const std::string_view labels[] = {group.labels[0], group.labels[1], group.labels[2], code};
    Cell* cell = cells_of(index_.obtain(Subject::response, labels, row.group, Claim::on_demand));
    row.codes.push_back({status, cell});
    return cell;
}

Cell* WorkerCells::grpc_cell(Row& row, int grpc_status) noexcept {
    // A rate of errors needs a 0 to start from: with a row's first call these are there.
    if (row.grpc_statuses.empty()) [[unlikely]]
        for (int status = 0; status < kGrpcStatuses; ++status)
            if (status == 0 || model::is_grpc_error(status)) (void)make_grpc_cell(row, status);
    if (grpc_status >= kGrpcStatuses) grpc_status = static_cast<int>(http::grpc::Status::unknown);
    for (const CodeCell& known : row.grpc_statuses)
        if (known.code == static_cast<uint32_t>(grpc_status)) return known.cell;
    return make_grpc_cell(row, grpc_status);
}

Cell* WorkerCells::make_grpc_cell(Row& row, int grpc_status) {
    const SeriesGroup& group = *row.group;
    const std::string_view status =
        grpc_status < 0 ? "none" : to_text(static_cast<http::grpc::Status>(grpc_status));
    const std::string_view labels[] = {group.labels[0], group.labels[1], group.labels[2], status};
    Cell* cell =
        cells_of(index_.obtain(Subject::grpc_response, labels, row.group, Claim::on_demand));
    row.grpc_statuses.push_back({static_cast<uint32_t>(grpc_status), cell});
    return cell;
}

Cell* WorkerCells::ending_cell(model::Ending ending, model::Origin origin) noexcept {
    Cell*& cell = endings_[static_cast<std::size_t>(ending) * model::kOriginCount +
                           static_cast<std::size_t>(origin)];
    if (cell == nullptr) [[unlikely]] {
        const std::string_view labels[] = {to_text(ending), to_text(origin)};
        cell = cells_of(index_.obtain(Subject::ending, labels, nullptr, Claim::on_demand));
    }
    return cell;
}

void WorkerCells::fold_client(const Exchange& e) noexcept {
    Cell* cells = clients_.find(e.str(e.client_id), e.closed_ns);
    cells[cells::client::kRequests].add();
    if (e.ending == model::Ending::rate_limited) cells[cells::client::kRateLimited].add();
    cells[cells::client::kLastSeenNs].set(e.closed_ns);
}

// Steps are in chain order, so one walk along the route's chain finds them all.
void WorkerCells::fold_policies(const Table& table, const Exchange& e) noexcept {
    const bool known = table.layout != nullptr && e.route < table.layout->routes.size();
    uint32_t next = 0, end = 0;
    if (known) {
        const RouteLayout& route = table.layout->routes[e.route];
        next = route.first_step;
        end = route.first_step + route.steps;
    }
    for (const model::PolicyStep& step : e.policies) {
        uint32_t at = next;
        while (at < end && table.layout->steps[at].policy != step.policy) ++at;
        if (at < end && step.reason < table.layout->steps[at].reasons) {
            table.verdicts[table.layout->steps[at].first_verdict + step.reason]->add();
            next = at + 1;
        } else {
            other(Subject::verdict)->add();
        }
    }
}

void WorkerCells::fold_attempts(Table& table, const Exchange& e) noexcept {
    for (const model::Attempt& attempt : e.attempts) fold_attempt(table, e, attempt);
    // Attempts beyond those the record keeps: nobody knows where they went, but they happened.
    if (e.attempt_count > e.attempts.size())
        other(Subject::attempt)->add(e.attempt_count - e.attempts.size());
}

void WorkerCells::fold_attempt(Table& table, const Exchange& e, const model::Attempt& a) noexcept {
    attempt_cell(table, a)->add();
    if (a.start_ns == 0) return;  // never began
    Cell* upstream = a.upstream < table.upstreams.size() ? table.upstreams[a.upstream]
                                                         : other(Subject::upstream);
    const uint64_t end_ns = a.end_ns != 0 ? a.end_ns : e.closed_ns;
    observe(upstream, cells::upstream::kSumNs, cells::upstream::kNative,
            duration(end_ns - a.start_ns));
    if (a.reused) upstream[cells::upstream::kReused].add();
}

Cell* WorkerCells::attempt_cell(Table& table, const model::Attempt& a) noexcept {
    if (a.upstream >= table.upstreams.size()) return other(Subject::attempt);
    const UpstreamLayout& upstream = table.layout->upstreams[a.upstream];
    const auto result = static_cast<std::size_t>(a.result);
    if (a.target < upstream.targets)
        return table
            .attempts[upstream.first_attempt + a.target * model::kAttemptResultCount + result];
    if (a.target != kNone) return other(Subject::attempt);
    Cell*& cell = table.untargeted[a.upstream][result];  // failed before a target was chosen
    if (cell == nullptr) [[unlikely]] {
        const std::string_view labels[] = {table.names->upstreams[a.upstream].name, "none",
                                           to_text(a.result)};
        cell = cells_of(index_.obtain(Subject::attempt, labels, upstream.group, Claim::on_demand));
    }
    return cell;
}

void WorkerCells::fold_stream(Table& table, const Exchange& e) noexcept {
    Cell* cells = nullptr;
    if (e.route < table.streams.size()) {
        Cell*& cell = table.streams[e.route][static_cast<std::size_t>(e.stream)];
        if (cell == nullptr) [[unlikely]] {
            const std::string_view labels[] = {table.names->routes[e.route].id, to_text(e.stream)};
            SeriesGroup* anchor = table.layout->routes[e.route].anchor;
            cell = cells_of(index_.obtain(Subject::stream, labels, anchor, Claim::on_demand));
        }
        cells = cell;
    } else {
        cells = other(Subject::stream);
    }
    observe(cells, cells::stream::kSumNs, cells::stream::kNative, duration(e.lifetime_ns()));
}

}  // namespace glassgate::telemetry
