// What a test sees of the log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/logging.h"
#include "base/mutex.h"

namespace jade {

/// Keeps the lines that the default logger writes, as JSON, for the capture's life; then stderr gets them again. One at
/// a time; safe from any thread.
class LogCapture final : public LogSink {
 public:
  /// Captures `level` and above.
  explicit LogCapture(LogLevel level = LogLevel::kInfo);
  ~LogCapture() override;
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  void write(std::string_view line) override;

  std::vector<std::string> lines() const;
  /// How many lines have this event.
  std::size_t count(std::string_view event) const;

 private:
  const LogLevel level_before_;
  mutable Mutex mutex_;
  std::vector<std::string> lines_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade
