// Asks many, waits for all, answers once.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/mutex.h"
#include "engine/request_context.h"

namespace jade::engine {

/// Collects one answer for each of n questions and hands them on, in order, when the last has come; if any failed, the
/// first error (by position) instead. Answers may come from any thread. Held by shared_ptr by the questions' callbacks.
template <class Answer>
class Gather : public std::enable_shared_from_this<Gather<Answer>> {
 public:
  Gather(std::size_t questions, Callback<std::vector<Answer>> done)
      : answers_(questions), left_(questions), done_(std::move(done)) {}

  /// The callback for question i; used once.
  Callback<Answer> slot(std::size_t i) {
    return [self = this->shared_from_this(), i](Result<Answer> answer) { self->arrive(i, std::move(answer)); };
  }

 private:
  void arrive(std::size_t i, Result<Answer> answer) {
    answers_[i].emplace(std::move(answer));
    // The last to arrive sees what all the others stored.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    std::vector<Answer> all;
    all.reserve(answers_.size());
    for (auto& each : answers_) {
      if (!each->ok()) return done_(std::move(*each).error());
      all.push_back(std::move(*each).value());
    }
    done_(std::move(all));
  }

  std::vector<std::optional<Result<Answer>>> answers_;
  std::atomic<std::size_t> left_;
  Callback<std::vector<Answer>> done_;
};

/// Runs `ask(i, callback)` for i in 0..n−1, all but the last on the executor where it has room, and calls `done` with
/// every answer in order.
template <class Answer, class Ask>
void scatter(Executor& executor, std::size_t n, Ask ask, Callback<std::vector<Answer>> done) {
  if (n == 0) return done(std::vector<Answer>());
  auto gather = std::make_shared<Gather<Answer>>(n, std::move(done));
  auto shared_ask = std::make_shared<Ask>(std::move(ask));
  for (std::size_t i = 0; i + 1 < n; ++i) {
    // The callback is made inside the task, so that a refused task leaves it to be made here.
    const Result<void> queued = executor.submit([=] { (*shared_ask)(i, gather->slot(i)); });
    if (!queued.ok()) (*shared_ask)(i, gather->slot(i));
  }
  (*shared_ask)(n - 1, gather->slot(n - 1));
}

}  // namespace jade::engine
