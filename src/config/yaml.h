// The reader of YAML, under the names the compiler uses.
#pragma once

#include "base/yaml.h"

namespace glassgate::config {

using glassgate::kMaxSourceBytes;
using glassgate::kMaxYamlDepth;
using glassgate::kMaxYamlNodes;
using glassgate::kMaxYamlTextBytes;
using glassgate::read_yaml;

}  // namespace glassgate::config
