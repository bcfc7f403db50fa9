#include "base/executors.h"

#include <utility>

namespace jade {

Result<std::unique_ptr<Executors>> Executors::start(const ExecutorOptions& options) {
  const std::size_t compute_threads = options.compute_threads == 0 ? hardware_threads() : options.compute_threads;
  JADE_ASSIGN_OR_RETURN(auto compute, ThreadPool::start({.kind = ThreadKind::kCompute,
                                                         .name = "compute",
                                                         .threads = compute_threads,
                                                         .queue_capacity = options.queue_capacity}));
  JADE_ASSIGN_OR_RETURN(auto background, ThreadPool::start({.kind = ThreadKind::kBackground,
                                                            .name = "background",
                                                            .threads = options.background_threads,
                                                            .queue_capacity = options.queue_capacity}));
  return std::unique_ptr<Executors>(new Executors(std::move(compute), std::move(background)));
}

Executors::Executors(std::unique_ptr<ThreadPool> compute, std::unique_ptr<ThreadPool> background)
    : compute_(std::move(compute)), background_(std::move(background)) {}

Executors::~Executors() { stop(); }

void Executors::stop() {
  compute_->stop();
  background_->stop();
}

}  // namespace jade
