// How a message was cut into pieces never changes what it says; and cutting it up costs nothing.
#include <gtest/gtest.h>

#include <ctime>
#include <tuple>

#include "base/ids.h"
#include "http/h1.h"
#include "http/h1_samples.h"

namespace glassgate::http {
namespace {

// A buffer of exactly the bytes received so far: reading beyond them is seen by the sanitizer, and
// views into an earlier buffer would dangle.
struct Fed {
    ParseResult result;
    std::string buffer;
    RequestHead request;
    ResponseHead response;
};

template <typename Cut, typename Parse>
Fed feed(std::string_view bytes, Cut&& next_cut, Parse&& parse) {
    Fed fed;
    std::size_t resume = 0;
    std::size_t have = 0;
    while (fed.result.state == ParseState::incomplete && have < bytes.size()) {
        have = std::min(bytes.size(), have + next_cut());
        std::string buffer(bytes.substr(0, have));
        buffer.shrink_to_fit();
        fed.buffer = std::move(buffer);
        fed.result = parse(std::string_view(fed.buffer), resume, fed);
    }
    return fed;
}

auto describe(const RequestHead& head) {
    std::string fields;
    for (const HeaderField& f : head.headers)
        fields.append(f.name).append("=").append(f.value).append("#").append(
            std::to_string(static_cast<int>(f.known))) += '\n';
    return std::tuple(head.method, std::string(head.method_text), std::string(head.target),
                      std::string(head.path), std::string(head.query), std::string(head.authority),
                      head.version, head.body, head.content_length, head.keep_alive,
                      head.has_upgrade, fields);
}
auto describe(const ResponseHead& head) {
    std::string fields;
    for (const HeaderField& f : head.headers)
        fields.append(f.name).append("=").append(f.value) += '\n';
    return std::tuple(head.version, head.status, std::string(head.reason), head.body,
                      head.content_length, head.keep_alive, head.switching, fields);
}

std::vector<std::string> all(std::span<const BadSample> bad, std::span<const std::string> good) {
    std::vector<std::string> samples(good.begin(), good.end());
    for (const BadSample& sample : bad) samples.push_back(sample.bytes);
    return samples;
}

// Small limits bring the edges within reach of every sample.
const HeadLimits kLimits[] = {{}, {40, 8192, 128}, {61440, 3, 128}, {61440, 8192, 1}, {20, 10, 2}};

TEST(H1Split, RequestsByteByByteAndAtRandom) {
    Random random(7);
    for (const HeadLimits& limits : kLimits) {
        const auto parse = [&](std::string_view bytes, std::size_t& resume, Fed& fed) {
            return parse_request_head(bytes, limits, resume, fed.request);
        };
        for (const std::string& sample : all(bad_requests(), good_requests())) {
            if (sample.size() > 20'000 && &limits != kLimits) continue;
            const std::string_view bytes = std::string_view(sample).substr(0, 62'000);
            const Fed whole = feed(bytes, [&] { return bytes.size(); }, parse);
            const auto same = [&](const Fed& fed) {
                EXPECT_EQ(fed.result.state, whole.result.state) << printable(bytes);
                EXPECT_EQ(to_text(fed.result.error), to_text(whole.result.error))
                    << printable(bytes);
                EXPECT_EQ(fed.result.consumed, whole.result.consumed) << printable(bytes);
                EXPECT_EQ(describe(fed.request), describe(whole.request)) << printable(bytes);
            };
            if (bytes.size() < 20'000) same(feed(bytes, [] { return std::size_t{1}; }, parse));
            for (int i = 0; i < 5; ++i)
                same(feed(
                    bytes, [&] { return 1 + random.below(bytes.size() < 1000 ? 20 : 5000); },
                    parse));
        }
    }
}

TEST(H1Split, ResponsesByteByByteAndAtRandom) {
    Random random(8);
    for (const HeadLimits& limits : kLimits) {
        const auto parse = [&](std::string_view bytes, std::size_t& resume, Fed& fed) {
            return parse_response_head(bytes, limits, Method::get, resume, fed.response);
        };
        for (const std::string& bytes : all(bad_responses(), good_responses())) {
            const Fed whole = feed(bytes, [&] { return bytes.size(); }, parse);
            const auto same = [&](const Fed& fed) {
                EXPECT_EQ(fed.result.state, whole.result.state) << printable(bytes);
                EXPECT_EQ(to_text(fed.result.error), to_text(whole.result.error))
                    << printable(bytes);
                EXPECT_EQ(fed.result.consumed, whole.result.consumed) << printable(bytes);
                EXPECT_EQ(describe(fed.response), describe(whole.response)) << printable(bytes);
            };
            if (bytes.size() < 20'000) same(feed(bytes, [] { return std::size_t{1}; }, parse));
            for (int i = 0; i < 5; ++i)
                same(feed(
                    bytes, [&] { return 1 + random.below(bytes.size() < 1000 ? 20 : 5000); },
                    parse));
        }
    }
}

TEST(H1Split, NothingIsRefusedThatMoreBytesCouldMakeGood) {
    for (const std::string& bytes : good_requests()) {
        const std::size_t end = parse_request(bytes).result.consumed;
        for (std::size_t n = 0; n < end; ++n)
            EXPECT_EQ(parse_request(std::string_view(bytes).substr(0, n)).result.state,
                      ParseState::incomplete)
                << printable(bytes) << " up to " << n;
    }
    for (const std::string& bytes : good_responses()) {
        const std::size_t end = parse_response(bytes).result.consumed;
        for (std::size_t n = 0; n < end; ++n)
            EXPECT_EQ(parse_response(std::string_view(bytes).substr(0, n)).result.state,
                      ParseState::incomplete);
    }
}

// Processor time of feeding byte by byte, per byte.
double feeding_ns_per_byte(const std::string& bytes) {
    RequestHead head;
    std::size_t resume = 0;
    timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (std::size_t n = 1; n <= bytes.size(); ++n)
        if (parse_request_head(std::string_view(bytes).substr(0, n), {}, resume, head).state !=
            ParseState::incomplete)
            break;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    const double ns = static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 +
                      static_cast<double>(end.tv_nsec - begin.tv_nsec);
    return ns / static_cast<double>(bytes.size());
}

// Sixteen times the head must not cost a multiple per byte. Quadratic work would cost 16 times.
TEST(H1Split, ByteByByteTakesLinearTime) {
    const auto one_value = [](std::size_t n) {
        return "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(n, 'a');
    };
    const auto many_lines = [](std::size_t n) {
        std::string bytes = "GET /" + std::string(n / 8, 'p') + " HTTP/1.1\r\n";
        while (bytes.size() < n) bytes += "a:b\r\n";
        return bytes;
    };
    const auto long_line = [](std::size_t n) { return "GET /" + std::string(n / 8, 'p'); };
    const auto ratio = [](auto make) {
        double best = 1e9;
        for (int i = 0; i < 5; ++i)
            best = std::min(best,
                            feeding_ns_per_byte(make(60'000)) / feeding_ns_per_byte(make(3'750)));
        return best;
    };
    EXPECT_LT(ratio(one_value), 5);
    EXPECT_LT(ratio(many_lines), 5);
    EXPECT_LT(ratio(long_line), 5);
}

}  // namespace
}  // namespace glassgate::http
