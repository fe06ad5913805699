#include <gtest/gtest.h>

#include "telemetry/metrics/registry.h"

namespace glassgate::telemetry {
namespace {

using enum Exposition;

TEST(Negotiate, WhatScrapersSend) {
    // Prometheus 2.42 with and without native histograms.
    EXPECT_EQ(
        negotiate("application/"
                  "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
                  "application/openmetrics-text;version=1.0.0,application/"
                  "openmetrics-text;version=0.0.1;q=0.75,"
                  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
        protobuf);
    EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,application/"
                        "openmetrics-text;version=0.0.1;q=0.75,"
                        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
              open_metrics);
    // Prometheus 3, which knows name escaping.
    EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                        "application/openmetrics-text;version=0.0.1;q=0.4,"
                        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/"
                        "plain;version=0.0.4;q=0.2,*/*;q=0.1"),
              open_metrics);
    // VictoriaMetrics' agent, curl, a browser, nobody.
    EXPECT_EQ(negotiate("text/plain;version=0.0.4;q=1,*/*;q=0.1"), text_0_0_4);
    EXPECT_EQ(negotiate("*/*"), text_0_0_4);
    EXPECT_EQ(
        negotiate("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
        text_0_0_4);
    EXPECT_EQ(negotiate(""), text_0_0_4);
}

TEST(Negotiate, QualityDecidesThenSpecificityThenOrder) {
    EXPECT_EQ(negotiate("text/plain;q=0.1, application/openmetrics-text;q=0.2"), open_metrics);
    EXPECT_EQ(negotiate("text/plain, application/openmetrics-text"), text_0_0_4);
    EXPECT_EQ(negotiate("application/openmetrics-text, text/plain"), open_metrics);
    EXPECT_EQ(negotiate("*/*, application/openmetrics-text"), open_metrics);
    EXPECT_EQ(negotiate("*/*;q=0.9, application/openmetrics-text;q=0"), text_0_0_4);
    EXPECT_EQ(negotiate("TEXT/PLAIN;Q=0.2, Application/OpenMetrics-Text; Version=\"1.0.0\"; q=0.8"),
              open_metrics);
}

TEST(Negotiate, WhatWeDoNotHaveGetsText) {
    EXPECT_EQ(negotiate("application/openmetrics-text;version=2.0.0"), text_0_0_4);
    EXPECT_EQ(negotiate("application/vnd.google.protobuf;proto=other.Message;encoding=delimited"),
              text_0_0_4);
    EXPECT_EQ(
        negotiate("application/"
                  "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text"),
        text_0_0_4);
    EXPECT_EQ(negotiate("image/png"), text_0_0_4);
    EXPECT_EQ(negotiate(";;;,,q=,=;q=x"), text_0_0_4);
}

TEST(Negotiate, TypesAreThoseOfTheFormats) {
    EXPECT_EQ(content_type(text_0_0_4), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(content_type(open_metrics),
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for (const Exposition exposition : {text_0_0_4, open_metrics, protobuf})
        EXPECT_EQ(negotiate(content_type(exposition)), exposition);
}

}  // namespace
}  // namespace glassgate::telemetry
