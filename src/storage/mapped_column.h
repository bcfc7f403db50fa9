// An array of numbers in a mapped section, verified as it is read.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "storage/mapped_component.h"

namespace jade::storage {

/// Safe from any thread.
template <class T>
class MappedColumn {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  MappedColumn() = default;
  MappedColumn(std::shared_ptr<MappedComponent> component, const ComponentSection& section)
      : component_(std::move(component)), section_(section) {}

  std::uint64_t size() const { return section_.bytes / sizeof(T); }

  /// The element, or `otherwise` where there is none or it is damaged: then the component has failed.
  T at(std::uint64_t index, T otherwise) const {
    // An index beyond 2^60 would wrap around; no file is as long.
    if (index >= size() || !component_->touch(section_, index * sizeof(T), sizeof(T))) return otherwise;
    T value;
    std::memcpy(&value, component_->bytes(section_).data() + index * sizeof(T), sizeof(T));
    return value;
  }

 private:
  std::shared_ptr<MappedComponent> component_;
  ComponentSection section_;
};

}  // namespace jade::storage
