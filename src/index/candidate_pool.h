// The slots that a graph walk has scored: those still to be expanded, and the best visible ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace jade::index {

struct Candidate {
  float distance;
  std::uint32_t slot;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// Keeps the `ef` closest visible candidates, and every unexpanded one, visible or not, that is not farther than the
/// last of those. A small pool is one sorted array, which nothing beats below a few hundred entries; when many
/// invisible candidates or a large ef swell it, it becomes two heaps. One thread only.
class CandidatePool {
 public:
  /// Empties the pool. ef > 0.
  void reset(std::size_t ef);

  /// False if a candidate at this distance would be dropped at once.
  bool admits(float distance) const { return distance < worst_; }

  /// Adds an admitted candidate that is yet to be expanded.
  void insert(Candidate candidate, bool visible);
  /// Adds an admitted visible candidate that needs no expansion.
  void insert_expanded(Candidate candidate);

  /// The closest unexpanded candidate, from now on expanded. Empty when none is left that is worth it.
  std::optional<Candidate> pop();
  /// A slot that pop() will probably return soon, for prefetching.
  std::optional<std::uint32_t> next() const;

  /// The visible candidates by distance. Valid until the next call.
  std::span<const Candidate> visible();

 private:
  // Above this many entries moving half of them costs more than sifting through two heaps.
  static constexpr std::size_t kSortedMax = 512;
  static constexpr std::size_t kSortedEfMax = 256;
  // Flags beside a slot, which is below 2^30.
  static constexpr std::uint32_t kExpanded = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kVisible = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kSlotMask = kVisible - 1;

  void insert_sorted(Candidate flagged);
  void insert_heaps(Candidate flagged);
  void push_visible(Candidate candidate);
  void switch_to_heaps();

  std::size_t ef_ = 1;
  float worst_ = std::numeric_limits<float>::infinity();
  bool sorted_ = true;

  // Sorted by distance; slots carry flags. Every entry before cursor_ is expanded.
  std::array<Candidate, kSortedMax> entries_;
  std::size_t size_ = 0;
  std::size_t cursor_ = 0;
  std::size_t visible_count_ = 0;

  std::vector<Candidate> frontier_;  // The closest first.
  std::vector<Candidate> visible_;   // The farthest first; or the answer of visible().
};

}  // namespace jade::index
