// A mutex that clang's thread-safety analysis understands (-Wthread-safety), and the annotations for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define JADE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define JADE_THREAD_ATTRIBUTE(x)
#endif

#define JADE_CAPABILITY(name) JADE_THREAD_ATTRIBUTE(capability(name))
#define JADE_SCOPED_CAPABILITY JADE_THREAD_ATTRIBUTE(scoped_lockable)
#define JADE_GUARDED_BY(mutex) JADE_THREAD_ATTRIBUTE(guarded_by(mutex))
#define JADE_REQUIRES(...) JADE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define JADE_EXCLUDES(...) JADE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define JADE_ACQUIRE(...) JADE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define JADE_RELEASE(...) JADE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define JADE_TRY_ACQUIRE(...) JADE_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define JADE_NO_THREAD_SAFETY_ANALYSIS JADE_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace jade {

/// std::mutex with annotations.
class JADE_CAPABILITY("mutex") Mutex {
 public:
  void lock() JADE_ACQUIRE() { mutex_.lock(); }
  void unlock() JADE_RELEASE() { mutex_.unlock(); }
  bool try_lock() JADE_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds a Mutex for its own life. A CondVar can wait on it.
class JADE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) JADE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() JADE_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  friend class CondVar;
  Mutex& mutex_;
};

/// A condition variable for Mutex. Waits may wake for no reason: test the condition in a loop.
class CondVar {
 public:
  void wait(MutexLock& lock) JADE_NO_THREAD_SAFETY_ANALYSIS {
    Borrowed borrowed(lock);
    cv_.wait(borrowed.lock);
  }
  template <class Rep, class Period>
  std::cv_status wait_for(MutexLock& lock, std::chrono::duration<Rep, Period> duration) JADE_NO_THREAD_SAFETY_ANALYSIS {
    Borrowed borrowed(lock);
    return cv_.wait_for(borrowed.lock, duration);
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  // The locked mutex as std::condition_variable wants it (the one for any lockable costs a second mutex a wait). Stays
  // locked, and MutexLock's, afterwards.
  struct Borrowed {
    explicit Borrowed(MutexLock& held) JADE_NO_THREAD_SAFETY_ANALYSIS : lock(held.mutex_.mutex_, std::adopt_lock) {}
    ~Borrowed() { lock.release(); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    std::unique_lock<std::mutex> lock;
  };

  std::condition_variable cv_;
};

}  // namespace jade
