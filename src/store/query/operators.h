// The operators on numbers, handed to a loop as a function the compiler can see through.
#pragma once

#include <cmath>

#include "base/check.h"
#include "store/query/expr.h"

namespace glassgate::store::query {

// use(f), f(left, right) -> double, for the arithmetic operator.
template <typename Use>
auto with_arithmetic(BinaryOp op, Use&& use) {
    switch (op) {
        case BinaryOp::add:
            return use([](double a, double b) { return a + b; });
        case BinaryOp::sub:
            return use([](double a, double b) { return a - b; });
        case BinaryOp::mul:
            return use([](double a, double b) { return a * b; });
        case BinaryOp::div:
            return use([](double a, double b) { return a / b; });
        case BinaryOp::mod:
            return use([](double a, double b) { return std::fmod(a, b); });
        case BinaryOp::pow:
            return use([](double a, double b) { return std::pow(a, b); });
        default:
            break;
    }
    GW_CHECK(op == BinaryOp::atan2);
    return use([](double a, double b) { return std::atan2(a, b); });
}

// use(f), f(left, right) -> bool, for the comparison.
template <typename Use>
auto with_comparison(BinaryOp op, Use&& use) {
    switch (op) {
        case BinaryOp::equal:
            return use([](double a, double b) { return a == b; });
        case BinaryOp::not_equal:
            return use([](double a, double b) { return a != b; });
        case BinaryOp::less:
            return use([](double a, double b) { return a < b; });
        case BinaryOp::less_equal:
            return use([](double a, double b) { return a <= b; });
        case BinaryOp::greater:
            return use([](double a, double b) { return a > b; });
        default:
            break;
    }
    GW_CHECK(op == BinaryOp::greater_equal);
    return use([](double a, double b) { return a >= b; });
}

}  // namespace glassgate::store::query
