#include "base/log_capture.h"

#include <algorithm>

namespace jade {

LogCapture::LogCapture(LogLevel level) : level_before_(default_logger().level()) {
  default_logger().set_level(level);
  default_logger().set_sink(this);
}

LogCapture::~LogCapture() {
  default_logger().set_sink(nullptr);
  default_logger().set_level(level_before_);
}

void LogCapture::write(std::string_view line) {
  const MutexLock lock(mutex_);
  lines_.emplace_back(line);
}

std::vector<std::string> LogCapture::lines() const {
  const MutexLock lock(mutex_);
  return lines_;
}

std::size_t LogCapture::count(std::string_view event) const {
  const std::string member = "\"event\":\"" + std::string(event) + '"';
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const auto& line) { return line.contains(member); }));
}

}  // namespace jade
