// The bounded queue without locks that was measured for the thread pool (docs/adr/0005-executor-queue.md).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace jade {

/// Many producers, many consumers, first in first out: the bounded queue described by D. Vyukov ("Bounded MPMC queue",
/// 1024cores.net). A cell's turn counter says whose move it is, so a push and a pop meet in a cell and nowhere else.
/// Safe from any thread.
///
/// A producer that is suspended between claiming its cell and filling it hides the cells behind it from consumers:
/// `try_pop` then finds nothing though later pushes have returned.
template <class T>
  requires(std::default_initializable<T> && std::is_nothrow_move_assignable_v<T>)
class BoundedRing {
 public:
  /// Holds at least `capacity` values: the next power of two, and no fewer than 2.
  explicit BoundedRing(std::size_t capacity)
      : cells_(std::bit_ceil(std::max(capacity, std::size_t{2}))), mask_(cells_.size() - 1) {
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }

  std::size_t capacity() const { return cells_.size(); }

  /// False, with `value` untouched, if the ring is full.
  bool try_push(T&& value) {
    std::size_t position = tail_.load(std::memory_order_relaxed);
    Cell* cell = claim(tail_, position, 0);
    if (cell == nullptr) return false;
    cell->value = std::move(value);
    cell->turn.store(position + 1, std::memory_order_release);
    return true;
  }

  /// Nothing if the ring is empty.
  std::optional<T> try_pop() {
    std::size_t position = head_.load(std::memory_order_relaxed);
    Cell* cell = claim(head_, position, 1);
    if (cell == nullptr) return std::nullopt;
    std::optional<T> value(std::exchange(cell->value, T{}));
    cell->turn.store(position + cells_.size(), std::memory_order_release);
    return value;
  }

 private:
  // Two lines of 64 bytes would still be fetched as a pair by the adjacent-line prefetcher of x86.
  static constexpr std::size_t kSeparationBytes = 128;

  // At position p (of its ring of positions) a cell's turn is p: to be filled; p + 1: to be emptied.
  struct Cell {
    std::atomic<std::size_t> turn{0};
    T value{};
  };

  // Advances `end` past the cell whose turn is `ahead` of it and returns the cell, with its position; nullptr if the
  // cell at `end` is still waiting for the other side.
  Cell* claim(std::atomic<std::size_t>& end, std::size_t& position, std::size_t ahead) {
    for (;;) {
      Cell& cell = cells_[position & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      // Signed, because positions wrap around.
      const auto lead = static_cast<std::ptrdiff_t>(turn - (position + ahead));
      if (lead < 0) return nullptr;
      if (lead > 0) {
        position = end.load(std::memory_order_relaxed);
      } else if (end.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
        return &cell;
      }
    }
  }

  std::vector<Cell> cells_;
  const std::size_t mask_;
  alignas(kSeparationBytes) std::atomic<std::size_t> tail_{0};
  alignas(kSeparationBytes) std::atomic<std::size_t> head_{0};
};

}  // namespace jade
