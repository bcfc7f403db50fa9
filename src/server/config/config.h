// What a server is told at its start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace jade::server {

/// Effective settings. The defaults here are the documented ones; config_schema.h gives each its key, range and
/// meaning.
struct Config {
  std::string data_directory = "data";
  std::string listen = "127.0.0.1:8080";
  /// Bytes; 0: 70% of what the machine has or the control group allows.
  std::uint64_t memory_budget = 0;
  std::string auth = "auto";

  std::uint64_t network_threads = 1;
  /// 0: one for each core.
  std::uint64_t compute_threads = 0;
  /// 0: one for every two cores, at least one.
  std::uint64_t background_threads = 0;
  std::uint64_t queue_capacity = 1024;

  std::uint64_t body_bytes_max = 256U << 20;
  std::uint64_t body_bytes_in_flight_max = 1U << 30;
  std::uint64_t header_bytes_max = 32U << 10;
  std::uint64_t target_bytes_max = 8U << 10;
  std::uint64_t connections_max = 10'000;
  std::uint64_t header_timeout_ms = 10'000;
  std::uint64_t transfer_timeout_ms = 30'000;
  std::uint64_t idle_timeout_ms = 75'000;
  std::uint64_t shutdown_timeout_ms = 8'000;

  std::string log_level = "info";
  std::string log_format = "auto";

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace jade::server
