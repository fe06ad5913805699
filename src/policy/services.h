// What works in the background for policies of all workers. One per process; outlives the workers.
#pragma once

#include "policy/jwt/jwks.h"
#include "policy/passwords.h"

namespace glassgate::policy {

struct Services {
    jwt::JwksKeeper jwks;
    Passwords passwords;
};

}  // namespace glassgate::policy
