#!/usr/bin/env python3
"""Writes the files of a new policy: header, source, test and golden configuration."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

HEADER = """// {name}: what it does and for whom, in one sentence.
#pragma once

#include "policy/policy.h"

namespace glassgate::policy {{

[[nodiscard]] const PolicyKind& {snake}_kind() noexcept;

}}  // namespace glassgate::policy
"""

SOURCE = """#include "policy/{snake}.h"

namespace glassgate::policy {{
namespace {{

class {pascal} final : public Policy {{
public:
    Verdict on_request(Request&) override {{ return Pass{{}}; }}
}};

class {pascal}Plan final : public PolicyPlan {{
public:
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {{
        return std::make_unique<{pascal}>();
    }}
}};

std::unique_ptr<PolicyPlan> compile(const Node& settings, CompileContext& context) {{
    Fields fields(settings, context.diagnostics, "policy {name}");
    fields.finish();
    return context.diagnostics.has_errors() ? nullptr : std::make_unique<{pascal}Plan>();
}}

constexpr std::string_view kReasons[] = {{"pass"}};

}}  // namespace

const PolicyKind& {snake}_kind() noexcept {{
    static constexpr PolicyKind kind{{
        "{name}", "traffic", "What it does.", kReasons, {{}}, "- {name}: {{}}\\n", &compile}};
    return kind;
}}

}}  // namespace glassgate::policy
"""

TEST = """#include "policy/{snake}.h"

#include <gtest/gtest.h>

namespace glassgate::policy {{
namespace {{

TEST({pascal}, IsInTheCatalogue) {{ EXPECT_EQ(find_policy("{name}"), &{snake}_kind()); }}

}}  // namespace
}}  // namespace glassgate::policy
"""

GOLDEN = """apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {{name: golden-{name}}}
spec:
  routes:
    - id: r
      path: ["/*"]
      upstream: {{url: "http://127.0.0.1:3000"}}
      policies:
        - {name}: {{}}
"""


def write(path: pathlib.Path, text: str) -> None:
    if path.exists():
        sys.exit(f"new: {path.relative_to(ROOT)} exists")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(path.relative_to(ROOT))


def main() -> None:
    name = sys.argv[1]
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
        sys.exit("new: a policy's name is lower-case words joined by '-'")
    snake = name.replace("-", "_")
    words = {"name": name, "snake": snake, "pascal": "".join(w.capitalize() for w in name.split("-"))}
    for ending, template in ((".h", HEADER), (".cc", SOURCE), ("_test.cc", TEST)):
        write(ROOT / "src" / "policy" / (snake + ending), template.format(**words))
    write(ROOT / "tests" / "golden" / "config" / f"policy-{name}" / "input.yaml", GOLDEN.format(**words))
    print(f"now: a row in src/policy/catalogue.cc ({snake}_kind()), then ./dev docs and"
          " GLASSGATE_UPDATE_GOLDEN=1 ./dev test --unit")


main()
