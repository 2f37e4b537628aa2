// Included before everything else in a build with XPU_EVENT_PORTABLE, so that what is built on a
// newer system loads on each that has glibc 2.28 (manylinux_2_28, PEP 600).
#pragma once

#include <bits/c++config.h>

#if defined(__GLIBC_PREREQ) && __GLIBC_PREREQ(2, 34)

// glibc 2.34 took libdl and libpthread into libc, under new versions. The old ones are the same
// functions, and are still there.
__asm__(".symver dladdr, dladdr@GLIBC_2.2.5");
__asm__(".symver dlopen, dlopen@GLIBC_2.2.5");
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
__asm__(".symver pthread_mutex_trylock, pthread_mutex_trylock@GLIBC_2.2.5");
__asm__(".symver pthread_once, pthread_once@GLIBC_2.2.5");
__asm__(".symver pthread_rwlock_rdlock, pthread_rwlock_rdlock@GLIBC_2.2.5");
__asm__(".symver pthread_rwlock_unlock, pthread_rwlock_unlock@GLIBC_2.2.5");
__asm__(".symver pthread_rwlock_wrlock, pthread_rwlock_wrlock@GLIBC_2.2.5");

// std::condition_variable::wait: GCC 12 gave it a new version for a changed noexcept.
__asm__(
    ".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");

// Functions of glibc 2.30 that take a clock; without them libstdc++ waits in a loop.
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK

#endif
