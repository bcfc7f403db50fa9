// Any bytes as the body of a binary batch: refused, or rows whose parts lie within the bytes.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "server/rest/binary_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto batch = jade::server::decode_binary_batch(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!batch.ok()) return 0;
  std::size_t sum = 0;
  for (const jade::server::RecordBody& row : batch->rows) {
    JADE_CHECK(row.id.has_value() && row.vector.has_value(), "each row has its id and its vector");
    sum += row.id->size() + row.metadata.value_or("").size();
    sum += std::get<std::vector<float>>(*row.vector).size() * sizeof(float);
  }
  JADE_CHECK(sum <= size, "rows do not share bytes");
  return 0;
}
