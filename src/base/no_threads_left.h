// A system that has no thread to give.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace jade {

/// For its life no thread can start: each asks for more stack than there is address space. For tests; one at a time.
class NoThreadsLeft {
 public:
  NoThreadsLeft() {
    ::pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    ::pthread_attr_init(&huge);
    ::pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
    ::pthread_setattr_default_np(&huge);
    ::pthread_attr_destroy(&huge);
  }
  ~NoThreadsLeft() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }
  NoThreadsLeft(const NoThreadsLeft&) = delete;
  NoThreadsLeft& operator=(const NoThreadsLeft&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace jade
