// Recovery: takes an existing log over. Reads its last segment through, cuts off what a crash left
// unfinished (and keeps it, in a file the recovery record names), and puts the writer behind it.
//
// A log that is damaged before something that was signed is not taken over: that is no crash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "audit/log.h"
#include "audit/segment.h"
#include "base/result.h"

namespace glassgate::audit {

class Recovery {
public:
    Recovery(Log& log, const Listing& listing) : log_(log), listing_(listing) {}
    Status run();

private:
    struct Signed {
        std::string line;
        Checkpoint checkpoint;
    };
    // The whole lines of a .checkpoints file and how many bytes they are.
    Result<std::vector<Signed>> read_checkpoints(uint64_t segment, uint64_t& whole_bytes);
    Status begin_behind_previous();
    Status scan();
    Status check_signed(std::size_t& next);
    Status save_torn(uint64_t recovery_seq);
    Status rewrite_files();
    void hand_over();
    Status begin_empty_segment();
    Status leave_sealed_segment();
    [[nodiscard]] std::unexpected<Error> damaged(const std::string& what) const;

    Log& log_;
    const Listing& listing_;
    SegmentFiles files_;
    std::vector<PublicKey> keys_;
    Chain chain_;
    std::vector<Signed> signed_;  // of the last segment
    Signed last_signed_;          // over all
    uint64_t checkpoint_bytes_ = 0;
    uint64_t good_bytes_ = 0, torn_bytes_ = 0;
    std::string torn_sha256_, torn_name_;
    std::string tree_, index_;
};

}  // namespace glassgate::audit
