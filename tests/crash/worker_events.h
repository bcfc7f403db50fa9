// What a worker tells its supervisor before and after each call, over a pipe that survives it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crash/oracle.h"
#include "crash/rows.h"

namespace jade::crash {

enum class EventKind : std::uint8_t {
  kStarted,     ///< The store is open.
  kSend,        ///< The rows that the event describes are being written.
  kAnswer,      ///< … and this is what came of it.
  kSendCreate,  ///< The database `extra` is being made.
  kAnswerCreate,
  kSendDrop,
  kAnswerDrop,
  kFailed,  ///< The store did not open, or did not close.
  kDone,    ///< Everything was done and the store closed; `version` has the number of allocations.
};

/// A whole event is one write to the pipe, far below the size up to which that is atomic.
struct Event {
  EventKind kind = EventKind::kStarted;
  RowKind row_kind = RowKind::kPut;
  Answer answer = Answer::kNone;
  /// Which parts the rows have.
  std::uint8_t has_vectors = 0;
  std::uint8_t has_metadata = 0;
  /// Whether the rows go to the database "b", which has four shards, instead of "a", which has one.
  std::uint8_t to_b = 0;
  std::uint16_t lane = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint64_t serial = 0;
  std::uint64_t version = 0;
  /// Of an answer: bit i is set where row `first` + i was refused and the others were not.
  std::uint64_t refused_rows = 0;
};

inline constexpr std::string_view kExtraDatabase = "c";

inline std::string database_of(const Event& event) { return event.to_b != 0 ? "b" : "a"; }

/// The rows that a kSend event speaks of. Each lane has ids of its own.
inline std::vector<RowWrite> rows_of(const Event& event) {
  std::vector<RowWrite> rows;
  for (std::uint32_t id = event.first; id <= event.last; ++id) {
    RowWrite row{.kind = event.row_kind,
                 .id = "t" + std::to_string(event.lane) + "-" + std::to_string(id),
                 .vectors = {},
                 .metadata = {}};
    const std::uint64_t serial = event.serial + id;
    if (event.has_vectors != 0) row.vectors = vectors_of(serial);
    if (event.has_metadata != 0) row.metadata = metadata_of(serial);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace jade::crash
