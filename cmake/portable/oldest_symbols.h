// Included before everything else in a build with XPU_EVENT_PORTABLE, so that what is built on a
// newer system loads on each that has glibc 2.28 (manylinux_2_28, PEP 600). auditwheel says when a
// symbol is missing here.
#pragma once

#include <bits/c++config.h>

#if defined(__GLIBC_PREREQ) && __GLIBC_PREREQ(2, 34)

#define XPU_EVENT_OLDEST(name, version) __asm__(".symver " #name ", " #name "@GLIBC_" version)

// glibc 2.34 took libdl and libpthread into libc, under new versions. The old ones are the same
// functions, and are still there.
XPU_EVENT_OLDEST(dladdr, "2.2.5");
XPU_EVENT_OLDEST(dlclose, "2.2.5");
XPU_EVENT_OLDEST(dlerror, "2.2.5");
XPU_EVENT_OLDEST(dlopen, "2.2.5");
XPU_EVENT_OLDEST(dlsym, "2.2.5");
XPU_EVENT_OLDEST(pthread_create, "2.2.5");
XPU_EVENT_OLDEST(pthread_detach, "2.2.5");
XPU_EVENT_OLDEST(pthread_getspecific, "2.2.5");
XPU_EVENT_OLDEST(pthread_join, "2.2.5");
XPU_EVENT_OLDEST(pthread_key_create, "2.2.5");
XPU_EVENT_OLDEST(pthread_key_delete, "2.2.5");
XPU_EVENT_OLDEST(pthread_mutex_timedlock, "2.2.5");
XPU_EVENT_OLDEST(pthread_mutex_trylock, "2.2.5");
XPU_EVENT_OLDEST(pthread_mutexattr_destroy, "2.2.5");
XPU_EVENT_OLDEST(pthread_mutexattr_init, "2.2.5");
XPU_EVENT_OLDEST(pthread_mutexattr_settype, "2.2.5");
XPU_EVENT_OLDEST(pthread_once, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_destroy, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_init, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_rdlock, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_tryrdlock, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_trywrlock, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_unlock, "2.2.5");
XPU_EVENT_OLDEST(pthread_rwlock_wrlock, "2.2.5");
XPU_EVENT_OLDEST(pthread_setspecific, "2.2.5");
XPU_EVENT_OLDEST(pthread_sigmask, "2.2.5");
XPU_EVENT_OLDEST(sem_destroy, "2.2.5");
XPU_EVENT_OLDEST(sem_init, "2.2.5");
XPU_EVENT_OLDEST(sem_post, "2.2.5");
XPU_EVENT_OLDEST(sem_trywait, "2.2.5");
XPU_EVENT_OLDEST(sem_wait, "2.2.5");
XPU_EVENT_OLDEST(pthread_condattr_setclock, "2.3.3");
XPU_EVENT_OLDEST(pthread_getaffinity_np, "2.3.4");
XPU_EVENT_OLDEST(pthread_setaffinity_np, "2.3.4");
XPU_EVENT_OLDEST(pthread_setname_np, "2.12");

#undef XPU_EVENT_OLDEST

// std::condition_variable::wait: GCC 12 gave it a new version for a changed noexcept.
__asm__(
    ".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");

// Functions of glibc 2.30 that take a clock; without them libstdc++ waits in a loop.
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK

#endif
