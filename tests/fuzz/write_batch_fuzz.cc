// Any bytes as a write batch, a definition and a manifest: refused, or read in full and the same when written again.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "storage/definition.h"
#include "storage/manifest.h"
#include "storage/write_batch.h"

namespace jade::storage {
namespace {

void read_write_batch(std::span<const std::byte> bytes) {
  const auto view = WriteBatchView::parse(bytes);
  if (!view.ok()) return;
  // Offsets that share a table make a small payload a large batch; honest ones have none.
  std::size_t sum = 0;
  for (std::size_t i = 0; i < view->size(); ++i) {
    const RowWriteView row = view->row(i);
    sum += row.id.size() + row.metadata.value_or("").size();
    for (const VectorValueView vector : row.vectors) sum += vector.bytes.size();
  }
  if (sum > 16 * bytes.size()) return;
  const WriteBatch batch = to_write_batch(*view);
  const std::vector<std::byte> again = encode_write_batch(batch);
  const auto reread = WriteBatchView::parse(again);
  JADE_CHECK(reread.ok() && to_write_batch(*reread) == batch, "a write batch is the same when written again");
}

void read_definition(std::span<const std::byte> bytes) {
  const auto definition = decode_definition(bytes);
  if (!definition.ok()) return;
  const auto reread = decode_definition(encode_definition(*definition));
  JADE_CHECK(reread.ok() && *reread == *definition, "a definition is the same when written again");
}

}  // namespace
}  // namespace jade::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  jade::storage::read_write_batch(bytes);
  jade::storage::read_definition(bytes);
  static_cast<void>(jade::storage::decode_manifest(bytes).ok());
  return 0;
}
