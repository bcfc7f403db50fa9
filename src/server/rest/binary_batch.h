// A batch of records in binary: what JSON would spend most of its time on, as it lies in memory.
#pragma once

#include <string_view>
#include <vector>

#include "jade/result.h"
#include "server/rest/record_json.h"

namespace jade::server {

/// The media type of binary batches; docs/formats/binary-batch.md has the layout.
inline constexpr std::string_view kBinaryBatchType = "application/x-jade-f32";

struct BinaryBatch {
  std::vector<RecordBody> rows;
  bool atomic = false;
};

/// kInvalidArgument, naming the part, for bytes whose lengths do not agree exactly. Allocates in proportion to `bytes`.
Result<BinaryBatch> decode_binary_batch(std::string_view bytes);

}  // namespace jade::server
