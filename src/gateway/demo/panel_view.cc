#include "gateway/demo/panel_view.h"

#include <algorithm>
#include <cmath>

#include "gateway/demo/canvas.h"
#include "gateway/demo/chart.h"
#include "gateway/demo/figures.h"

namespace glassgate::gateway::demo {
namespace {

constexpr Style kPlain{}, kQuiet{shade::kGrey}, kFrame{shade::kDark},
    kTitle{shade::kWhite, kNoShade, true};

class PanelView {
public:
    PanelView(const PanelSnapshot& snapshot, const ViewSettings& settings)
        : s_(snapshot),
          canvas_(std::clamp(settings.width, 80u, 140u), std::max(settings.height, 24u)),
          colour_(settings.colour) {}

    std::string draw() {
        const unsigned height = canvas_.height();
        chart_rows_ = height >= 44 ? 5 : height >= 38 ? 4 : height >= 32 ? 3 : height >= 28 ? 2 : 1;
        title_bar();
        tiles();
        charts();
        heat_strip();
        route_table();
        alerts();
        log();
        return canvas_.text(colour_);
    }

private:
    [[nodiscard]] std::string lately() const { return "last " + decimal(s_.window_s, 0) + " s"; }
    [[nodiscard]] unsigned half() const { return canvas_.width() / 2; }
    [[nodiscard]] std::size_t run_seconds() const {
        return std::max(static_cast<std::size_t>(std::lround(s_.total_s)), s_.seconds.size());
    }
    template <typename Get>
    [[nodiscard]] std::vector<double> series(Get&& get) const {
        std::vector<double> values;
        values.reserve(s_.seconds.size());
        for (const SecondPoint& p : s_.seconds) values.push_back(get(p));
        return values;
    }

    void title_bar();
    void tiles();
    void tile(unsigned index, std::string_view title, std::string_view value, Style style,
              std::string_view second, std::string_view third);
    void charts();
    void chart_title(unsigned column, std::string_view title, std::string_view unit, double top);
    void latency_chart(unsigned column, unsigned columns);
    void clients(unsigned column, unsigned columns);
    void heat_strip();
    void route_table();
    void alerts();
    void log();

    const PanelSnapshot& s_;
    Canvas canvas_;
    bool colour_;
    unsigned chart_rows_ = 3;
    unsigned row_ = 0;  // the next free one
};

void PanelView::title_bar() {
    const Style bar{shade::kWhite, shade::kBar, true};
    canvas_.fill(0, 0, canvas_.width(), bar);
    const unsigned after =
        canvas_.put(1, 0, fit("Glassgate · " + s_.title, canvas_.width() - 12), bar);
    const std::string clock = s_.elapsed_s <= s_.total_s
                                  ? clock_text(s_.elapsed_s) + " / " + clock_text(s_.total_s)
                                  : clock_text(s_.elapsed_s);
    if (canvas_.width() >= after + clock.size() + 12)
        canvas_.put_right(canvas_.width() - 9, 0, clock, bar);
    canvas_.put_right(canvas_.width() - 1, 0, "● LIVE", {shade::kGreen, shade::kBar, true});
    std::string line = s_.phase;
    if (!s_.note.empty()) line += " · " + s_.note;
    canvas_.put(1, 1, fit(line, canvas_.width() - 2), {shade::kBlue, kNoShade, true});
    std::string right;
    if (s_.speed != 1)
        right += "speed x" + decimal(s_.speed, s_.speed == std::floor(s_.speed) ? 0 : 1);
    if (s_.scale != 1)
        right += (right.empty() ? "" : " · ") + ("x" + decimal(s_.scale, 2)) + " scale";
    canvas_.put_right(canvas_.width() - 1, 1, right, kQuiet);
    row_ = 2;
}

void PanelView::tile(unsigned index, std::string_view title, std::string_view value, Style style,
                     std::string_view second, std::string_view third) {
    const unsigned begin = canvas_.width() * index / 4, end = canvas_.width() * (index + 1) / 4;
    const unsigned columns = end - begin, inner = columns - 4;
    if (canvas_.height() >= 32) {
        canvas_.frame(begin, row_, columns, 5, title, kFrame);
        canvas_.put(begin + 3, row_, fit(title, columns - 6), kQuiet);
        canvas_.put(begin + 2, row_ + 1, fit(value, inner), style);
        canvas_.put(begin + 2, row_ + 2, fit(second, inner), kPlain);
        canvas_.put(begin + 2, row_ + 3, fit(third, inner), kQuiet);
    } else {
        canvas_.put(begin + 1, row_, fit(title, inner), kQuiet);
        canvas_.put(begin + 1, row_ + 1,
                    fit(std::string(value) + "  " + std::string(second), columns - 2), style);
        canvas_.put(begin + 1, row_ + 2, fit(third, columns - 2), kQuiet);
    }
}

void PanelView::tiles() {
    const bool known = s_.baseline_per_second > 0 && (s_.running || s_.elapsed_s > s_.sale_s);
    const double times = known ? s_.per_second / s_.baseline_per_second : 1;
    const Style error{s_.error_share > 0.05   ? shade::kRed
                      : s_.error_share > 0.01 ? shade::kYellow
                                              : shade::kGreen,
                      kNoShade, true};
    const Style slow{s_.p99_ms > kSlaMs       ? shade::kRed
                     : s_.p99_ms > kSlaMs / 2 ? shade::kYellow
                                              : shade::kGreen,
                     kNoShade, true};
    const auto firing = [&](std::string_view name) {
        return std::any_of(s_.alerts.begin(), s_.alerts.end(), [&](const AlertRow& a) {
            return a.name == name && a.state == AlertState::firing;
        });
    };
    tile(0, "Req / sec", with_thousands(static_cast<uint64_t>(std::llround(s_.per_second))), kTitle,
         known        ? (times >= 1.05 ? "↑ " : "") + decimal(times, 1) + "× baseline"
         : s_.running ? ""
                      : "baseline",
         s_.running                 ? "last 3 s"
         : !known                   ? "before the sale"
         : s_.phase == "flash sale" ? "flash sale triggered"
                                    : "after the hotfix");
    tile(1, "Error Rate", percent(s_.error_share), error,
         known ? (s_.error_share > s_.baseline_error_share ? "↑ from " : "from ") +
                     percent(s_.baseline_error_share)
               : "",
         firing("HighErrorRate") ? "▲ alert firing"
         : s_.error_share > 0.05 ? "▲ above 5%"
                                 : "alert above 5%");
    tile(2, "P99 Latency", milliseconds(s_.p99_ms), slow,
         known ? (s_.p99_ms > s_.baseline_p99_ms ? "↑ from " : "from ") +
                     milliseconds(s_.baseline_p99_ms)
               : "",
         "SLA threshold: 500ms");
    const Style limit{s_.limited_per_minute >= 600 ? shade::kYellow : shade::kGreen, kNoShade,
                      true};
    tile(3, "Rate Limit Hits", compact(static_cast<double>(s_.limited)), limit,
         compact(s_.limited_per_minute) + "/min now",
         s_.top_clients.empty() ? "no offender" : "top: " + s_.top_clients.front().client_id);
    row_ += canvas_.height() >= 32 ? 5 : 3;
}

void PanelView::chart_title(unsigned column, std::string_view title, std::string_view unit,
                            double top) {
    canvas_.put(column, row_, title, kTitle);
    canvas_.put_right(column + half() - 2, row_, "max " + compact(top) + std::string(unit), kQuiet);
}

void PanelView::charts() {
    const unsigned columns = half() - 2;
    const auto rates =
        resample(series([](const SecondPoint& p) { return p.per_second; }), run_seconds(), columns);
    const auto errors = resample(series([](const SecondPoint& p) { return p.error_share * 100; }),
                                 run_seconds(), columns);
    const auto highest = [](const std::vector<double>& v) {
        return v.empty() ? 0 : *std::max_element(v.begin(), v.end());
    };
    chart_title(
        1, s_.running ? "Request rate (req/s), last 30 min" : "Request rate (req/s), whole run", "",
        highest(rates));
    canvas_.put(half() + 1, row_, "Error rate %, alert at 5%", kTitle);
    canvas_.put_right(half() + 1 + columns, row_, "max " + decimal(highest(errors), 1) + "%",
                      kQuiet);
    ++row_;
    draw_bars(canvas_, {1, row_, columns, chart_rows_}, rates, round_up(highest(rates)),
              shade::kBlue);
    draw_bars(canvas_, {half() + 1, row_, columns, chart_rows_}, errors,
              std::max(10.0, highest(errors)), shade::kRed);
    row_ += chart_rows_;
    latency_chart(1, columns);
    clients(half() + 1, columns);
    row_ += std::max(chart_rows_, canvas_.height() >= 32 ? 5u : 2u) + 1;
}

void PanelView::latency_chart(unsigned column, unsigned columns) {
    const std::vector<Layer> layers{
        {resample(series([](const SecondPoint& p) { return p.p99_ms; }), run_seconds(), columns),
         shade::kPurple, "░"},
        {resample(series([](const SecondPoint& p) { return p.p95_ms; }), run_seconds(), columns),
         shade::kYellow, "▒"},
        {resample(series([](const SecondPoint& p) { return p.p50_ms; }), run_seconds(), columns),
         shade::kGreen, "█"}};
    // A second in which more than one in a hundred timed out is off the scale, and may be.
    constexpr double kTopMs = 1000;
    unsigned at = canvas_.put(column, row_, "Latency ms ", kTitle);
    at = canvas_.put(at, row_, "P50", {shade::kGreen}) + 1;
    at = canvas_.put(at, row_, "P95", {shade::kYellow}) + 1;
    canvas_.put(at, row_, "P99", {shade::kPurple});
    canvas_.put_right(column + columns, row_, "scale to 1,000ms", kQuiet);
    const unsigned rows = std::max(chart_rows_, canvas_.height() >= 32 ? 5u : 2u);
    draw_layers(canvas_, {column, row_ + 1, columns, rows}, layers, kTopMs, colour_);
}

void PanelView::clients(unsigned column, unsigned columns) {
    canvas_.put(column, row_, "Rate-limit hits by client", kTitle);
    canvas_.put_right(column + columns, row_, "hits · " + lately(), kQuiet);
    const std::size_t shown =
        std::min<std::size_t>(s_.top_clients.size(), canvas_.height() >= 32 ? 5 : 2);
    const uint64_t most = shown == 0 ? 1 : s_.top_clients.front().hits;
    for (std::size_t i = 0; i < shown; ++i) {
        const ClientRow& client = s_.top_clients[i];
        const auto row = static_cast<unsigned>(row_ + 1 + i);
        const unsigned name = columns >= 56 ? 26 : 9;
        canvas_.put(
            column, row,
            fit(columns >= 56 ? client.client_id + " " + client.name : client.client_id, name));
        const unsigned numbers = 19, bar = columns - name - numbers - 2;
        const double share = static_cast<double>(client.hits) / static_cast<double>(most);
        draw_bar_across(canvas_, column + name + 1, row, bar, share,
                        i == 0 ? shade::kRed : shade::kYellow);
        canvas_.put_right(column + columns - 11, row, with_thousands(client.hits), kTitle);
        canvas_.put_right(column + columns, row, compact(client.hits_per_minute) + "/min", kQuiet);
    }
    if (shown == 0) canvas_.put(column, row_ + 1, "none so far", kQuiet);
}

void PanelView::heat_strip() {
    const unsigned columns = canvas_.width() - 28;
    const auto errors = resample(series([](const SecondPoint& p) { return p.error_share; }),
                                 run_seconds(), columns);
    canvas_.put(1, row_, "Error heat", kTitle);
    constexpr Shade kHeat[] = {22, 28, 142, 172, 166, 160};
    constexpr const char* kDensity[] = {"·", "░", "▒", "▓", "█", "█"};
    for (unsigned x = 0; x < errors.size(); ++x) {
        const double e = errors[x];
        const std::size_t step = e < 0.002  ? 0
                                 : e < 0.01 ? 1
                                 : e < 0.03 ? 2
                                 : e < 0.05 ? 3
                                 : e < 0.10 ? 4
                                            : 5;
        canvas_.put(12 + x, row_, colour_ ? "█" : kDensity[step], {kHeat[step]});
    }
    const double each = static_cast<double>(run_seconds()) / columns;
    canvas_.put_right(canvas_.width() - 1, row_, "column = " + decimal(each, 1) + " s", kQuiet);
    ++row_;
}

void PanelView::route_table() {
    const unsigned width = canvas_.width();
    const unsigned endpoint = 1, rps = width * 45 / 100, p99 = width * 60 / 100,
                   error = width * 73 / 100, status = width * 78 / 100;
    const Style head{shade::kWhite, shade::kDark};
    canvas_.fill(0, row_, width, head);
    canvas_.put(endpoint, row_, "Endpoint", head);
    canvas_.put_right(rps, row_, "RPS", head);
    canvas_.put_right(p99, row_, "P99", head);
    canvas_.put_right(error, row_, "Err%", head);
    canvas_.put(status, row_, "Status", head);
    canvas_.put_right(width - 1, row_, lately(), {shade::kGrey, shade::kDark});
    ++row_;
    for (const RouteRow& r : s_.routes) {
        constexpr std::string_view kNames[] = {"OK", "SLOW", "DEGRADED"};
        constexpr Shade kInks[] = {shade::kGreen, shade::kYellow, shade::kRed};
        const auto index = static_cast<std::size_t>(r.status);
        canvas_.put(endpoint, row_, r.endpoint);
        canvas_.put_right(rps, row_,
                          with_thousands(static_cast<uint64_t>(std::llround(r.per_second))));
        canvas_.put_right(p99, row_, milliseconds(r.p99_ms),
                          {r.p99_ms > kSlaMs ? shade::kRed : kNoShade});
        canvas_.put_right(error, row_, percent(r.error_share),
                          {r.error_share > 0.05 ? shade::kRed : kNoShade});
        canvas_.put(status, row_, kNames[index], {kInks[index], kNoShade, true});
        ++row_;
    }
}

void PanelView::alerts() {
    if (s_.running) return;  // rules are the store's: glassgate rules, /api/v1/alerts
    unsigned at = canvas_.put(1, row_, "Alerts ", kTitle);
    for (const AlertRow& alert : s_.alerts) {
        const bool firing = alert.state == AlertState::firing,
                   pending = alert.state == AlertState::pending;
        const Style style = firing ? Style{shade::kWhite, shade::kRed, true}
                                   : Style{pending ? shade::kYellow : shade::kGrey};
        const std::string text = (firing ? "▲ " : pending ? "△ " : "○ ") + alert.name;
        at = canvas_.put(at, row_, text, style) + 2;
    }
    // Whether a process is gone can only be seen from outside.
    canvas_.put(at, row_, fit("○ GatewayPodDown", canvas_.width() - std::min(at, canvas_.width())),
                kQuiet);
    const std::string note = "windows ÷" + decimal(s_.alert_divisor, 0);
    if (at + 16 + note.size() + 2 < canvas_.width())
        canvas_.put_right(canvas_.width() - 1, row_, note, kQuiet);
    ++row_;
}

void PanelView::log() {
    const bool footer = !s_.footer.empty();
    const unsigned end = canvas_.height() - (footer ? 1 : 0);
    if (row_ >= end) return;
    canvas_.put(1, row_++, "Live error log", kTitle);
    const unsigned room = end - std::min(row_, end);
    const std::size_t shown = std::min<std::size_t>(room, s_.log.size());
    constexpr Shade kInks[] = {shade::kGrey, shade::kBlue, shade::kYellow, shade::kRed};
    for (std::size_t i = s_.log.size() - shown; i < s_.log.size(); ++i) {
        const LogLine& line = s_.log[i];
        canvas_.put(1, row_++, fit(line.text, canvas_.width() - 2),
                    {kInks[static_cast<std::size_t>(line.level)]});
    }
    if (footer) canvas_.put(1, canvas_.height() - 1, fit(s_.footer, canvas_.width() - 2), kQuiet);
}

}  // namespace

std::string render_panel(const PanelSnapshot& snapshot, const ViewSettings& settings) {
    return PanelView(snapshot, settings).draw();
}

}  // namespace glassgate::gateway::demo
